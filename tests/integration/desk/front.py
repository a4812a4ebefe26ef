"""The whole API over a desk: its routes, guards and errors, with the caller named in a header."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from httpx import ASGITransport, AsyncClient, Response
from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import ASGIApp
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.authentication import PUBLIC
from app.accounts.keys import KeyRing
from app.accounts.models import User
from app.accounts.providers import DEPENDENCIES
from app.accounts.tokens import Access
from app.backtests.replay.playing import Playbacks
from app.core.addresses import Policy
from app.db.session import Database
from app.desk.providers import TOOLS
from app.exchanges.venues import REGISTRY
from app.http.access_log import access_log
from app.http.caller import Caller, Role
from app.http.errors import EXCEPTION_HANDLERS
from app.http.outgoing import Outgoing
from app.http.request_id import request_id_middleware
from app.http.strict_json import StrictRequest
from app.main import ROUTERS, plugins
from app.market.fetching.fetcher import CandleFetcher
from app.own_algorithms.shelf import Shelf
from app.pipeline.flow.tools import Tools
from app.trading.words import MarketType
from app.webhooks.service import Door
from tests.fakes.opener import Opener
from tests.integration.flow.desk import Desk, open_desk

USER = "X-User"
LOGIN = "X-Login"  # the id of the caller's login, for what is done to it
# Nobody listens there.
NOBODY_THERE = "127.0.0.1:1"
NO_FOLDER = Path("no such folder")
STALE = "X-Stale"  # the password was given too long ago


class NamedCaller(AbstractAuthenticationMiddleware):
    """Believes the header; logging in has tests of its own."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app, exclude_from_auth_key=PUBLIC)

    async def authenticate_request(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> AuthenticationResult:
        user: User = connection.app.state.users[connection.headers[USER]]
        is_proven = STALE not in connection.headers
        caller = Caller(user.id, user.username, Role(user.role), user.timezone, is_proven=is_proven)
        login = connection.headers.get(LOGIN)
        until = connection.app.state.clock.now() + timedelta(minutes=10)
        auth = login and Access(user.id, user.token_epoch, UUID(login), None, until)
        return AuthenticationResult(user=caller, auth=auth)


@dataclass
class Front:
    """A desk and its front door."""

    desk: Desk
    app: Litestar
    client: AsyncClient
    users: dict[str, User]
    opener: Opener

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        user: User | None = None,
        is_proven: bool = True,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Response:
        """One request of the desk's own trader, or of another user."""
        caller = user or self.desk.user
        self.users[caller.username] = caller
        who = {USER: caller.username} | ({} if is_proven else {STALE: "yes"})
        answer = await self.client.request(
            method, path, json=body, headers={**who, **(headers or {})}, **options
        )
        await self.desk.process.settle()
        return answer

    async def restart(self) -> None:
        """End this process and start another over the same database and venue."""
        await self.desk.restart()
        self.work_with(self.desk.tools)

    def work_with(self, tools: Tools) -> None:
        """Give the routes these tools from now on."""
        self.app.state.tools = tools
        self.app.state.door = Door(tools)

    async def get(
        self, path: str, *, expect: int = 200, user: User | None = None, **query: Any
    ) -> Any:
        answer = await self.call("GET", path, user=user, params=query or None)
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def post(
        self, path: str, body: Any = None, *, expect: int = 200, user: User | None = None
    ) -> Any:
        answer = await self.call("POST", path, body, user=user)
        assert answer.status_code == expect, f"{answer.status_code} {answer.text}"
        return answer.json()


async def _give_nothing(_: AsyncSession, user: User, now: datetime) -> dict[str, str]:
    del user, now
    return {}


async def new_webhook(front: Front) -> str:
    """Path of the strategy's webhook from now on; an old one opens no more."""
    answer = await front.post(f"/strategies/{front.desk.strategy.id}/rotate-token")
    return "/webhooks/" + str(answer["webhook_url"]).partition("/webhooks/")[2]


@cache
def _app() -> Litestar:
    """The routes. Working them out takes longer than most tests; all that differs is the state."""
    app = Litestar(
        ROUTERS,
        dependencies={**DEPENDENCIES, **TOOLS},
        middleware=[NamedCaller],
        request_class=StrictRequest,
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=None,
        logging_config=None,
        plugins=plugins(),
    )
    app.asgi_handler = request_id_middleware(access_log(app.asgi_handler))
    return app


@asynccontextmanager
async def open_front(
    database: Database, *, market_type: MarketType = MarketType.LINEAR, **strategy: Any
) -> AsyncIterator[Front]:
    """A desk whose trader speaks HTTP."""
    async with open_desk(database, market_type=market_type, **strategy) as desk:
        users: dict[str, User] = {}
        opener = Opener()
        app = _app()
        app.state = State(
            {
                "tools": desk.tools,
                "door": Door(desk.tools),
                "database": database,
                "clock": desk.clock,
                "settings": desk.tools.settings,
                "exchanges": REGISTRY,
                "candle_fetcher": CandleFetcher(
                    database, desk.town.source, desk.clock, settled_after=timedelta(0)
                ),
                "shelf": Shelf(NO_FOLDER),
                "opener": opener,
                "key_ring": KeyRing.of(b"k" * 32),
                "outgoing": Outgoing(Policy(listed=frozenset({NOBODY_THERE}))),
                "on_registered": _give_nothing,
                "users": users,
                "playbacks": Playbacks(),
            }
        )
        transport = ASGITransport(cast("Any", app))  # the same protocol, other types
        async with AsyncClient(transport=transport, base_url="http://test") as client:
            yield Front(desk, app, client, users, opener)
