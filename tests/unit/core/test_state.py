from typing import Final

import pytest

from app.core.errors import InvalidTransition
from app.core.state import Transitions, advance, is_final
from app.core.words import Word


class Lamp(Word):
    OFF = "off"
    ON = "on"
    BROKEN = "broken"


MOVES: Final[Transitions[Lamp]] = {
    Lamp.OFF: frozenset({Lamp.ON}),
    Lamp.ON: frozenset({Lamp.OFF, Lamp.BROKEN}),
    Lamp.BROKEN: frozenset(),
}


def test_advance_along_the_table_gives_the_new_status() -> None:
    assert advance(Lamp.OFF, Lamp.ON, MOVES) is Lamp.ON


def test_advance_off_the_table_is_refused_with_both_names() -> None:
    with pytest.raises(InvalidTransition, match="off cannot become broken"):
        advance(Lamp.OFF, Lamp.BROKEN, MOVES)


def test_only_a_status_without_moves_is_final() -> None:
    assert [lamp for lamp in Lamp if is_final(lamp, MOVES)] == [Lamp.BROKEN]


def test_word_is_found_in_any_case() -> None:
    assert Lamp(" Broken ") is Lamp.BROKEN
    with pytest.raises(ValueError, match="dim"):
        Lamp("dim")
    with pytest.raises(ValueError, match="3"):
        Lamp("3")
