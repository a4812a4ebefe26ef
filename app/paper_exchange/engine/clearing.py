"""What matching needs from a market: who may trade, what is set aside, what changes hands."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Protocol

from app.paper_exchange.engine.fairness import FeeTerms
from app.paper_exchange.engine.journal import Journal
from app.paper_exchange.engine.models import ZERO, Account, Order, Quote, Ticket
from app.paper_exchange.symbols import Listing
from app.trading.words import MarketType

_EIGHT_DECIMALS = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one execution cost and earned.

    Attributes:
        fee: positive, in `fee_asset`.
        realized_pnl: in quote, before the fee.
        closed: base units that reduced a position; the rest opened one.
    """

    fee: Decimal
    fee_asset: str
    realized_pnl: Decimal
    closed: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Execution:
    """One match: `quantity` base units at `price`.

    Attributes:
        terms: the fee, None for the listing's own.
        is_reserved: whether coins that were set aside pay; a maker's always do.
    """

    price: Decimal
    quantity: Decimal
    is_maker: bool
    terms: FeeTerms | None = None
    is_reserved: bool = False

    @property
    def uses_reserve(self) -> bool:
        """Whether set-aside coins pay."""
        return self.is_maker or self.is_reserved


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


def fee_in_third_coin(
    account: Account, market: MarketType, terms: FeeTerms, *, value: Decimal, journal: Journal
) -> Settlement | None:
    """Take a fee from another coin, as Binance does with BNB; `value` of the trade is in quote.

    Returns:
        The fee, or None when there is not enough of the coin: then the usual one pays.
    """
    if terms.asset is None:
        return None
    fee = fee_of(value / terms.price, terms.rate)
    purse = account.balance(market, terms.asset)
    if fee <= 0 or fee > purse.free:
        return None
    purse.free -= fee
    journal.balance(account, market, terms.asset, -fee, "fee")
    return Settlement(fee, terms.asset, ZERO)


def fee_of(amount: Decimal, rate: Decimal) -> Decimal:
    """A fraction of an amount, cut at eight decimals as Binance books it."""
    return (amount * rate).quantize(_EIGHT_DECIMALS, rounding=ROUND_DOWN)
