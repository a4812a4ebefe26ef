"""Whose the difference between books and venue is, and who bears it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.exchanges.venue import FillReport
from app.pipeline.positions.book import Book, apply_fill
from app.pipeline.positions.outside import (
    Move,
    Taken,
    compare,
    funding_shares,
    held_at,
    is_explained,
    latest,
    lost_shares,
    move_out,
    share_out,
    whole_id,
)
from app.trading.words import MarketType, PositionSide, Side
from tests.unit.positions.builders import NOON, a_fill, a_linear, an_instrument

LOT = Decimal("0.001")
LOTS = st.integers(min_value=1, max_value=500).map(lambda lots: lots * LOT)


def d(text: str) -> Decimal:
    return Decimal(text)


def an_execution(
    quantity: str, *, minute: int = 0, trade_id: str = "7", fee: str = "0.9", **changes: object
) -> Taken:
    report = FillReport(
        exchange_trade_id=trade_id,
        exchange_order_id="70",
        symbol="BTC/USDT:USDT",
        side=Side.SELL,
        price=d("60000"),
        quantity=d(quantity),
        fee=d(fee),
        fee_asset="USDT",
        executed_at=NOON + timedelta(minutes=minute),
    )
    values = {"left": report.quantity, "fee_left": report.fee, **changes}
    return Taken(report, **values)  # type: ignore[arg-type]  # a builder takes any field


@pytest.mark.parametrize(
    ("net", "books", "external", "missing"),
    [
        ("0.3", ("0.1", "0.2"), "0", "0"),
        ("0.5", ("0.1", "0.2"), "0.2", "0"),
        ("-0.5", ("-0.3",), "-0.2", "0"),
        ("0.25", ("0.1", "0.2"), "0", "0.05"),
        ("0", ("0.3",), "0", "0.3"),
        ("0.7", (), "0.7", "0"),
    ],
)
def test_compare_tells_what_is_beyond_the_books_and_what_is_missing(
    net: str, books: tuple[str, ...], external: str, missing: str
) -> None:
    found = compare(d(net), map(d, books))

    assert (found.external, found.missing) == (d(external), d(missing))
    assert not found.is_opposite


def test_compare_when_the_net_points_the_other_way_then_all_of_the_books_is_missing() -> None:
    found = compare(d("-0.2"), [d("0.1")])

    assert found.is_opposite
    assert (found.external, found.missing) == (d("-0.2"), d("0.1"))


def test_compare_when_dust_lies_there_then_it_is_not_the_traders_own() -> None:
    assert compare(d("1.5"), [d("1")], dust=d("0.0001")).external == d("0.4999")


@given(st.lists(LOTS, max_size=4), st.integers(min_value=-900, max_value=900))
def test_compare_always_adds_up_to_the_net(books: list[Decimal], lots: int) -> None:
    net = lots * LOT

    found = compare(net, books)

    assert found.ours - found.missing + found.external == net


def test_latest_takes_the_youngest_executions_and_no_more_than_is_missing() -> None:
    old, young = an_execution("0.2", minute=1), an_execution("0.3", minute=2, trade_id="8")

    found = latest([young, old], d("0.4"))

    assert [(one.report.exchange_trade_id, one.left) for one in found] == [
        ("7", d("0.1")),
        ("8", d("0.3")),
    ]


def test_latest_when_a_part_is_borne_already_then_counts_the_rest() -> None:
    half = an_execution("0.4", left=d("0.1"), shares=1)

    assert sum(one.left for one in latest([half], d("0.4"))) == d("0.1")


def test_lost_shares_are_by_what_is_held_on_the_lot() -> None:
    # 0.3 of 0.4 held: three quarters of each.
    shares = lost_shares(d("0.3"), [d("0.1"), d("0.3")], step=LOT)

    assert shares == [d("0.075"), d("0.225")]


@given(st.lists(LOTS, min_size=1, max_size=6), st.data())
def test_lost_shares_add_up_and_never_exceed_what_a_book_holds(
    held: list[Decimal], data: st.DataObject
) -> None:
    most = int(sum(held) / LOT)
    missing = data.draw(st.integers(min_value=1, max_value=most)) * LOT

    shares = lost_shares(missing, held, step=LOT)

    assert sum(shares) == missing
    assert all(0 <= share <= one for share, one in zip(shares, held, strict=True))


def test_share_out_when_books_share_an_execution_then_ids_and_fees_stay_whole() -> None:
    parts = share_out([an_execution("0.3")], [d("0.1"), d("0.2")])

    assert [[(one.exchange_trade_id, one.quantity, one.fee) for one in part] for part in parts] == [
        [("7", d("0.1"), d("0.3"))],
        [("7/2", d("0.2"), d("0.6"))],
    ]
    assert {whole_id(one.exchange_trade_id) for part in parts for one in part} == {"7"}


def test_share_out_when_some_of_it_is_not_ours_then_its_fee_is_not_either() -> None:
    one = latest([an_execution("0.3")], d("0.1"))

    [[piece]] = share_out(one, [d("0.1")])

    assert (piece.quantity, piece.fee) == (d("0.1"), d("0.3"))


def test_share_out_when_a_later_share_follows_then_it_has_an_id_of_its_own() -> None:
    rest = an_execution("0.3", left=d("0.2"), fee_left=d("0.6"), shares=1)

    [[piece]] = share_out([rest], [d("0.2")])

    assert (piece.exchange_trade_id, piece.fee) == ("7/2", d("0.6"))


def test_move_out_when_coins_left_without_a_sale_then_neither_gains_nor_loses() -> None:
    instrument = an_instrument()
    book, _ = apply_fill(
        Book(instrument, PositionSide.LONG), a_fill(Side.BUY, "2", "100", fee="0.4")
    )

    left, booked = move_out(book, d("0.5"), at=NOON)

    assert (left.quantity, left.cost, left.dust_quantity) == (d("1.5"), d("150"), d("0.5"))
    assert left.entry_price == book.entry_price
    # A quarter of the entry fee was paid for what is gone.
    assert (booked.gross, booked.fees, booked.net) == (d("0"), d("0.1"), d("-0.1"))
    assert left.net == d("-0.1")


def test_move_out_when_all_is_gone_then_nothing_is_left_over() -> None:
    book, _ = apply_fill(
        Book(an_instrument(), PositionSide.LONG), a_fill(Side.BUY, "3", "7", fee="0.1")
    )

    left, booked = move_out(book, d("3"), at=NOON)

    assert left.is_flat
    assert (left.cost, left.open_fees, booked.fees) == (d("0"), d("0"), d("0.1"))


def test_held_at_counts_what_had_happened_by_then() -> None:
    moves = [Move(d("1"), NOON), Move(d("-0.4"), NOON + timedelta(minutes=5))]

    assert held_at(moves, NOON + timedelta(minutes=4)) == d("1")
    assert held_at(moves, NOON + timedelta(minutes=5)) == d("0.6")


def test_funding_shares_leave_external_its_own() -> None:
    # 3 of 4 are ours: 1 and 2.
    assert funding_shares(d("-0.4"), [d("1"), d("2")], d("1")) == [d("-0.1"), d("-0.2")]


def test_funding_shares_when_nothing_was_held_then_nobody_bears_any() -> None:
    assert funding_shares(d("-0.4"), [d("0")], d("0")) == [d("0")]


@pytest.mark.parametrize(
    ("extra", "is_it"), [("0", True), ("-0.1", True), ("0.2", True), ("0.3", False)]
)
def test_is_explained_by_the_latest_of_what_other_hands_did(extra: str, *, is_it: bool) -> None:
    others = [
        Move(d("-0.1"), NOON + timedelta(minutes=2)),
        Move(d("0.3"), NOON + timedelta(minutes=1)),
    ]

    assert is_explained(d(extra), others) is is_it


def test_a_taken_coin_fee_moves_the_net_too() -> None:
    spot = an_instrument()
    bought = an_execution("0.3", fee="0.001")
    report = bought.report
    with_coin_fee = Taken(
        FillReport(
            exchange_trade_id=report.exchange_trade_id,
            exchange_order_id=report.exchange_order_id,
            symbol="BTC/USDT",
            side=Side.BUY,
            price=report.price,
            quantity=report.quantity,
            fee=report.fee,
            fee_asset="BTC",
            executed_at=report.executed_at,
        ),
        left=report.quantity,
        fee_left=report.fee,
    )

    assert spot.market_type is MarketType.SPOT
    assert with_coin_fee.move(spot).quantity == d("0.299")
    assert bought.move(a_linear()).quantity == d("-0.3")
