"""A pass opens the door once, in its own process, while its test runs."""

from datetime import UTC, datetime, timedelta

import pytest

from app.core.errors import TooMany
from app.core.ids import new_id
from app.strategies.passes import LIFETIME, MOST_A_MINUTE, DoorPasses

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
STRATEGY, USER = new_id(), new_id()


def test_a_pass_names_its_strategy_once() -> None:
    passes = DoorPasses()

    with passes.issued(STRATEGY, user_id=USER, username="anna", now=NOW) as text:
        assert passes.is_unused(text)
        taken = passes.take(text, now=NOW)
        assert not passes.is_unused(text)
        again = passes.take(text, now=NOW)

    assert taken is not None
    assert (taken.strategy_id, taken.username) == (STRATEGY, "anna")
    assert again is None


def test_a_pass_is_worth_nothing_after_its_test_its_time_or_elsewhere() -> None:
    passes = DoorPasses()

    with passes.issued(STRATEGY, user_id=USER, username="anna", now=NOW) as text:
        assert DoorPasses().take(text, now=NOW) is None
        assert passes.take("something else", now=NOW) is None
        assert passes.take(text, now=NOW + LIFETIME) is None
    with (
        pytest.raises(ValueError, match="fails"),
        passes.issued(STRATEGY, user_id=USER, username="anna", now=NOW) as text,
    ):
        raise ValueError("the test fails")

    assert passes.take(text, now=NOW) is None


def test_each_user_has_a_pace_of_their_own() -> None:
    passes = DoorPasses()
    for second in range(MOST_A_MINUTE):
        at = NOW + timedelta(seconds=second)
        with passes.issued(STRATEGY, user_id=USER, username="anna", now=at):
            pass

    late = NOW + timedelta(seconds=30)
    with (
        pytest.raises(TooMany) as refused,
        passes.issued(STRATEGY, user_id=USER, username="anna", now=late),
    ):
        pass
    with passes.issued(STRATEGY, user_id=new_id(), username="bert", now=late) as text:
        assert passes.take(text, now=late) is not None

    assert refused.value.retry_after_seconds == 30
