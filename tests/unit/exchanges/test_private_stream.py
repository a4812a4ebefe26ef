"""The private stream over a client that is told what to hear and when to fail."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import pytest

from app.core.errors import Retryable
from app.exchanges.private_stream import PrivateStream
from app.exchanges.venue import News, NewsKind

CONNECTED = News(NewsKind.CONNECTED)
SETTLE_SECONDS = 0.05


class ScriptedClient:
    """As much of a ccxt client as a stream needs.

    Attributes:
        heard: orders that the next watches return, or what they raise.
        closed: whether it let go of its connections.
        renewals: how often the listen key was renewed.
    """

    def __init__(self) -> None:
        self.has = {"watchBalance": False}
        self.renewals = 0
        self.on_connected: Callable[..., None] = lambda _socket, _message=None: None
        self.handle_message: Callable[..., None] = lambda _socket, _message: None
        self.heard: asyncio.Queue[list[dict[str, Any]] | Exception] = asyncio.Queue()
        self.closed = False
        self._is_connected = False

    async def watch_orders(self, *_arguments: Any) -> list[dict[str, Any]]:
        if not self._is_connected:
            self._is_connected = True
            self.on_connected("socket")
            self.delay(SETTLE_SECONDS * 1500, self._renew)
        item = await self.heard.get()
        if isinstance(item, Exception):
            raise item
        return item

    def delay(self, milliseconds: float, method: Callable[[], None]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(milliseconds / 1000, method)

    def _renew(self) -> None:
        self.renewals += 1

    async def close(self) -> None:
        self.closed = True


class Line:
    """Where a stream gets its clients from; the first ones may not be had."""

    def __init__(self) -> None:
        self.clients: list[ScriptedClient] = []
        self.failures: list[Exception] = []
        self.opened = asyncio.Event()

    async def open(self) -> ScriptedClient:
        if self.failures:
            raise self.failures.pop()
        self.clients.append(ScriptedClient())
        self.opened.set()
        return self.clients[-1]


def _stream(line: Line) -> PrivateStream:
    return PrivateStream(
        line.open, [{}], (), first_pause_seconds=0.01, settle_seconds=SETTLE_SECONDS
    )


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
async def news(line: Line) -> AsyncIterator[AsyncIterator[News]]:
    async with aclosing(_stream(line).news()) as told:
        yield told


async def _next(news: AsyncIterator[News]) -> News:
    return await asyncio.wait_for(anext(news), 3)


async def test_every_order_of_an_update_is_a_hint_of_its_own(
    line: Line, news: AsyncIterator[News]
) -> None:
    assert await _next(news) == CONNECTED
    orders: list[dict[str, Any]] = [
        {"symbol": "BTC/USDT", "clientOrderId": "sb1", "info": {}},
        {"symbol": "BTC/USDT", "clientOrderId": None, "info": {"algoClOrdId": "sb2"}},
        {"symbol": None, "clientOrderId": "", "info": None},
    ]
    line.clients[0].heard.put_nowait(orders)

    hints = [await _next(news) for _ in orders]

    assert [(hint.symbol, hint.client_order_id) for hint in hints] == [
        ("BTC/USDT", "sb1"),
        ("BTC/USDT", "sb2"),
        (None, None),
    ]


@pytest.mark.parametrize("failure", [ConnectionError("gone"), KeyError("e"), ValueError("<html>")])
async def test_whatever_breaks_a_connection_a_new_client_is_next(
    line: Line, news: AsyncIterator[News], failure: Exception
) -> None:
    await _next(news)
    line.clients[0].heard.put_nowait(failure)

    assert await _next(news) == CONNECTED

    first, second = line.clients
    assert first.closed
    assert not second.closed


async def test_a_client_that_cannot_be_had_is_asked_for_again(
    line: Line, news: AsyncIterator[News]
) -> None:
    line.failures = [Retryable("asking the venue: no answer")]

    assert await _next(news) == CONNECTED

    assert len(line.clients) == 1


@pytest.mark.parametrize(
    "message",
    [
        {"e": "listenKeyExpired"},
        {"subscriptionId": 0, "event": {"e": "eventStreamTerminated"}},
        {"event": {"e": "serverShutdown"}},
    ],
)
async def test_after_its_last_words_a_connection_is_not_waited_for(
    line: Line, news: AsyncIterator[News], message: dict[str, Any]
) -> None:
    await _next(news)
    line.clients[0].handle_message("socket", message)

    assert await _next(news) == CONNECTED
    assert len(line.clients) == 2


@pytest.mark.parametrize("message", ["pong", {"e": "executionReport"}, {"event": "login"}])
async def test_any_other_message_changes_nothing(
    line: Line, news: AsyncIterator[News], message: object
) -> None:
    await _next(news)
    line.clients[0].handle_message("socket", message)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(news), 3 * SETTLE_SECONDS)

    assert len(line.clients) == 1


async def test_leaving_lets_go_of_the_client_and_renews_no_listen_key(line: Line) -> None:
    async with aclosing(_stream(line).news()) as told:
        await _next(told)

    (client,) = line.clients
    await asyncio.sleep(SETTLE_SECONDS)
    assert client.closed
    assert client.renewals == 0


async def test_a_listen_key_is_renewed_while_it_is_used(
    line: Line, news: AsyncIterator[News]
) -> None:
    await _next(news)
    await asyncio.sleep(SETTLE_SECONDS)

    assert line.clients[0].renewals == 1


async def test_connected_is_said_after_the_newest_of_several_connections(line: Line) -> None:
    async with aclosing(_stream(line).news()) as told:
        waiting = asyncio.create_task(_next(told))
        await asyncio.wait_for(line.opened.wait(), 1)
        await asyncio.sleep(SETTLE_SECONDS * 0.7)
        line.clients[0].on_connected("another socket")
        await asyncio.sleep(SETTLE_SECONDS * 0.7)
        was_early = waiting.done()

        assert await waiting == CONNECTED
    assert not was_early
