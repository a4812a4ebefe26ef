"""Each alert counts once: the key that two deliveries of one alert share, and who took it first."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Uuid, bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.insert import Rows
from app.pipeline.alarms.meaning import Meaning
from app.pipeline.alarms.models import AlarmClaim

NAMED_VALIDITY = timedelta(days=2)


def claim_key(body: bytes, meaning: Meaning | None, *, window: timedelta) -> tuple[str, timedelta]:
    """The key of an alert and how long it stays taken.

    An explicit id or order id counts only together with the alert's own time: a constant id must
    not swallow every later alert. The words of the alert are part of the key, so that two
    different alerts of one second are never merged.

    Args:
        body: the raw alert.
        meaning: what was understood; None when it could not be read.
        window: how long an alert without id and time is a duplicate of an equal one.
    """
    if meaning is not None and meaning.alert_at is not None:
        name = meaning.alert_id or meaning.order_id
        if name:
            words = [(i.action, i.position_side, i.ticker, i.size) for i in meaning.intents]
            text = f"{name}|{meaning.order_id}|{meaning.alert_at.isoformat()}|{words}"
            return f"named:{_digest(text.encode())}", NAMED_VALIDITY
    return f"body:{_digest(body)}", window


# The strategy's id as a number, for a UUID is hashed in Python; and the key.
Name = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Claim:
    """One alarm's wish to be the one that has a key.

    Attributes:
        now: when its alert arrived; a claim that ended before may be taken over.
        valid_for: how long the key stays taken.
    """

    strategy_id: UUID
    key: str
    alarm_id: UUID
    now: datetime
    valid_for: timedelta

    @property
    def name(self) -> Name:
        """What only one alarm can have."""
        return self.strategy_id.int, self.key

    @property
    def values(self) -> dict[str, Any]:
        """The row it would be."""
        return {
            "strategy_id": self.strategy_id,
            "key": self.key,
            "alarm_id": self.alarm_id,
            "valid_until": self.now + self.valid_for,
        }


def claim_all(connection: Connection, claims: Sequence[Claim]) -> list[UUID]:
    """Take each key for the first alarm that wants it.

    Atomic on every database: the primary key decides, and a lapsed claim is taken over by an
    update whose row count names the winner.

    Args:
        connection: the caller's transaction.
        claims: in the order of arrival; several may want the same key.

    Returns:
        The alarm that has what each claim wants, in their order.
    """
    first: dict[Name, Claim] = {}
    for one in claims:
        first.setdefault(one.name, one)
    # Sorted, so that two processes with the same keys never wait for each other.
    rows = [first[name].values for name in sorted(first)]
    if _CLAIMS.insert(connection, rows):
        return [first[one.name].alarm_id for one in claims]
    held = _holders(connection, first)
    if len(held) < len(first):
        # One had lapsed and was forgotten between the two: now it is free.
        return claim_all(connection, claims)
    by = {
        name: _take_over(connection, one) if held[name].has_lapsed(one) else held[name].by
        for name, one in first.items()
    }
    return [by[one.name] for one in claims]


_CLAIMS: Final = Rows(AlarmClaim, unless_taken=True)
_HOLDERS: Final = select(
    AlarmClaim.strategy_id, AlarmClaim.key, AlarmClaim.alarm_id, AlarmClaim.valid_until
).where(
    AlarmClaim.strategy_id.in_(bindparam("strategies", type_=Uuid(), expanding=True)),
    AlarmClaim.key.in_(bindparam("keys", expanding=True)),
)


@dataclass(frozen=True, slots=True)
class _Held:
    """A claim that is there: whose, and until when."""

    by: UUID
    until: datetime

    def has_lapsed(self, wanted: Claim) -> bool:
        return self.by != wanted.alarm_id and self.until < wanted.now


def _holders(connection: Connection, wanted: Mapping[Name, Claim]) -> dict[Name, _Held]:
    names = {
        "strategies": list({one.strategy_id for one in wanted.values()}),
        "keys": [one.key for one in wanted.values()],
    }
    held = {
        (strategy_id.int, key): _Held(alarm_id, until)
        for strategy_id, key, alarm_id, until in connection.execute(_HOLDERS, names)
    }
    return {name: one for name, one in held.items() if name in wanted}


def _take_over(connection: Connection, one: Claim) -> UUID:
    """Take a claim that has lapsed; whoever was quicker has it otherwise."""
    lapsed = (
        update(AlarmClaim)
        .where(
            AlarmClaim.strategy_id == one.strategy_id,
            AlarmClaim.key == one.key,
            AlarmClaim.valid_until < one.now,
        )
        .values(alarm_id=one.alarm_id, valid_until=one.now + one.valid_for)
    )
    if connection.execute(lapsed).rowcount == 1:
        return one.alarm_id
    return claim_all(connection, [one])[0]


async def forget_lapsed(session: AsyncSession, *, now: datetime) -> None:
    """Drop claims that hold nothing any more."""
    await session.execute(delete(AlarmClaim).where(AlarmClaim.valid_until < now))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
