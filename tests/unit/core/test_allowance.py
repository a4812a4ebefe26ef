"""So many in a minute: all at once or spread, for each on its own, in bounded memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.core.allowance import MINUTE_SECONDS, Allowance
from app.core.errors import TooMany


class Seconds:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def taken(allowance: Allowance, key: str, times: int) -> int:
    """How many of so many uses are allowed."""
    count = 0
    for _ in range(times):
        try:
            allowance.take(key)
        except TooMany:
            continue
        count += 1
    return count


@pytest.mark.parametrize("per_minute", [1, 7, 300, 6_000, 60_000])
def test_a_minutes_uses_are_allowed_all_at_once_and_not_one_more(per_minute: int) -> None:
    allowance = Allowance(per_minute, "Wait.", seconds=Seconds())

    assert taken(allowance, "a", per_minute + 10) == per_minute


@pytest.mark.parametrize("per_minute", [1, 7, 300, 6_000])
def test_uses_come_back_one_by_one_over_the_minute(per_minute: int) -> None:
    seconds = Seconds()
    allowance = Allowance(per_minute, "Wait.", seconds=seconds)
    taken(allowance, "a", per_minute)

    seconds.now += MINUTE_SECONDS / per_minute
    assert taken(allowance, "a", 3) == 1
    seconds.now += MINUTE_SECONDS
    assert taken(allowance, "a", per_minute + 3) == per_minute


def test_a_refusal_says_when_it_may_be_tried_again_and_then_it_may() -> None:
    seconds = Seconds()
    allowance = Allowance(2, "Too many of yours.", seconds=seconds)
    taken(allowance, "a", 2)

    with pytest.raises(TooMany, match="Too many of yours") as refusal:
        allowance.take("a")

    wait = refusal.value.retry_after_seconds
    assert wait is not None
    assert 0 < wait <= 30
    seconds.now += wait
    allowance.take("a")


def test_each_key_has_its_own() -> None:
    allowance = Allowance(5, "Wait.", seconds=Seconds())

    assert taken(allowance, "a", 9) == 5
    assert taken(allowance, "b", 9) == 5


def test_a_check_uses_nothing() -> None:
    allowance = Allowance(1, "Wait.", seconds=Seconds())

    for _ in range(5):
        allowance.check("a")
    allowance.use("a")

    with pytest.raises(TooMany):
        allowance.check("a")


def test_those_that_were_used_last_are_remembered_and_no_more() -> None:
    allowance = Allowance(1, "Wait.", most_keys=100, seconds=Seconds())

    for number in range(10_000):
        allowance.use(str(number))

    assert len(allowance) == 100
    assert taken(allowance, "9999", 1) == 0
    assert taken(allowance, "0", 1) == 1


@given(
    some.integers(min_value=1, max_value=50),
    some.lists(some.floats(min_value=0, max_value=20), max_size=120),
)
def test_no_minute_has_more_than_twice_of_it_and_none_that_waits_is_refused(
    per_minute: int, pauses: list[float]
) -> None:
    """What was saved up may be used at once, and what comes back in that minute beside it."""
    seconds = Seconds()
    allowance = Allowance(per_minute, "Wait.", seconds=seconds)
    moments: list[float] = []
    for pause in pauses:
        seconds.now += pause
        if taken(allowance, "a", 1):
            moments.append(seconds.now)

    for start in moments:
        within = [one for one in moments if start <= one < start + MINUTE_SECONDS]
        assert len(within) <= 2 * per_minute
    seconds.now += MINUTE_SECONDS
    assert taken(allowance, "a", per_minute) == per_minute
