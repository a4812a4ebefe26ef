"""Candles and market trades are stored once, whoever sends them, and never changed."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.db.bulk import AT_ONCE, WORTH_COPYING
from app.db.session import Database, open_database
from app.market.candles import repository
from app.market.candles.repository import CandleConflict
from app.market.facts import Kept
from app.market.trades import repository as tape
from app.market.trades.repository import Place, TradeConflict
from app.trading.candle import Candle, PriceKind
from app.trading.timeframe import Timeframe
from tests.market_builders import MARKET, SERIES, a_candle, a_trade, minutes

# Longer than a writer needs who does not have to wait.
A_WHILE_SECONDS = 0.3


async def keep(database: Database, *candles: Candle) -> Kept:
    async with database.transaction() as session:
        return await repository.keep(session, SERIES, candles)


async def stored(database: Database) -> list[Candle]:
    return [one async for page in repository.stored(database, SERIES) for one in page]


async def test_candles_come_out_as_they_went_in_and_a_second_time_changes_nothing(
    database: Database,
) -> None:
    bare = Candle(**{name: getattr(a_candle(2), name) for name in Candle.__slots__[:7]})
    candles = [
        a_candle(0),
        a_candle(1, volume=Decimal("12345678901234567890.123456789012345678"), trades=2**40),
        bare,
    ]

    assert await keep(database, *reversed(candles)) == Kept(3, 0)
    assert await keep(database, *candles) == Kept(0, 3)

    assert await stored(database) == candles


async def test_more_candles_than_go_into_a_statement_are_kept(database: Database) -> None:
    candles = minutes(2 * AT_ONCE + 1)
    await keep(database, *candles[500:600])

    assert await keep(database, *candles) == Kept(2 * AT_ONCE - 99, 100)

    assert await stored(database) == candles


async def test_one_of_many_that_says_otherwise_is_shown_and_none_is_kept(
    database: Database,
) -> None:
    candles = minutes(AT_ONCE + 10)
    await keep(database, candles[-1])
    other = replace(candles[-1], close=candles[-1].high, volume=Decimal(9), trades=None)

    with pytest.raises(CandleConflict) as refused:
        await keep(database, *candles[:-1], other)

    assert refused.value.code == "candle_conflict"
    # The 2010th minute: 9:29 of the second day.
    assert refused.value.detail == (
        "paper linear BTC/USDT:USDT last 1m is stored with other values, and nothing of it was "
        "kept. 2026-01-06T09:29:00.000000Z: close 62009.5, sent 62011, volume 2.01, sent 9."
    )
    assert await stored(database) == candles[-1:]


async def test_what_was_not_told_contradicts_nothing(database: Database) -> None:
    bare = a_candle(
        quote_volume=None, trades=None, taker_buy_volume=None, taker_buy_quote_volume=None
    )
    await keep(database, bare)

    assert await keep(database, a_candle()) == Kept(0, 1)

    assert await stored(database) == [bare]


async def test_a_candle_that_comes_twice_at_once_is_one(database: Database) -> None:
    assert await keep(database, a_candle(), a_candle(1), a_candle()) == Kept(2, 1)

    with pytest.raises(CandleConflict, match="came twice with different values"):
        await keep(database, a_candle(2), a_candle(2, trades=99))

    assert await stored(database) == minutes(2)


@pytest.mark.parametrize("is_committed", [True, False])
@pytest.mark.parametrize("trades", [1, 99])
@pytest.mark.parametrize("count", [1, WORTH_COPYING])
async def test_of_two_writers_the_second_sees_what_the_first_has_stored(
    database: Database,
    database_url: str,
    is_committed: bool,  # noqa: FBT001 a column of the table
    trades: int,
    count: int,
) -> None:
    first, second = ([a_candle(trades=one), *minutes(count)[1:]] for one in (1, trades))
    another = open_database(database_url)
    racing: list[asyncio.Task[Kept]] = []

    async with asyncio.timeout(20):
        try:
            async with database.transaction() as session:
                await repository.keep(session, SERIES, first)
                racing.append(asyncio.create_task(keep(another, *second)))
                await asyncio.wait(racing, timeout=A_WHILE_SECONDS)
                assert not racing[0].done()
                if not is_committed:
                    raise InterruptedError
        except InterruptedError:
            pass
        [outcome] = await asyncio.gather(*racing, return_exceptions=True)
    await another.close()

    if not is_committed:
        assert outcome == Kept(count, 0)
    elif trades == 1:
        assert outcome == Kept(0, count)
    else:
        assert isinstance(outcome, CandleConflict)
    assert await stored(database) == (first if is_committed else second)


async def test_two_writers_of_the_same_candles_in_other_orders_do_not_wait_for_ever(
    database: Database, database_url: str
) -> None:
    candles = minutes(300)
    another = open_database(database_url)

    async with asyncio.timeout(20):
        kept = await asyncio.gather(keep(database, *candles), keep(another, *reversed(candles)))
    await another.close()

    assert sum(kept, Kept()) == Kept(300, 300)
    assert await stored(database) == candles


async def test_series_do_not_see_each_others_candles(database: Database) -> None:
    first = datetime(2026, 1, 1, tzinfo=UTC)
    minute, month = (
        a_candle(timeframe=one, open_time=first) for one in (Timeframe.M1, Timeframe.MONTH)
    )
    mark = a_candle(open_time=first, volume=Decimal(0), taker_buy_volume=None)
    by_series = {
        SERIES: minute,
        SERIES._replace(timeframe=Timeframe.MONTH): month,
        SERIES._replace(price=PriceKind.MARK): mark,
        SERIES._replace(symbol="ETH/USDT:USDT"): replace(minute, trades=7),
    }

    async with database.transaction() as session:
        for series, candle in by_series.items():
            assert await repository.keep(session, series, [candle]) == Kept(1, 0)

    async with database.read() as session:
        for series, candle in by_series.items():
            assert await repository.newest(session, series, limit=2) == [candle]


async def test_trades_are_kept_once_and_read_in_their_order(database: Database) -> None:
    trades = [a_trade(9, 1), a_trade(10, 1), a_trade(8, 2), a_trade(11, 2.000001)]

    async with database.transaction() as session:
        assert await tape.keep(session, MARKET, trades[::-1]) == Kept(4, 0)
    async with database.transaction() as session:
        assert await tape.keep(session, MARKET, trades) == Kept(0, 4)
    with pytest.raises(TradeConflict, match=r"10: price 100, sent 101") as refused:
        async with database.transaction() as session:
            await tape.keep(session, MARKET, [a_trade(12, 3), a_trade(10, 1, "101")])

    assert refused.value.code == "trade_conflict"
    assert [one async for page in tape.stored(database, MARKET) for one in page] == trades
    async with database.read() as session:
        assert await tape.newest(session, MARKET, limit=9) == trades[::-1]
        for number, trade in enumerate(trades):
            older = await tape.newest(session, MARKET, before=Place.of(trade), limit=9)
            assert older == trades[:number][::-1]


async def test_trades_are_read_page_by_page_without_losing_one(database: Database) -> None:
    # Of one moment, so that only the ids tell where a page ended.
    trades = [a_trade(number, 5) for number in range(tape.PAGE + 3)]
    async with database.transaction() as session:
        await tape.keep(session, MARKET, trades)

    pages = [page async for page in tape.stored(database, MARKET)]

    assert [len(page) for page in pages] == [tape.PAGE, 3]
    assert [one for page in pages for one in page] == trades
