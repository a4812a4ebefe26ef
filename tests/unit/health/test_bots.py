"""Who hears of which bots, and when that is amber."""

from collections.abc import Mapping
from typing import cast
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.health.bots import BotsHealth
from app.health.status import Health
from app.http.caller import Caller, Role

USER = UUID("019aa0c4-7a2b-7c1e-9f00-2f3a4b5c6d7e")
NO_SESSION = cast("AsyncSession", None)


async def counts(_: AsyncSession, user_id: UUID | None) -> Mapping[str, int]:
    """Somebody else's bot has failed."""
    return {"running": 1, "failed": 0} if user_id == USER else {"running": 3, "failed": 1}


@pytest.mark.parametrize(
    ("role", "status", "running"), [(Role.TRADER, Health.OK, 1), (Role.ADMIN, Health.DEGRADED, 3)]
)
async def test_a_trader_hears_of_their_own_and_an_admin_of_all(
    role: Role, status: Health, running: int
) -> None:
    check = await BotsHealth(counts).check(NO_SESSION, Caller(USER, "trader", role, "UTC"))

    assert check is not None
    assert (check.status, check.detail["running"]) == (status, running)


async def test_a_visitor_hears_of_none() -> None:
    assert await BotsHealth(counts).check(NO_SESSION, None) is None
