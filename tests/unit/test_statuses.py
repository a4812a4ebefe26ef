"""Every pair of every status table, and the law that nothing leaves a final status."""

from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bots.status import BOT_MOVES, BotStatus
from app.core.errors import InvalidTransition
from app.core.state import StatusT, Transitions, advance, is_final
from app.jobs.status import JOB_MOVES, JobStatus
from app.pipeline.alarms.status import ALARM_MOVES, GAP_MOVES, AlarmStatus, GapStatus
from app.pipeline.orders.status import ORDER_MOVES, OrderStatus
from app.pipeline.positions.status import POSITION_MOVES, PositionStatus
from app.pipeline.signals.status import SIGNAL_MOVES, SignalStatus

# The drawing of DESIGN 4, written out a second time in plain words.
DRAWN: dict[type[StrEnum], dict[str, str]] = {
    AlarmStatus: {"received": "accepted stale ignored refused"},
    SignalStatus: {
        "pending": "approved rejected expired superseded",
        "approved": "executing expired superseded denied",
        "executing": "executed denied expired failed",
    },
    OrderStatus: {
        "created": "submitted denied",
        "submitted": "unknown open partially_filled filled canceled rejected expired",
        "unknown": "open partially_filled filled canceled rejected expired",
        "open": "partially_filled filled canceled rejected expired",
        "partially_filled": "open filled canceled rejected expired",
    },
    PositionStatus: {"opening": "open", "open": "closing", "closing": "closed open"},
    GapStatus: {
        "open": "repairing adopted ignored arrived_late ended",
        "repairing": "open repaired",
    },
    BotStatus: {
        "stopped": "starting",
        "starting": "running stopped failed",
        "running": "starting stopped failed",
        "failed": "starting stopped",
    },
    JobStatus: {
        "queued": "running canceled",
        "running": "queued done failed canceled",
    },
}
FINAL: dict[type[StrEnum], str] = {
    AlarmStatus: "accepted stale ignored refused",
    SignalStatus: "executed rejected denied expired superseded failed",
    OrderStatus: "filled canceled rejected expired denied",
    PositionStatus: "closed",
    GapStatus: "adopted repaired ignored arrived_late ended",
    JobStatus: "done failed canceled",
    BotStatus: "",
}


def widened(moves: Transitions[StatusT]) -> dict[StrEnum, frozenset[StrEnum]]:
    return {status: frozenset(following) for status, following in moves.items()}


TABLES: tuple[tuple[type[StrEnum], Transitions[StrEnum]], ...] = (
    (AlarmStatus, widened(ALARM_MOVES)),
    (SignalStatus, widened(SIGNAL_MOVES)),
    (OrderStatus, widened(ORDER_MOVES)),
    (PositionStatus, widened(POSITION_MOVES)),
    (GapStatus, widened(GAP_MOVES)),
    (JobStatus, widened(JOB_MOVES)),
    (BotStatus, widened(BOT_MOVES)),
)
PAIRS = [
    pytest.param(statuses, moves, current, to, id=f"{statuses.__name__}-{current}-{to}")
    for statuses, moves in TABLES
    for current in statuses
    for to in statuses
]


@pytest.mark.parametrize(("statuses", "moves", "current", "to"), PAIRS)
def test_security_21_a_move_is_allowed_exactly_when_drawn(
    statuses: type[StrEnum], moves: Transitions[StrEnum], current: StrEnum, to: StrEnum
) -> None:
    if to.value in DRAWN[statuses].get(current.value, "").split():
        assert advance(current, to, moves) is to
        return
    with pytest.raises(InvalidTransition, match=f"{current.value} cannot become {to.value}"):
        advance(current, to, moves)


@pytest.mark.parametrize(("statuses", "moves"), TABLES)
def test_final_statuses_are_the_ones_drawn_in_capitals(
    statuses: type[StrEnum], moves: Transitions[StrEnum]
) -> None:
    finals = {status.value for status in statuses if is_final(status, moves)}

    assert finals == set(FINAL[statuses].split())


@pytest.mark.parametrize(("statuses", "moves"), TABLES)
def test_every_status_is_reachable_from_the_first(
    statuses: type[StrEnum], moves: Transitions[StrEnum]
) -> None:
    seen = {next(iter(statuses))}
    while grown := {to for status in seen for to in moves[status]} - seen:
        seen |= grown

    assert seen == set(statuses)


@given(table=st.sampled_from(TABLES), wishes=st.lists(st.integers(0, 20), max_size=30))
def test_no_path_leaves_a_final_status(
    table: tuple[type[StrEnum], Transitions[StrEnum]], wishes: list[int]
) -> None:
    statuses, moves = table
    names = list(statuses)
    current, ended = names[0], None

    for wish in wishes:
        try:
            current = advance(current, names[wish % len(names)], moves)
        except InvalidTransition:
            continue
        assert ended is None
        ended = current if is_final(current, moves) else None
