"""Larger candles from smaller ones, and candles from trades, worked out by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Invalid
from app.market.candles.aggregation import FromTrades, Incomplete, Larger
from app.trading.candle import Candle
from app.trading.market_trade import MarketTrade
from app.trading.timeframe import Timeframe
from app.trading.words import Side
from tests.market_builders import START, a_candle, a_trade, minutes


def larger(candles: list[Candle], timeframe: Timeframe) -> list[Candle | Incomplete]:
    joining = Larger(timeframe)
    return [*joining.join(candles), *joining.end()]


def from_trades(
    trades: list[MarketTrade], timeframe: Timeframe, *, minutes: float, since: datetime = START
) -> list[Candle]:
    joining = FromTrades(timeframe, since, START + timedelta(minutes=minutes))
    return [*joining.join(trades), *joining.end()]


def test_five_minutes_are_one_candle() -> None:
    assert larger(minutes(5), Timeframe.M5) == [
        Candle(
            timeframe=Timeframe.M5,
            open_time=START,
            open=Decimal(60_000),
            high=Decimal(60_006),
            low=Decimal(59_999),
            close=Decimal("60004.5"),
            volume=Decimal("0.015"),  # 0.001 x (1 + 2 + 3 + 4 + 5)
            quote_volume=Decimal(900),  # 60 x 15
            trades=15,
            taker_buy_volume=Decimal("0.0025"),
            taker_buy_quote_volume=Decimal(150),
        )
    ]


@pytest.mark.parametrize(
    ("without", "first", "missing"), [((0,), 0, 1), ((7, 9), 7, 2), ((13, 14), 13, 2)]
)
def test_a_candle_whose_part_is_missing_is_incomplete(
    without: tuple[int, ...], first: int, missing: int
) -> None:
    found = larger(minutes(30, without=without), Timeframe.M15)

    assert found[0] == Incomplete(START, START + timedelta(minutes=first), missing)
    assert [one.open_time for one in found[1:]] == [START + timedelta(minutes=15)]


def test_a_candle_that_is_not_over_is_incomplete() -> None:
    whole, last = larger(minutes(7), Timeframe.M5)

    assert isinstance(whole, Candle)
    assert last == Incomplete(START + timedelta(minutes=5), START + timedelta(minutes=7), 3)


def test_a_time_without_any_candle_is_passed_over() -> None:
    found = larger([*minutes(5), a_candle(60)], Timeframe.M5)

    assert [one.open_time for one in found] == [START, START + timedelta(hours=1)]


def test_a_candle_opens_with_its_first_trade_and_not_with_the_price_before_it() -> None:
    first, last = (
        a_candle(
            number,
            volume=Decimal(0),
            taker_buy_volume=None,
            **dict.fromkeys(("open", "high", "low", "close"), Decimal(price)),
        )
        for number, price in ((0, "90000"), (4, "60003.5"))
    )

    (whole,) = larger([first, *minutes(4, without=(0,)), last], Timeframe.M5)

    assert isinstance(whole, Candle)
    prices = [whole.open, whole.high, whole.low, whole.close]
    assert prices == [60_001, 60_005, 60_000, Decimal("60003.5")]


def test_prices_count_where_nothing_is_ever_traded_as_at_a_mark_price() -> None:
    marks = [replace(one, volume=Decimal(0), taker_buy_volume=None) for one in minutes(5)]

    (whole,) = larger(marks, Timeframe.M5)

    assert isinstance(whole, Candle)
    assert [whole.open, whole.high, whole.volume] == [60_000, 60_006, 0]


def test_what_one_part_does_not_tell_is_not_told_of_the_whole() -> None:
    first, *others = minutes(5)

    (whole,) = larger([replace(first, trades=None, quote_volume=None), *others], Timeframe.M5)

    assert isinstance(whole, Candle)
    assert (whole.trades, whole.quote_volume, whole.taker_buy_volume) == (
        None,
        None,
        Decimal("0.0025"),
    )


def test_a_month_is_made_of_its_days() -> None:
    days = [
        a_candle(timeframe=Timeframe.D1, open_time=datetime(2026, 2, day, tzinfo=UTC))
        for day in range(1, 29)
    ]

    (month,) = larger(days, Timeframe.MONTH)

    assert isinstance(month, Candle)
    assert (month.open_time.day, month.trades) == (1, 28)


def test_candles_that_do_not_fill_a_larger_one_are_refused() -> None:
    with pytest.raises(Invalid) as refused:
        larger([a_candle(timeframe=Timeframe.M3)], Timeframe.M5)

    assert refused.value.code == "timeframe_unfit"


def test_trades_are_the_candle_of_their_time() -> None:
    trades = [
        a_trade(9, 1, "100", quantity=Decimal(2)),
        a_trade(10, 1, "103", side=Side.SELL),
        a_trade(11, 30, "99.5"),
        a_trade(12, 59.999999, "101"),
        a_trade(13, 60, "50"),
    ]

    assert from_trades(trades, Timeframe.M1, minutes=1.5) == [
        Candle(
            timeframe=Timeframe.M1,
            open_time=START,
            open=Decimal(100),
            high=Decimal(103),
            low=Decimal("99.5"),
            close=Decimal(101),
            volume=Decimal(5),
            quote_volume=Decimal("503.5"),  # 200 + 103 + 99.5 + 101
            trades=4,
            taker_buy_volume=Decimal(4),
            taker_buy_quote_volume=Decimal("400.5"),
        )
    ]


def test_a_minute_without_a_trade_keeps_the_price_before_it() -> None:
    found = from_trades([a_trade(1, 60, "7"), a_trade(2, 200, "8")], Timeframe.M1, minutes=5)

    shown: list[Any] = [
        (one.open_time.minute, one.open, one.close, one.volume, one.trades) for one in found
    ]
    assert shown == [(1, 7, 7, 1, 1), (2, 7, 7, 0, 0), (3, 8, 8, 1, 1), (4, 8, 8, 0, 0)]


def test_a_candle_whose_beginning_or_end_is_not_known_is_left_out() -> None:
    trades = [a_trade(1, 40, "7"), a_trade(2, 130, "8"), a_trade(3, 190, "9")]

    found = from_trades(trades, Timeframe.M1, minutes=3.5, since=START + timedelta(seconds=30))

    shown: list[Any] = [(one.open_time.minute, one.close, one.volume) for one in found]
    assert shown == [(1, 7, 0), (2, 8, 1)]


def test_a_product_with_more_places_than_are_kept_is_rounded_once() -> None:
    # Each is 0.0333 of the 18th place, and would vanish; 5000 of them are 166.5 of it.
    trades = [
        a_trade(number, 1, "0.0000000001", quantity=Decimal("0.000000000333"))
        for number in range(5000)
    ]

    (candle,) = from_trades(trades, Timeframe.M1, minutes=1)

    assert candle.quote_volume == Decimal("0.000000000000000166")


@given(st.lists(st.tuples(st.integers(0, 899), st.integers(1, 500)), min_size=1, max_size=60))
def test_candles_of_trades_are_the_same_by_way_of_minutes(drawn: list[tuple[int, int]]) -> None:
    trades = [
        a_trade(number, seconds, str(price))
        for number, (seconds, price) in enumerate(sorted(drawn))
    ]
    # From the first minute that has a price: what came before it no minute can tell.
    first = START + timedelta(minutes=trades[0].executed_at.minute)

    by_minutes = larger(from_trades(trades, Timeframe.M1, minutes=15, since=first), Timeframe.M5)
    whole = [one for one in by_minutes if isinstance(one, Candle)]

    assert whole == from_trades(trades, Timeframe.M5, minutes=15, since=first)
