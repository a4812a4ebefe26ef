"""What an alert says, in our words: intents, levels and sizes, before any book is looked at."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from app.core.errors import Invalid
from app.core.words import Word
from app.strategies.words import LevelKind
from app.trading.words import OrderType, PositionSide, Side

__all__ = [
    "HEARTBEAT",
    "Action",
    "Intent",
    "Level",
    "LevelKind",
    "Meaning",
    "Placeholders",
    "Problem",
    "Size",
    "SizeKind",
    "TakeProfit",
    "Unreadable",
]

# Why a sign of life is ignored.
HEARTBEAT: Final = "heartbeat"


class Action(Word):
    """What the alert asks for."""

    OPEN = "open"
    CLOSE = "close"
    REDUCE = "reduce"
    FLIP = "flip"
    ADD = "add"
    TARGET = "target"
    CANCEL = "cancel"
    IGNORE = "ignore"

    @property
    def only_reduces(self) -> bool:
        """Whether it can never make a holding larger."""
        return self in {Action.CLOSE, Action.REDUCE}


class SizeKind(Word):
    """The unit of a size.

    `default` is no size at all: the strategy decides. `all` is the whole book.
    """

    QUANTITY = "quantity"
    NOTIONAL = "notional"
    EQUITY_PERCENT = "equity_percent"
    POSITION_PERCENT = "position_percent"
    RISK_QUOTE = "risk_quote"
    RISK_PERCENT = "risk_percent"
    TARGET_QUANTITY = "target_quantity"
    ALL = "all"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing about an alert a trader should know.

    Attributes:
        code: a stable word for a program; docs/alerts.md lists them.
        detail: a sentence that says what is wrong and what to do.
        position: the character it starts at in the text, from 0; None when it has no one place.
    """

    code: str
    detail: str
    position: int | None = None


class Unreadable(Invalid):
    """The alert is refused: it makes no sense, or more than one."""

    code = "unreadable"

    def __init__(self, problem: Problem, *, dialect: str | None = None) -> None:
        super().__init__(problem.detail, code=problem.code)
        self.problem = problem
        self.dialect = dialect


@dataclass(frozen=True, slots=True)
class Size:
    """How much.

    Attributes:
        kind: the unit.
        value: base units (contracts on inverse) for `quantity` and `target_quantity`, quote for
            `notional` and `risk_quote`, 50 = 50 % for the percentages. Above zero; only a target
            may be zero. None for `all` and `default`.
    """

    kind: SizeKind = SizeKind.DEFAULT
    value: Decimal | None = None


DEFAULT_SIZE = Size()
WHOLE = Size(SizeKind.ALL)


@dataclass(frozen=True, slots=True)
class Level:
    """Where a stop or a target lies.

    Attributes:
        kind: the unit; percent and distance count from the entry price.
        value: a price or distance in quote, or 2 = 2 %. Always above zero.
        is_trailing: True when it follows the price; always for `trailing_percent`.
        limit_price: what a stop-limit would ask for, in quote; None for market.
    """

    kind: LevelKind
    value: Decimal
    is_trailing: bool = False
    limit_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class TakeProfit:
    """One target.

    Attributes:
        level: where.
        portion_percent: the share of the position it closes, 25 = 25 %; None for an equal share
            of what the other targets leave.
    """

    level: Level
    portion_percent: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholders:
    """What TradingView said about its own strategy, where it said so.

    Attributes:
        market_position: its side after this order; `flat` is None with `is_known` true.
        market_position_size: its size after this order, without sign, in TradingView's units.
        prev_market_position: its side before.
        prev_market_position_size: its size before, without sign.
        contracts: the size of its order.
        order_id: the name of its order in the script.
        is_known: whether the side after the order was given.
        is_previous_known: whether the side before the order was given or follows from the sizes.
    """

    market_position: PositionSide | None = None
    market_position_size: Decimal | None = None
    prev_market_position: PositionSide | None = None
    prev_market_position_size: Decimal | None = None
    contracts: Decimal | None = None
    order_id: str | None = None
    is_known: bool = False
    is_previous_known: bool = False

    @property
    def is_flat(self) -> bool:
        """Whether TradingView says that nothing is left."""
        return self.is_known and self.market_position is None


NO_PLACEHOLDERS = Placeholders()


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One thing an alert asks for.

    Attributes:
        action: what to do.
        ticker: the market in the alert's spelling, upper case; None for a cancel or notice
            without one.
        position_side: the side to open, close or reach; None when the open book decides.
        size: how much.
        order_type: how to send it.
        limit_price: in quote; given exactly when the order type is limit.
        trigger: the level an entry waits for (a stop order) or an exit trails behind; such an
            intent must not be sent as a market order at once.
        stop_loss: of the position.
        take_profits: nearest first, as the alert lists them.
        leverage: a multiple: 3 is three times.
        comment: the alert's own words, for the screen.
        is_bare: a plain buy or sell: what it means depends on the open book (TRADING 6).
        is_pyramiding: an add or a reduce of a position that TradingView already had, so that it
            can never open one (TRADING 5).
        placeholders: TradingView's view of its strategy.
        reason: why it is ignored; None for every other action.
    """

    action: Action
    ticker: str | None = None
    position_side: PositionSide | None = None
    size: Size = DEFAULT_SIZE
    order_type: OrderType = OrderType.MARKET
    limit_price: Decimal | None = None
    trigger: Level | None = None
    stop_loss: Level | None = None
    take_profits: tuple[TakeProfit, ...] = ()
    leverage: Decimal | None = None
    comment: str | None = None
    is_bare: bool = False
    is_pyramiding: bool = False
    placeholders: Placeholders = NO_PLACEHOLDERS
    reason: Problem | None = None

    @property
    def side(self) -> Side | None:
        """The order side; None when the open book decides, and for cancels and notices."""
        if self.position_side is None or self.action in {Action.CANCEL, Action.IGNORE}:
            return None
        if self.action.only_reduces:
            return self.position_side.closing_side
        return self.position_side.opening_side


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """A whole alert, understood.

    Attributes:
        dialect: whose format it is.
        intents: what it asks for, in the order to be carried out; never empty.
        alert_at: when the alert was made, by its own clock, UTC.
        bar_time: opening time of the bar it came from, UTC.
        alert_id: the sender's id of this alert; may be constant, so never a key by itself.
        order_id: the name of the order in the sender's script.
        reference_price: the price the sender saw, in quote.
        max_age_seconds: how old the alert itself says it may get.
        secret: what the body offers as proof of its sender; never shown.
        problems: warnings that do not stop it.
    """

    dialect: str
    intents: tuple[Intent, ...]
    alert_at: datetime | None = None
    bar_time: datetime | None = None
    alert_id: str | None = None
    order_id: str | None = None
    reference_price: Decimal | None = None
    max_age_seconds: int | None = None
    secret: str | None = field(default=None, repr=False)
    problems: tuple[Problem, ...] = ()
