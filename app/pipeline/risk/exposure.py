"""The values that the risk rules decide over; `flow` collects them, nothing here does I/O."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import Final
from uuid import UUID

from app.core.decimals import EXACT
from app.pipeline.risk.sizing import ESTIMATE, ZERO, Sized
from app.trading.instrument import Instrument
from app.trading.words import MarginMode, MarketType, PositionSide

BOTH_SIDES: Final = frozenset(PositionSide)
DEFAULT_MIN_NOTIONAL: Final = Decimal(10)
DEFAULT_PRICE_AGE: Final = timedelta(seconds=3)
# Above the first bracket of the large coins, so that the estimate errs towards the entry.
DEFAULT_MAINTENANCE: Final = Decimal("0.01")
LIQUIDATION_ROOM: Final = Decimal("0.2")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a trader allows; None is no limit.

    Attributes:
        max_daily_loss: settle currency, above 0; live and paper count apart.
        max_notional_per_symbol: quote, as is `max_notional_total`.
        min_notional: quote; the venue's own minimum applies as well.
        allowed_symbols: ccxt symbols; an empty set allows nothing.
        max_price_drift: fraction of the reference price, 0.01 = 1 %.
        second_approval_above: quote; what is worth more takes two people.
        max_price_age: an opening decision on an older price is no decision.
        liquidation_room: fraction of the stop distance to keep between stop and liquidation.
    """

    max_daily_loss: Decimal | None = None
    max_open_positions: int | None = None
    max_notional_per_symbol: Decimal | None = None
    max_notional_total: Decimal | None = None
    max_leverage: Decimal | None = None
    max_orders_per_minute: int | None = None
    min_notional: Decimal = DEFAULT_MIN_NOTIONAL
    allowed_symbols: frozenset[str] | None = None
    max_price_drift: Decimal | None = None
    second_approval_above: Decimal | None = None
    max_price_age: timedelta = DEFAULT_PRICE_AGE
    liquidation_room: Decimal = LIQUIDATION_ROOM


@dataclass(frozen=True, slots=True)
class StrategyLimits:
    """What a strategy allows on top of its trader's limits.

    Attributes:
        max_entries: entries that one book may have without a human; 0 = no limit (TRADING 7).
        max_price_drift: fraction; the tighter of this and the trader's counts.
    """

    allowed_symbols: frozenset[str] | None = None
    sides: frozenset[PositionSide] = BOTH_SIDES
    max_entries: int = 1
    max_price_drift: Decimal | None = None


@dataclass(frozen=True, slots=True)
class HeldBook:
    """A book, or the live entry of one, on the account and symbol that an entry is for.

    Attributes:
        quantity: unsigned, in the instrument's units; held, or still to be filled.
        entry_price: average entry, or the limit of a live entry, quote per base.
        entries: how many entries made it; a live entry counts as one.
    """

    strategy_id: UUID
    position_side: PositionSide
    quantity: Decimal
    entry_price: Decimal
    entries: int = 1


@dataclass(frozen=True, slots=True)
class Exposure:
    """Where the trader stands, without the entry that is being checked.

    Every figure counts live entries and reservations as if filled, and is of one scope, live or
    paper. For the entry of a flip, leave out the book that is proven flat first (TRADING 9).

    Attributes:
        open_positions: books and live entries that would become books.
        symbol_notional: unsigned sum on this symbol, in quote; `total_notional` on all.
        orders_last_minute: entries sent or about to be sent; exits do not count.
        realised_net_today: settle currency, net of fees and funding, since the trader's midnight.
        unrealised_change: unrealised now less at day start or entry, summed, settle currency.
        free: free quote on spot, free margin in settle currency on contracts, less reservations.
        owner_barred: why nothing is opened for this trader, a sentence; None when they may trade.
        kill_switch: the scope that is on: user, account, strategy; None when all are off.
        frozen_until: end of a daily-loss latch; None without one.
        hold: why this account or symbol takes no entries now, as a sentence; None when it does.
        external_quantity: signed quantity at the venue that is no book of ours (TRADING 1).
        is_hedged: the account keeps long and short apart; rule 1 then holds per side.
        leverage: in use on that symbol at the venue; None while flat and without orders.
        margin_mode: in use on that symbol at the venue; None while flat and without orders.
    """

    free: Decimal
    open_positions: int = 0
    symbol_notional: Decimal = ZERO
    total_notional: Decimal = ZERO
    orders_last_minute: int = 0
    realised_net_today: Decimal = ZERO
    unrealised_change: Decimal = ZERO
    owner_barred: str | None = None
    kill_switch: str | None = None
    frozen_until: datetime | None = None
    hold: str | None = None
    books: tuple[HeldBook, ...] = ()
    external_quantity: Decimal = ZERO
    is_hedged: bool = False
    leverage: Decimal | None = None
    margin_mode: MarginMode | None = None

    def daily_loss(self, limits: Limits) -> "DailyLoss":
        """The trader's day against `max_daily_loss`."""
        changes = (self.unrealised_change,)
        return daily_loss_state(self.realised_net_today, changes, limit=limits.max_daily_loss)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it would be sent.

    Attributes:
        sized: quantity, prices and figures from `size_entry`.
        executable_price: ask to buy, bid to sell, quote per base.
        price_at: when that price held.
        reference_price: price of the alert, else the price at its receipt; None for a manual
            order, which has seen the price it takes.
        limit_price: None for a market order.
        maintenance_rate: maintenance margin, fraction of the notional.
        is_auto: no human looks at it.
        is_add: the alert says outright that it adds to a book.
        has_second_approval: another person has consented to it.
    """

    strategy_id: UUID
    instrument: Instrument
    position_side: PositionSide
    sized: Sized
    executable_price: Decimal
    price_at: datetime
    reference_price: Decimal | None = None
    limit_price: Decimal | None = None
    target_price: Decimal | None = None
    leverage: Decimal = Decimal(1)
    margin_mode: MarginMode = MarginMode.ISOLATED
    maintenance_rate: Decimal = DEFAULT_MAINTENANCE
    strategy: StrategyLimits = StrategyLimits()
    is_auto: bool = False
    is_add: bool = False
    has_second_approval: bool = False

    @property
    def is_spot(self) -> bool:
        """Whether it trades coins, not contracts."""
        return self.instrument.market_type is MarketType.SPOT

    @property
    def fill_price(self) -> Decimal:
        """The best price it can fill at now: a limit through the market gets the market."""
        if self.limit_price is None:
            return self.executable_price
        better = min if self.position_side is PositionSide.LONG else max
        return better(self.limit_price, self.executable_price)

    @property
    def funds_needed(self) -> Decimal:
        """Margin, or the whole cost on spot, plus the entry fee; settle currency."""
        with localcontext(EXACT):
            leverage = Decimal(1) if self.is_spot else self.leverage
            return (self.sized.margin_at_1x / leverage + self.sized.fee_estimate).quantize(ESTIMATE)


@dataclass(frozen=True, slots=True)
class DailyLoss:
    """Where a trader's day stands against its loss limit, in settle currency.

    Attributes:
        loss: positive when losing, negative when the day is ahead.
        left: what may still be lost, never below 0; None without a limit.
        is_reached: entries freeze until the trader's midnight.
    """

    loss: Decimal
    left: Decimal | None
    is_reached: bool


def daily_loss_state(
    realised_net_today: Decimal, unrealised_changes: Iterable[Decimal], *, limit: Decimal | None
) -> DailyLoss:
    """The day's loss: net realised + min(0, sum of unrealised changes) (TRADING 22).

    Args:
        realised_net_today: settle currency, net of fees and funding.
        unrealised_changes: per open book, unrealised now less at day start or entry; together
            they count only when they lose.
        limit: `max_daily_loss`, above 0; None = no limit.
    """
    with localcontext(EXACT):
        result = realised_net_today + min(ZERO, sum(unrealised_changes, ZERO))
        if limit is None:
            return DailyLoss(loss=-result, left=None, is_reached=False)
        left = max(ZERO, limit + result)
    return DailyLoss(loss=-result, left=left, is_reached=left == 0)
