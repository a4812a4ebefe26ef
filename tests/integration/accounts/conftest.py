from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.datastructures import State
from litestar.testing import AsyncTestClient
from sqlalchemy.ext.asyncio import AsyncSession

import app.audit.models
from app.accounts import account_routes, passwords, routes, service
from app.accounts.authentication import BearerAuthentication
from app.accounts.keys import Keys, derive_keys
from app.accounts.models import User
from app.audit import routes as audit_routes
from app.db.base import Base
from app.db.session import Database, open_database
from app.http.caller import Role
from app.http.errors import EXCEPTION_HANDLERS
from app.settings import Settings

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

    client: AsyncTestClient[Litestar]
    database: Database
    clock: HandClock
    keys: Keys
    settings: Settings
    bearer: dict[str, dict[str, str]] = field(default_factory=dict)

    async def user(self, username: str, role: Role = Role.TRADER) -> User:
        password_hash = await passwords.hash_password(PASSWORD)
        async with self.database.transaction() as session:
            return await service.register(
                session,
                username=username,
                password_hash=password_hash,
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

    async def as_(self, username: str, role: Role = Role.TRADER) -> dict[str, str]:
        """Headers of a new user."""
        await self.user(username, role)
        return bearer(await self.log_in(username))


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def _on_registered(_: AsyncSession, user: User, now: datetime) -> dict[str, str]:
    return {"webhook_url": f"http://test/{user.username}/{now.year}"}


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = open_database(f"sqlite+aiosqlite:///{tmp_path}/test.db")
    wanted = [
        "users",
        "invites",
        "api_keys",
        "refresh_tokens",
        "exchange_accounts",
        "audit_entries",
    ]
    async with opened.engine.begin() as connection:
        tables = [Base.metadata.tables[name] for name in wanted]
        await connection.run_sync(Base.metadata.create_all, tables)
    yield opened
    await opened.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path, log_dir=tmp_path / "logs")


@pytest.fixture
async def house(database: Database, settings: Settings) -> AsyncIterator[House]:
    clock, keys = HandClock(), derive_keys(b"k" * 32)
    parts = {
        "database": database,
        "settings": settings,
        "clock": clock,
        "key_ring": keys,
        "on_registered": _on_registered,
        "exchanges": {"binance", "paper"},
    }
    small_app = Litestar(
        [routes.router, account_routes.router, audit_routes.router],
        middleware=[BearerAuthentication],
        exception_handlers=EXCEPTION_HANDLERS,
        state=State(parts),
        openapi_config=None,
        logging_config=None,
    )
    async with AsyncTestClient(small_app) as client:
        yield House(client, database, clock, keys, settings)
