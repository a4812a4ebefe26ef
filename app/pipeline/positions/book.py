"""The arithmetic of one position: what it cost, what closing parts of it earned.

Linear and spot amounts are quantity · price in quote; inverse amounts are contracts · contract
size / price in coin (FACTS E). Both are in the settle currency, so that one book serves all.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, localcontext

from app.core.decimals import EXACT, plain
from app.core.errors import Conflict, Invalid
from app.pipeline.positions.amounts import SHARE, ZERO, amount_of, average, storable
from app.trading.instrument import Instrument
from app.trading.words import MarketType, PositionSide, Side


@dataclass(frozen=True, slots=True)
class BookFill:
    """One execution, as a book sees it.

    Attributes:
        quantity: base units, contracts on inverse; above 0.
        price: quote per base; above 0.
        fee: in `fee_asset`, positive when paid, negative for a rebate.
        fee_in_settle: the fee at the rate of the fill's minute, for a fee in a third coin; None
            when no rate was found.
    """

    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    at: datetime
    fee_in_settle: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Realised:
    """What one closing fill books, in settle currency, on the day of `at`.

    Attributes:
        quantity: what left the book; 0 when dust is put aside.
        entry_cost: average cost of that quantity; `exit_value` is what it brought.
        entry_fees: share of the entry fees, recognised now (TRADING 30).
        exit_fees: of this fill, positive when paid.
        is_provisional: a fee in a third coin is an estimate until its rate is known.
    """

    at: datetime
    quantity: Decimal
    entry_cost: Decimal
    exit_value: Decimal
    gross: Decimal
    entry_fees: Decimal
    exit_fees: Decimal
    is_provisional: bool = False

    @property
    def fees(self) -> Decimal:
        """Entry share and exit fee together, settle currency, positive when paid."""
        with localcontext(EXACT):
            return self.entry_fees + self.exit_fees

    @property
    def net(self) -> Decimal:
        """Gross less fees, settle currency; funding is booked on its own day."""
        with localcontext(EXACT):
            return self.gross - self.fees


@dataclass(frozen=True, slots=True)
class Book:
    """A position by its totals; amounts in settle currency, quantities unsigned.

    Attributes:
        quantity: what is held now.
        cost: what that cost, fees apart.
        open_fees: entry fees that no closing fill has recognised yet.
        average_quantity: what was held after the last entry; with `average_cost` it keeps the
            entry price exactly where it was through reductions.
        sold_quantity: what closing fills took out, over the book's life; `sold_cost` is what it
            had cost and `exit_value` what it brought.
        fees: recognised so far, entry and exit.
        funding: received so far; negative when paid.
        dust_quantity: what was put aside at the end.
        is_provisional: some fee is an estimate.
    """

    instrument: Instrument
    position_side: PositionSide
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    open_fees: Decimal = ZERO
    average_quantity: Decimal = ZERO
    average_cost: Decimal = ZERO
    sold_quantity: Decimal = ZERO
    sold_cost: Decimal = ZERO
    exit_value: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    dust_quantity: Decimal = ZERO
    is_provisional: bool = False
    opened_at: datetime | None = None
    last_fill_at: datetime | None = None

    @property
    def entry_price(self) -> Decimal | None:
        """Average cost per unit, quote per base, rounded to 1e-12; None before the first entry."""
        return average(self.instrument, self.average_quantity, amount=self.average_cost)

    @property
    def exit_price(self) -> Decimal | None:
        """Average price of the closing fills, rounded to 1e-12; None before the first."""
        return average(self.instrument, self.sold_quantity, amount=self.exit_value)

    @property
    def sold_entry_price(self) -> Decimal | None:
        """Average cost of what was closed, rounded to 1e-12: entry price of the trade."""
        return average(self.instrument, self.sold_quantity, amount=self.sold_cost)

    @property
    def gross(self) -> Decimal:
        """Realised so far, before fees and funding."""
        return _gross(self, cost=self.sold_cost, value=self.exit_value)

    @property
    def net(self) -> Decimal:
        """Realised so far: gross less recognised fees plus funding."""
        with localcontext(EXACT):
            return self.gross - self.fees + self.funding

    @property
    def is_flat(self) -> bool:
        """Whether nothing is held."""
        return self.quantity == 0


def apply_fill(book: Book, fill: BookFill) -> tuple[Book, Realised | None]:
    """The book after one execution, and what it booked (TRADING 27-30).

    A base-coin fee on spot lowers what is held: entry cost = held · price, fee = fee · price. On
    a closing fill such a fee takes coins of the book too, as far as it has them.

    Args:
        book: its state before; start with `Book(instrument, position_side)`.
        fill: each execution once, in any order that never closes more than is held.

    Returns:
        The new book, and a booking for a closing fill; None for an entry.

    Raises:
        Invalid: `bad_fill`, when quantity or price is not above 0, or the fee eats the fill.
        Conflict: `over_closed`, when it closes more than is held.
    """
    if fill.quantity <= 0 or fill.price <= 0:
        raise Invalid(
            f"a fill of {plain(fill.quantity)} at {plain(fill.price)} is none", code="bad_fill"
        )
    with localcontext(EXACT):
        if fill.side is book.position_side.opening_side:
            return _enter(book, fill), None
        return _leave(book, fill)


def unrealised(book: Book, price: Decimal) -> Decimal:
    """What the held quantity would gain at a price, before fees, settle currency (FACTS E).

    Args:
        book: long or short, any market.
        price: mark, or last on spot, quote per base; above 0.
    """
    value = amount_of(book.instrument, book.quantity, price=price)
    return _gross(book, cost=book.cost, value=value)


def with_funding(book: Book, received: Decimal) -> Book:
    """The book after a funding payment: settle currency, negative when paid (TRADING 31)."""
    with localcontext(EXACT):
        return replace(book, funding=book.funding + received)


def _enter(book: Book, fill: BookFill) -> Book:
    fee, is_estimate = _fee(book, fill)
    held = fill.quantity - _base_fee(book, fill)
    if held <= 0:
        raise Invalid(f"the fee of {plain(fill.fee)} eats the whole fill", code="bad_fill")
    quantity = book.quantity + held
    cost = book.cost + amount_of(book.instrument, held, price=fill.price)
    return replace(
        book,
        quantity=quantity,
        cost=cost,
        open_fees=book.open_fees + fee,
        average_quantity=quantity,
        average_cost=cost,
        is_provisional=book.is_provisional or is_estimate,
        opened_at=fill.at if book.opened_at is None else book.opened_at,
        last_fill_at=fill.at,
    )


def _leave(book: Book, fill: BookFill) -> tuple[Book, Realised]:
    if fill.quantity > book.quantity:
        raise Conflict(
            f"{book.instrument.symbol}: closes {plain(fill.quantity)} of {plain(book.quantity)}",
            code="over_closed",
        )
    booked = _booking(book, fill)
    left = replace(
        book,
        quantity=book.quantity - booked.quantity,
        cost=book.cost - booked.entry_cost,
        open_fees=book.open_fees - booked.entry_fees,
        sold_quantity=book.sold_quantity + booked.quantity,
        sold_cost=book.sold_cost + booked.entry_cost,
        exit_value=book.exit_value + booked.exit_value,
        fees=book.fees + booked.fees,
        is_provisional=booked.is_provisional,
        last_fill_at=fill.at,
    )
    return left, booked


def _booking(book: Book, fill: BookFill) -> Realised:
    fee, is_estimate = _fee(book, fill)
    spare = book.quantity - fill.quantity
    quantity = fill.quantity + max(ZERO, min(spare, _base_fee(book, fill)))
    cost, entry_fees = book.cost, book.open_fees
    if quantity < book.quantity:
        cost = (book.average_cost * quantity / book.average_quantity).quantize(SHARE)
        entry_fees = (book.open_fees * quantity / book.quantity).quantize(SHARE)
    value = amount_of(book.instrument, quantity, price=fill.price)
    return Realised(
        at=fill.at,
        quantity=quantity,
        entry_cost=cost,
        exit_value=value,
        gross=_gross(book, cost=cost, value=value),
        entry_fees=entry_fees,
        exit_fees=fee,
        is_provisional=book.is_provisional or is_estimate,
    )


def _gross(book: Book, *, cost: Decimal, value: Decimal) -> Decimal:
    # An inverse contract is worth fewer coins as the price rises, so its sign turns round.
    is_inverse = book.instrument.market_type is MarketType.INVERSE
    sign = -book.position_side.sign if is_inverse else book.position_side.sign
    with localcontext(EXACT):
        return sign * (value - cost)


def _base_fee(book: Book, fill: BookFill) -> Decimal:
    """Coins of the base that the fee takes out of the holding; on spot only."""
    is_spot = book.instrument.market_type is MarketType.SPOT
    return fill.fee if is_spot and fill.fee_asset == book.instrument.base else ZERO


def _fee(book: Book, fill: BookFill) -> tuple[Decimal, bool]:
    """The fee in settle currency, and whether it is an estimate: never 0 for want of a rate."""
    instrument = book.instrument
    if fill.fee == 0 or fill.fee_asset == instrument.settle:
        return fill.fee, False
    if fill.fee_asset == instrument.base:
        return storable(fill.fee * fill.price), False
    if fill.fee_in_settle is not None:
        return fill.fee_in_settle, False
    value = amount_of(instrument, fill.quantity, price=fill.price)
    return (value * instrument.taker_fee_rate).quantize(SHARE), True
