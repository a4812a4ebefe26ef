"""When a start has recovered: proofs take their ten seconds, and are no recovery."""

from tests.crash.history import Start

Look = tuple[int, list[str], list[str]]


def noted(*looks: Look) -> Start:
    start = Start(began=0, opened=1)
    for look in looks:
        start.note(*look)
    return start


def test_a_start_when_things_are_left_to_do_then_has_recovered_after_the_last() -> None:
    start = noted((2, ["a position is naked"], []), (3, [], []), (4, ["an exit"], []), (5, [], []))

    assert (start.recovered, start.waited_for) == (5, "an exit")
    assert start.caught_up == 0


def test_a_start_when_a_proof_is_awaited_then_had_recovered_before_it() -> None:
    exit_due = ["position 17 is open, user_stopped"]
    start = noted((2, ["a"], ["o"]), (3, [], ["o"]), (9, [], ["o"]), (12, exit_due, []))
    assert (start.recovered, start.proving, start.caught_up) == (3, 9, 0)

    start.note(13, [], [])
    start.note(14, [], [])

    assert (start.recovered, start.proving, start.caught_up) == (3, 9, 13)
    assert start.waited_for == "position is open, user_stopped"


def test_a_start_when_a_second_proof_is_awaited_then_catches_up_after_the_last() -> None:
    first: tuple[Look, ...] = ((2, [], ["o"]), (12, [], []))
    start = noted(*first, (13, [], ["p"]), (23, ["an exit"], []), (24, [], []))

    assert (start.recovered, start.proving, start.caught_up) == (2, 13, 24)
