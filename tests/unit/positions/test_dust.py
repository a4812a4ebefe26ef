from datetime import UTC, datetime
from decimal import Decimal

from app.pipeline.positions.book import Book, apply_fill
from app.pipeline.positions.dust import Dust, close_dust, dust_left
from app.trading.words import PositionSide, Side
from tests.unit.positions.builders import a_fill, a_linear, an_instrument

AT = datetime(2026, 1, 24, 13, tzinfo=UTC)
PRICE = Decimal(61000)


def sold_down() -> Book:
    """Bought 0.01 with a base fee, sold the 0.009 that a step of 0.001 allows."""
    book = Book(an_instrument(quantity_step="0.001"), PositionSide.LONG)
    book, _ = apply_fill(book, a_fill(Side.BUY, "0.01", "60000", fee="0.00001", fee_asset="BTC"))
    book, _ = apply_fill(book, a_fill(Side.SELL, "0.009", "61000", fee="0.549"))
    return book


def test_rest_below_the_lot_is_dust_at_its_cost() -> None:
    # 0.00999 - 0.009 = 0.00099 at 60000 = 59.4
    book = sold_down()

    assert dust_left(book, book.instrument, price=PRICE) == Dust(
        Decimal("0.00099"), Decimal("59.4")
    )


def test_rest_below_the_minimum_notional_is_dust_on_spot_only() -> None:
    # 0.00005 · 61000 = 3.05, the minimum is 5
    fill = a_fill(Side.BUY, "0.00005", "60000")
    spot, _ = apply_fill(Book(an_instrument(), PositionSide.LONG), fill)
    linear, _ = apply_fill(Book(a_linear(), PositionSide.LONG), a_fill(Side.BUY, "0.001", "60"))

    assert dust_left(spot, spot.instrument, price=PRICE) is not None
    assert dust_left(linear, linear.instrument, price=Decimal(60)) is None


def test_rest_below_the_smallest_order_is_dust() -> None:
    book, _ = apply_fill(
        Book(an_instrument(), PositionSide.LONG), a_fill(Side.BUY, "0.001", "60000")
    )

    assert dust_left(book, an_instrument(min_quantity="0.01"), price=PRICE) is not None


def test_what_can_be_sold_or_is_not_there_is_no_dust() -> None:
    empty = Book(an_instrument(), PositionSide.LONG)
    held, _ = apply_fill(empty, a_fill(Side.BUY, "0.01", "60000"))

    assert dust_left(empty, empty.instrument, price=PRICE) is None
    assert dust_left(held, held.instrument, price=PRICE) is None


def test_dust_leaves_at_cost_without_a_loss_and_its_fees_are_booked() -> None:
    # gross 0.009 · 1000 = 9; fees 0.6 + 0.549; net 7.851.
    # Cash: -600 + 549 - 0.549 = -51.549, and 59.4 of dust at cost make 7.851 again.
    book, booked = close_dust(sold_down(), at=AT)

    assert book.is_flat
    assert book.dust_quantity == Decimal("0.00099")
    assert book.net == Decimal("7.851")
    assert (booked.gross, booked.quantity, booked.at) == (Decimal(0), Decimal(0), AT)
    # share recognised by the sale: 0.6 · 0.009 / 0.00999 = 0.540540540541
    assert booked.net == Decimal("-0.059459459459")
    assert book.open_fees == 0
