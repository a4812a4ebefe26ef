"""The short run: every named point once and some random kills, all forked from a warm parent.

What it cannot show, the long one does: `make crash KILLS=2000`.
"""

import pytest

from tests.crash.figures import violation_lines
from tests.crash.playing import play
from tests.crash.points import IN_CODE, TRIED
from tests.crash.story import Author
from tests.programs.starting import WarmStarts

SEED = 20
RANDOM_KILLS = 20
RANDOM_PARTS = 2
# The named points in this many stories: they run side by side, and one does not hide another.
PARTS = 4
# A point that a fault kept the server away from is aimed at again, and left in peace.
TURNS = 3


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_kill_at_named_points_when_restarted_then_everything_holds(
    part: int, warm: WarmStarts
) -> None:
    names = TRIED[part::PARTS]
    for turn in range(TURNS):
        author = Author(SEED + part + 100 * turn, is_calm=turn > 0)
        outcome = play(author.story(names, restarts=0 if turn else 2), warm=warm)
        assert violation_lines(outcome.violations) == []
        reached = {one.point for one in outcome.history.kills if one.is_hit}
        names = tuple(one for one in names if one not in reached and one in IN_CODE)
        if not names:
            break

    assert names == ()


@pytest.mark.slow
@pytest.mark.parametrize("part", range(RANDOM_PARTS))
def test_kill_at_any_moment_when_restarted_then_everything_holds(
    part: int, warm: WarmStarts
) -> None:
    kills = ("random",) * (RANDOM_KILLS // RANDOM_PARTS)
    story = Author(SEED + PARTS + part).story(kills, restarts=2)

    assert violation_lines(play(story, warm=warm).violations) == []
