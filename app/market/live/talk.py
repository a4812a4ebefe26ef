"""One WebSocket of prices, from its first message to its last."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect
from loguru import logger

from app.core.allowance import Allowance
from app.core.errors import AppError, ExchangeError, Invalid, TooMany
from app.http.sockets import CloseCode
from app.market.finding import market_of
from app.market.instruments import InstrumentBook
from app.market.live import words
from app.market.live.readers import LivePrices, Reader
from app.market.prices import PriceKey
from app.trading.words import MarketType

MESSAGES_PER_MINUTE: Final = 120
# So many more are each told that they are too many; then the socket is closed.
MOST_REFUSED: Final = 100
# Of each symbol so often at most: nobody reads faster, and a busy market says a thousand a second.
PACE_SECONDS: Final = 0.1


class _Misused(Exception):
    """The client goes on and on."""


@dataclass(slots=True)
class PriceTalk:
    """Answers what one client asks for, and tells the prices that it has subscribed to.

    Attributes:
        exchange: whose prices.
        market_type: of which market; by each ticker's spelling when None.
        most_symbols: how many it may watch at a time.
    """

    socket: WebSocket[Any, Any, Any]
    prices: LivePrices
    instruments: InstrumentBook
    exchange: str
    market_type: MarketType | None
    most_symbols: int
    _reader: Reader = field(default_factory=Reader)
    _watched: set[PriceKey] = field(default_factory=set)

    async def serve(self) -> None:
        """Talk until either side leaves."""
        await self.socket.accept()
        talking = [asyncio.create_task(self._listen()), asyncio.create_task(self._tell())]
        try:
            await asyncio.wait(talking, return_when=asyncio.FIRST_COMPLETED)
            await self._end(next(task for task in talking if task.done()))
        finally:
            for task in talking:
                task.cancel()
            await asyncio.gather(*talking, return_exceptions=True)
            for key in tuple(self._watched):
                self.prices.leave(self._reader, key)

    async def _end(self, ended: asyncio.Task[None]) -> None:
        why = ended.exception()
        # OSError is how a server says that the client has gone.
        if why is None or isinstance(why, WebSocketDisconnect | OSError):
            return
        if isinstance(why, _Misused):
            await self.socket.close(CloseCode.MISUSED, "too_many")
            return
        logger.opt(exception=why).error("socket.crashed")
        await self.socket.close(CloseCode.CRASHED)

    async def _tell(self) -> None:
        while True:
            for _ in range(await self._reader.news()):
                taken = self._reader.take()
                if taken is not None:
                    await self.socket.send_text(words.price(taken[0], is_first=taken[1]))
            await asyncio.sleep(PACE_SECONDS)

    async def _listen(self) -> None:
        allowed = Allowance(MESSAGES_PER_MINUTE, "Too many messages: slow down.", most_keys=1)
        refused = 0
        while True:
            message = await self.socket.receive()
            if message["type"] != "websocket.receive":
                return
            try:
                allowed.take("")
                await self._obey(words.read_wish(_text_of(message)))
            except AppError as error:
                refused += isinstance(error, TooMany)
                if refused > MOST_REFUSED:
                    raise _Misused from None
                await self.socket.send_text(words.refusal(error))

    async def _obey(self, wish: words.Wish) -> None:
        silent: ExchangeError | None = None
        for ticker in wish.symbols:
            try:
                if silent is not None:
                    # Each further question would wait as long, and the client with it.
                    raise silent
                await self._obey_one(wish, ticker)
            except ExchangeError as error:
                silent = error
                await self.socket.send_text(words.refusal(error, ticker))
            except AppError as error:
                await self.socket.send_text(words.refusal(error, ticker))

    async def _obey_one(self, wish: words.Wish, ticker: str) -> None:
        key = await market_of(
            self.instruments, ticker, exchange=self.exchange, market_type=self.market_type
        )
        if wish.op == "subscribe":
            self._subscribe(key)
        else:
            self._watched.discard(key)
            self.prices.leave(self._reader, key)

    def _subscribe(self, key: PriceKey) -> None:
        if key not in self._watched and len(self._watched) >= self.most_symbols:
            raise TooMany(
                f"One socket watches {self.most_symbols} symbols at most.", code="too_many_symbols"
            )
        self.prices.join(self._reader, key)
        self._watched.add(key)


def _text_of(message: Any) -> str:
    text = message.get("text")
    if not isinstance(text, str):
        raise Invalid("Send text, not bytes.")
    return text
