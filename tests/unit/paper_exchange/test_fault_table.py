"""The documentation lists every fault as the code has it, and every fault has something to do."""

from pathlib import Path

import pytest

from app.paper_exchange.faults import answers, hands, views
from app.paper_exchange.faults.routes import GROUPS, OTHERS, ROUTES, is_known
from app.paper_exchange.faults.table import render
from app.paper_exchange.faults.verbs import VERBS, Stage

_DOCS = Path(__file__).parents[3] / "docs" / "paper-exchange.md"


def test_documentation_has_the_table_of_the_code() -> None:
    assert render() in _DOCS.read_text(), "run python -m app.paper_exchange.faults.table"


def test_documentation_names_every_route_and_group() -> None:
    text = _DOCS.read_text()
    names = {name for _, name in ROUTES.values()} | set(GROUPS) | OTHERS

    assert [name for name in sorted(names) if f"`{name}`" not in text] == []


@pytest.mark.parametrize(
    ("stage", "done"),
    [
        (Stage.REFUSE, answers.REFUSING),
        (Stage.SPOIL, answers.SPOILING),
        (Stage.NOW, set(hands.HANDS)),
        (Stage.VIEW, {*views.VIEWS, "lag", "not_found_2013"}),
    ],
)
def test_every_fault_has_something_to_do(stage: Stage, done: set[str]) -> None:
    assert {name for name, verb in VERBS.items() if verb.stage is stage} == done


def test_default_routes_exist() -> None:
    assert all(is_known(verb.route) for verb in VERBS.values() if verb.route is not None)
