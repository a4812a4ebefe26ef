"""Streams of the ccxt adapter against the paper exchange when the connection goes away."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest
import uvicorn

from app.core.clock import SystemClock
from app.exchanges.room import ExchangeRoom
from app.market.prices import PriceBoard, PriceKey
from app.trading.quote import Quote
from app.trading.words import MarketType
from tests.contract.paper_venue import open_exchange, running


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@asynccontextmanager
async def _served(folder: Path, port: int) -> AsyncIterator[None]:
    """The exchange on a known port, so that it can come back where it was."""
    exchange = open_exchange(folder)
    config = uvicorn.Config(
        exchange.asgi, port=port, log_level="warning", lifespan="off", ws="websockets-sansio"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 uvicorn has a flag, not an event
        await asyncio.sleep(0.005)
    await exchange.start()
    try:
        yield
    finally:
        await exchange.stop()
        server.should_exit = True
        await serving


async def _hold(port: int, price: str) -> None:
    body = {"symbol": "BTCUSDT", "price": price}
    url = f"http://127.0.0.1:{port}/control/price"
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    ("market_type", "symbol"),
    [(MarketType.SPOT, "BTC/USDT"), (MarketType.LINEAR, "BTC/USDT:USDT")],
)
async def test_stream_goes_on_after_the_venue_went_away_and_came_back(
    tmp_path: Path, market_type: MarketType, symbol: str
) -> None:
    port = _free_port()
    room = ExchangeRoom(
        clock=SystemClock(),
        paper_url=lambda: f"http://127.0.0.1:{port}",
        timeout_seconds=2.0,
    )
    async with asyncio.timeout(20):
        market = await room.market("paper", market_type)
        async with _served(tmp_path, port):
            await _hold(port, "60000")
            quotes = market.stream(symbol)
            assert (await anext(quotes)).fair == 60000
        async with aclosing(quotes), _served(tmp_path, port):
            await _hold(port, "61000")
            async for quote in quotes:
                if quote.fair == 61000:
                    break
        await room.close()


async def test_price_board_hears_a_price_by_stream_within_a_second_of_its_change(
    tmp_path: Path,
) -> None:
    key = PriceKey("paper", MarketType.LINEAR, "BTC/USDT:USDT")
    async with running(tmp_path) as paper:
        room = ExchangeRoom(clock=SystemClock(), paper_url=lambda: paper.base, timeout_seconds=2.0)
        board = PriceBoard(room.market, SystemClock())
        heard: asyncio.Queue[Quote] = asyncio.Queue()
        board.listen(lambda _key, quote: heard.put_nowait(quote))
        await paper.price("BTCUSDT", "60000")
        board.watch(key)
        async with asyncio.timeout(5):
            while (await heard.get()).fair != 60000:
                pass
            await asyncio.sleep(0.5)
            await paper.price("BTCUSDT", "59000")
        async with asyncio.timeout(1):
            while (await heard.get()).fair != Decimal(59000):
                pass
        await board.stop()
        await room.close()


async def test_two_symbols_on_one_client_are_told_apart(tmp_path: Path) -> None:
    async with running(tmp_path) as paper:
        room = ExchangeRoom(clock=SystemClock(), paper_url=lambda: paper.base, timeout_seconds=2.0)
        await paper.price("BTCUSDT", "60000")
        await paper.price("ETHUSDT", "3000")
        market = await room.market("paper", MarketType.SPOT)
        async with (
            asyncio.timeout(5),
            aclosing(market.stream("BTC/USDT")) as btc,
            aclosing(market.stream("ETH/USDT")) as eth,
        ):
            first, second = await asyncio.gather(anext(btc), anext(eth))
        await room.close()

    assert (first.symbol, first.last) == ("BTC/USDT", Decimal(60000))
    assert (second.symbol, second.last) == ("ETH/USDT", Decimal(3000))


async def test_leaving_one_of_two_streams_of_a_symbol_does_not_silence_the_other(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as paper:
        room = ExchangeRoom(clock=SystemClock(), paper_url=lambda: paper.base, timeout_seconds=2.0)
        await paper.price("BTCUSDT", "60000")
        market = await room.market("paper", MarketType.SPOT)
        async with asyncio.timeout(5), aclosing(market.stream("BTC/USDT")) as staying:
            await anext(staying)
            async with aclosing(market.stream("BTC/USDT")) as leaving:
                await anext(leaving)
            await paper.price("BTCUSDT", "61000")
            async for quote in staying:
                if quote.last == 61000:
                    break
        await room.close()
