"""A limit that is raised counts from the trader's next day; one that is lowered, at once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from app.accounts.models import User
from app.pipeline.risk import service
from app.pipeline.risk.models import DailyFreeze, RiskProfile
from app.pipeline.signals.status import SignalStatus
from tests.builders import ETHER, d
from tests.integration.flow.desk import Desk

MIDNIGHT = datetime(2026, 3, 3, tzinfo=UTC)
A_SECOND = timedelta(seconds=1)


async def at(desk: Desk, moment: datetime) -> None:
    """The time, with prices of that time."""
    desk.clock.set(moment)
    await desk.price("60000")
    await desk.price("3000", ETHER)


async def row(desk: Desk) -> dict[str, Any]:
    """The stored limits, as the database has them."""
    async with desk.database.read() as session:
        found = await session.execute(select(RiskProfile.__table__))
        return dict(found.mappings().one())


async def answer_to(desk: Desk, **alert: Any) -> str:
    """What becomes of an alert: its status, or the rule that denies it."""
    await desk.alert(**alert)
    signal = (await desk.signals())[-1]
    return (signal.reason or "").partition(":")[0] or signal.status.value


@pytest.mark.parametrize(
    ("zone", "raised_at", "midnight"),
    [
        # 14 hours ahead: 23:59 there is the morning in UTC.
        (
            "Pacific/Kiritimati",
            datetime(2026, 3, 2, 12, 0, tzinfo=UTC),
            datetime(2026, 3, 3, 10, 0, tzinfo=UTC),
        ),
        # Half past one on a day of 23 hours, and on one of 25.
        (
            "America/New_York",
            datetime(2026, 3, 8, 6, 30, tzinfo=UTC),
            datetime(2026, 3, 9, 4, 0, tzinfo=UTC),
        ),
        (
            "America/New_York",
            datetime(2026, 11, 1, 5, 30, tzinfo=UTC),
            datetime(2026, 11, 2, 5, 0, tzinfo=UTC),
        ),
    ],
)
async def test_security_22_a_raised_limit_when_the_traders_midnight_comes_then_holds_by_itself(
    desk: Desk, zone: str, raised_at: datetime, midnight: datetime
) -> None:
    async with desk.database.transaction() as session:
        (await session.get_one(User, desk.user.id)).timezone = zone
    await at(desk, raised_at)
    await desk.limits(max_notional_total=d("5000"))
    await desk.limits(max_notional_total=d("7000"))
    stored = await row(desk)

    assert await answer_to(desk) == "max_notional_total"
    await desk.restart()
    await at(desk, midnight - A_SECOND)
    assert await answer_to(desk) == "max_notional_total"

    await at(desk, midnight)
    # Nobody has come by to move it; 0.1 BTC are 6,000.
    assert await row(desk) == stored
    assert await answer_to(desk) == "executed"


async def test_security_22_a_lowered_limit_holds_at_once_beside_a_raised_one_that_waits(
    desk: Desk,
) -> None:
    await desk.limits(max_notional_total=d("5000"), max_leverage=2)
    await desk.limits(max_notional_total=d("7000"), max_leverage=1)
    await desk.change_strategy(leverage=2)

    today = await answer_to(desk, quantity="0.05")
    await at(desk, MIDNIGHT)
    tomorrow = await answer_to(desk, quantity="0.05")
    await desk.change_strategy(leverage=1)

    assert (today, tomorrow) == ("max_leverage", "max_leverage")
    assert await answer_to(desk) == "executed"


@pytest.mark.parametrize(
    ("last", "expected"),
    [("5000", "max_notional_total"), ("6500", "executed")],
)
async def test_security_22_a_later_change_replaces_what_waits(
    desk: Desk, last: str, expected: str
) -> None:
    for limit in ("5000", "7000", last):
        await desk.limits(max_notional_total=d(limit))

    assert await answer_to(desk) == "max_notional_total"
    await at(desk, MIDNIGHT)

    assert await answer_to(desk) == expected


async def test_security_22_symbols_are_taken_off_at_once_and_added_the_next_day(desk: Desk) -> None:
    ether = {"symbol": "ETHUSDT.P", "quantity": "1"}
    await desk.limits(allowed_symbols=["BTC/USDT:USDT"])
    await desk.limits(allowed_symbols=[ETHER])

    today = [await answer_to(desk), await answer_to(desk, **ether)]
    await at(desk, MIDNIGHT)

    assert today == ["symbol_not_allowed", "symbol_not_allowed"]
    assert [await answer_to(desk), await answer_to(desk, **ether)] == [
        "symbol_not_allowed",
        "executed",
    ]


@pytest.mark.parametrize(
    ("is_noticed_first", "later"), [(True, {"max_daily_loss": d("1000")}), (False, {})]
)
async def test_security_22_a_day_that_lost_its_limit_stays_frozen_when_it_is_raised_or_lifted(
    desk: Desk, later: dict[str, Any], *, is_noticed_first: bool
) -> None:
    await desk.limits(max_daily_loss=d("100"))
    other = await desk.another_strategy()
    await desk.alert(quantity="0.1")
    # 0.1 · 1,100 lost and not realised.
    await desk.price("58900")
    if is_noticed_first:
        await desk.sweep(after_seconds=2)
    await desk.limits(**later)
    await desk.sweep(after_seconds=2)

    await desk.restart()
    await desk.price("60000")
    await desk.price("3000", ETHER)
    await desk.alert(symbol="ETHUSDT.P", quantity="1", strategy=other)

    [freeze] = await desk.rows(DailyFreeze)
    assert freeze.loss == d("110")
    assert ((await desk.signals())[-1].reason or "").startswith("daily_loss_frozen")

    # A day later the same loss is allowed.
    await at(desk, MIDNIGHT)
    await desk.sweep()
    await desk.price("58900")
    await desk.sweep(after_seconds=2)
    assert len(await desk.rows(DailyFreeze)) == 1
    await desk.alert(symbol="ETHUSDT.P", quantity="1", strategy=other)
    assert (await desk.signals())[-1].status is SignalStatus.EXECUTED


async def test_security_22_a_limit_lowered_while_another_change_is_under_way_outlasts_it(
    desk: Desk,
) -> None:
    await desk.limits(max_notional_total=d("5000"))
    async with desk.database.transaction() as session:
        await service.set_limits(
            session,
            desk.user.id,
            {"max_notional_total": d("7000")},
            zone=ZoneInfo("UTC"),
            actor=desk.user.username,
            now=desk.clock.now(),
        )
        lowering = asyncio.create_task(desk.limits(max_notional_total=d("4000")))
        await asyncio.sleep(0.1)

    await lowering

    stored = await row(desk)
    assert (stored["max_notional_total"], stored["pending"]) == (d("4000"), None)
