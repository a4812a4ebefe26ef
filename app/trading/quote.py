"""What a market costs at one moment."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from app.trading.words import Side


@dataclass(frozen=True, slots=True)
class Quote:
    """Prices of one symbol, in quote currency per base unit.

    Attributes:
        mark: the venue's mark price; None on spot, which has none.
        at: when we know these prices to have held: the venue's event time, or our receipt of it.
    """

    symbol: str
    bid: Decimal
    ask: Decimal
    last: Decimal
    mark: Decimal | None
    at: datetime

    def executable(self, side: Side) -> Decimal:
        """What a market order on that side would pay or get: the ask to buy, the bid to sell."""
        return self.ask if side is Side.BUY else self.bid

    @property
    def fair(self) -> Decimal:
        """Mark price where the venue has one, else the last trade."""
        return self.last if self.mark is None else self.mark

    def age(self, now: datetime) -> timedelta:
        """How old these prices are."""
        return now - self.at
