"""Stories are the same for the same seed, can be kept, and get shorter."""

from pathlib import Path

from tests.crash.figures import Figures, spread
from tests.crash.playing import KILLS_A_STORY, size, stories
from tests.crash.points import TRIED
from tests.crash.record import Record
from tests.crash.story import Author, Cycle, End, Story


def test_author_when_the_seed_is_the_same_then_the_story_is() -> None:
    names = ("C15", "random", "C19", "C40")

    assert Author(7).story(names) == Author(7).story(names)
    assert Author(7).story(names) != Author(8).story(names)


def test_story_when_saved_then_is_read_back(tmp_path: Path) -> None:
    story = Author(3).story(("C02", "C31", "random"))

    assert Story.loaded(story.saved(tmp_path / "story.json")) == story


def test_cycle_when_its_point_is_in_the_code_then_arms_it() -> None:
    ends = (("point", "C15"), ("venue", "C19"), ("random", "random"), ("drain", "C40"))
    armed = [Cycle(End(how, point), ()).failpoint for how, point in ends]

    assert armed == ["C15:1:kill", "", "", ""]


def test_stories_when_many_kills_are_wanted_then_every_point_has_its_turn() -> None:
    found = stories(1, 200)
    names = [cycle.end.point for story in found for cycle in story.cycles]

    assert len(names) == 200
    assert len(found) == 200 / KILLS_A_STORY
    assert set(names) == {*TRIED, "random"}


def test_size_when_a_story_has_cycles_then_counts_their_steps() -> None:
    steps = ({"do": "wait", "seconds": 0},)
    cycle = Cycle(End("random", "random", 0.1), steps)

    assert size(Story(1, (cycle, cycle))) == 2


def test_spread_when_given_samples_then_says_median_p99_and_most() -> None:
    assert spread([3.0, 1.0, 2.0]) == {"count": 3, "median": 2.0, "p99": 3.0, "max": 3.0}


def test_record_when_read_again_then_adds_up_and_knows_what_to_play_again(tmp_path: Path) -> None:
    held = Figures(stories=[5], seconds={"naked, calm": [0.2]}, wall_seconds=2.0)
    held.kills["C15"] = 2
    broke = Figures(stories=[6], seconds={"naked, calm": [0.3]})
    broke.violations["I9"] = 1
    for story, figures in ((5, held), (6, broke)):
        Record.read(tmp_path / "state.json", 1).add(story, figures)

    record = Record.read(tmp_path / "state.json", 1)

    shown = record.summed().shown()
    assert (record.done, shown["kills"], shown["seconds"]["naked, calm"]["count"]) == ({5}, 2, 2)
    assert (shown["violations"]["I9"], shown["violations"]["I34"]) == (1, 0)


def test_record_when_a_story_is_played_again_then_only_the_last_try_counts(tmp_path: Path) -> None:
    record = Record(tmp_path / "state.json", 1)
    broke = Figures(stories=[6])
    broke.violations["I9"] = 1
    record.add(6, broke)

    record.add(6, Figures(stories=[6]))

    assert (record.done, record.summed().stories) == ({6}, [6])
