from datetime import UTC, datetime
from typing import Any, cast

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.exchanges.pace import BudgetStatus
from app.exchanges.windows import Refusal, WindowStatus
from app.health.limits import LimitsHealth
from app.health.status import Check, Health

NO_SESSION = cast(AsyncSession, None)
WEIGHT = WindowStatus("binance weight", used=12.4, limit=6000, reserved=1200)


async def _check(budget: BudgetStatus) -> Check:
    check = await LimitsHealth(lambda: [budget]).check(NO_SESSION, None)
    assert check is not None
    return check


async def test_a_venue_that_may_be_asked_is_green_and_shows_its_limits() -> None:
    check = await _check(BudgetStatus("binance", [WEIGHT], None, None, 0))

    window = {"name": "binance weight", "used": 12, "limit": 6000, "reserved": 1200}
    row: dict[str, Any] = {"exchange": "binance", "closed_until": None, "reason": None}
    assert check.status is Health.OK
    assert check.detail == {"items": [{**row, "waiting_requests": 0, "windows": [window]}]}


@pytest.mark.parametrize("until", [datetime(2026, 3, 2, 12, tzinfo=UTC), None])
async def test_a_venue_that_refused_us_is_amber_until_it_answers_well(
    until: datetime | None,
) -> None:
    check = await _check(BudgetStatus("binance", [], until, Refusal.BANNED, 3))

    (row,) = check.detail["items"]
    assert check.status is Health.DEGRADED
    assert row["reason"] == "banned"
    assert row["closed_until"] == ("2026-03-02T12:00:00.000000Z" if until else None)
