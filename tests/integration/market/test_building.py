"""Candles built from smaller ones and from trades: whole ones only, and a second time nothing."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.core.errors import Invalid
from app.db.session import Database
from app.market.building import service
from app.market.building.service import Built
from app.market.candles import repository
from app.market.candles import service as candles
from app.market.candles.aggregation import Incomplete
from app.market.candles.repository import CandleConflict
from app.market.candles.series import Series
from app.market.facts import Kept
from app.market.trades import service as tape
from app.trading.candle import Candle
from app.trading.market_trade import MarketTrade
from app.trading.timeframe import Timeframe
from tests.market_builders import LATER, MARKET, SERIES, START, a_candle, a_trade, minutes

FIVES = Series.of(MARKET, Timeframe.M5)


def minute(number: int) -> datetime:
    return START + timedelta(minutes=number)


async def keep(database: Database, some: Sequence[Candle], series: Series = SERIES) -> None:
    async with database.transaction() as session:
        await candles.keep(session, {series: some}, now=LATER)


async def keep_trades(database: Database, *some: MarketTrade) -> None:
    async with database.transaction() as session:
        await tape.keep(session, {MARKET: some}, now=LATER)


async def stored(database: Database, series: Series = FIVES) -> list[Candle]:
    return [one async for page in repository.stored(database, series) for one in page]


async def build(
    database: Database, source: Timeframe | None, since: int, until: int, **more: Any
) -> Built:
    return await service.build(
        database, FIVES, source, since=minute(since), until=minute(until), now=LATER, **more
    )


async def test_larger_candles_are_kept_where_they_are_whole(database: Database) -> None:
    await keep(database, minutes(23, without=(7,)))

    built = await service.build_larger(
        database, SERIES, Timeframe.M5, since=minute(2), until=minute(23), now=LATER
    )

    assert built.kept == Kept(2, 0)
    assert built.incomplete == [
        Incomplete(minute(0), minute(0), 2),
        Incomplete(minute(5), minute(7), 1),
        Incomplete(minute(20), minute(23), 2),
    ]
    kept = await stored(database)
    assert [one.open_time for one in kept] == [minute(10), minute(15)]
    assert [one.trades for one in kept] == [11 + 12 + 13 + 14 + 15, 16 + 17 + 18 + 19 + 20]


async def test_larger_candles_are_built_across_the_pages_of_smaller_ones(
    database: Database,
) -> None:
    count = repository.PAGE + 5
    await keep(database, minutes(count))

    built = await service.build_larger(
        database, SERIES, Timeframe.M15, since=START, until=minute(count), now=LATER
    )

    # 5005 minutes are 333 quarters of an hour and ten minutes.
    assert (built.kept, len(built.incomplete)) == (Kept(333, 0), 1)


async def test_candles_are_built_from_stored_trades(database: Database) -> None:
    trades = [a_trade(1, 10, "5"), a_trade(2, 70, "6"), a_trade(3, 400, "7")]
    await keep_trades(database, *trades)

    kept = await service.build_from_trades(
        database, FIVES, since=START, until=minute(10), now=LATER
    )

    assert kept == Kept(2, 0)
    shown: list[Any] = [(one.open, one.close, one.volume) for one in await stored(database)]
    assert shown == [(5, 6, 2), (7, 7, 1)]


async def test_what_is_built_again_is_there_already(database: Database) -> None:
    await keep(database, minutes(20))
    heard: list[datetime] = []

    async def hear(at: datetime) -> None:
        heard.append(at)

    first = await build(database, Timeframe.M1, 0, 20, report=hear)
    again = await build(database, Timeframe.M1, 0, 20)

    assert (first, again) == (Built(Kept(4, 0)), Built(Kept(0, 4)))
    assert heard == [minute(20)]


async def test_what_is_stored_otherwise_is_refused_and_shown_and_those_before_it_are_kept(
    database: Database,
) -> None:
    await keep(database, minutes(10))
    await keep(database, [a_candle(5, timeframe=Timeframe.M5)], FIVES)

    with pytest.raises(CandleConflict, match=r"00:05:00.000000Z: high 60007, sent 60011"):
        await build(database, Timeframe.M1, 0, 10)

    before, refused = await stored(database)
    assert before.open_time == START
    assert refused == a_candle(5, timeframe=Timeframe.M5)


async def test_candles_of_trades_are_made_between_the_first_and_the_last_that_is_stored(
    database: Database,
) -> None:
    # The first five minutes may have had trades before the first that is known, the last after it.
    await keep_trades(database, a_trade(1, 10), a_trade(2, 301), a_trade(3, 1000))

    assert await build(database, None, -60, 60) == Built(Kept(2, 0))

    assert [(one.open_time, one.trades) for one in await stored(database)] == [
        (minute(5), 1),
        (minute(10), 0),
    ]


@pytest.mark.parametrize("source", [Timeframe.M1, None])
async def test_where_nothing_is_stored_nothing_is_built(
    database: Database, source: Timeframe | None
) -> None:
    await keep(database, minutes(5))
    await keep_trades(database, a_trade(1, 10), a_trade(2, 200))

    with pytest.raises(Invalid) as refused:
        await build(database, source, 5, 10)

    assert refused.value.code == "nothing_stored"


@pytest.mark.parametrize(
    ("text", "code"),
    [("7m", "unknown_timeframe"), ("5m", "timeframe_unfit"), ("3m", "timeframe_unfit")],
)
def test_what_cannot_make_a_candle_is_no_source(text: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        service.source_named(text, Timeframe.M5)

    assert refused.value.code == code


def test_a_source_is_a_timeframe_or_the_trades() -> None:
    assert service.source_named("1m", Timeframe.M5) is Timeframe.M1
    assert service.source_named("Trades", Timeframe.M5) is None
