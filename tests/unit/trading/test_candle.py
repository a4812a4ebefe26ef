from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from app.core.errors import Invalid
from app.trading.candle import Candle
from app.trading.market_trade import MarketTrade
from app.trading.timeframe import Timeframe
from app.trading.words import Side

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
WHOLE = Candle(
    timeframe=Timeframe.M5,
    open_time=NOON,
    open=Decimal("1.5"),
    high=Decimal(2),
    low=Decimal(1),
    close=Decimal("1.25"),
    volume=Decimal(100),
    quote_volume=Decimal(150),
    trades=7,
    taker_buy_volume=Decimal(40),
    taker_buy_quote_volume=Decimal(60),
)
TRADE = MarketTrade("13519807", NOON, Side.SELL, Decimal("0.00141342"), Decimal(23))


def test_a_candle_is_closed_when_the_next_one_opens() -> None:
    end = NOON + timedelta(minutes=5)

    assert WHOLE.close_time == end
    assert WHOLE.is_closed(end)
    assert not WHOLE.is_closed(end - timedelta(microseconds=1))


def test_a_candle_in_which_nothing_was_traded_is_one() -> None:
    flat = Decimal(1)

    quiet = Candle(Timeframe.M1, NOON, flat, flat, flat, flat, volume=Decimal(0), trades=0)

    assert quiet.volume == 0


def test_the_last_candle_that_a_clock_can_name_is_not_closed() -> None:
    last = replace(WHOLE, timeframe=Timeframe.MONTH, open_time=datetime(9999, 12, 1, tzinfo=UTC))

    assert not last.is_closed(NOON)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"high": Decimal("0.5")}, "its low 1 is above its high 0.5"),
        ({"open": Decimal("2.1")}, "its open 2.1 is not between 1 and 2"),
        ({"close": Decimal("0.9")}, "its close 0.9 is not between 1 and 2"),
        ({"low": Decimal(0)}, "a price of 0"),
        ({"low": Decimal(-1)}, "a price of -1"),
        ({"volume": Decimal(-1)}, "a volume of -1"),
        ({"quote_volume": Decimal(-1)}, "a volume of -1"),
        ({"taker_buy_volume": Decimal(101)}, "takers bought 101 of 100"),
        ({"taker_buy_volume": Decimal(-1)}, "a volume of -1"),
        ({"taker_buy_quote_volume": Decimal(151)}, "takers bought 151 of 150"),
        ({"trades": -1}, "-1 trades"),
        ({"trades": 2**63}, "9223372036854775808 trades"),
        ({"close": Decimal("NaN")}, "NaN is no number that can be kept"),
        ({"high": Decimal("Infinity")}, "Infinity is no number that can be kept"),
        ({"volume": Decimal("1e20")}, "is no number that can be kept"),
        ({"close": Decimal("1.0000000000000000001")}, "is no number that can be kept"),
        ({"open_time": NOON + timedelta(minutes=1)}, "no 5m candle opens then"),
        ({"open_time": NOON.replace(tzinfo=None)}, "no 5m candle opens then"),
        ({"open_time": NOON.astimezone(timezone(timedelta(hours=1)))}, "its time is not UTC"),
    ],
)
def test_what_no_candle_can_be_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=words) as refused:
        replace(WHOLE, **changes)

    assert refused.value.code == "bad_candle"


@pytest.mark.parametrize(
    "change",
    [
        lambda: replace(TRADE, price=Decimal(0)),
        lambda: replace(TRADE, quantity=Decimal(-1)),
        lambda: replace(TRADE, quantity=Decimal("1e20")),
        lambda: replace(TRADE, executed_at=NOON.replace(tzinfo=None)),
        lambda: replace(TRADE, exchange_trade_id=""),
        lambda: replace(TRADE, exchange_trade_id="a\x00"),
        lambda: replace(TRADE, exchange_trade_id="1" * 65),
    ],
)
def test_what_no_trade_can_be_is_refused(change: Callable[[], MarketTrade]) -> None:
    with pytest.raises(Invalid) as refused:
        change()

    assert refused.value.code == "bad_trade"


def test_trades_of_one_moment_are_in_the_order_of_their_numbers() -> None:
    later = replace(TRADE, exchange_trade_id="1", executed_at=NOON + timedelta(milliseconds=1))
    tenth = replace(TRADE, exchange_trade_id="10")
    ninth = replace(TRADE, exchange_trade_id="9")

    assert sorted([later, tenth, ninth], key=lambda one: one.order) == [ninth, tenth, later]
