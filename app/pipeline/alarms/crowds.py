"""Keep a whole crowd in one statement, where the database can: PostgreSQL.

While one crowd is kept the event loop is busy with the next, and sees an answer of the database
only when it has gone through all of that: five statements would be five such turns.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, cast
from uuid import UUID

import msgspec
from sqlalchemy import (
    JSON,
    ColumnElement,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    collate,
    column,
    false,
    func,
    insert,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy import cast as as_type
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import asyncpg

from app.db.outbox import Outbox
from app.db.session import Writing
from app.pipeline.alarms.claims import Name
from app.pipeline.alarms.keeping import Delivery, Receipt, claim_of, receipt_of, row_of
from app.pipeline.alarms.models import TOLD_AS, Alarm, AlarmClaim
from app.pipeline.alarms.status import AlarmStatus
from app.pipeline.wakeups import Wakeup, Work, note_in
from app.strategies.models import Strategy

# In all: the database takes them as one text, and a crowd of the largest alerts would be many MiB.
MOST_BYTES: Final = 1_048_576


def takes(deliveries: Sequence[Delivery]) -> bool:
    """Whether they are few enough bytes, and each came with a token."""
    return all(one.token_digest is not None for one in deliveries) and (
        sum(len(one.body) for one in deliveries) <= MOST_BYTES
    )


def keep_crowd(
    writing: Writing,
    deliveries: Sequence[Delivery],
    *,
    window: timedelta,
    max_future: timedelta,
    now: datetime,
) -> dict[UUID, Receipt]:
    """Store those that are new and have a valid token, and wake the worker for them.

    Args:
        writing: of PostgreSQL; the statement is all that its transaction needs.
        deliveries: at least one, in the order of their arrival, each with its token.
        window: how long an equal body is the same alert.
        max_future: how far an alert's clock may be ahead of ours.
        now: when they are written down.

    Returns:
        Receipts by alarm. Those that are not among them repeat an alert, take over a claim that
        has lapsed, or have no valid token: they take the longer way.
    """
    names: set[Name] = set()
    rows: dict[UUID, dict[str, Any]] = {}
    given: list[dict[str, Any]] = []
    for one in deliveries:
        claim = claim_of(one, window)
        if claim.name not in names:
            names.add(claim.name)
            row = rows[one.alarm_id] = row_of(one, 1, max_future=max_future, stored_at=now)
            given.append({**row, **claim.values, "token_digest": one.token_digest})
    statement, places = _compiled(tuple(next(iter(rows.values()))))
    values = {"given": msgspec.json.encode(given, enc_hook=_plain).decode(), "now": now}
    answer = writing.connection.exec_driver_sql(statement, tuple(values[one] for one in places))
    made = answer.all()
    if made and made[0].note_id is not None:
        note_in(writing, made[0].note_id, Work.ALARMS, made[0].subject_id, now=now)
    return {one.id: receipt_of(rows[one.id]) for one in made}


def _plain(value: Any) -> str:
    # asyncpg's UUIDs are of its own class.
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not kept")


@cache
def _compiled(columns: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The statement for these columns of an alarm, as the driver takes it, and its parameters.

    SQLAlchemy keeps no compiled form of one like this, and makes it in three milliseconds. When it
    is first needed: a foreign key has its type once both tables are known.
    """
    compiled = _statement(columns).compile(dialect=asyncpg.dialect())  # type: ignore[no-untyped-call]  # SQLAlchemy's
    return str(compiled), tuple(compiled.positiontup or ())


def _statement(columns: Sequence[str]) -> Select[Any]:
    """What was made of the rows in `given`, and the note to the worker."""
    alarms, claims, strategies, notes, outbox = (
        cast("Table", one.__table__) for one in (Alarm, AlarmClaim, Strategy, Wakeup, Outbox)
    )
    kept = [alarms.c[name] for name in columns]
    more = [claims.c.key, claims.c.valid_until, strategies.c.token_digest]
    given = (
        func.json_to_recordset(as_type(bindparam("given", type_=Text()), JSON))
        .table_valued(
            *(column(one.name, Text() if one.name == "body" else one.type) for one in kept + more)
        )
        .render_derived(name="given", with_types=True)
    )
    is_newest = strategies.c.token_digest == given.c.token_digest
    overlaps = and_(
        strategies.c.previous_token_digest == given.c.token_digest,
        strategies.c.previous_token_until > given.c.received_at,
    )
    is_valid = and_(strategies.c.id == given.c.strategy_id, or_(is_newest, overlaps))
    wanted = select(given).join_from(given, strategies, is_valid).cte("wanted")
    taking = (
        select(wanted.c.strategy_id, wanted.c.key, wanted.c.id, wanted.c.valid_until)
        # In one order everywhere, so that two processes never wait for each other's keys.
        .order_by(wanted.c.strategy_id, collate(wanted.c.key, "C"))
    )
    taken = (
        postgresql.insert(claims)
        .from_select(["strategy_id", "key", "alarm_id", "valid_until"], taking)
        .on_conflict_do_nothing()
        .returning(claims.c.alarm_id)
        .cte("taken")
    )
    values = [
        func.decode(wanted.c.body, _constant("base64")) if name == "body" else wanted.c[name]
        for name in columns
    ]
    making = select(*values).where(wanted.c.id.in_(select(taken.c.alarm_id)))
    made = (
        insert(alarms)
        .from_select(columns, making)
        .returning(alarms.c.id, alarms.c.status, alarms.c.user_id)
        .cte("made")
    )
    noting = select(
        _constant(Work.ALARMS.value),
        made.c.id,
        false(),
        bindparam("now", type_=notes.c.created_at.type),
    ).where(made.c.status == _constant(AlarmStatus.RECEIVED.value))
    noted = (
        insert(notes)
        .from_select(
            ["work", "subject_id", "is_urgent", "created_at"], noting.limit(literal_column("1"))
        )
        .returning(notes.c.id, notes.c.subject_id)
        .cte("noted")
    )
    # Nobody will decide these, so nobody else would tell of them.
    refused = select(
        made.c.user_id,
        _constant(TOLD_AS),
        as_type(made.c.id, Text()),
        bindparam("now", type_=outbox.c.noted_at.type),
    ).where(made.c.status != _constant(AlarmStatus.RECEIVED.value))
    told = insert(outbox).from_select(["user_id", "kind", "subject", "noted_at"], refused)
    both = made.outerjoin(noted, true())
    found = select(made.c.id, noted.c.id.label("note_id"), noted.c.subject_id).select_from(both)
    return found.add_cte(told.cte("told"))


def _constant(word: str) -> ColumnElement[str]:
    """One of our own words, written out: only what changes is a parameter."""
    return literal_column(f"'{word}'", Text())
