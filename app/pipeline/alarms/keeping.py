"""Keep what arrived, each alert once, however many come in one transaction."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import Connection, Table, bindparam, select, update

from app.audit.service import record_in
from app.core.clock import iso
from app.core.errors import NotFound
from app.core.ids import new_id
from app.core.origin import Origin, current_origin
from app.db.insert import Rows
from app.db.outbox import Change, note_in
from app.pipeline.alarms.claims import Claim, claim_all, claim_key
from app.pipeline.alarms.models import TEST_SOURCE, TOLD_AS, Alarm, is_test_source
from app.pipeline.alarms.service import Reading
from app.pipeline.alarms.status import AlarmStatus


class TokenGone(NotFound):
    """The token was its strategy's when it was looked up, and is not any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One request that brought an alert.

    Attributes:
        user_id: whose strategy it is for.
        body: the bytes as they arrived.
        source: the sender's address; `user:` or `test:` and a name when it came from inside.
        received_at: when it arrived.
        reading: the body, read.
        token_digest: of the token it came with; None when it came from inside.
        token_hint: the end of that token.
        actor: the user who sent it from inside; None when it came with a token.
        origin: the request that brought it, for the audit of what came from inside.
        alarm_id: of the alarm it becomes, unless it repeats another.
    """

    user_id: UUID
    strategy_id: UUID
    body: bytes
    source: str
    received_at: datetime
    reading: Reading
    token_digest: str | None = None
    token_hint: str | None = None
    actor: str | None = None
    origin: Origin = field(default_factory=current_origin)
    alarm_id: UUID = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one delivery: the alarm it is or repeats."""

    alarm_id: UUID
    is_duplicate: bool
    status: AlarmStatus = AlarmStatus.RECEIVED
    reason: str | None = None
    signal_id: UUID | None = None

    @property
    def is_decided(self) -> bool:
        """Whether nothing is left to find out about it."""
        return self.is_duplicate or self.status is not AlarmStatus.RECEIVED


def keep(
    connection: Connection,
    deliveries: Sequence[Delivery],
    *,
    window: timedelta,
    max_future: timedelta,
    now: datetime,
) -> list[Receipt]:
    """Store deliveries, or count them as repetitions of alarms we have.

    Args:
        connection: the caller's transaction: the alarms are kept once it commits.
        deliveries: in the order of their arrival.
        window: how long an equal body is the same alert.
        max_future: how far an alert's clock may be ahead of ours.
        now: when they are written down, a commit before they are safe.

    Returns:
        One receipt each, in their order.
    """
    holders = claim_all(connection, [claim_of(one, window) for one in deliveries])
    times = Counter(holders)
    rows = [
        row_of(one, times.pop(holder), max_future=max_future, stored_at=now)
        for one, holder in zip(deliveries, holders, strict=True)
        if holder == one.alarm_id
    ]
    if rows:
        _NEW.insert(connection, rows)
        _record(connection, deliveries, holders)
    earlier = _count_again(connection, times)
    made = iter(rows)
    receipts = [
        receipt_of(next(made))
        if holder == one.alarm_id
        else Receipt(holder, is_duplicate=True, signal_id=earlier.get(holder))
        for one, holder in zip(deliveries, holders, strict=True)
    ]
    # Whatever else is new will be told of when it is decided, a moment later.
    note_in(
        connection,
        (
            Change(one.user_id, TOLD_AS, str(receipt.alarm_id))
            for one, receipt in zip(deliveries, receipts, strict=True)
            if receipt.is_decided
        ),
    )
    return receipts


def _record(
    connection: Connection, deliveries: Sequence[Delivery], holders: Sequence[UUID]
) -> None:
    """What a user sends is a deed of theirs; what comes with a token says by itself who sent it."""
    for one, holder in zip(deliveries, holders, strict=True):
        if one.actor is not None and one.alarm_id == holder:
            record_in(
                connection,
                now=one.received_at,
                actor=one.actor,
                action="alarm.sent",
                subject_kind="alarm",
                subject_id=str(one.alarm_id),
                user_id=one.user_id,
                detail={"strategy_id": str(one.strategy_id)},
                origin=one.origin,
            )


_NEW: Final = Rows(Alarm)
_ALARMS: Final = cast("Table", Alarm.__table__)
_AGAIN: Final = (
    update(_ALARMS)
    .where(_ALARMS.c.id == bindparam("alarm_id"))
    .values(deliveries=_ALARMS.c.deliveries + bindparam("times"))
)
_SIGNALS: Final = select(Alarm.id, Alarm.signal_id).where(
    Alarm.id.in_(bindparam("alarm_ids", expanding=True))
)


def _count_again(connection: Connection, times: Mapping[UUID, int]) -> Mapping[UUID, UUID | None]:
    """Count further deliveries of alarms we had before; the signal that each became, if any."""
    if not times:
        return {}
    # Sorted, so that two processes that count the same alarms never wait for each other.
    again = [{"alarm_id": name, "times": times[name]} for name in sorted(times)]
    connection.execute(_AGAIN, again)
    found = connection.execute(_SIGNALS, {"alarm_ids": list(times)})
    return {row.id: row.signal_id for row in found}


def receipt_of(row: Mapping[str, Any]) -> Receipt:
    """What is told of a new alarm."""
    return Receipt(row["id"], is_duplicate=False, status=row["status"], reason=row["reason"])


def claim_of(delivery: Delivery, window: timedelta) -> Claim:
    """What a delivery has to be the first with.

    Args:
        delivery: what arrived.
        window: how long an equal body is the same alert.
    """
    key, valid_for = claim_key(delivery.body, delivery.reading.meaning, window=window)
    if is_test_source(delivery.source):
        # Tests are counted among themselves: none may swallow the alert that it rehearses.
        key = f"{TEST_SOURCE}{key}"
    return Claim(
        strategy_id=delivery.strategy_id,
        key=key,
        alarm_id=delivery.alarm_id,
        now=delivery.received_at,
        valid_for=valid_for,
    )


def row_of(
    delivery: Delivery, deliveries: int, *, max_future: timedelta, stored_at: datetime
) -> dict[str, Any]:
    """The alarm that a delivery becomes.

    Args:
        delivery: what arrived.
        deliveries: how often it came.
        max_future: how far its clock may be ahead of ours.
        stored_at: when it is written down.
    """
    reading, now = delivery.reading, delivery.received_at
    meaning = reading.meaning
    reason = _refusal(reading, now=now, max_future=max_future)
    problems = meaning.problems if meaning else ()
    return {
        "id": delivery.alarm_id,
        "user_id": delivery.user_id,
        "strategy_id": delivery.strategy_id,
        "status": AlarmStatus.RECEIVED if reason is None else AlarmStatus.REFUSED,
        "reason": reason,
        "decided_at": None if reason is None else now,
        "body": delivery.body,
        "source": delivery.source,
        "token_hint": delivery.token_hint,
        "received_at": now,
        "stored_at": stored_at,
        "deliveries": deliveries,
        "dialect": meaning.dialect if meaning else (reading.refusal and reading.refusal.dialect),
        "alert_at": meaning.alert_at if meaning else None,
        "ticker": meaning.intents[0].ticker if meaning else None,
        "problems": [
            {"code": one.code, "detail": one.detail, "position": one.position} for one in problems
        ]
        or _NONE,
    }


# The same one for all, so that it is made JSON once for a batch.
_NONE: Final[list[dict[str, Any]]] = []


def _refusal(reading: Reading, *, now: datetime, max_future: timedelta) -> str | None:
    """Why nothing can come of it, as `code: sentence`; None when something may."""
    if reading.refusal is not None:
        return f"{reading.refusal.code}: {reading.refusal.detail}"
    alert_at = None if reading.meaning is None else reading.meaning.alert_at
    if alert_at is not None and alert_at > now + max_future:
        ahead = int((alert_at - now).total_seconds())
        return f"from_the_future: The alert says {iso(alert_at)}, {ahead} s ahead of our clock."
    return None
