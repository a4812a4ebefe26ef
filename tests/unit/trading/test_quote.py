from datetime import timedelta
from decimal import Decimal

from app.trading.quote import Quote
from app.trading.words import Side
from tests.unit.positions.builders import NOON, a_quote

QUOTE = Quote("BTC/USDT", Decimal(99), Decimal(101), Decimal(100), mark=None, at=NOON)


def test_market_order_pays_the_ask_and_gets_the_bid() -> None:
    assert QUOTE.executable(Side.BUY) == Decimal(101)
    assert QUOTE.executable(Side.SELL) == Decimal(99)


def test_fair_price_is_the_mark_where_there_is_one() -> None:
    assert QUOTE.fair == Decimal(100)
    assert a_quote(last=Decimal(100), mark=Decimal(98)).fair == Decimal(98)


def test_age_is_counted_from_the_moment_the_prices_held() -> None:
    assert QUOTE.age(NOON + timedelta(seconds=3)) == timedelta(seconds=3)
