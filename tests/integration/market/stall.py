"""A small app of logins and live prices on a real port: prices and the clock are set by hand."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import uvicorn
from litestar import Litestar
from litestar.datastructures import State
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from app.accounts import key_routes, people_routes, routes, tokens
from app.accounts.authentication import BearerAuthentication
from app.accounts.keys import KeyRing
from app.accounts.live.standing import OpenSockets
from app.accounts.models import Login, User
from app.accounts.providers import DEPENDENCIES
from app.accounts.tokens import Access
from app.core.errors import Invalid, Retryable
from app.core.ids import new_id
from app.db.session import Database
from app.desk.providers import TOOLS
from app.events import routes as event_routes
from app.events.hub import EventHub
from app.exchanges.venue import MarketData
from app.health import routes as health_routes
from app.health.prices import PricesHealth
from app.http.access_log import access_log
from app.http.caller import Role
from app.http.errors import EXCEPTION_HANDLERS
from app.http.request_id import request_id_middleware
from app.http.security_headers import security_headers
from app.http.serving import http_config
from app.http.strict_json import StrictRequest
from app.jobs import routes as job_routes
from app.market.instruments import InstrumentBook
from app.market.live import routes as live_routes
from app.market.live.readers import LivePrices
from app.market.prices import PriceBoard
from app.settings import Settings
from app.trading.words import MarketType
from tests.fakes.exchange import FakeMarketData, an_instrument
from tests.integration.accounts.house import HandClock, House, bearer

PATIENCE_SECONDS = 60.0
LIFETIME = timedelta(minutes=10)
# Rows that may wait for one stream.
MOST_WAITING = 8
COINS = ("BTC", "ETH", "SOL", "XRP")


class Talk:
    """A client of the socket."""

    def __init__(self, wire: ClientConnection) -> None:
        self.wire = wire

    async def say(self, message: Any) -> None:
        await self.wire.send(message if isinstance(message, str | bytes) else json.dumps(message))

    async def subscribe(self, *symbols: str) -> None:
        await self.say({"op": "subscribe", "symbols": symbols})

    async def unsubscribe(self, *symbols: str) -> None:
        await self.say({"op": "unsubscribe", "symbols": symbols})

    async def hear(self) -> dict[str, Any]:
        """The next message."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            message: dict[str, Any] = json.loads(await self.wire.recv())
        return message

    async def refusal(self, message: Any) -> str:
        """The code that a message is answered with."""
        await self.say(message)
        answer = await self.hear()
        assert answer["type"] == "error", answer
        assert answer["detail"]
        return str(answer["code"])

    async def ended(self) -> tuple[int | None, str | None]:
        """The code and the reason that the server closes it with."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.wire.wait_closed()
        return self.wire.close_code, self.wire.close_reason


@dataclass
class Stall:
    """The running app, its parts, and short cuts through its doors."""

    base: str
    house: House
    market: FakeMarketData
    board: PriceBoard
    sockets: OpenSockets
    events: EventHub
    server: uvicorn.Server

    @property
    def address(self) -> str:
        return self.base.replace("http", "ws") + "/prices/ws"

    async def ticket(self, headers: dict[str, str]) -> str:
        answer = await self.house.client.post("/auth/ticket", headers=headers)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["ticket"])

    @asynccontextmanager
    async def talk(
        self, headers: dict[str, str] | None = None, query: str = "", origin: str | None = None
    ) -> AsyncIterator[Talk]:
        """Open a socket."""
        async with connect(
            self.address + query,
            additional_headers=headers,
            origin=origin,  # type: ignore[arg-type]  # a NewType of str
            proxy=None,
            open_timeout=PATIENCE_SECONDS,
        ) as wire:
            yield Talk(wire)

    async def refused(
        self, headers: dict[str, str] | None = None, query: str = "", origin: str | None = None
    ) -> tuple[int, str]:
        """The status and the code that a handshake is refused with."""
        try:
            async with self.talk(headers, query, origin):
                raise AssertionError("it was let in")
        except InvalidStatus as refusal:
            answer = refusal.response
        body = json.loads(answer.body or b"")
        assert body.keys() == {"code", "detail", "request_id"}
        assert answer.headers["X-Request-Id"] == body["request_id"]
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.status_code, str(body["code"])

    def price(self, coin: str, price: str) -> None:
        """Everything of a coin costs that from now on."""
        self.market.set_price(f"{coin}/USDT", Decimal(price))

    async def user(self, username: str, role: Role = Role.TRADER) -> tuple[User, dict[str, str]]:
        """A new user, and the headers of a login; without a password, which takes its time."""
        user, now = await self.house.user(username, role), self.house.clock.now()
        login = Login(id=new_id(), user_id=user.id, opened_at=now, proven_at=now)
        async with self.house.database.transaction() as session:
            session.add(login)
        access = Access(user.id, user.token_epoch, login.id, None, now + LIFETIME)
        token = tokens.issue(self.house.keys, access, now=now)
        return user, bearer({"access_token": token})


@asynccontextmanager
async def open_stall(folder: Path, database: Database, **changes: Any) -> AsyncIterator[Stall]:
    """Serve the app over a database that has its tables."""
    settings = Settings(_env_file=None, data_dir=folder, log_dir=folder / "logs", **changes)
    clock = HandClock()
    market = FakeMarketData(*(an_instrument(f"{coin}/USDT") for coin in COINS), clock=clock)

    async def source(exchange: str, market_type: MarketType) -> MarketData:
        if exchange == "silent":
            raise Retryable("the exchange does not answer")
        if exchange == "broken":
            raise RuntimeError("a secret of the inside")
        if market_type is not MarketType.SPOT:
            raise Invalid("no such market here", code="unknown_market_type")
        return market

    instruments = InstrumentBook(database, source)
    await instruments.refresh("paper", MarketType.SPOT)
    board = PriceBoard(source, clock)
    sockets = OpenSockets(database, clock, per_user=settings.sockets_per_user)
    events = EventHub(database, look_seconds=0.1, patience_seconds=0.2, most_waiting=MOST_WAITING)
    app = _app()
    app.state = State(
        {
            "database": database,
            "settings": settings,
            "clock": clock,
            "key_ring": KeyRing.of(b"k" * 32),
            "tools": SimpleNamespace(database=database, instruments=instruments, prices=board),
            "sockets": sockets,
            "events": events,
            "live_prices": LivePrices(board, now=clock.now, max_age=timedelta(seconds=3)),
            "health_sources": [PricesHealth(board, clock)],
        }
    )
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = uvicorn.Server(http_config(app))
        serving = asyncio.create_task(server.serve([listener]))
        try:
            while not server.started:  # noqa: ASYNC110 uvicorn has a flag, not an event
                await asyncio.sleep(0.005)
            async with httpx.AsyncClient(base_url=base, timeout=PATIENCE_SECONDS) as client:
                parts = (client, app, database, clock, app.state.key_ring, settings)
                house = House(*parts, opener=None)  # type: ignore[arg-type]  # no account is opened
                yield Stall(base, house, market, board, sockets, events, server)
        finally:
            server.should_exit = True
            await serving
            await board.stop()


@cache
def _app() -> Litestar:
    """The routes; all that differs is the state."""
    app = Litestar(
        [
            routes.router,
            key_routes.router,
            people_routes.router,
            live_routes.router,
            event_routes.router,
            job_routes.router,
            health_routes.router,
        ],
        dependencies={**DEPENDENCIES, **TOOLS},
        middleware=[BearerAuthentication],
        request_class=StrictRequest,
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=None,
        logging_config=None,
    )
    inner = request_id_middleware(access_log(app.asgi_handler))
    app.asgi_handler = security_headers(inner, is_behind_https=False)
    return app


__all__ = ["Stall", "Talk", "bearer", "open_stall"]
