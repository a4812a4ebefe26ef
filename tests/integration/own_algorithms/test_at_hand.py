"""An own algorithm without a pipe: what it says is looked at all the same."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from app.algorithms.algorithm import Farsighted, Source
from app.algorithms.bars import Bar
from app.algorithms.intents import Intent
from app.core.errors import Conflict, Invalid
from app.own_algorithms.at_hand import at_hand
from app.own_algorithms.loading import loaded
from tests.integration.own_algorithms.files import keep, with_ways
from tests.unit.algorithms.builders import an_account, bars_of
from tests.unit.algorithms.markets import a_walk

FARSIGHTED = """
    from datetime import timedelta
    from app.algorithms.writing import Definition, Intent, LONG, Move, Parameters

    class Far:
        lines = {}
        outlook = None

        def __init__(self, chosen):
            self.larger = 0

        def on_larger(self, bar):
            self.larger += 1

        def on_close(self, bar, account):
            reason = f"{self.larger} larger ones"
            return [Intent(Move.ENTER, LONG, reason, bar.closed_at)]

    FAR = Definition("far", 1, "Counts.", Parameters, Far, lambda chosen: 1, (timedelta(hours=1),))
"""
# The parameters that are checked when the file is read take another way than those of a run.
HASTY = """
    from app.algorithms.writing import Definition, Parameters

    class Asked(Parameters):
        way: str = "slow"

    HASTY = Definition("hasty", 1, "Sees nothing.", Asked, object,
                       lambda chosen: 1 if chosen.way == "slow" else -1)
"""


def source_of(path: Path) -> Source:
    found = loaded(path).source
    assert found is not None
    return found


def bar() -> Bar:
    return next(iter(bars_of(a_walk(1, 1))))


def close(path: Path, **settings: str) -> Sequence[Intent]:
    definition = at_hand(source_of(path))
    algorithm = definition.build(definition.validated(settings))
    return algorithm.on_close(bar(), an_account())


def test_its_intents_are_its_own(tmp_path: Path) -> None:
    line = "return iter([Intent(Move.ENTER, LONG, 'up', bar.closed_at)])"
    path = with_ways(tmp_path, "enters", {"enters": line, "idles": "return []"})

    assert [one.reason for one in close(path)] == ["up"]
    assert close(path, way="idles") == ()


@pytest.mark.parametrize(
    ("line", "error", "says"),
    [
        ("return ['buy']", TypeError, "answers with intents, not with str"),
        (
            "return [Intent(Move.ENTER, LONG, 'up', bar.closed_at, stop_loss=bar.low)]",
            ValueError,
            "stop_loss is a Decimal above 0",
        ),
        (
            "return [Intent(Move.ENTER, LONG, 'up', bar.opened_at)]",
            ValueError,
            "decided at the close of its candle",
        ),
    ],
)
def test_what_cannot_be_is_not_believed(
    tmp_path: Path, line: str, error: type[Exception], says: str
) -> None:
    path = with_ways(tmp_path, "errs", {"errs": line})

    with pytest.raises(error, match=says):
        close(path)


def test_larger_candles_reach_the_one_that_looks_at_them(tmp_path: Path) -> None:
    definition = at_hand(source_of(keep(tmp_path, "far", FARSIGHTED)))
    algorithm = definition.build(definition.validated({}))
    assert isinstance(algorithm, Farsighted)

    algorithm.on_larger(bar()._replace(length=timedelta(hours=1)))

    assert [one.reason for one in algorithm.on_close(bar(), an_account())] == ["1 larger ones"]


def test_a_warm_up_that_nobody_could_feed_is_refused(tmp_path: Path) -> None:
    definition = at_hand(source_of(keep(tmp_path, "hasty", HASTY)))

    assert definition.warm_up(definition.validated({})) == 1
    with pytest.raises(Invalid, match="its warm-up is a number of candles"):
        definition.warm_up(definition.validated({"way": "fast"}))


def test_a_file_that_is_not_what_it_was_is_refused(tmp_path: Path) -> None:
    path = with_ways(tmp_path, "changes")
    source = source_of(path)
    path.write_text(f"{path.read_text()}# one more line\n")

    with pytest.raises(Conflict, match=r"changes\.py has changed since") as refused:
        at_hand(source)

    assert refused.value.code == "algorithm_changed"
    assert source_of(path).digest != source.digest
