"""Captured series: asked for once after each close, mended after a silence, and waited for."""

import asyncio
from datetime import timedelta

import pytest

from app.core.errors import Invalid, NotFound, RateLimited, TooMany
from app.db.session import Database
from app.market.candles import service as candles
from app.market.capture import service
from app.market.capture.keeper import LONGEST_PAUSE
from app.market.capture.service import MOST_CANDLES, MOST_CAPTURES
from tests.fakes.clock import NOON
from tests.integration.market.watch import MINUTE, SERIES, Watch, a_minute

REFUSED = RateLimited("too many requests")
PATIENCE_SECONDS = 20


@pytest.fixture
def watch(database: Database) -> Watch:
    return Watch(database)


async def test_each_candle_is_asked_for_once_a_moment_after_its_close(watch: Watch) -> None:
    trader = await watch.trader()
    await watch.begin(trader)

    asked = [
        await watch.passes(minutes, seconds=seconds)
        for minutes, seconds in ((0, 30), (1, 0.9), (1, 1), (1, 2), (1, 59), (2, 1), (2, 1))
    ]

    assert asked == [0, 0, 1, 0, 0, 1, 0]
    assert await watch.minutes() == [0, 1]
    capture = await watch.capture(trader)
    assert (capture.since, capture.kept_to) == (NOON, NOON + 2 * MINUTE)
    assert (capture.reason, capture.failing_since) == (None, None)


async def test_however_many_want_a_series_its_venue_is_asked_once(watch: Watch) -> None:
    first, second = await watch.trader(), await watch.trader()
    await watch.begin(first)
    await watch.begin(second)

    assert await watch.passes(1) == 1

    for trader in (first, second):
        assert (await watch.capture(trader)).kept_to == NOON + MINUTE


async def test_who_wants_it_from_earlier_gets_what_is_missing_and_the_others_go_on(
    watch: Watch,
) -> None:
    first, second = await watch.trader(), await watch.trader()
    await watch.begin(first)
    await watch.passes(1)
    await watch.begin(second, NOON - 30 * MINUTE)
    await watch.look()

    assert await watch.minutes() == list(range(-30, 1))
    assert (await watch.capture(first)).since == NOON
    assert (await watch.capture(second)).kept_to == NOON + MINUTE

    await watch.begin(first, NOON - 40 * MINUTE - timedelta(seconds=20))
    await watch.look()
    assert (await watch.minutes())[0] == -40
    assert await watch.passes(2) == 1


async def test_what_was_missed_while_nothing_ran_is_fetched_by_the_next_look(watch: Watch) -> None:
    trader = await watch.trader()
    await watch.begin(trader)
    await watch.passes(1)
    watch.restart()

    # 24 candles are three answers of this venue.
    assert await watch.passes(25) == 3
    watch.restart()
    before = await watch.capture(trader)

    assert await watch.passes(25, seconds=40) == 0
    assert await watch.minutes() == list(range(25))
    after = await watch.capture(trader)
    assert before.kept_to == after.kept_to == NOON + 25 * MINUTE


async def test_a_venue_that_refuses_is_shown_rested_from_and_mended_after(watch: Watch) -> None:
    trader = await watch.trader()
    await watch.begin(trader)
    watch.venue.failure = REFUSED
    await watch.passes(1)
    failing = await watch.capture(trader)

    asked = []
    for _ in range(20):
        watch.clock.advance(1)
        asked.append(await watch.look())
    # The pauses are 1, 2, 4 and 8 seconds.
    assert [second for second, one in enumerate(asked, 1) if one] == [1, 3, 7, 15]
    assert failing.reason == "exchange_rate_limited: too many requests"
    assert failing.failing_since == NOON + MINUTE + timedelta(seconds=1)
    assert (await watch.capture(trader)).failing_since == failing.failing_since

    watch.clock.advance(LONGEST_PAUSE.total_seconds())
    await watch.look()
    watch.venue.failure = None
    await watch.passes(15)
    capture = await watch.capture(trader)
    assert (capture.reason, capture.failing_since) == (None, None)
    assert await watch.minutes() == list(range(15))


async def test_a_candle_that_is_not_there_yet_is_soon_looked_for_again(watch: Watch) -> None:
    trader = await watch.trader()
    await watch.begin(trader)

    assert await watch.passes(1, without=(0, 1)) == 1
    assert (await watch.capture(trader)).kept_to is None
    assert await watch.passes(1, seconds=1.5) == 0
    assert await watch.passes(1, seconds=2) == 1

    assert await watch.minutes() == [0]
    assert (await watch.capture(trader)).reason is None


async def test_a_candle_that_nothing_follows_counts_as_over_some_seconds_later(
    watch: Watch,
) -> None:
    await watch.begin(await watch.trader())

    found = []
    for second in (1, 2, 4, 5.5, 8):
        await watch.passes(1, seconds=second, without=(1,))
        found.append(len(await watch.minutes()))

    assert found == [0, 0, 0, 0, 1]


async def test_a_candle_that_the_exchange_has_left_out_holds_nothing_up(watch: Watch) -> None:
    trader = await watch.trader()
    await watch.begin(trader)

    await watch.passes(3, without=(1,))

    assert await watch.minutes() == [0, 2]
    assert (await watch.capture(trader)).kept_to == NOON + 3 * MINUTE


async def test_what_nobody_wants_any_more_is_not_asked_for(watch: Watch) -> None:
    trader = await watch.trader()
    await watch.begin(trader)
    async with watch.database.transaction() as session:
        await service.end(session, trader, SERIES, now=watch.clock.now())

    assert await watch.passes(1) == 0

    with pytest.raises(NotFound):
        async with watch.database.transaction() as session:
            await service.end(session, trader, SERIES, now=watch.clock.now())


async def test_to_wait_for_a_candle_is_to_want_it(watch: Watch) -> None:
    waiting = [
        asyncio.create_task(watch.closings.candle(SERIES, NOON + number * MINUTE))
        for number in (1, 2)
    ]
    await asyncio.sleep(0.05)

    assert [await watch.passes(minutes) for minutes in (1, 2, 3)] == [0, 1, 1]

    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await asyncio.gather(*waiting) == [a_minute(1), a_minute(2)]
    assert await watch.passes(4) == 0


async def test_who_waits_for_what_the_exchange_leaves_out_is_told_so(watch: Watch) -> None:
    waiting = asyncio.create_task(watch.closings.candle(SERIES, NOON))
    await asyncio.sleep(0.05)

    await watch.passes(2, without=(0,))

    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await waiting is None


async def test_what_somebody_else_stores_is_found_by_who_waits(watch: Watch) -> None:
    watch.closings._look_again_seconds = 0.05
    waiting = asyncio.create_task(watch.closings.candle(SERIES, NOON))
    async with watch.database.transaction() as session:
        await candles.keep(session, {SERIES: [a_minute(0)]}, now=NOON + MINUTE)

    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await waiting == a_minute(0)
    assert watch.closings.wanted() == {}


async def test_nobody_keeps_more_than_so_many(watch: Watch) -> None:
    trader = await watch.trader()
    async with watch.database.transaction() as session:
        for number in range(MOST_CAPTURES):
            series = SERIES._replace(symbol=f"COIN{number}/USDT")
            await service.begin(session, trader, series, since=None, now=NOON)

    with pytest.raises(TooMany) as refused:
        await watch.begin(trader)

    assert refused.value.code == "too_many_captures"


async def test_a_capture_that_begins_too_early_or_later_is_refused(watch: Watch) -> None:
    trader = await watch.trader()

    for since, code in (
        (NOON + MINUTE, "future_range"),
        (NOON - (MOST_CANDLES + 1) * MINUTE, "too_many_candles"),
    ):
        with pytest.raises(Invalid) as refused:
            await watch.begin(trader, since)
        assert refused.value.code == code
