from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Conflict, Invalid
from app.pipeline.positions.book import (
    Book,
    BookFill,
    Realised,
    apply_fill,
    unrealised,
    with_funding,
)
from app.trading.instrument import Instrument
from app.trading.words import PositionSide, Side
from tests.unit.positions.builders import NOON, a_fill, a_linear, an_instrument, an_inverse

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
BUY, SELL = Side.BUY, Side.SELL


def after(*fills: BookFill, instrument: Instrument, side: PositionSide = LONG) -> Book:
    book, _ = replay(*fills, instrument=instrument, side=side)
    return book


def replay(
    *fills: BookFill, instrument: Instrument, side: PositionSide = LONG
) -> tuple[Book, list[Realised]]:
    book, booked = Book(instrument, side), []
    for fill in fills:
        book, realised = apply_fill(book, fill)
        booked += [] if realised is None else [realised]
    return book, booked


def test_oracle_bitmex_long_15000_from_750_to_800_earns_one_and_a_quarter_coins() -> None:
    # 15000/750 - 15000/800 = 20 - 18.75 = 1.25; funding -0.05; net 1.20
    book = after(a_fill(BUY, "15000", "750"), a_fill(SELL, "15000", "800"), instrument=an_inverse())

    assert book.gross == Decimal("1.25")
    assert with_funding(book, Decimal("-0.05")).net == Decimal("1.20")


@pytest.mark.parametrize(
    ("side", "exit_price", "gross"),
    [
        # 10 BTC at 100 are 1000 USD: 1000/100 = 10 coins in, 1000/200 = 5 or 1000/50 = 20 out.
        (SHORT, "200", "-5"),
        (LONG, "200", "5"),
        (LONG, "50", "-10"),
        (SHORT, "50", "10"),
    ],
)
def test_oracle_bingx_coin_margined_ten_coins_from_100(
    side: PositionSide, exit_price: str, gross: str
) -> None:
    book = after(
        a_fill(side.opening_side, "100", "100"),
        a_fill(side.closing_side, "100", exit_price),
        instrument=an_inverse(contract_size="10"),
        side=side,
    )

    assert book.gross == Decimal(gross)


@pytest.mark.parametrize(("side", "exit_price"), [(LONG, "5500"), (SHORT, "4500")])
def test_oracle_binance_linear_one_coin_earns_500(side: PositionSide, exit_price: str) -> None:
    book = after(
        a_fill(side.opening_side, "1", "5000"),
        a_fill(side.closing_side, "1", exit_price),
        instrument=a_linear(),
        side=side,
    )

    assert book.gross == Decimal(500)


def test_oracle_partial_close_takes_the_average_and_leaves_the_entry_price() -> None:
    # Average of 100000 and 102000 is 101000; 0.005 · (103000 - 101000) = 10.00, FIFO were 15.00
    book, booked = replay(
        a_fill(BUY, "0.010", "100000"),
        a_fill(BUY, "0.010", "102000"),
        a_fill(SELL, "0.005", "103000"),
        instrument=a_linear(),
    )

    assert booked[0].gross == Decimal(10)
    assert book.entry_price == Decimal(101000)
    assert book.exit_price == Decimal(103000)
    assert book.quantity == Decimal("0.015")
    assert not book.is_flat


def test_entry_price_of_an_inverse_book_is_harmonic() -> None:
    # 300 / (100/100 + 200/200) = 300 / 2 = 150, where the arithmetic mean were 166.67
    book = after(a_fill(BUY, "100", "100"), a_fill(BUY, "200", "200"), instrument=an_inverse())

    assert book.entry_price == Decimal(150)


def test_entry_price_stays_digit_for_digit_through_uneven_reductions() -> None:
    # 1/3 at 1 and 2/3 at 2, in thirds that no decimal holds: (3 + 14) / 10 = 1.7
    entries = (a_fill(BUY, "3", "1"), a_fill(BUY, "7", "2"))
    book = after(
        *entries, a_fill(SELL, "0.37", "3"), a_fill(SELL, "1.1", "3"), instrument=a_linear()
    )

    assert book.entry_price == Decimal("1.7")


def test_base_coin_fee_lowers_the_book_and_is_counted_once() -> None:
    # held 0.01 - 0.00001 = 0.00999; cost 0.00999 · 60000 = 599.4; fee 0.00001 · 60000 = 0.6
    book = after(
        a_fill(BUY, "0.01", "60000", fee="0.00001", fee_asset="BTC"), instrument=an_instrument()
    )

    assert (book.quantity, book.cost, book.open_fees) == (
        Decimal("0.00999"),
        Decimal("599.4"),
        Decimal("0.6"),
    )
    assert book.entry_price == Decimal(60000)


def test_base_coin_fee_of_a_sale_takes_coins_of_the_book_at_the_sale_price() -> None:
    # 1.001 leave the book: 1 sold for 200, 0.001 paid as a fee worth 0.2; their cost is 100.1.
    # net = 200.2 - 100.1 - 0.2 = 99.9, which is the 200 received less the cost of 1.001.
    book, booked = replay(
        a_fill(BUY, "2", "100"),
        a_fill(SELL, "1", "200", fee="0.001", fee_asset="BTC"),
        instrument=an_instrument(),
    )

    assert book.quantity == Decimal("0.999")
    assert booked[0].net == Decimal("99.9")


def test_base_coin_fee_of_the_last_sale_is_paid_from_outside_the_book() -> None:
    # gross 200 - 100 = 100, fee 0.001 · 200 = 0.2
    book, booked = replay(
        a_fill(BUY, "1", "100"),
        a_fill(SELL, "1", "200", fee="0.001", fee_asset="BTC"),
        instrument=an_instrument(),
    )

    assert book.is_flat
    assert booked[0].net == Decimal("99.8")


def test_base_coin_fee_on_a_contract_is_money_and_leaves_the_quantity() -> None:
    book = after(a_fill(BUY, "1", "100", fee="0.002", fee_asset="BTC"), instrument=a_linear())

    assert (book.quantity, book.open_fees) == (Decimal(1), Decimal("0.2"))


def test_entry_fees_are_recognised_pro_rata_and_the_last_fill_takes_the_rest() -> None:
    # 0.10 of entry fees over three thirds: 0.0333…33, again of what is left, then the rest.
    book, booked = replay(
        a_fill(BUY, "3", "10", fee="0.1"),
        *(a_fill(SELL, "1", "11", fee="0.01") for _ in range(3)),
        instrument=a_linear(),
    )

    assert [one.entry_fees for one in booked] == [
        Decimal("0.033333333333"),
        Decimal("0.033333333334"),
        Decimal("0.033333333333"),
    ]
    # three times 1.00, less 0.1 and 3 · 0.01
    assert sum(one.net for one in booked) == book.net == Decimal("2.87")
    assert book.open_fees == 0


def test_cost_is_shared_by_quantity_and_the_last_fill_takes_the_rest() -> None:
    # 100 for 3 is 33.33…33 each time, and a crumb more at the end.
    book, booked = replay(
        a_fill(BUY, "1", "33"),
        a_fill(BUY, "2", "33.5"),
        *(a_fill(SELL, "1", "40") for _ in range(3)),
        instrument=a_linear(),
    )

    assert [one.entry_cost for one in booked] == [
        Decimal("33.333333333333"),
        Decimal("33.333333333333"),
        Decimal("33.333333333334"),
    ]
    assert (book.cost, book.sold_cost, book.gross) == (Decimal(0), Decimal(100), Decimal(20))


def test_fee_in_a_third_coin_is_taken_at_its_rate() -> None:
    book = after(
        a_fill(BUY, "1", "100", fee="0.0002", fee_asset="BNB", fee_in_settle="0.12"),
        instrument=an_instrument(),
    )

    assert (book.quantity, book.open_fees, book.is_provisional) == (
        Decimal(1),
        Decimal("0.12"),
        False,
    )


def test_fee_in_a_third_coin_without_a_rate_is_estimated_and_stays_provisional() -> None:
    # estimate 1 · 100 · 0.001 = 0.1
    book, booked = replay(
        a_fill(BUY, "1", "100", fee="0.0002", fee_asset="BNB"),
        a_fill(SELL, "1", "110", fee="0.11"),
        instrument=an_instrument(),
    )

    assert booked[0].fees == Decimal("0.21")
    assert booked[0].is_provisional
    assert book.is_provisional


def test_fee_finer_than_a_money_column_is_rounded_to_its_places() -> None:
    # 1e-12 · 1.1234567 = 0.0000000000011234567, nineteen places
    book = after(
        a_fill(BUY, "1", "1.1234567", fee="0.000000000001", fee_asset="BTC"),
        instrument=a_linear(),
    )

    assert book.open_fees == Decimal("0.000000000001123457")


def test_rebate_is_a_negative_fee_and_raises_the_result() -> None:
    _, booked = replay(
        a_fill(BUY, "1", "100", fee="-0.01"),
        a_fill(SELL, "1", "100", fee="-0.02"),
        instrument=a_linear(),
    )

    assert booked[0].net == Decimal("0.03")


@pytest.mark.parametrize("side", PositionSide)
def test_closing_more_than_is_held_is_refused(side: PositionSide) -> None:
    book = after(a_fill(side.opening_side, "1", "100"), instrument=a_linear(), side=side)

    with pytest.raises(Conflict, match=r"closes 1\.1 of 1") as caught:
        apply_fill(book, a_fill(side.closing_side, "1.1", "100"))

    assert caught.value.code == "over_closed"


@pytest.mark.parametrize(
    "fill",
    [
        a_fill(BUY, "0", "100"),
        a_fill(BUY, "1", "0"),
        a_fill(BUY, "1", "100", fee="1", fee_asset="BTC"),
    ],
)
def test_fill_of_nothing_is_refused(fill: BookFill) -> None:
    with pytest.raises(Invalid):
        apply_fill(Book(an_instrument(), LONG), fill)


def test_empty_book_has_no_prices_and_no_result() -> None:
    book = Book(a_linear(), LONG)

    assert (book.entry_price, book.exit_price, book.sold_entry_price) == (None, None, None)
    assert book.net == unrealised(book, Decimal(100)) == 0


@pytest.mark.parametrize(("side", "gain"), [(LONG, "20"), (SHORT, "-20")])
def test_unrealised_follows_the_price_by_side(side: PositionSide, gain: str) -> None:
    book = after(a_fill(side.opening_side, "2", "100"), instrument=a_linear(), side=side)

    assert unrealised(book, Decimal(110)) == Decimal(gain)


quantities = st.integers(1, 10**9).map(lambda units: Decimal(units).scaleb(-8))
price_values = st.integers(1, 10**9).map(lambda units: Decimal(units).scaleb(-2))
fee_values = st.integers(-(10**5), 10**6).map(lambda units: Decimal(units).scaleb(-8))
lots = st.lists(st.tuples(st.booleans(), quantities, price_values, fee_values), max_size=20)


@given(lots=lots, side=st.sampled_from(PositionSide), price=price_values)
def test_realised_and_open_pnl_equal_the_cash_for_any_order_of_fills(
    lots: list[tuple[bool, Decimal, Decimal, Decimal]], side: PositionSide, price: Decimal
) -> None:
    book = Book(a_linear(), side)
    booked, cash, paid = Decimal(0), Decimal(0), Decimal(0)

    for is_entry, wanted, at, fee in lots:
        order = side.opening_side if is_entry else side.closing_side
        quantity = wanted if is_entry else min(wanted, book.quantity)
        if quantity == 0:
            continue
        fill = replace(a_fill(order, "1", "1"), quantity=quantity, price=at, fee=fee)
        book, realised = apply_fill(book, fill)
        booked += Decimal(0) if realised is None else realised.net
        cash += quantity * at * (1 if order is SELL else -1)
        paid += fee

        worth = book.quantity * price * side.sign
        assert booked + unrealised(book, price) - book.open_fees == cash + worth - paid
        assert booked == book.net


@given(
    lots=st.lists(st.tuples(quantities, price_values, fee_values), min_size=1, max_size=8),
    shuffled=st.randoms(use_true_random=False),
    price=price_values,
)
def test_closing_fills_in_any_order_book_the_same_sum(
    lots: list[tuple[Decimal, Decimal, Decimal]], shuffled: object, price: Decimal
) -> None:
    held = sum((quantity for quantity, _, _ in lots), Decimal(0))
    entry = replace(a_fill(BUY, "1", "1", fee="0.1"), quantity=held, price=price)
    exits = [
        replace(a_fill(SELL, "1", "1"), quantity=quantity, price=at, fee=fee)
        for quantity, at, fee in lots
    ]
    mixed = list(exits)
    shuffled.shuffle(mixed)  # type: ignore[attr-defined]  # hypothesis types it as object

    one = after(entry, *exits, instrument=a_linear())
    other = after(entry, *mixed, instrument=a_linear())

    assert one.is_flat
    assert one.net == other.net
    assert one.last_fill_at == NOON
