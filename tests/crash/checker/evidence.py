"""What an invariant is checked against, and what it says when it does not hold."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import TypeVar

from tests.crash.facts import Account, Fill, Instrument, Order, Position, Rows, market_of
from tests.crash.history import SECOND, History
from tests.crash.ledger import Ledger, VenueFill

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold: its id, whom it is about, and what is wrong."""

    invariant: str
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.invariant} {self.subject}: {self.text}"


@dataclass
class Evidence:
    """One moment: the database, the venue's ledger up to it, and all that was done until then.

    Attributes:
        strategies: ids by the stories' names.
        previous: the database at the last check; None at the first.
        is_quiet: whether nothing was left to do; only then the invariants "at quiescence" hold.
        until: the moment, on the machine's clock.
    """

    rows: Rows
    ledger: Ledger
    history: History
    strategies: Mapping[str, str] = field(default_factory=dict)
    previous: Rows | None = None
    is_quiet: bool = True
    until: int = 1 << 62

    @cached_property
    def orders_by_client_id(self) -> dict[str, Order]:
        """Every order of ours."""
        return {one.client_order_id: one for one in self.rows.orders}

    @cached_property
    def pair_ids(self) -> set[str]:
        """Every list id of ours."""
        return {one.pair_id for one in self.rows.orders if one.pair_id}

    @cached_property
    def venue_accounts(self) -> dict[str, int | None]:
        """The venue's number of each account."""
        return {one.id: self.ledger.account_of(one.market_type) for one in self.rows.accounts}

    @cached_property
    def orders_of(self) -> dict[str, list[Order]]:
        """Orders of each position."""
        return _grouped((one.position_id, one) for one in self.rows.orders)

    @cached_property
    def fills_of(self) -> dict[str, list[Fill]]:
        """Fills of each position, in the order they were booked."""
        return _grouped((one.position_id, one) for one in self.rows.fills)

    @cached_property
    def shares_of(self) -> dict[tuple[str, str, str], list[Fill]]:
        """What was booked of each execution of the venue: whole, or as shares of several books."""
        return _grouped((_execution(one), one) for one in self.rows.fills)

    @cached_property
    def venue_fills(self) -> dict[tuple[str, str, str], VenueFill]:
        """The venue's executions by market, symbol and number."""
        return {(one.market, one.symbol, one.trade_id): one for one in self.ledger.fills}

    @cached_property
    def orders_by_id(self) -> dict[str, Order]:
        """Every order row."""
        return {one.id: one for one in self.rows.orders}

    def account(self, account_id: str) -> Account:
        """An account row."""
        return next(one for one in self.rows.accounts if one.id == account_id)

    def instrument(self, symbol: str) -> Instrument | None:
        """Steps and minimums of a symbol."""
        market = market_of(symbol)[0]
        return next(
            (
                one
                for one in self.rows.instruments
                if (one.symbol, one.market_type) == (symbol, market)
            ),
            None,
        )

    def at_venue(self, fill: Fill) -> VenueFill | None:
        """The execution that a booked fill claims to be, or to be a share of."""
        return self.venue_fills.get(_execution(fill))

    def unbooked(self, fill: VenueFill) -> tuple[Decimal, Decimal]:
        """What of an execution no book has borne: quantity and fee, unsigned."""
        shares = self.shares_of.get((fill.market, fill.symbol, fill.trade_id), [])
        quantity = sum((one.quantity for one in shares), ZERO)
        return fill.quantity - quantity, fill.fee - sum((one.fee for one in shares), ZERO)

    def is_ours(self, fill: VenueFill) -> bool:
        """Whether an order of ours, or what it became, was executed."""
        order = self.orders_by_client_id.get(fill.client_order_id)
        return order is not None and order.origin == "ours"

    def foreign_symbols(self) -> set[tuple[str, str]]:
        """Markets and symbols where somebody else traded on our accounts."""
        ours = set(self.venue_accounts.values())
        return {
            (one.market, one.symbol)
            for one in self.ledger.fills
            if one.account_id in ours and not self.is_ours(one)
        }

    def bites_between(self, begin: int, end: int) -> int:
        """How often a fault or a hand was at work in that time, or a moment before it."""
        return sum(
            begin - 2 * SECOND <= one.at <= end
            for one in self.ledger.events
            if one.event in {"fault_bit", "fault_armed"}
        )

    def is_dust(self, position: Position, quantity: Decimal, price: Decimal) -> bool:
        """Whether no order can carry that quantity."""
        return not self.sellable(position.symbol, quantity, price)

    def sellable(self, symbol: str, quantity: Decimal, price: Decimal) -> Decimal:
        """What of a quantity an order can carry: whole steps, above the venue's minimums."""
        known = self.instrument(symbol)
        if known is None:
            return quantity
        steps = (quantity // known.quantity_step) * known.quantity_step
        least = known.min_notional if market_of(symbol)[0] == "spot" else ZERO
        return steps if steps >= known.min_quantity and steps * price >= least else ZERO


Key = TypeVar("Key")
Row = TypeVar("Row")


def _execution(fill: Fill) -> tuple[str, str, str]:
    # Where several books bear one execution, the second share of 17 is booked as 17/2.
    return (*market_of(fill.symbol), fill.exchange_trade_id.partition("/")[0])


def _grouped(pairs: Iterable[tuple[Key | None, Row]]) -> dict[Key, list[Row]]:
    found: dict[Key, list[Row]] = defaultdict(list)
    for key, value in pairs:
        if key is not None:
            found[key].append(value)
    return found
