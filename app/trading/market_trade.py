"""One trade that a market printed: not ours, anybody's."""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from app.core.decimals import can_be_kept, plain
from app.core.errors import Invalid
from app.trading.words import Side

# What fits the column, and no character that PostgreSQL cannot keep.
_ID: Final = re.compile(r"[!-~]{1,64}")


@dataclass(frozen=True, slots=True)
class MarketTrade:
    """What was traded, when, and at which price.

    Attributes:
        exchange_trade_id: the venue's, unique in one market.
        executed_at: aware.
        side: of the taker.
        price: quote per base.
        quantity: in base.

    Raises:
        Invalid: `bad_trade`, when it cannot have been.
    """

    exchange_trade_id: str
    executed_at: datetime
    side: Side
    price: Decimal
    quantity: Decimal

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.exchange_trade_id):
            raise Invalid("A trade id is 1 to 64 characters of ASCII.", code="bad_trade")
        name = f"Trade {self.exchange_trade_id}"
        if self.executed_at.tzinfo is None:
            raise Invalid(f"{name}: its time has no zone.", code="bad_trade")
        for number in (self.price, self.quantity):
            if not can_be_kept(number):
                raise Invalid(f"{name}: {str(number)[:60]} cannot be kept.", code="bad_trade")
            if number <= 0:
                raise Invalid(f"{name}: {plain(number)} is not above 0.", code="bad_trade")

    @property
    def order(self) -> tuple[datetime, int, str]:
        """Sorts trades as they happened; ids that are numbers decide within a moment."""
        return self.executed_at, len(self.exchange_trade_id), self.exchange_trade_id
