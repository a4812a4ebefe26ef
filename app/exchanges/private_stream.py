"""What a venue tells an account without being asked: hints, over connections that come and go."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Any, Final

from loguru import logger

from app.core.errors import ExchangeError
from app.exchanges.client import speaking
from app.exchanges.errors import Call
from app.exchanges.venue import News, NewsKind

OpenClient = Callable[[], Awaitable[Any]]
Params = Mapping[str, Any]

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 5.0
# A connection counts once it has been up for longer than a subscription takes to be confirmed.
SETTLE_SECONDS: Final = 0.5
# ccxt asks Binance for a sign of life every three minutes only.
KEEP_ALIVE_MILLISECONDS: Final = 20_000
# Events after which a connection stays open and says nothing more. ccxt overlooks them.
LAST_WORDS: Final = {"listenKeyExpired", "eventStreamTerminated", "serverShutdown"}


class PrivateStream:
    """The stream of one account.

    Every connection has a ccxt client of its own: it never holds up an order, and takes a new
    listen key instead of trusting an old one, which Binance would accept and then serve nothing.

    Args:
        open_client: a new client with keys and markets; raises an `ExchangeError` when it cannot.
        order_streams: parameters of each stream of orders.
        secrets: words that no log may repeat.
        first_pause_seconds: how soon a lost connection is made again, at the earliest.
        settle_seconds: how long a connection is up before it counts.
    """

    def __init__(
        self,
        open_client: OpenClient,
        order_streams: Iterable[Params],
        secrets: tuple[str, ...],
        *,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
        settle_seconds: float = SETTLE_SECONDS,
    ) -> None:
        self._open_client = open_client
        self._order_streams = tuple(order_streams)
        self._secrets = secrets
        self._first_pause_seconds = first_pause_seconds
        self._settle_seconds = settle_seconds

    async def news(self) -> AsyncGenerator[News, None]:
        """Hints for ever; `CONNECTED` first, and again after every connection that was lost."""
        first = pause = self._first_pause_seconds
        while True:
            try:
                async with aclosing(self._connection()) as hints:
                    async for hint in hints:
                        pause = first
                        yield hint
            except ExchangeError as error:
                logger.bind(reason=error.detail).debug("private_stream.dropped")
            # Accounts whose venue came back do not all knock at the same moment.
            await asyncio.sleep(random.uniform(first, pause))  # noqa: S311 no secret
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _connection(self) -> AsyncGenerator[News, None]:
        """Hints of one connection.

        Raises:
            ExchangeError: it is lost, or never was.
        """
        client = await self._open_client()
        heard = _Heard(client)
        tasks = [asyncio.create_task(self._follow(watch, heard)) for watch in self._watches(client)]
        tasks.append(asyncio.create_task(heard.announce(self._settle_seconds)))
        try:
            while True:
                yield await heard.next()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            heard.forget_timers()
            await client.close()

    def _watches(self, client: Any) -> list["Watch"]:
        watches: list[Watch] = [_watch_orders(client, params) for params in self._order_streams]
        if client.has.get("watchBalance"):
            watches.append(_watch_account(client))
        return watches

    async def _follow(self, watch: "Watch", heard: "_Heard") -> None:
        try:
            async with speaking(Call.READ, self._secrets):
                while True:
                    for hint in await watch():
                        heard.put(hint)
        except ExchangeError as error:
            heard.put(error)


Watch = Callable[[], Awaitable[Iterable[News]]]


def _watch_orders(client: Any, params: Params) -> Watch:
    async def watch() -> Iterable[News]:
        orders = await client.watch_orders(None, None, None, dict(params))
        return [_of_order(order) for order in orders]

    return watch


def _of_order(order: Mapping[str, Any]) -> News:
    info = order.get("info") or {}
    # Conditional orders are numbered apart; what one becomes has another number.
    conditional = info.get("algoClOrdId")
    return News(
        NewsKind.ORDER,
        order.get("symbol"),
        conditional or order.get("clientOrderId") or None,
        None if conditional else order.get("id") or None,
    )


def _watch_account(client: Any) -> Watch:
    async def watch() -> Iterable[News]:
        await client.watch_balance()
        return [News(NewsKind.ACCOUNT)]

    return watch


class _Heard:
    """What one client heard, in order; its end is the last of it."""

    def __init__(self, client: Any) -> None:
        self._queue: asyncio.Queue[News | ExchangeError] = asyncio.Queue()
        self._connected = asyncio.Event()
        self._timers: list[asyncio.TimerHandle] = []
        # ccxt's hooks for its users; they are looked up when a connection is made.
        self._on_connected, client.on_connected = client.on_connected, self._take_connection
        self._on_message, client.handle_message = client.handle_message, self._take_message
        self._delay, client.delay = client.delay, self._remember_timer

    def _take_connection(self, socket: Any, message: Any = None) -> None:
        self._on_connected(socket, message)
        self._connected.set()

    def _take_message(self, socket: Any, message: Any) -> None:
        if _is_last_word(message):
            self.put(ExchangeError("the venue ends the private stream"))
        self._on_message(socket, message)

    def _remember_timer(self, milliseconds: float, *call: Any) -> asyncio.TimerHandle:
        handle: asyncio.TimerHandle = self._delay(milliseconds, *call)
        self._timers.append(handle)
        return handle

    def forget_timers(self) -> None:
        """Renew no listen key any more: ccxt's timer would outlive the client, and hold it."""
        for timer in self._timers:
            timer.cancel()

    async def announce(self, settle_seconds: float) -> None:
        """Say that it is connected, once the newest connection has settled."""
        await self._connected.wait()
        while self._connected.is_set():
            self._connected.clear()
            await asyncio.sleep(settle_seconds)
        self.put(News(NewsKind.CONNECTED))

    def put(self, item: News | ExchangeError) -> None:
        """One more hint, or the end."""
        self._queue.put_nowait(item)

    async def next(self) -> News:
        """The next hint.

        Raises:
            ExchangeError: the connection is lost.
        """
        item = await self._queue.get()
        if isinstance(item, ExchangeError):
            raise item
        return item


def _is_last_word(message: Any) -> bool:
    if not isinstance(message, dict):
        return False
    event = message.get("event")
    inner = event if isinstance(event, dict) else message
    return inner.get("e") in LAST_WORDS


def prepare_for_stream(client: Any) -> Any:
    """Let a client notice a dead connection soon, and ask for nothing that the stream repeats."""
    client.streaming = {**client.streaming, "keepAlive": KEEP_ALIVE_MILLISECONDS}
    quiet = {"fetchPositionsSnapshot": False, "awaitPositionsSnapshot": False}
    client.options["watchPositions"] = {**client.options.get("watchPositions", {}), **quiet}
    return client
