"""What the market does with orders: fills them, lets them rest, or comes to their levels."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from app.backtests.engine.book.judging import Judged
from app.backtests.engine.book.ledger import Cause, Execution, Ledger
from app.backtests.engine.book.position import Position, Resting
from app.backtests.engine.book.pricing import slipped
from app.backtests.engine.book.span import Span
from app.backtests.engine.book.standing import Standing
from app.backtests.engine.facts import Fill, Refusal
from app.backtests.engine.purse import Purse
from app.backtests.engine.terms import FundingRate, Terms
from app.backtests.engine.wishes import ExitWish, Wish
from app.core.errors import AppError, Denied
from app.pipeline.positions.dust import dust_left
from app.pipeline.risk.sizing import reduce_quantity
from app.trading.words import CloseReason, MarketType, PositionSide, Side

REASONS: Final = {
    CloseReason.STOP_LOSS: "its stop was reached",
    CloseReason.TRAILING_STOP: "its trailing stop was reached",
    CloseReason.LIQUIDATED: "its margin was used up",
    CloseReason.TAKE_PROFIT: "its target was reached",
    CloseReason.SCHEDULED: "it was held as long as it may be",
}


class Market:
    """One symbol's market for one standing; `Simulator` says in which order it is asked.

    Attributes:
        terms: the strategy's; may be replaced.
        ledger: what has happened.
    """

    def __init__(
        self, terms: Terms, standing: Standing, purse: Purse, funding: Sequence[FundingRate]
    ) -> None:
        self.terms = terms
        self.ledger = Ledger(standing, purse, funding)
        self._standing = standing
        self._purse = purse

    def refuse(self, wish: Wish, refusal: AppError, at: datetime) -> None:
        """Write down that a wish came to nothing."""
        self.ledger.refusals.append(
            Refusal(at, wish.position_side, refusal.code, refusal.detail, wish.tag)
        )

    def send_entry(self, judged: Judged, at: datetime, price: Decimal) -> Fill | None:
        """Fill an entry, or let it rest where its limit is not reached; None then."""
        self._purse.note_sent(at)
        side, limit = judged.side, judged.limit_price
        paid = self._slipped(price, side.opening_side)
        if limit is not None:
            if (price - limit) * side.sign > 0:
                ttl = self.terms.entry_ttl
                expires_at = None if ttl is None else judged.wish.wished_at + ttl
                self._standing.resting.append(Resting(judged, limit, expires_at))
                return None
            paid = min(limit, paid) if side is PositionSide.LONG else max(limit, paid)
        return self.ledger.enter(judged, self.terms, Execution(at=at, price=paid))

    def send_exit(self, wish: ExitWish, at: datetime, price: Decimal) -> Fill | None:
        """Fill an exit, or let it rest where its limit is not reached; None then, or for dust.

        Where nothing is held, entries that rest end: flat means flat (TRADING 5).
        """
        position = self._standing.position
        if position is None or position.side is not wish.position_side:
            gone = Denied("There is nothing to close.", code="nothing_to_close")
            self._standing.cancel_resting()
            self.refuse(wish, gone, at)
            return None
        side, limit = position.side, wish.limit_price
        self._standing.exit = None
        got = self._slipped(price, side.closing_side)
        if limit is not None:
            if (limit - price) * side.sign > 0:
                self._standing.exit = wish
                return None
            got = max(limit, got) if side is PositionSide.LONG else min(limit, got)
        return self._close_wished(position, wish, Execution(at=at, price=got))

    def expire(self, at: datetime) -> None:
        """End the entries that have rested long enough."""
        self._standing.resting = [
            entry
            for entry in self._standing.resting
            if entry.expires_at is None or at < entry.expires_at
        ]

    def fill_resting(self, span: Span) -> bool:
        """Fill the entries whose limit is reached before the stop; whether there were any."""
        filled = False
        for entry in tuple(self._standing.resting):
            is_reached = span.worsens_to(entry.limit_price, entry.judged.side)
            # A fill may have taken the others with it: the day's loss is used up.
            if is_reached and entry in self._standing.resting and self._is_before_stop(entry):
                self._standing.resting.remove(entry)
                price = span.price_at(entry.limit_price)
                execution = Execution(at=span.at, price=price, is_maker=True)
                self.ledger.enter(entry.judged, self.terms, execution)
                filled = True
        return filled

    def reach_stop(self, span: Span) -> bool:
        """Close the position where its stop is reached; whether it was."""
        position = self._standing.position
        stop = None if position is None else position.stop(self._purse.balance)
        if position is None or stop is None or not span.worsens_to(stop[0], position.side):
            return False
        level, reason = stop
        price = level
        if reason is not CloseReason.LIQUIDATED:
            price = self._slipped(span.price_at(level), position.side.closing_side)
        self._close_by_rule(position, position.sellable, Execution(at=span.at, price=price), reason)
        return True

    def reach_better(self, span: Span) -> None:
        """Sell at the targets that are reached, nearest first, then at the exit that rests."""
        while (position := self._standing.position) is not None:
            target = position.target
            if target is None or not span.improves_to(target[0], position.side):
                break
            level, quantity = target
            position.reach_target(level)
            price = self._slipped(span.price_at(level), position.side.closing_side)
            execution = Execution(at=span.at, price=price)
            self._close_by_rule(position, quantity, execution, CloseReason.TAKE_PROFIT)
        position, wish = self._standing.position, self._standing.exit
        if position is None or wish is None or wish.limit_price is None:
            return
        if span.improves_to(wish.limit_price, position.side):
            self._standing.exit = None
            # It waits with us and is sent when the market pays it: it takes, and never rests there.
            execution = Execution(at=span.at, price=span.price_at(wish.limit_price))
            self._close_wished(position, wish, execution)

    def follow(self, rest: Span, closing: Span) -> None:
        """Let a trailing stop follow a candle's best price; the close may be beyond it then."""
        position = self._standing.position
        if position is not None and position.trailing is not None:
            is_long = position.side is PositionSide.LONG
            position.follow(rest.high if is_long else rest.low, rest.at)
            self.reach_stop(closing)

    def end_old(self, at: datetime, price: Decimal) -> None:
        """Close a position that has been held as long as it may be."""
        position, most = self._standing.position, self.terms.max_holding
        opened_at = None if position is None else position.book.opened_at
        if position is None or most is None or opened_at is None or at < opened_at + most:
            return
        got = self._slipped(price, position.side.closing_side)
        execution = Execution(at=at, price=got)
        self._close_by_rule(position, position.sellable, execution, CloseReason.SCHEDULED)

    def _is_before_stop(self, entry: Resting) -> bool:
        position = self._standing.position
        stop = None if position is None else position.stop(self._purse.balance)
        return stop is None or (entry.limit_price - stop[0]) * entry.judged.side.sign > 0

    def _close_by_rule(
        self, position: Position, quantity: Decimal, execution: Execution, reason: CloseReason
    ) -> None:
        cause = Cause(reason=REASONS[reason], tag=position.newest_tag, close_reason=reason)
        self._close(position, quantity, execution, cause)

    def _close_wished(
        self, position: Position, wish: ExitWish, execution: Execution
    ) -> Fill | None:
        quantity = _wished(position, wish)
        if quantity < position.sellable and _is_too_small(position, quantity, execution.price):
            small = Denied("That part is too small for an order.", code="below_min_quantity")
            self.refuse(wish, small, execution.at)
            return None
        cause = Cause(reason=wish.reason, tag=wish.tag, close_reason=wish.close_reason)
        return self._close(position, quantity, execution, cause)

    def _close(
        self, position: Position, quantity: Decimal, execution: Execution, cause: Cause
    ) -> Fill | None:
        """Sell that much; a position that no order can carry is put aside without one."""
        is_dust = dust_left(position.book, self._standing.instrument, price=execution.price)
        if is_dust is not None:
            self.ledger.sweep(position, execution, cause)
            return None
        return self.ledger.leave(position, quantity, execution, cause)

    def _slipped(self, price: Decimal, side: Side) -> Decimal:
        return slipped(price, side, self.terms.slippage, self._standing.instrument)


def _wished(position: Position, wish: ExitWish) -> Decimal:
    """The quantity that an exit asks for, on the lot and never above what is held."""
    instrument = position.book.instrument
    if wish.quantity is not None:
        return min(position.sellable, instrument.floor_quantity(wish.quantity))
    return reduce_quantity(position.book.quantity, wish.fraction, instrument=instrument)


def _is_too_small(position: Position, quantity: Decimal, price: Decimal) -> bool:
    """Whether no order can carry a part; contract venues let small reduce-only orders pass."""
    instrument = position.book.instrument
    if quantity <= 0 or quantity < instrument.min_quantity:
        return True
    is_spot = instrument.market_type is MarketType.SPOT
    return is_spot and instrument.notional(quantity, price) < instrument.min_notional
