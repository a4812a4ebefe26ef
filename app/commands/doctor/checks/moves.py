"""The audit trail of a row tells of allowed moves only, and ends where the row is."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

from app.commands.doctor.checks.advice import BOOKS
from app.commands.doctor.finding import Difference, Finding
from app.commands.doctor.rows import Rows, Step
from app.pipeline.orders.status import ORDER_MOVES, OrderStatus
from app.pipeline.positions.status import POSITION_MOVES, PositionStatus
from app.pipeline.signals.status import SIGNAL_MOVES, SignalStatus

# What the trail says, where that is not the status itself.
ORDER_WORDS: Final = {f"order.{one.value}": one for one in OrderStatus}
SIGNAL_WORDS: Final = {
    "signal.created": SignalStatus.PENDING,
    **{f"signal.{one.value}": one for one in SignalStatus},
}
POSITION_WORDS: Final = {
    "position.opened": PositionStatus.OPENING,
    "position.closing": PositionStatus.CLOSING,
    "position.exit_died": PositionStatus.OPEN,
    "position.closed": PositionStatus.CLOSED,
}
# Moves by statement, so that one of several callers wins, and moves that follow from a fill: the
# trail names what came of them and not them.
UNSAID: Final = frozenset(
    {
        OrderStatus.SUBMITTED,
        SignalStatus.EXECUTING,
        PositionStatus.OPEN,
        PositionStatus.CLOSING,
    }
)


class Told(NamedTuple):
    """A row's name for people, its id, and where it is."""

    name: str
    id: str
    status: StrEnum


def moves_are_allowed(rows: Rows) -> Finding:
    """Signals, orders and positions only ever moved along their tables (I4)."""
    trails: dict[str, list[Step]] = defaultdict(list)
    for step in rows.history:
        trails[step.subject_id].append(step)
    signals = [
        Told(f"signal {one.id} ({one.symbol})", str(one.id), one.status) for one in rows.signals
    ]
    orders = [Told(rows.order_name(one), str(one.id), one.status) for one in rows.orders]
    books = [Told(rows.position_name(one), str(one.id), one.status) for one in rows.positions]
    differences = [
        *_illegal(signals, trails, SIGNAL_WORDS, SIGNAL_MOVES),
        *_illegal(orders, trails, ORDER_WORDS, ORDER_MOVES),
        *_illegal(books, trails, POSITION_WORDS, POSITION_MOVES),
    ]
    looked_at = len(signals) + len(orders) + len(books)
    return Finding("statuses moved along their tables", looked_at, tuple(differences))


def _illegal(
    told: Sequence[Told],
    trails: dict[str, list[Step]],
    words: Mapping[str, StrEnum],
    moves: Mapping[Any, frozenset[Any]],
) -> list[Difference]:
    found = []
    for row in told:
        path = [words[step.action] for step in trails[row.id] if step.action in words]
        if not path:
            continue  # older than the trail, or imported from the venue
        for before, after in zip(path, [*path[1:], row.status], strict=True):
            if before is not after and not _can_become(before, after, moves):
                found.append(_difference(row, before, after))
    return found


def _can_become(before: StrEnum, after: StrEnum, moves: Mapping[Any, frozenset[Any]]) -> bool:
    """Whether allowed moves lead there, over steps that the trail does not name."""
    reached, seen = {before}, set()
    while reached:
        here = reached.pop()
        seen.add(here)
        nexts = moves[here]
        if after in nexts:
            return True
        reached |= {one for one in nexts if one in UNSAID and one not in seen}
    return False


def _difference(row: Told, before: StrEnum, after: StrEnum) -> Difference:
    return Difference(
        where=row.name,
        what=f"it went from {before.value} to {after.value}",
        expected="a move that the table of statuses allows",
        found=f"{before.value}, then {after.value}",
        todo=BOOKS,
        subject_id=row.id,
    )
