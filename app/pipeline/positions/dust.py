"""The rest of a book that no order can carry (TRADING 28)."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, localcontext

from app.core.decimals import EXACT
from app.pipeline.positions.amounts import ZERO
from app.pipeline.positions.book import Book, Realised
from app.trading.instrument import Instrument
from app.trading.words import MarketType


@dataclass(frozen=True, slots=True)
class Dust:
    """A rest that no order can carry: unsigned quantity, and what it cost in settle currency."""

    quantity: Decimal
    cost: Decimal


def dust_left(book: Book, instrument: Instrument, *, price: Decimal) -> Dust | None:
    """What is left when it is too small for any order; None when it is flat or can be sold.

    Ask after a closing fill or a refused exit, not of a position at rest: on spot a falling price
    makes dust of what a rising one makes sellable again (TRADING 28).

    Args:
        book: after the closing fill.
        instrument: with the lot and minimums of today; the minimum notional binds on spot only,
            for contract venues let reduce-only orders pass.
        price: bid, quote per base.
    """
    if book.is_flat:
        return None
    sellable = instrument.floor_quantity(book.quantity)
    least = instrument.min_notional if instrument.market_type is MarketType.SPOT else ZERO
    with localcontext(EXACT):
        is_sellable = sellable > 0 and instrument.notional(sellable, price) >= least
    if is_sellable and sellable >= instrument.min_quantity:
        return None
    return Dust(quantity=book.quantity, cost=book.cost)


def close_dust(book: Book, *, at: datetime) -> tuple[Book, Realised]:
    """The flat book after its rest went to the account's dust ledger (TRADING 28).

    The rest's cost leaves the trade and is no loss; entry fees not yet recognised are booked, for
    they were paid.

    Args:
        book: with the rest that `dust_left` found.
        at: time of the last fill; the fees belong to its day.
    """
    booked = Realised(
        at=at,
        quantity=ZERO,
        entry_cost=ZERO,
        exit_value=ZERO,
        gross=ZERO,
        entry_fees=book.open_fees,
        exit_fees=ZERO,
        is_provisional=book.is_provisional,
    )
    with localcontext(EXACT):
        flat = replace(
            book,
            quantity=ZERO,
            cost=ZERO,
            open_fees=ZERO,
            fees=book.fees + book.open_fees,
            dust_quantity=book.dust_quantity + book.quantity,
        )
    return flat, booked
