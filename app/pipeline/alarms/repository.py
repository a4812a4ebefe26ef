"""Every query on alarms."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Select, String, Uuid, and_, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import NotFound
from app.db.symbols import symbol_is
from app.pipeline.alarms.models import TEST_SOURCE, Alarm
from app.pipeline.alarms.status import AlarmStatus


async def get(session: AsyncSession, alarm_id: UUID) -> Alarm:
    """An alarm that is known to exist.

    Raises:
        NotFound: it does not.
    """
    row = await session.get(Alarm, alarm_id)
    if row is None:
        raise NotFound(f"There is no alarm {alarm_id}.")
    return row


async def owned(session: AsyncSession, alarm_id: UUID, user_id: UUID) -> Alarm:
    """An alarm of this user.

    Raises:
        NotFound: no such alarm, or somebody else's.
    """
    row = await session.get(Alarm, alarm_id)
    if row is None or row.user_id != user_id:
        raise NotFound(f"There is no alarm {alarm_id}.")
    return row


async def last_use(
    session: AsyncSession, strategy_id: UUID, token_hint: str, *, since: datetime
) -> datetime | None:
    """When the newest alert with that token was received.

    Args:
        session: the caller's transaction.
        strategy_id: whose alerts.
        token_hint: the token's end.
        since: how far back to look; a token that is never used costs all of that.
    """
    query = (
        select(Alarm.received_at)
        .where(
            Alarm.strategy_id == strategy_id,
            Alarm.received_at >= since,
            Alarm.token_hint == token_hint,
        )
        .order_by(Alarm.received_at.desc())
        .limit(1)
    )
    newest: datetime | None = await session.scalar(query)
    return newest


async def undecided(session: AsyncSession, *, before: datetime) -> Sequence[UUID]:
    """Alarms that were stored and then left alone, oldest first."""
    query = (
        select(Alarm.id)
        .where(Alarm.status == AlarmStatus.RECEIVED, Alarm.received_at <= before)
        .order_by(Alarm.id)
        .limit(500)
    )
    return (await session.scalars(query)).all()


async def has_undecided(session: AsyncSession, user_id: UUID, strategy_id: UUID) -> bool:
    """Whether an alarm of the strategy was kept and is not decided yet.

    Args:
        session: the caller's transaction.
        user_id: its owner: undecided alarms are looked up by that.
        strategy_id: whose alarm.
    """
    query = select(Alarm.id).where(
        Alarm.user_id == user_id,
        Alarm.status == AlarmStatus.RECEIVED,
        Alarm.strategy_id == strategy_id,
    )
    return await session.scalar(query.limit(1)) is not None


# Asked for every entry that has a time of its own, so built once (docs/decisions/0018).
_NEWEST_END: Final = select(func.max(Alarm.alert_at)).where(
    Alarm.strategy_id == bindparam("strategy_id", type_=Uuid()),
    Alarm.received_at >= bindparam("since", type_=Alarm.received_at.type),
    Alarm.symbol == bindparam("symbol", type_=String()),
    ~Alarm.source.startswith(TEST_SOURCE),
    or_(
        and_(Alarm.status == AlarmStatus.IGNORED, Alarm.reason.startswith("nothing_to_close:")),
        and_(Alarm.status == AlarmStatus.ACCEPTED, Alarm.signal_id.is_(None)),
    ),
)


async def newest_end(
    session: AsyncSession, strategy_id: UUID, symbol: str, *, since: datetime
) -> datetime | None:
    """Alert time of the newest alert that asked for an end and left no signal to tell of it.

    Args:
        session: the caller's transaction.
        strategy_id: whose alerts.
        symbol: of the market.
        since: only what was received from then on.
    """
    asked = {"strategy_id": strategy_id, "symbol": symbol, "since": since}
    newest: datetime | None = await session.scalar(_NEWEST_END, asked)
    return newest


def listing(
    user_id: UUID,
    *,
    status: AlarmStatus | None = None,
    strategy_id: UUID | None = None,
    symbol: str | None = None,
) -> Select[tuple[Alarm]]:
    """The user's alarms, narrowed by what is given."""
    query = select(Alarm).where(Alarm.user_id == user_id)
    if status is not None:
        query = query.where(Alarm.status == status)
    if strategy_id is not None:
        query = query.where(Alarm.strategy_id == strategy_id)
    if symbol is not None:
        query = query.where(symbol_is(Alarm.symbol, symbol) | (Alarm.ticker == symbol))
    return query
