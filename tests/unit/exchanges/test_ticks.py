from datetime import UTC, datetime, timedelta
from decimal import Decimal

from app.exchanges.ticks import Ticks

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STAMP = int(NOW.timestamp() * 1000)


def _second(count: float) -> datetime:
    return NOW + timedelta(seconds=count)


def test_quote_on_contracts_waits_for_book_last_and_mark() -> None:
    ticks = Ticks("BTC/USDT:USDT", is_marked=True)

    ticks.take("bids_asks", {"BTC/USDT:USDT": {"bid": "99", "ask": "101"}}, NOW)
    ticks.take("ticker", {"last": "100", "bid": None}, NOW)
    assert ticks.quote() is None
    ticks.take("mark_price", {"markPrice": "100.5"}, NOW)

    quote = ticks.quote()
    assert quote is not None
    assert [quote.bid, quote.ask, quote.last] == [Decimal(99), Decimal(101), Decimal(100)]
    assert quote.mark == Decimal("100.5")


def test_quote_on_spot_needs_no_mark() -> None:
    ticks = Ticks("BTC/USDT", is_marked=False)

    ticks.take("ticker", {"last": "100", "bid": "99", "ask": "101"}, NOW)

    quote = ticks.quote()
    assert quote is not None
    assert quote.mark is None


def test_quote_is_as_old_as_its_fair_price() -> None:
    ticks = Ticks("BTC/USDT:USDT", is_marked=True)
    ticks.take("ticker", {"last": "100", "bid": "99", "ask": "101"}, NOW)
    ticks.take("mark_price", {"markPrice": "100"}, NOW)

    ticks.take("bids_asks", {"bid": "98", "ask": "99"}, _second(5))

    quote = ticks.quote()
    assert quote is not None
    assert (quote.bid, quote.at) == (Decimal(98), NOW)


def test_quote_when_the_stream_lags_then_it_is_old_although_just_received() -> None:
    ticks = Ticks("BTC/USDT", is_marked=False)
    ticker = {"last": "100", "bid": "99", "ask": "101", "timestamp": STAMP}
    # The clocks differ by two seconds: that is no delay.
    ticks.take("ticker", ticker, _second(2))
    first = ticks.quote()

    ticks.take("ticker", {**ticker, "timestamp": STAMP + 1000}, _second(8))

    late = ticks.quote()
    assert first is not None
    assert late is not None
    assert first.at == _second(2)
    assert late.at == _second(3)


def test_take_ignores_a_price_of_nothing() -> None:
    ticks = Ticks("BTC/USDT", is_marked=False)

    ticks.take("ticker", {"last": "0", "bid": "99", "ask": "101"}, NOW)

    assert ticks.quote() is None
