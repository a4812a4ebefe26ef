"""What really happened: alarms, what was decided about each, and what the books say came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import Final, NamedTuple, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from app.core.decimals import EXACT
from app.core.words import Word
from app.market.prices import PriceKey
from app.pipeline.alarms.meaning import Meaning
from app.pipeline.positions.book import Book
from app.pipeline.risk.exposure import Limits
from app.pipeline.risk.levels import PriceLevel
from app.pipeline.risk.sizing import SizeAsked
from app.strategies.words import Approval, OnOpposite, Sides
from app.trading.instrument import Instrument
from app.trading.words import CloseReason, MarginMode, MarketType, PositionSide

ZERO: Final = Decimal(0)


class Fate(Word):
    """What became of what an alarm asked for.

    Attributes:
        TAKEN: an order was sent for it, and something was filled or still may be.
        ENDED: it asked for an end of pending signals and resting entries, and there was one.
        WAITING: it is not over.
        UNDECIDED: of a replay: it came up only there, and nobody ever decided it.
    """

    TAKEN = "taken"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    DENIED = "denied"
    FAILED = "failed"
    STALE = "stale"
    IGNORED = "ignored"
    REFUSED = "refused"
    ENDED = "ended"
    WAITING = "waiting"
    UNDECIDED = "undecided"


class Key(NamedTuple):
    """One signal of an alarm: what a trade is found again by, in every replay."""

    alarm_id: UUID
    part: int

    @property
    def tag(self) -> str:
        """As a simulator carries it."""
        return f"{self.alarm_id}/{self.part}"

    @classmethod
    def of(cls, tag: str | None) -> Self | None:
        """The key that a simulator was given; None where it was given none."""
        if tag is None:
            return None
        alarm_id, _, part = tag.partition("/")
        return cls(UUID(alarm_id), int(part))


@dataclass(frozen=True, slots=True, kw_only=True)
class PastSignal:
    """One signal that an alarm led to.

    Attributes:
        opens: whether it took on risk; else it was an exit.
        code: of its reason, or the fate's own word where it has none.
        decided_at: when somebody, or a rule, decided it.
        is_auto: whether a rule approved it, and nobody looked.
        fraction: share of the size that was approved; None: all of it.
        quantity: as it was sized when it was sent; None: it never was.
        sent_at: when its order was written down; None: it never was.
        seen_price: what the market paid or asked then, quote per base, by the server's own quote.
        receipt_price: the price it was to be held to: the alert's, or ours at receipt.
    """

    key: Key
    symbol: str
    position_side: PositionSide
    opens: bool
    fate: Fate
    code: str
    reason: str | None
    sentence: str
    decided_at: datetime | None = None
    decided_by: str | None = None
    is_auto: bool = False
    fraction: Decimal | None = None
    quantity: Decimal | None = None
    sent_at: datetime | None = None
    seen_price: Decimal | None = None
    receipt_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAlarm:
    """One stored alarm.

    Attributes:
        fate: what became of it; of its last signal where it led to some.
        code: of its reason, or of that signal's; the fate's own word where there is none.
        meaning: read from its bytes anew; None when they cannot be read.
        signals: in the order of their parts; empty when it led to none.
    """

    id: UUID
    strategy_id: UUID
    received_at: datetime
    fate: Fate
    code: str
    reason: str | None
    symbol: str | None
    sentence: str
    meaning: Meaning | None
    signals: tuple[PastSignal, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PastStrategy:
    """What a strategy and its account say now; how they were set then is not kept.

    Attributes:
        sizing: of entries whose alert's own size does not count, or which bring none.
        follows_alert: whether the alert's own size counts (`from_alert`).
        allowed_symbols: ccxt symbols; None: all.
        signal_ttl: how long an entry may wait or rest.
        max_drift: fraction of the reference price; None: no limit.
    """

    id: UUID
    account_id: UUID
    exchange: str
    market_type: MarketType
    approval: Approval
    approve_exits: Approval
    sizing: SizeAsked
    follows_alert: bool
    leverage: int
    margin_mode: MarginMode
    stop_loss: PriceLevel | None
    take_profit: PriceLevel | None
    sides: Sides
    on_opposite: OnOpposite
    max_entries: int
    allocation: Decimal | None
    reinvest: bool
    raise_to_min_notional: bool
    allowed_symbols: frozenset[str] | None
    signal_ttl: timedelta
    max_holding: timedelta | None
    max_drift: Decimal | None

    def market(self, symbol: str) -> PriceKey:
        """The market of a symbol on its account's venue."""
        return PriceKey(self.exchange, self.market_type, symbol)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """One position from entry to exit, as far as it has come; real or simulated.

    Attributes:
        key: of its first entry; None when no alarm of the range opened it.
        quantity: what was closed so far: base units, contracts on inverse.
        exit_price: average of the closing fills; None while there is none.
        closed_at: None while it is open.
        booked_at: of its newest booking; None before the first.
        gross: booked so far, settle currency, as are `fees` (positive when paid) and `funding`
            (negative when paid).
        held: what is still open, where that is known.
    """

    key: Key | None
    strategy_id: UUID
    symbol: str
    position_side: PositionSide
    quantity: Decimal
    entry_price: Decimal | None
    exit_price: Decimal | None
    opened_at: datetime | None
    closed_at: datetime | None
    close_reason: CloseReason | None
    booked_at: datetime | None
    gross: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    held: Book | None = None

    @property
    def net(self) -> Decimal:
        """Booked so far, settle currency."""
        with localcontext(EXACT):
            return self.gross - self.fees + self.funding


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """Everything a replay starts from.

    Attributes:
        since: where the range begins; by the first alarm where nobody said.
        until: where it ends, exclusive.
        alarms: of the range, by receipt.
        trips: every position of those strategies that something was booked of in the range, or
            that an alarm of the range opened.
        symbols: what each ticker of an alarm means on its strategy's account.
        limits: the trader's, as they are now.
        currency: everything is settled in it.
    """

    since: datetime
    until: datetime
    alarms: Sequence[PastAlarm]
    trips: Sequence[Trip]
    strategies: Mapping[UUID, PastStrategy]
    symbols: Mapping[tuple[UUID, str], str]
    instruments: Mapping[PriceKey, Instrument]
    limits: Limits
    zone: ZoneInfo
    currency: str
    is_paper: bool

    def instrument(self, strategy_id: UUID, symbol: str) -> Instrument:
        """Of a symbol on a strategy's account; one that occurs in `symbols` is there."""
        return self.instruments[self.strategies[strategy_id].market(symbol)]
