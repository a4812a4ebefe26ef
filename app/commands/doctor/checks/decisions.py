"""Whatever opened was decided once, in time, and for no more than was approved."""

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import Final
from uuid import UUID

from app.commands.doctor.checks.advice import BOOKS
from app.commands.doctor.finding import Difference, Finding
from app.commands.doctor.rows import Rows
from app.core.decimals import EXACT, plain
from app.pipeline.orders.models import Order
from app.pipeline.orders.repository import LIVE
from app.pipeline.signals.models import Signal
from app.pipeline.signals.status import SignalStatus
from app.trading.words import Purpose

ZERO: Final = Decimal(0)
# Between the last look at the clock and the moment that is written down.
MOMENT: Final = timedelta(seconds=2)
NOT_TO_BE_SENT: Final = frozenset(
    {
        SignalStatus.PENDING,
        SignalStatus.REJECTED,
        SignalStatus.EXPIRED,
        SignalStatus.SUPERSEDED,
        SignalStatus.DENIED,
    }
)


def openings_were_decided(rows: Rows) -> Finding:
    """An entry was sent only after one approval, and before its signal expired (I6, I7)."""
    signals = {one.id: one for one in rows.signals}
    approvals: dict[str, list[datetime]] = defaultdict(list)
    for step in rows.history:
        if step.action == "signal.approved":
            approvals[step.subject_id].append(step.at)
    entries = [
        (order, signals[order.signal_id])
        for order in _entries(rows)
        if order.signal_id in signals and order.submitted_at is not None
    ]
    differences = [
        Difference(
            where=rows.order_name(order),
            what=what,
            expected="one approval before it was sent, in time",
            found=found,
            todo=BOOKS,
            subject_id=str(order.id),
        )
        for order, signal in entries
        for what, found in _wrongs(order, signal, approvals[str(signal.id)])
    ]
    return Finding("what opened was decided once and in time", len(entries), tuple(differences))


def _wrongs(order: Order, signal: Signal, approvals: list[datetime]) -> list[tuple[str, str]]:
    sent = order.submitted_at or order.created_at
    wrongs = []
    if signal.status in NOT_TO_BE_SENT:
        wrongs.append(("it was sent for a signal that is not approved", signal.status.value))
    elif len(approvals) != 1:
        wrongs.append(("its signal was not approved once", f"{len(approvals)} approvals"))
    elif approvals[0] > sent:
        wrongs.append(("it was sent before it was approved", f"approved {approvals[0]}"))
    if sent > signal.expires_at + MOMENT:
        wrongs.append(("it was sent after its signal had expired", f"expired {signal.expires_at}"))
    return wrongs


def signals_stay_within_approval(rows: Rows) -> Finding:
    """Filled and live entries of a signal are never more than was approved (I11)."""
    entries: dict[UUID | None, list[Order]] = defaultdict(list)
    for order in _entries(rows):
        entries[order.signal_id].append(order)
    sized = [one for one in rows.signals if one.quantity is not None]
    differences = []
    for signal in sized:
        with localcontext(EXACT):
            total = sum((_committed(order) for order in entries[signal.id]), ZERO)
        if signal.quantity is not None and total > signal.quantity:
            differences.append(
                Difference(
                    where=f"signal {signal.id} ({signal.symbol})",
                    what="its orders are more than was approved",
                    expected=f"at most {plain(signal.quantity)}",
                    found=plain(total),
                    todo=BOOKS,
                    subject_id=str(signal.id),
                )
            )
    return Finding("signals stay within what was approved", len(sized), tuple(differences))


def _committed(order: Order) -> Decimal:
    return order.quantity if order.status in LIVE else order.filled_quantity


def resting_entries_expire(rows: Rows) -> Finding:
    """An entry that rests past its time was asked to be cancelled (I7)."""
    resting = [one for one in _entries(rows) if one.status in LIVE and one.expires_at is not None]
    differences = tuple(
        Difference(
            where=rows.order_name(order),
            what="it rests after its time",
            expected=f"a cancel by {order.expires_at:%Y-%m-%d %H:%M:%S} UTC",
            found="none was asked for",
            todo="A server that runs cancels it: start it, or cancel it at the venue.",
            subject_id=str(order.id),
        )
        for order in resting
        if order.cancel_requested_at is None
        and order.expires_at is not None
        and rows.now > order.expires_at + MOMENT
    )
    return Finding("entries rest no longer than they may", len(resting), differences)


def _entries(rows: Rows) -> list[Order]:
    return [one for one in rows.orders if one.purpose is Purpose.ENTRY]
