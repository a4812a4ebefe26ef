"""A loopback server that answers as a test tells it, under the venues' own hosts and paths."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

FILTERS = [
    {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
    {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
    {"filterType": "NOTIONAL", "minNotional": "5", "applyMinToMarket": True},
]
SPOT_INFO = {
    "symbols": [
        {
            "symbol": "BTCUSDT",
            "status": "TRADING",
            "baseAsset": "BTC",
            "quoteAsset": "USDT",
            "filters": FILTERS,
            "permissions": ["SPOT"],
            "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        }
    ]
}
LINEAR_INFO = {
    "symbols": [
        {
            **SPOT_INFO["symbols"][0],
            "contractType": "PERPETUAL",
            "marginAsset": "USDT",
            "deliveryDate": 4133404800000,
        }
    ]
}
ORDER = {
    "symbol": "BTCUSDT",
    "orderId": 7,
    "clientOrderId": "sb1",
    "transactTime": 1700000000000,
    "price": "0",
    "origQty": "0.5",
    "executedQty": "0.5",
    "cummulativeQuoteQty": "50000",
    "status": "FILLED",
    "type": "MARKET",
    "side": "BUY",
    "fills": [
        {
            "price": "100000",
            "qty": "0.5",
            "commission": "0.0005",
            "commissionAsset": "BTC",
            "tradeId": 9,
        }
    ],
}


@dataclass
class Reply:
    """One answer. `is_dropped` cuts the connection instead; `seconds` waits before."""

    body: Any = None
    status: int = 200
    text: str | None = None
    is_dropped: bool = False
    seconds: float = 0.0
    content_type: str = "application/json"


@dataclass
class ScriptedVenue:
    """Answers `METHOD path` with what the script says, and remembers what it was asked.

    Attributes:
        arrived: set by the first request that is not for the markets.
    """

    base: str = ""
    script: dict[str, Reply] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        name = f"{request.method} {request.path}"
        self.requests.append((name, body or request.rel_url.raw_query_string))
        if "exchangeInfo" not in name:
            self.arrived.set()
        reply = self.script.get(name, Reply({"code": -1, "msg": "not in the script"}, 400))
        if reply.seconds:
            await asyncio.sleep(reply.seconds)
        if reply.is_dropped:
            assert request.transport is not None
            request.transport.abort()
        text = json.dumps(reply.body) if reply.text is None else reply.text
        return web.Response(status=reply.status, text=text, content_type=reply.content_type)

    def asked(self, name: str) -> list[str]:
        """Body or query of every request of that name."""
        return [text for asked, text in self.requests if asked == name]


@asynccontextmanager
async def scripted_venue() -> AsyncIterator[ScriptedVenue]:
    """Serve a venue that knows its markets and nothing else yet."""
    venue = ScriptedVenue(
        script={
            "GET /api.binance.com/api/v3/exchangeInfo": Reply(SPOT_INFO),
            "GET /fapi.binance.com/fapi/v1/exchangeInfo": Reply(LINEAR_INFO),
        }
    )
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", venue.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    venue.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield venue
    finally:
        await runner.cleanup()
