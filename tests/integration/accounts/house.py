"""A small app of the accounts and the audit alone, with a clock set by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast

from argon2 import PasswordHasher
from httpx import ASGITransport, AsyncClient
from litestar import Litestar
from litestar.datastructures import State
from sqlalchemy.ext.asyncio import AsyncSession

import app.audit.models
from app.accounts import (
    account_routes,
    browser_routes,
    key_routes,
    people_routes,
    routes,
    service,
    totp_routes,
)
from app.accounts.authentication import BearerAuthentication
from app.accounts.keys import KeyRing
from app.accounts.models import User
from app.accounts.providers import DEPENDENCIES
from app.audit import routes as audit_routes
from app.db.session import Database
from app.health import routes as health_routes
from app.http.access_log import access_log
from app.http.caller import Role
from app.http.errors import EXCEPTION_HANDLERS
from app.http.request_id import request_id_middleware
from app.settings import Settings
from tests.fakes.opener import Opener

PASSWORD = "correct horse battery"
assert app.audit.models.AuditEntry.__table__ is not None


@dataclass
class HandClock:
    moment: datetime = datetime(2026, 1, 31, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def pass_by(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@dataclass
class House:
    """The parts of a small app, and short cuts through its front door."""

    client: AsyncClient
    app: Litestar
    database: Database
    clock: HandClock
    keys: KeyRing
    settings: Settings
    opener: Opener

    async def user(self, username: str, role: Role = Role.TRADER) -> User:
        async with self.database.transaction() as session:
            return await service.register(
                session,
                username=username,
                password_hash=_hash_once(),
                role=role,
                timezone="Europe/Berlin",
                now=self.clock.now(),
            )

    async def log_in(self, username: str) -> dict[str, Any]:
        answer = await self.client.post(
            "/auth/token", json={"username": username, "password": PASSWORD}
        )
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    def from_(self, source: str) -> AsyncClient:
        """A client at another address, with no cookies yet."""
        transport = ASGITransport(cast("Any", self.app), client=(source, 4711))
        return AsyncClient(transport=transport, base_url="http://test")

    async def as_(self, username: str, role: Role = Role.TRADER) -> dict[str, str]:
        """Headers of a new user."""
        await self.user(username, role)
        return bearer(await self.log_in(username))


@cache
def _hash_once() -> str:
    # Hashing is slow on purpose; these tests are not about it.
    return PasswordHasher().hash(PASSWORD)


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def _on_registered(_: AsyncSession, user: User, now: datetime) -> dict[str, str]:
    return {"webhook_url": f"http://test/{user.username}/{now.year}"}


ROUTERS = [
    routes.router,
    browser_routes.router,
    key_routes.router,
    people_routes.router,
    totp_routes.router,
    account_routes.router,
    audit_routes.router,
    health_routes.router,
]


@cache
def _app(trusted_proxies: tuple[str, ...]) -> Litestar:
    """The routes. Working them out takes longer than most tests; all that differs is the state."""
    app = Litestar(
        ROUTERS,
        dependencies=DEPENDENCIES,
        middleware=[BearerAuthentication],
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=None,
        logging_config=None,
    )
    app.asgi_handler = request_id_middleware(access_log(app.asgi_handler, trusted_proxies))
    return app


@asynccontextmanager
async def open_house(
    folder: Path, database: Database, ring: KeyRing | None = None, **changes: Any
) -> AsyncIterator[House]:
    """The app over a database that has its tables."""
    settings = Settings(_env_file=None, data_dir=folder, log_dir=folder / "logs", **changes)
    clock, keys, opener = HandClock(), ring or KeyRing.of(b"k" * 32), Opener()
    small_app = _app(settings.trusted_proxies)
    small_app.state = State(
        {
            "database": database,
            "settings": settings,
            "clock": clock,
            "key_ring": keys,
            "on_registered": _on_registered,
            "exchanges": {"binance", "paper"},
            "opener": opener,
        }
    )
    # Litestar's own test client runs the app in another event loop, where a pooled PostgreSQL
    # connection of this one cannot be used.
    transport = ASGITransport(cast("Any", small_app))  # the same protocol, other types
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        yield House(client, small_app, database, clock, keys, settings, opener)
