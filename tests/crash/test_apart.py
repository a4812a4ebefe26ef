"""What judges the product shares no code with it."""

import ast
from pathlib import Path

import pytest

from tests.crash import points
from tests.crash.points import IN_CODE, POINTS

HERE = Path(__file__).parent
# What starts it.
PROGRAMS = HERE.parent / "programs"
APP = HERE.parents[1] / "app"
# It forks servers, so it is one; nothing that judges imports it.
WARM_PARENT = "nursery.py"


def _imports(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def _programs() -> list[Path]:
    files = [*HERE.rglob("*.py"), *PROGRAMS.glob("*.py")]
    return sorted(one for one in files if not one.name.startswith("test_"))


@pytest.mark.parametrize("file", _programs(), ids=lambda one: one.name)
def test_harness_when_read_then_imports_nothing_of_the_product(file: Path) -> None:
    ours = {name for name in _imports(file) if name.partition(".")[0] == "app"}

    assert bool(ours) is (file.name == WARM_PARENT)


def test_nobody_imports_the_warm_parent() -> None:
    users = [one.name for one in _programs() if "tests.programs.nursery" in _imports(one)]

    assert users == []


def test_points_when_counted_then_are_forty_in_order() -> None:
    assert [point.name for point in POINTS] == [f"C{number:02}" for number in range(1, 41)]


def test_points_when_the_product_is_read_then_stand_there_and_no_others() -> None:
    placed = _placed()

    assert {name for name in placed if name[0] == "C"} == set(IN_CODE)


def test_other_points_when_the_product_is_read_then_are_those_of_bots() -> None:
    """A bot is killed there by its own tests; the driver knows no candles."""
    assert {name for name in _placed() if name[0] != "C"} == {"B01", "B02", "B03"}


def _placed() -> set[str]:
    return {
        name.value
        for file in APP.rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "failpoint"
        for name in ast.walk(call.args[0])
        if isinstance(name, ast.Constant) and isinstance(name.value, str)
    }


def test_points_that_are_not_built_are_said_to_be() -> None:
    assert points.NOT_BUILT == ("C39",)
