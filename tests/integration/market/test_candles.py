"""Keeping candles in parts, and finding what is missing."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

import pytest

from app.core.errors import Invalid
from app.db.session import Database
from app.market.candles import repository, service
from app.market.candles.gaps import MissingCandles
from app.market.candles.repository import CandleConflict
from app.market.candles.series import Series
from app.market.candles.service import PART
from app.market.facts import Kept
from app.market.trades import service as tape
from app.trading.candle import Candle
from tests.market_builders import LATER, MARKET, SERIES, START, a_candle, a_trade, minutes


def minute(number: int) -> datetime:
    return START + timedelta(minutes=number)


async def keep(database: Database, candles: Sequence[Candle], *, now: datetime = LATER) -> Kept:
    async with database.transaction() as session:
        return (await service.keep(session, {SERIES: candles}, now=now))[SERIES]


async def stored(database: Database, series: Series = SERIES) -> list[Candle]:
    return [one async for page in repository.stored(database, series) for one in page]


async def keep_all(database: Database, *some: Sequence[Candle]) -> Kept:
    async def parts() -> AsyncIterator[Sequence[Candle]]:
        for part in some:
            yield part

    keeping = service.keep_in_parts(database, SERIES, parts(), now=LATER)
    return sum([kept async for kept in keeping], Kept())


async def test_a_candle_that_is_not_closed_is_refused_with_all_that_came_with_it(
    database: Database,
) -> None:
    with pytest.raises(Invalid) as refused:
        await keep(database, minutes(3), now=minute(3) - timedelta(microseconds=1))

    assert refused.value.code == "candle_not_closed"
    assert await stored(database) == []
    assert await keep(database, minutes(3), now=minute(3)) == Kept(3, 0)


async def test_a_long_series_is_kept_in_parts_and_goes_on_where_it_was_refused(
    database: Database,
) -> None:
    candles = minutes(PART + 20)
    wrong = a_candle(PART + 10, trades=99)

    with pytest.raises(CandleConflict):
        await keep_all(database, candles[:10], [*candles[10:], wrong])

    assert await stored(database) == candles[: PART + 10]
    assert await keep_all(database, candles) == Kept(10, PART + 10)


async def gaps(
    database: Database, since: int, until: int, *, now: datetime = LATER, listed: int | None = None
) -> list[MissingCandles]:
    return await service.gaps(
        database,
        SERIES,
        since=minute(since),
        until=minute(until),
        now=now,
        listed_at=None if listed is None else minute(listed),
    )


async def test_gaps_are_found_after_the_first_candle_and_before_what_is_not_closed(
    database: Database,
) -> None:
    await keep(database, minutes(20, without=(0, 1, 7, 8, 12)))

    found = await gaps(database, -100, 40, now=minute(22) + timedelta(seconds=59))

    assert [((one.since - START).seconds // 60, one.count) for one in found] == [
        (7, 2),
        (12, 1),
        (20, 2),
    ]


async def test_what_is_missing_before_the_first_stored_candle_is_a_gap_where_the_market_is_older(
    database: Database,
) -> None:
    await keep(database, minutes(6, without=(0, 1, 2)))

    assert await gaps(database, 0, 6, listed=1) == [MissingCandles(minute(1), minute(3), 2)]
    assert await gaps(database, 4, 6) == []
    assert await gaps(database, -9, 0) == []


async def test_a_series_without_a_candle_is_one_gap_once_it_is_known_to_be_listed(
    database: Database,
) -> None:
    assert await gaps(database, 0, 6) == []
    assert await gaps(database, 0, 6, listed=-5) == [MissingCandles(minute(0), minute(6), 6)]


async def test_a_trade_that_is_yet_to_come_is_refused(database: Database) -> None:
    with pytest.raises(Invalid) as refused:
        async with database.transaction() as session:
            await tape.keep(session, {MARKET: [a_trade(1, 61)]}, now=minute(1))

    assert refused.value.code == "trade_in_future"
