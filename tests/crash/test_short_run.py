"""The short run: every named point once and some random kills, servers forked from a warm parent.

What it cannot show, the long one does: `make crash KILLS=2000`.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.crash.figures import violation_lines
from tests.crash.playing import play
from tests.crash.points import IN_CODE, TRIED
from tests.crash.programs import WarmStarts
from tests.crash.story import Author

SEED = 20
RANDOM_KILLS = 20
# Two stories are played side by side: most of each is waiting. And one does not hide another.
PAIRS = ((0, 1), (2, 3))
PARTS = 4
# A point that a fault kept the server away from is aimed at again, and left in peace.
TURNS = 3


@pytest.fixture(scope="module")
def servers() -> Iterator[WarmStarts]:
    warm = WarmStarts()
    yield warm
    warm.close()


@pytest.mark.slow
@pytest.mark.parametrize("parts", PAIRS)
def test_kill_at_named_points_when_restarted_then_everything_holds(
    parts: tuple[int, int], servers: WarmStarts
) -> None:
    with ThreadPoolExecutor(len(parts)) as pool:
        missed = list(pool.map(partial(missed_of, servers), parts))

    assert missed == [(), ()]


def missed_of(servers: WarmStarts, part: int) -> tuple[str, ...]:
    """Kill at that part of the named points; those in our code that no server came past."""
    names = TRIED[part::PARTS]
    for turn in range(TURNS):
        author = Author(SEED + part + 100 * turn, is_calm=turn > 0)
        outcome = play(author.story(names, restarts=0 if turn else 2), servers=servers)
        assert violation_lines(outcome.violations) == []
        reached = {one.point for one in outcome.history.kills if one.is_hit}
        names = tuple(one for one in names if one not in reached and one in IN_CODE)
        if not names:
            break
    return names


@pytest.mark.slow
def test_kill_at_any_moment_when_restarted_then_everything_holds(servers: WarmStarts) -> None:
    half = ("random",) * (RANDOM_KILLS // 2)
    stories = [Author(SEED + PARTS + number).story(half, restarts=2) for number in range(2)]

    with ThreadPoolExecutor(len(stories)) as pool:
        outcomes = list(pool.map(partial(play, servers=servers), stories))

    assert [line for one in outcomes for line in violation_lines(one.violations)] == []
