"""Stories of a run: which there are, playing one, and shortening one that does not hold."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.crash.driver import Driver, Outcome
from tests.crash.points import TRIED
from tests.crash.story import Author, Cycle, Story
from tests.programs.starting import ColdStarts, Launcher

KILLS_A_STORY: Final = 20
SHRINK_SECONDS: Final = 420.0
MANY_RESTARTS: Final = 10


def stories(seed: int, kills: int) -> list[Story]:
    """Enough stories for that many kills; named points and moments take turns.

    Every tenth one ends with ten restarts, the others with two.
    """
    found = []
    count = -(-kills // KILLS_A_STORY)
    for number in range(count):
        author = Author(seed * 100_000 + number)
        wanted = min(KILLS_A_STORY, kills - number * KILLS_A_STORY)
        # Each story goes on in the list of points where the last one ended.
        start = number * KILLS_A_STORY // 2
        names = [TRIED[(start + i // 2) % len(TRIED)] if i % 2 else "random" for i in range(wanted)]
        author.dice.shuffle(names)
        restarts = MANY_RESTARTS if number % 10 == 9 else 2
        found.append(author.story(tuple(names), restarts=restarts))
    return found


def play(
    story: Story,
    *,
    warm: Launcher | None = None,
    keep: Path | None = None,
    on_kill: Callable[[], None] = lambda: None,
) -> Outcome:
    """Play one story in a folder of its own.

    Args:
        story: what to play.
        warm: how server and venue are started; cold when None.
        keep: where the folder is moved when something did not hold.
        on_kill: hears of every kill.
    """
    cold = ColdStarts()
    folder = Path(tempfile.mkdtemp(prefix="crash-"))
    try:
        starts = warm or cold
        driver = Driver(story, folder, servers=starts, venues=starts, on_kill=on_kill)
        outcome = asyncio.run(driver.play())
        if outcome.violations and keep is not None:
            shutil.rmtree(keep, ignore_errors=True)
            shutil.copytree(folder, keep)
        return outcome
    finally:
        cold.close()
        shutil.rmtree(folder, ignore_errors=True)


def shortest(
    story: Story,
    broken: Sequence[str],
    *,
    seconds: float = SHRINK_SECONDS,
    say: Callable[[str], None] = lambda _: None,
) -> Story:
    """The shortest story found in that time that breaks one of the same invariants.

    A crash is a matter of moments: a shorter story counts only when it fails in one of two tries.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        shorter = next((one for one in _shorter(story) if _fails(one, broken, deadline)), None)
        if shorter is None:
            break
        story = shorter
        say(f"{size(story)} steps in {len(story.cycles)} cycles still fail")
    return story


def _fails(story: Story, broken: Sequence[str], deadline: float) -> bool:
    for _ in range(2):
        if time.monotonic() > deadline:
            return False
        if {one.invariant for one in play(story).violations} & set(broken):
            return True
    return False


def size(story: Story) -> int:
    """How many steps it has."""
    return sum(len(cycle.steps) for cycle in story.cycles)


def _shorter(story: Story) -> Iterator[Story]:
    """Halves first, then without one cycle, then without one step."""
    cycles = story.cycles
    if story.restarts:
        yield replace(story, restarts=0)
    half = len(cycles) // 2
    if half:
        yield replace(story, cycles=cycles[half:])
        yield replace(story, cycles=cycles[-1:])
        for number in range(len(cycles)):
            yield replace(story, cycles=cycles[:number] + cycles[number + 1 :])
    for number, cycle in enumerate(cycles):
        for shorter in _fewer_steps(cycle):
            yield replace(story, cycles=(*cycles[:number], shorter, *cycles[number + 1 :]))


def _fewer_steps(cycle: Cycle) -> Iterator[Cycle]:
    steps = cycle.steps
    if len(steps) > 3:
        half = len(steps) // 2
        yield replace(cycle, steps=steps[half:])
        yield replace(cycle, steps=steps[:half])
    for number in range(len(steps)):
        yield replace(cycle, steps=steps[:number] + steps[number + 1 :])
