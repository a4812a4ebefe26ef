"""When a position must be closed: pure questions about its levels and one set of prices.

Stale prices are the caller's to refuse: a level never reads the clock.
"""

from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import Final

from app.core.decimals import EXACT
from app.pipeline.positions.book import Book
from app.trading.break_even import profit_price
from app.trading.instrument import Instrument
from app.trading.quote import Quote
from app.trading.scheduled import ScheduledExit
from app.trading.words import CloseReason, PositionSide, TriggerBy

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)
PERCENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Trailing:
    """A stop that follows the best price.

    Attributes:
        fraction: distance from the best price, 0.02 = 2 %; between 0 and 1.
        peak: best price so far, quote per base: the highest of a long, the lowest of a short;
            the entry price to begin with.
    """

    fraction: Decimal
    peak: Decimal


@dataclass(frozen=True, slots=True)
class ExitLevels:
    """Where a position leaves.

    Attributes:
        stop_loss: trigger price, quote per base; None without one.
        take_profit: trigger price, quote per base; None without one.
        stop_by: price that fires the stop and leads the trailing stop; spot has no mark, so the
            last price serves (TRADING 16).
        target_by: price that fires the target.
        scheduled: limit of a scheduled exit, quote per base, reached when a market order would get
            it; None without one.
    """

    position_side: PositionSide
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    trailing: Trailing | None = None
    stop_by: TriggerBy = TriggerBy.MARK
    target_by: TriggerBy = TriggerBy.LAST
    scheduled: Decimal | None = None

    @property
    def trailing_price(self) -> Decimal | None:
        """Where the trailing stop is now, quote per base, not on the tick; None without one."""
        if self.trailing is None:
            return None
        with localcontext(EXACT):
            return self.trailing.peak * (ONE - self.position_side.sign * self.trailing.fraction)

    @property
    def effective_stop(self) -> Decimal | None:
        """The tighter of the fixed and the trailing stop: what the venue's stop should carry."""
        stops = [stop for stop in (self.stop_loss, self.trailing_price) if stop is not None]
        tightest = max if self.position_side is PositionSide.LONG else min
        return tightest(stops) if stops else None


def trigger_price(quote: Quote, by: TriggerBy) -> Decimal:
    """The price of that kind, quote per base; the last trade where the venue has no mark."""
    return quote.fair if by is TriggerBy.MARK else quote.last


def exit_reason(levels: ExitLevels, quote: Quote) -> CloseReason | None:
    """Which exit the prices have reached; a stop wins a tie, a target comes next (TRADING 16).

    Args:
        levels: of one position, its peak as of the last quote or of this one.
        quote: fresh prices of its symbol.

    Returns:
        `TRAILING_STOP` when the trailing price was the tighter stop, `STOP_LOSS` when the fixed
        one was, `TAKE_PROFIT`, `SCHEDULED`, or None.
    """
    sign = levels.position_side.sign
    stop, target = levels.effective_stop, levels.take_profit
    if stop is not None and (trigger_price(quote, levels.stop_by) - stop) * sign <= 0:
        is_fixed = stop == levels.stop_loss
        return CloseReason.STOP_LOSS if is_fixed else CloseReason.TRAILING_STOP
    if target is not None and (trigger_price(quote, levels.target_by) - target) * sign >= 0:
        return CloseReason.TAKE_PROFIT
    if levels.scheduled is not None and is_paid(levels.position_side, levels.scheduled, quote):
        return CloseReason.SCHEDULED
    return None


def is_paid(position_side: PositionSide, limit_price: Decimal, quote: Quote) -> bool:
    """Whether closing at market would get the limit, or better, at this moment."""
    price = quote.executable(position_side.closing_side)
    return not is_worse(position_side, price, than=limit_price)


def is_worse(position_side: PositionSide, price: Decimal, *, than: Decimal) -> bool:
    """Whether closing at a price gets less, or costs more, than at another one."""
    return (price - than) * position_side.sign < 0


def trail(levels: ExitLevels, quote: Quote) -> ExitLevels:
    """The levels after a quote: the peak follows better prices and never goes back.

    The trailing stop therefore only tightens, and `effective_stop` never falls behind
    `stop_loss`.

    Args:
        levels: unchanged when nothing trails.
        quote: fresh prices of its symbol.
    """
    if levels.trailing is None:
        return levels
    better = max if levels.position_side is PositionSide.LONG else min
    peak = better(levels.trailing.peak, trigger_price(quote, levels.stop_by))
    if peak == levels.trailing.peak:
        return levels
    return replace(levels, trailing=replace(levels.trailing, peak=peak))


def scheduled_floor(
    book: Book, *, min_profit: Decimal, exit_fee_rate: Decimal, instrument: Instrument
) -> Decimal:
    """The worst limit of a scheduled sell: break-even with both fees, plus profit (TRADING 32).

    Args:
        book: linear or spot, not flat.
        min_profit: fraction of the break-even price, 0 or more.
        exit_fee_rate: fraction of the notional, below 1.
        instrument: its tick; rounded away from entry, up for a long (TRADING 33).

    Returns:
        Quote per base.
    """
    floor = profit_price(
        book.position_side,
        quantity=book.quantity,
        cost=book.cost,
        open_fees=book.open_fees,
        exit_fee_rate=exit_fee_rate,
        min_profit=min_profit,
    )
    is_long = book.position_side is PositionSide.LONG
    return instrument.ceil_price(floor) if is_long else instrument.floor_price(floor)


def break_even(book: Book) -> Decimal:
    """The price that pays cost and both fees, on the tick, rounded away from entry.

    The dearer of the instrument's fees is counted: a limit may be taken at once.

    Args:
        book: linear or spot, not flat.
    """
    return _floor(book, ZERO)


def scheduled_price(book: Book, scheduled: ScheduledExit) -> Decimal:
    """The limit of a scheduled exit as the book is now: its floor, or what was asked for above it.

    It follows the floor both ways. What no order can carry earns nothing: the rest earns its entry
    fees, too, so that the whole has paid them when that is put aside (TRADING 28).

    Args:
        book: linear or spot, not flat.
        scheduled: its own `price` does not count.

    Returns:
        Quote per base, on the tick, rounded away from entry; may be 0 or less for a short.
    """
    instrument, asked = book.instrument, scheduled.limit_price
    with localcontext(EXACT):
        min_profit = scheduled.min_profit_percent * PERCENT
    floor = _floor(replace(book, open_fees=_fees_to_earn(book)), min_profit)
    if asked is None:
        return floor
    if book.position_side is PositionSide.LONG:
        return max(floor, instrument.ceil_price(asked))
    return min(floor, instrument.floor_price(asked))


def _floor(book: Book, min_profit: Decimal) -> Decimal:
    instrument = book.instrument
    return scheduled_floor(
        book,
        min_profit=min_profit,
        exit_fee_rate=max(instrument.taker_fee_rate, instrument.maker_fee_rate),
        instrument=instrument,
    )


def _fees_to_earn(book: Book) -> Decimal:
    sellable = book.instrument.floor_quantity(book.quantity)
    if sellable in {ZERO, book.quantity}:
        return book.open_fees
    with localcontext(EXACT):
        return book.open_fees * book.quantity / sellable
