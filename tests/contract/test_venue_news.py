"""The private stream of a venue: hints that something changed, over connections that break."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

import pytest

from app.exchanges.venue import News, NewsKind
from app.trading.words import Side
from tests.contract.stages import Stage

CONNECTED = News(NewsKind.CONNECTED)


async def _hear(news: AsyncIterator[News], *wanted: News) -> None:
    """Read until everything that is wanted was told, in any order."""
    missing = set(wanted)
    async with asyncio.timeout(8):
        while missing:
            missing.discard(replace(await anext(news), exchange_order_id=None))


def _order(stage: Stage, client_order_id: str) -> News:
    return News(NewsKind.ORDER, stage.symbol, client_order_id)


@pytest.fixture
async def news(stage: Stage) -> AsyncIterator[AsyncIterator[News]]:
    assert stage.venue.abilities.streams_news
    async with aclosing(stage.venue.news()) as told:
        await _hear(told, CONNECTED)
        yield told


async def test_a_fill_of_a_resting_order_is_told(stage: Stage, news: AsyncIterator[News]) -> None:
    limit = stage.limit(59000)
    await stage.venue.place(limit)

    await stage.set_price(limit.limit_price - 100 if limit.limit_price else limit.quantity)

    await _hear(news, _order(stage, limit.client_order_id))


async def test_an_order_is_told_with_the_number_that_its_executions_carry(
    stage: Stage, news: AsyncIterator[News]
) -> None:
    limit = stage.limit(59000)
    placed = await stage.venue.place(limit)

    await stage.set_price(limit.limit_price - 100 if limit.limit_price else limit.quantity)

    async with asyncio.timeout(8):
        hint = await anext(news)
        while hint.client_order_id != limit.client_order_id:
            hint = await anext(news)
    assert hint.exchange_order_id == placed.exchange_order_id


async def test_a_stop_that_fires_is_told(stage: Stage, news: AsyncIterator[News]) -> None:
    await stage.venue.place(stage.order(quantity="0.02"))
    stop = stage.stop(58000)
    await stage.venue.place(stop)

    await stage.set_price(stop.trigger.price if stop.trigger else stop.quantity)

    await _hear(news, _order(stage, stop.client_order_id))


async def test_a_stop_cancelled_by_hand_is_told(stage: Stage) -> None:
    await stage.venue.place(stage.order(quantity="0.02"))
    stop = stage.stop(58000)
    await stage.venue.place(stop)
    async with aclosing(stage.venue.news()) as news:
        await _hear(news, CONNECTED)

        await stage.act("cancel", client_order_id=stop.client_order_id)

        # Nothing else happened: it is told by this alone.
        await _hear(news, _order(stage, stop.client_order_id))


async def test_a_position_closed_by_hand_is_told(linear: Stage) -> None:
    await linear.venue.place(linear.order(Side.BUY))
    async with aclosing(linear.venue.news()) as news:
        await _hear(news, CONNECTED)

        await linear.act("close")

        async with asyncio.timeout(8):
            hint = await anext(news)
    assert hint.kind in {NewsKind.ORDER, NewsKind.ACCOUNT}


async def test_a_lost_connection_is_made_again_and_said(
    stage: Stage, news: AsyncIterator[News]
) -> None:
    await stage.act("lose_stream")

    await _hear(news, CONNECTED)

    limit = stage.limit(59000)
    await stage.venue.place(limit)
    await stage.act("cancel", client_order_id=limit.client_order_id)
    await _hear(news, _order(stage, limit.client_order_id))


async def test_a_stream_may_be_left_and_followed_again(stage: Stage) -> None:
    for _ in range(2):
        async with aclosing(stage.venue.news()) as news:
            await _hear(news, CONNECTED)


async def test_a_reader_that_is_cancelled_leaves_nothing_behind(stage: Stage) -> None:
    before = asyncio.all_tasks()
    told = asyncio.Event()

    async def read() -> None:
        async with aclosing(stage.venue.news()) as news:
            async for _ in news:
                told.set()

    reading = asyncio.create_task(read())
    await asyncio.wait_for(told.wait(), 8)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await asyncio.sleep(0.05)

    assert {task for task in asyncio.all_tasks() if "exchanges" in repr(task)} <= before
