"""What a file has to define; these files end, so that they can be run here."""

from datetime import timedelta
from pathlib import Path

import pytest

from app.algorithms.charting import chart
from app.algorithms.intents import Move
from app.core.errors import Invalid
from app.own_algorithms.loading import facts_of, loaded
from tests.integration.own_algorithms.files import keep
from tests.unit.algorithms.builders import an_account, bars_of
from tests.unit.algorithms.markets import a_walk

FULL = """
    from datetime import timedelta
    from app.algorithms.writing import Definition, Field, Parameters

    class Asked(Parameters):
        period: int = Field(default=5, ge=1, le=50, description="candles")

    class Idle:
        lines = {}
        outlook = None

        def __init__(self, parameters):
            pass

        def on_close(self, bar, account):
            return ()

    OWN = Definition(
        "another name", 3, "Does nothing.", Asked, Idle, lambda chosen: chosen.period * 2,
        larger=(timedelta(hours=1),),
    )
"""
IDLE = "Definition('two', 1, 'Does nothing.', Asked, Idle, len)"


def test_an_algorithm_is_called_as_its_file_is(tmp_path: Path) -> None:
    found = loaded(keep(tmp_path, "idle", FULL))

    facts = facts_of(found)
    assert (found.name, facts.version, facts.summary) == ("idle", 3, "Does nothing.")
    assert facts.larger == (timedelta(hours=1),)
    assert facts.schema["properties"]["period"]["default"] == 5
    assert found.warm_up(found.validated({"period": 7})) == 14


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("OWN = Def", "OWN = None if True else Def", "it defines no algorithms"),
        ("    OWN =", f"    TWO = {IDLE}\n    OWN =", "it defines 2 algorithms"),
        ("default=5, ", "", "has a default"),
        ("default=5", "default=0, validate_default=True", "has a default"),
        ("* 2", "/ 2", "warm-up is a number of candles"),
        ("* 2", "* 1_000_000", "warm-up is a number of candles"),
        ('"Does nothing."', '""', "summary is a sentence"),
        (", 3, ", ", 0, ", "version is a whole number"),
        ("hours=1", "minutes=7", "larger timeframes"),
    ],
)
def test_what_is_no_algorithm_is_refused_with_its_reason(
    tmp_path: Path, old: str, new: str, why: str
) -> None:
    assert old in FULL

    with pytest.raises(Invalid, match=why) as caught:
        loaded(keep(tmp_path, "idle", FULL.replace(old, new)))

    assert caught.value.code == "algorithm_unfit"


def test_one_algorithm_under_two_names_is_one(tmp_path: Path) -> None:
    found = loaded(keep(tmp_path, "idle", FULL.replace("    OWN =", "    OTHER = OWN =")))

    assert found.name == "idle"


def test_a_side_is_followed_in_and_out(tmp_path: Path) -> None:
    path = keep(
        tmp_path,
        "beside",
        """
        from app.algorithms.writing import LONG, SHORT, Parameters, Sma, following

        @following("Long above, short below.", Parameters, warm_up=lambda chosen: 11)
        class Beside:
            reason = "the close and its average"

            def __init__(self, chosen):
                self.average = Sma(10)

            def side(self, bar):
                self.lines = {"sma": self.average.update(bar.close)}
                if self.lines["sma"] is None:
                    return None
                return LONG if bar.close > self.lines["sma"] else SHORT
        """,
    )

    shown = chart(loaded(path), {}, bars_of(a_walk(1, 200, pull=0.05)), account=an_account())

    moves = [(mark.intent.move, mark.intent.position_side) for mark in shown.marks[1:]]
    assert len(moves) > 10
    # Out of the one side and into the other, at the same close.
    for (left, out), (entered, into) in zip(moves[::2], moves[1::2], strict=True):
        assert (left, entered) == (Move.EXIT, Move.ENTER)
        assert out is into.opposite
    assert {mark.intent.reason for mark in shown.marks} == {"the close and its average"}
    assert list(shown.lines) == ["sma"]
