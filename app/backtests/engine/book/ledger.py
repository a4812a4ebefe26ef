"""Executions into the book, trades out of it: the money side of a simulator."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Final

from app.backtests.engine.book.judging import Judged
from app.backtests.engine.book.position import Position
from app.backtests.engine.book.pricing import as_booked, fee_of
from app.backtests.engine.book.standing import Standing
from app.backtests.engine.facts import Fill, Payment, Refusal, Trade
from app.backtests.engine.purse import Purse
from app.backtests.engine.terms import FundingRate, Terms
from app.core.decimals import EXACT
from app.pipeline.pnl.rules import trade_summary
from app.pipeline.positions.amounts import amount_of
from app.pipeline.positions.book import Book, apply_fill, with_funding
from app.pipeline.positions.dust import close_dust, dust_left
from app.trading.words import CloseReason, MarketType, PositionSide, Purpose, Side

# The paper exchange books funding with eight decimals.
FUNDING_PLACES: Final = Decimal("1e-8")
PURPOSES: Final = {
    CloseReason.STOP_LOSS: Purpose.STOP_LOSS,
    CloseReason.TRAILING_STOP: Purpose.STOP_LOSS,
    CloseReason.TAKE_PROFIT: Purpose.TAKE_PROFIT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """When and at which price an order traded, slippage in it."""

    at: datetime
    price: Decimal
    is_maker: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why an order was sent; `close_reason` is None of an entry."""

    reason: str
    tag: str | None
    close_reason: CloseReason | None = None


class Ledger:
    """Everything that happened to one standing.

    Attributes:
        fills: in their order, as are `trades`, `payments` and `refusals`.
    """

    def __init__(self, standing: Standing, purse: Purse, funding: Sequence[FundingRate]) -> None:
        self.fills: list[Fill] = []
        self.trades: list[Trade] = []
        self.payments: list[Payment] = []
        self.refusals: list[Refusal] = []
        self._standing = standing
        self._purse = purse
        self._is_spot = standing.instrument.market_type is MarketType.SPOT
        self._funding: tuple[FundingRate, ...] = () if self._is_spot else tuple(funding)
        self._paid = 0

    @property
    def next_funding_at(self) -> datetime | None:
        """When the position pays or is paid next; None while flat, or when no more is known."""
        if self._standing.position is None or self._paid >= len(self._funding):
            return None
        return self._funding[self._paid].at

    def enter(self, judged: Judged, terms: Terms, execution: Execution) -> Fill:
        """Book an entry, and let the position take over its levels."""
        cause = Cause(reason=judged.wish.reason, tag=judged.wish.tag)
        side = judged.side
        fill = self._filled(side, side.opening_side, judged.sized.quantity, execution, cause)
        position = self._standing.position or self._opened(judged, terms, execution.at)
        before = position.book.open_fees
        position.book, _ = apply_fill(position.book, as_booked(fill))
        with localcontext(EXACT):
            self._purse.pay_entry_fee(position.book.open_fees - before)
        position.take_levels(judged)
        self._standing.position = position
        self._purse.look_at_day(execution.at)
        return fill

    def leave(
        self, position: Position, quantity: Decimal, execution: Execution, cause: Cause
    ) -> Fill:
        """Book an exit of at most what is held; entries that rest die with it (TRADING 20)."""
        side = position.side
        fill = self._filled(side, side.closing_side, quantity, execution, cause)
        position.book, realised = apply_fill(position.book, as_booked(fill))
        if realised is not None:
            self._purse.book(self._standing.owner, realised)
        self._standing.cancel_resting()
        self.sweep(position, execution, cause)
        self._purse.look_at_day(execution.at)
        return fill

    def sweep(self, position: Position, execution: Execution, cause: Cause) -> None:
        """End a position of which nothing is left, or only dust (TRADING 28)."""
        instrument = self._standing.instrument
        dust = dust_left(position.book, instrument, price=execution.price)
        if dust is not None:
            at = position.book.last_fill_at or execution.at
            position.book, booked = close_dust(position.book, at=at)
            self._purse.book(self._standing.owner, booked)
            if self._is_spot:
                self._purse.put_aside(dust.cost)
        if position.book.is_flat:
            reason = cause.close_reason or CloseReason.SIGNAL
            summary = trade_summary(position.book)
            self.trades.append(Trade(summary, reason, position.entries, position.tag))
            self._standing.position = self._standing.exit = None

    def pay_funding(self, at: datetime, price: Decimal) -> None:
        """Pay and receive what has fallen due while something was held.

        Args:
            at: aware.
            price: that a position is valued at where the rate brings no mark, quote per base.
        """
        while (due := self.next_funding_at) is not None and due <= at:
            rate = self._funding[self._paid]
            self._paid += 1
            if self._standing.position is not None:
                self._pay(self._standing.position, rate, rate.mark_price or price)

    def _pay(self, position: Position, rate: FundingRate, mark: Decimal) -> None:
        value = amount_of(self._standing.instrument, position.book.quantity, price=mark)
        with localcontext(EXACT):
            received = (-position.side.sign * value * rate.rate).quantize(FUNDING_PLACES)
        position.book = with_funding(position.book, received)
        self.payments.append(Payment(rate.at, received))
        self._purse.receive(self._standing.owner, received)

    def _filled(
        self,
        position_side: PositionSide,
        side: Side,
        quantity: Decimal,
        execution: Execution,
        cause: Cause,
    ) -> Fill:
        fee, coin = fee_of(
            self._standing.instrument,
            side,
            quantity,
            execution.price,
            is_maker=execution.is_maker,
        )
        purpose = Purpose.ENTRY
        if cause.close_reason is not None:
            purpose = PURPOSES.get(cause.close_reason, Purpose.EXIT)
        fill = Fill(
            at=execution.at,
            side=side,
            position_side=position_side,
            purpose=purpose,
            close_reason=cause.close_reason,
            quantity=quantity,
            price=execution.price,
            fee=fee,
            fee_asset=coin,
            is_maker=execution.is_maker,
            reason=cause.reason,
            tag=cause.tag,
        )
        self.fills.append(fill)
        return fill

    def _opened(self, judged: Judged, terms: Terms, at: datetime) -> Position:
        # What fell due before belongs to whoever held it then.
        self._paid = bisect_right(self._funding, at, key=lambda rate: rate.at)
        return Position(
            book=Book(self._standing.instrument, judged.side),
            leverage=judged.leverage,
            margin_mode=terms.margin_mode,
            maintenance_rate=terms.maintenance_rate,
            tag=judged.wish.tag,
        )
