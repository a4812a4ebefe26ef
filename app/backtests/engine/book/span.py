"""The two stretches of a candle, its open and all that came after, and what they reach."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.algorithms.bars import Bar, exact
from app.backtests.engine.facts import BEFORE_CLOSE
from app.trading.words import PositionSide


@dataclass(frozen=True, slots=True)
class Span:
    """Prices between two extremes, in an order that nobody knows.

    Attributes:
        at: what happens in it is dated by this.
        low: quote per base, as is `high`.
        price: the one price there was, at an open; None: a level is filled at itself.
    """

    at: datetime
    low: Decimal
    high: Decimal
    price: Decimal | None = None

    @classmethod
    def opening(cls, bar: Bar) -> "Span":
        """The open alone: a level that it has passed is filled at the open, better or worse."""
        price = exact(bar.open)
        return cls(bar.opened_at, price, price, price)

    @classmethod
    def after_open(cls, bar: Bar) -> "Span":
        """The rest of the candle; what the open had passed is gone by then."""
        return cls(bar.closed_at - BEFORE_CLOSE, exact(bar.low), exact(bar.high))

    @classmethod
    def closing(cls, bar: Bar) -> "Span":
        """The close alone, which comes after both extremes; levels are filled at themselves."""
        price = exact(bar.close)
        return cls(bar.closed_at - BEFORE_CLOSE, price, price)

    def worsens_to(self, level: Decimal, side: PositionSide) -> bool:
        """Whether the price comes to a stop of that side, or to the limit of its entry."""
        return self.low <= level if side is PositionSide.LONG else self.high >= level

    def improves_to(self, level: Decimal, side: PositionSide) -> bool:
        """Whether the price comes to a target of that side, or to the limit of its exit."""
        return self.high >= level if side is PositionSide.LONG else self.low <= level

    def price_at(self, level: Decimal) -> Decimal:
        """What an order with that level is filled at, slippage apart."""
        return level if self.price is None else self.price
