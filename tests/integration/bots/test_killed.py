"""A worker that is killed between deciding and doing asks for nothing twice, and loses nothing."""

import json
import os
import signal

import pytest

from app.bots.running import holding
from app.core.failpoints import VARIABLE
from app.pipeline.positions.status import PositionStatus
from app.trading.words import PositionSide
from tests.integration.bots.yard import BASE, LENGTH, PATIENCE_SECONDS, Yard
from tests.programs.starting import ROOT, Launcher

UP = 60_400


@pytest.mark.parametrize(
    ("failpoint", "kept"),
    [
        # Alarm and progress are written, and not committed.
        ("B02", 0),
        # They are committed, and the alarm is not decided.
        ("B03", 1),
    ],
)
async def test_a_worker_killed_at_the_close_of_an_entry_enters_once(
    yard: Yard, database_url: str, failpoint: str, kept: int, warm: Launcher
) -> None:
    await yard.desk.change_strategy(max_alarm_age_seconds=3_600)
    bot_id = await yard.running()
    await yard.close()
    begun = (await yard.now(bot_id)).markets[0].last_closed_at
    yard.pass_by(UP)

    status = await killed(yard, database_url, failpoint, warm)
    alarms, market = await yard.desk.alarms(), (await yard.now(bot_id)).markets[0]
    assert status == -signal.SIGKILL
    assert len(alarms) == kept
    assert begun is not None
    assert market.last_closed_at == begun + kept * LENGTH

    yard.desk.clock.advance(holding.HELD_FOR.total_seconds() + 1)
    await yard.desk.sweep()
    yard.open()
    await yard.gets_to(bot_id)

    [alarm] = await yard.desk.alarms()
    assert alarm.deliveries == 1
    assert json.loads(alarm.body)["action"] == "long"
    assert alarm.alert_at == BASE.open_of(yard.desk.clock.now())
    assert [(one.position_side, one.status) for one in await yard.desk.positions()] == [
        (PositionSide.LONG, PositionStatus.OPEN)
    ]


async def killed(yard: Yard, database_url: str, failpoint: str, warm: Launcher) -> int:
    """Have another process go on with the bot until it is killed; its exit status."""
    words = ("-m", "tests.integration.bots.killed_keeper", database_url)
    moment = (yard.desk.clock.now().isoformat(), " ".join(map(str, yard.closes)))
    environment = {"PATH": os.defpath, VARIABLE: f"{failpoint}:1:kill"}
    child = warm.launch((*words, *moment), environment, ROOT)
    assert await child.ended(PATIENCE_SECONDS)
    return warm.status(child)
