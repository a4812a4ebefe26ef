"""Bots that run an algorithm from the operator's folder, each in its guarded process."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from app.bots.status import BotStatus
from app.own_algorithms.guard import Patience
from app.own_algorithms.shelf import Shelf
from app.pipeline.alarms.status import AlarmStatus
from tests.integration.bots.yard import Yard
from tests.integration.own_algorithms.files import PATIENT, QUICK, keep, with_ways

ABOVE = """
    from app.algorithms.writing import LONG, Parameters, Sma, following

    class Above(Parameters):
        period: int = 20

    @following("Long above.", Above, warm_up=lambda chosen: chosen.period + 1)
    class AboveItsAverage:
        def __init__(self, chosen):
            self.average = Sma(chosen.period)

        def side(self, bar):
            self.lines = {"sma": self.average.update(bar.close)}
            return LONG if bar.close > (self.lines["sma"] or bar.close) else None
"""


@asynccontextmanager
async def runs(yard: Yard, folder: Path, name: str, patience: Patience) -> AsyncIterator[None]:
    """The yard's strategy runs the file of that name."""
    async with Shelf(folder, PATIENT).opened(name, patience) as program:
        yard.own[name] = program
        await yard.desk.change_strategy(algorithm=name)
        yield
        # Nobody asks a process that has ended.
        await yard.close()


async def test_a_file_of_ones_own_enters_and_leaves_like_any_other(
    yard: Yard, tmp_path: Path
) -> None:
    keep(tmp_path, "above", ABOVE)
    async with runs(yard, tmp_path, "above", PATIENT):
        bot_id = await yard.running(parameters={"period": 3})

        found = await yard.closes_at(bot_id, 60_400, 60_500, 59_000)

    assert [json.loads(one.body)["action"] for one in found] == ["long", "close"]
    assert {one.status for one in found} == {AlarmStatus.ACCEPTED}
    assert len(await yard.desk.trades()) == 1


async def test_one_that_never_comes_back_is_killed_and_its_bot_fails(
    yard: Yard, tmp_path: Path
) -> None:
    with_ways(tmp_path, "loops", {"loop": "while True: pass"})
    async with runs(yard, tmp_path, "loops", QUICK):
        bot = await yard.bot(parameters={})
        await yard.start(bot.id)
        yard.open()

        failed = await yard.comes_to(bot.id, BotStatus.FAILED)

    assert (failed.reason or "").startswith("algorithm_stuck: ")
