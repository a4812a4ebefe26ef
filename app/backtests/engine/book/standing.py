"""What one strategy holds of one symbol, and what rests for it: its stake in a purse."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Final
from uuid import UUID

from app.algorithms.bars import exact
from app.algorithms.intents import Holding
from app.backtests.engine.book.position import Position, Resting
from app.backtests.engine.wishes import ExitWish
from app.core.decimals import EXACT
from app.pipeline.positions.amounts import amount_of
from app.pipeline.positions.book import unrealised
from app.pipeline.risk.exposure import HeldBook
from app.trading.instrument import Instrument
from app.trading.words import MarginMode, MarketType

ZERO: Final = Decimal(0)


@dataclass(slots=True, eq=False)
class Standing:
    """A position, its resting orders, and the price they were last seen at.

    Attributes:
        position: None while flat.
        resting: entries, in the order in which they were sent.
        exit: the one exit that rests; None without.
        seen: quote per base; it stays a float until somebody asks.
    """

    owner: UUID
    instrument: Instrument
    position: Position | None = None
    resting: list[Resting] = field(default_factory=list)
    exit: ExitWish | None = None
    seen: float = 0.0

    @property
    def price(self) -> Decimal:
        """The last price, exactly."""
        return exact(self.seen)

    @property
    def is_idle(self) -> bool:
        """Whether no price matters to it: nothing is held and nothing rests."""
        return self.position is None and not self.resting

    @property
    def holding(self) -> Holding | None:
        """What is held, as an algorithm sees it; None while flat."""
        if self.position is None:
            return None
        book = self.position.book
        return Holding(book.position_side, book.quantity, book.cost, book.open_fees)

    def books(self) -> Iterator[HeldBook]:
        """What is held, and each entry that rests."""
        position = self.position
        if position is not None:
            yield HeldBook(
                self.owner,
                position.side,
                position.book.quantity,
                position.entry_price,
                position.entries,
            )
        for entry in self.resting:
            yield HeldBook(self.owner, entry.judged.side, entry.quantity, entry.limit_price)

    def gain_at(self, price: Decimal) -> Decimal:
        """What is unrealised at a price, before fees, settle currency; 0 while flat."""
        return ZERO if self.position is None else unrealised(self.position.book, price)

    def gain(self) -> Decimal:
        """What is unrealised at the last price."""
        return ZERO if self.position is None else self.gain_at(self.price)

    def gain_today(self) -> Decimal:
        """That, less what it was when the day began or at entry."""
        return ZERO if self.position is None else self.gain() - self.position.day_start

    def notional(self) -> Decimal:
        """Worth of the position and of resting entries at the last price, in quote, unsigned."""
        quantity = sum((entry.quantity for entry in self.resting), ZERO)
        if self.position is not None:
            quantity += self.position.book.quantity
        return ZERO if quantity == 0 else self.instrument.notional(quantity, self.price)

    def tied_up(self) -> Decimal:
        """Margin, or the whole cost on spot, of what is held and of what rests."""
        with localcontext(EXACT):
            tied = sum((self._reserved(entry) for entry in self.resting), ZERO)
            if self.position is not None:
                tied += self.position.book.cost / self._leverage(self.position.leverage)
            return tied

    def margin(self) -> tuple[Decimal, MarginMode] | None:
        """Leverage and mode of what is held; None while flat, and on spot."""
        if self.position is None or self.instrument.market_type is MarketType.SPOT:
            return None
        return Decimal(self.position.leverage), self.position.margin_mode

    def begin_day(self) -> None:
        """Remember what is unrealised now."""
        if self.position is not None:
            self.position.day_start = self.gain()

    def cancel_resting(self) -> None:
        """Take back the entries that rest."""
        self.resting.clear()

    def _reserved(self, entry: Resting) -> Decimal:
        cost = amount_of(self.instrument, entry.quantity, price=entry.limit_price)
        return cost / self._leverage(entry.judged.leverage) + entry.judged.sized.fee_estimate

    def _leverage(self, leverage: int) -> int:
        return 1 if self.instrument.market_type is MarketType.SPOT else leverage
