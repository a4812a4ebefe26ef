"""In whatever order numbers are committed, they are told in theirs, each once."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.db.outbox import Noted
from app.events.ordering import LOOKED_FOR_SECONDS, MOST_LOOKED_FOR, InOrder

OWNER = UUID(int=0)
PATIENCE_SECONDS = 2.0


def notes(*numbers: int) -> list[Noted]:
    return [Noted(number, OWNER, "job", "1") for number in numbers]


def ids(told: list[Noted]) -> list[int]:
    return [one.id for one in told]


def test_what_follows_is_told_at_once() -> None:
    order = InOrder(3)

    assert ids(order.take(notes(4, 5), seconds=0)) == [4, 5]
    assert order.last == 5
    assert not order.is_waiting


def test_a_missing_number_holds_back_what_comes_after_it() -> None:
    order = InOrder(0, patience_seconds=PATIENCE_SECONDS)

    first = order.take(notes(1, 3), seconds=0)
    second = order.take(notes(3, 4), seconds=1.9)
    third = order.take(notes(2, 3, 4), seconds=1.95)

    assert [ids(first), ids(second), ids(third)] == [[1], [], [2, 3, 4]]
    assert not order.given_up


def test_a_number_that_never_comes_is_given_up_and_looked_for() -> None:
    order = InOrder(0, patience_seconds=PATIENCE_SECONDS)
    order.take(notes(2, 4), seconds=0)

    # Both holes were seen at the same time, so they end at the same time.
    assert ids(order.take(notes(2, 4), seconds=2)) == [2, 4]
    assert set(order.given_up) == {1, 3}
    assert ids(order.take_late(notes(3), seconds=3)) == [3]
    assert set(order.given_up) == {1}
    order.take_late([], seconds=3 + LOOKED_FOR_SECONDS)
    assert not order.given_up


def test_where_numbers_are_committed_in_order_nothing_is_waited_for() -> None:
    order = InOrder(0, patience_seconds=0)

    assert ids(order.take(notes(7), seconds=0)) == [7]
    assert not order.given_up


def test_a_jump_of_millions_is_no_list_of_millions() -> None:
    order = InOrder(0, patience_seconds=PATIENCE_SECONDS)
    order.take(notes(10**9), seconds=0)

    assert ids(order.take(notes(10**9), seconds=9)) == [10**9]
    assert len(order.given_up) == MOST_LOOKED_FOR


@given(st.permutations(range(1, 9)), st.lists(st.integers(1, 8), max_size=8))
def test_any_order_of_commits_within_the_patience_is_told_in_order_and_once(
    commits: list[int], looks: list[int]
) -> None:
    order, there, told = InOrder(0, patience_seconds=PATIENCE_SECONDS), [], []
    for moment, number in enumerate(commits):
        there.append(number)
        if moment in looks:
            there_now = sorted(one for one in there if one > order.last)
            told += ids(order.take(notes(*there_now), seconds=moment / 10))
    told += ids(order.take(notes(*sorted(one for one in there if one > order.last)), seconds=1))

    assert told == list(range(1, 9))


@given(st.permutations(range(1, 7)))
def test_whatever_is_committed_is_told_once_however_late_it_comes(commits: list[int]) -> None:
    order, there, told = InOrder(0, patience_seconds=PATIENCE_SECONDS), [], []
    for moment, number in enumerate(commits):
        there.append(number)
        # Each look is past the patience of the one before.
        for seconds in (10.0 * moment, 10.0 * moment + 5):
            late = [one for one in there if one in order.given_up]
            left = sorted(one for one in there if one > order.last)
            told += ids(order.take(notes(*left), seconds=seconds))
            told += ids(order.take_late(notes(*late), seconds=seconds))

    assert sorted(told) == list(range(1, 7))
