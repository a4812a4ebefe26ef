"""What matching needs from a market: who may trade, what is set aside, what changes hands."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Protocol

from app.paper_exchange.engine.journal import Journal
from app.paper_exchange.engine.models import Account, Order, Quote, Ticket
from app.paper_exchange.symbols import Listing

_EIGHT_DECIMALS = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one execution cost and earned.

    Attributes:
        fee: positive, in `fee_asset`.
        realized_pnl: in quote, before the fee.
    """

    fee: Decimal
    fee_asset: str
    realized_pnl: Decimal


@dataclass(frozen=True, slots=True)
class Execution:
    """One match: `quantity` base units at `price`; a maker's reserve pays for it."""

    price: Decimal
    quantity: Decimal
    is_maker: bool


class Clearing(Protocol):
    """The money side of one market."""

    def admit(self, account: Account, listing: Listing, ticket: Ticket, quote: Quote) -> Decimal:
        """Check everything and change nothing; the base quantity the order is accepted for."""
        ...

    def reserve(self, account: Account, order: Order, journal: Journal) -> None: ...

    def release(self, account: Account, order: Order, journal: Journal) -> None: ...

    def settle(
        self, account: Account, order: Order, execution: Execution, journal: Journal
    ) -> Settlement: ...

    def fillable(self, account: Account, order: Order) -> Decimal:
        """How much of a resting order may still trade, in base units."""
        ...


def fee_of(amount: Decimal, rate: Decimal) -> Decimal:
    """A fraction of an amount, cut at eight decimals as Binance books it."""
    return (amount * rate).quantize(_EIGHT_DECIMALS, rounding=ROUND_DOWN)
