"""What is still done about a wish that nobody heard in time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.algorithms.intents import Intent, Move
from app.bots.lateness import Owed, Patience, Sorted, Verdict, verdict
from app.trading.words import PositionSide
from tests.builders import d

CLOSE = datetime(2026, 3, 2, 12, tzinfo=UTC)
LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
PATIENCE = Patience(entries=timedelta(seconds=120), exits=timedelta(seconds=900))
ENTRY = Intent(Move.ENTER, LONG, "in", CLOSE)
EXIT = Intent(Move.EXIT, LONG, "out", CLOSE)


def sorted_at(age_seconds: int, *intents: Intent, owed: Owed | None = None) -> Sorted:
    found = Sorted(owed=owed)
    found.take(intents, age=timedelta(seconds=age_seconds), patience=PATIENCE)
    return found


def a_limit(price: str) -> Intent:
    return Intent(Move.EXIT, LONG, "out", CLOSE, limit_price=d(price))


def test_what_is_young_enough_is_sent_each_by_its_own_limit() -> None:
    fresh, late = sorted_at(120, EXIT, ENTRY), sorted_at(121, EXIT, ENTRY)

    assert (fresh.send, fresh.missed) == ([EXIT, ENTRY], [])
    assert (late.send, late.missed, late.owed) == ([EXIT], [ENTRY], None)


def test_an_exit_that_is_too_old_is_owed_and_not_lost() -> None:
    found = sorted_at(901, EXIT)

    assert (found.send, found.owed) == ([], Owed(EXIT))


def test_a_later_exit_that_is_sent_pays_what_was_owed() -> None:
    assert sorted_at(10, EXIT, owed=Owed(EXIT)).owed is None


def test_the_newest_limit_is_owed_and_none_instead_of_leaving_at_market() -> None:
    assert sorted_at(901, a_limit("2"), owed=Owed(a_limit("1"))).owed == Owed(a_limit("2"))
    assert sorted_at(901, a_limit("2"), owed=Owed(EXIT)).owed == Owed(EXIT)
    assert sorted_at(901, EXIT, owed=Owed(a_limit("1"))).owed == Owed(EXIT)


def test_only_the_wishes_of_the_last_close_are_sent() -> None:
    found = sorted_at(60, ENTRY)
    found.take([], age=timedelta(0), patience=PATIENCE)

    assert found.send == []


@pytest.mark.parametrize(
    ("held", "entered_minutes", "outlook", "expected"),
    [
        (LONG, -60, None, Verdict.SEND),
        (LONG, -60, SHORT, Verdict.SEND),
        # Its reason is gone: whoever was flat would enter there now.
        (LONG, -60, LONG, Verdict.KEEP),
        # The stop, or the trader, was quicker.
        (None, None, None, Verdict.DROP),
        (SHORT, -60, None, Verdict.DROP),
        # Bought at that very close, or after it.
        (LONG, 0, None, Verdict.DROP),
        (LONG, 60, None, Verdict.DROP),
        # Nobody knows when: better flat.
        (LONG, None, None, Verdict.SEND),
    ],
)
def test_an_owed_exit_is_judged_by_how_things_stand_now(
    held: PositionSide | None,
    entered_minutes: int | None,
    outlook: PositionSide | None,
    expected: Verdict,
) -> None:
    entered_at = None if entered_minutes is None else CLOSE + timedelta(minutes=entered_minutes)

    assert verdict(Owed(EXIT), held=held, entered_at=entered_at, outlook=outlook) is expected


def test_a_scheduled_sell_is_sent_whatever_the_outlook_says() -> None:
    owed = Owed(a_limit("61000"))

    assert verdict(owed, held=LONG, entered_at=None, outlook=LONG) is Verdict.SEND


@pytest.mark.parametrize("more", [{}, {"quantity": d("0.5")}, {"limit_price": d("61000.10")}])
def test_what_is_owed_survives_its_column(more: dict[str, Any]) -> None:
    owed = Owed(Intent(Move.EXIT, SHORT, "out", CLOSE, **more))

    assert Owed.of_json(owed.as_json()) == owed
    assert Owed.of_json(None) is None
