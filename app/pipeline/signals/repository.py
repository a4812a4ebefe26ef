"""Every query on signals."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import NotFound
from app.db.changing import changed
from app.db.outbox import note
from app.db.symbols import symbol_is
from app.pipeline.signals.models import SecondApproval, Signal
from app.pipeline.signals.status import SignalStatus
from app.pipeline.signals.words import SignalAction

OPENING = (SignalAction.OPEN, SignalAction.ADD)
UNSENT = (SignalStatus.PENDING, SignalStatus.APPROVED)


async def get(session: AsyncSession, signal_id: UUID) -> Signal:
    """A signal that is known to exist.

    Raises:
        NotFound: it does not.
    """
    row = await session.get(Signal, signal_id)
    if row is None:
        raise NotFound(f"There is no signal {signal_id}.")
    return row


async def owned(session: AsyncSession, signal_id: UUID, user_id: UUID) -> Signal:
    """A signal of this user.

    Raises:
        NotFound: no such signal, or somebody else's.
    """
    row = await session.get(Signal, signal_id)
    if row is None or row.user_id != user_id:
        raise NotFound(f"There is no signal {signal_id}.")
    return row


async def claim(
    session: AsyncSession,
    signal: Signal,
    *,
    frm: SignalStatus,
    to: SignalStatus,
    now: datetime,
    is_untouched: bool = False,
    **values: object,
) -> bool:
    """Move a signal for one caller only; False when another one was faster.

    Args:
        session: the caller's transaction.
        signal: which.
        frm: where it has to be.
        to: where it goes.
        now: time of the move.
        is_untouched: only while nobody has approved it, not even as the first of two.
        values: what else is set, by column.
    """
    statement = (
        update(Signal)
        .where(Signal.id == signal.id, Signal.status == frm)
        .values(status=to, updated_at=now, **values)
    )
    if is_untouched:
        statement = statement.where(Signal.decided_by.is_(None))
    note(session, signal)
    return await changed(session, statement) == 1


async def pending(
    session: AsyncSession, strategy_id: UUID, symbol: str | None = None
) -> Sequence[Signal]:
    """Undecided signals of a strategy, oldest first; a test's are nobody's business."""
    query = select(Signal).where(
        Signal.strategy_id == strategy_id,
        Signal.status == SignalStatus.PENDING,
        Signal.is_test.is_(False),
    )
    if symbol is not None:
        query = query.where(Signal.symbol == symbol)
    return (await session.scalars(query.order_by(Signal.id))).all()


async def unsent_entries(session: AsyncSession, strategy_id: UUID, symbol: str) -> Sequence[Signal]:
    """Entries of a strategy on a symbol that are undecided or not yet sent; no test's."""
    query = select(Signal).where(
        Signal.is_test.is_(False),
        Signal.strategy_id == strategy_id,
        Signal.symbol == symbol,
        Signal.action.in_(OPENING),
        Signal.status.in_(UNSENT),
    )
    return (await session.scalars(query.order_by(Signal.id))).all()


async def approved(session: AsyncSession, strategy_id: UUID, symbol: str) -> Sequence[Signal]:
    """Signals of a strategy on a symbol that are approved and not yet acted on, oldest first."""
    query = select(Signal).where(
        Signal.strategy_id == strategy_id,
        Signal.symbol == symbol,
        Signal.status == SignalStatus.APPROVED,
    )
    return (await session.scalars(query.order_by(Signal.id))).all()


async def approved_entries(
    session: AsyncSession, account_id: UUID, symbol: str
) -> Sequence[Signal]:
    """Entries of an account on a symbol that are approved and not yet sent, oldest first."""
    query = select(Signal).where(
        Signal.account_id == account_id,
        Signal.symbol == symbol,
        Signal.action.in_(OPENING),
        Signal.status == SignalStatus.APPROVED,
    )
    return (await session.scalars(query.order_by(Signal.id))).all()


async def of_alarm(session: AsyncSession, alarm_id: UUID) -> Sequence[Signal]:
    """Signals that an alarm became, in order."""
    query = select(Signal).where(Signal.alarm_id == alarm_id).order_by(Signal.part, Signal.id)
    return (await session.scalars(query)).all()


async def latest_named(
    session: AsyncSession, strategy_id: UUID, symbol: str, external_id: str
) -> Signal | None:
    """The newest signal that a strategy script gave this name; alarms name theirs differently."""
    query = (
        select(Signal)
        .where(
            Signal.strategy_id == strategy_id,
            Signal.symbol == symbol,
            Signal.external_id == external_id,
            Signal.alarm_id.is_(None),
        )
        .order_by(Signal.id.desc())
        .limit(1)
    )
    found: Signal | None = await session.scalar(query)
    return found


async def in_status(
    session: AsyncSession, status: SignalStatus, *, limit: int = 500
) -> Sequence[Signal]:
    """Signals in a status, oldest first."""
    query = select(Signal).where(Signal.status == status).order_by(Signal.id).limit(limit)
    return (await session.scalars(query)).all()


async def second_approval(session: AsyncSession, signal_id: UUID) -> SecondApproval | None:
    """The first approval that may need a second one; None where none ever did."""
    return await session.get(SecondApproval, signal_id)


async def to_be_weighed(session: AsyncSession, *, limit: int = 500) -> Sequence[Signal]:
    """Approved once, and not yet sized to see whether that is enough; oldest first."""
    query = (
        select(Signal)
        .join(SecondApproval, SecondApproval.signal_id == Signal.id)
        .where(Signal.status == SignalStatus.PENDING, SecondApproval.asked_at.is_(None))
    )
    return (await session.scalars(query.order_by(Signal.id).limit(limit))).all()


async def overdue(session: AsyncSession, now: datetime) -> Sequence[Signal]:
    """Undecided or unsent entries whose time ran out, and whatever a test left behind."""
    query = select(Signal).where(
        Signal.status.in_(UNSENT),
        Signal.expires_at <= now,
        Signal.action.in_(OPENING) | Signal.is_test,
    )
    return (await session.scalars(query.order_by(Signal.id).limit(500))).all()


def listing(
    user_id: UUID,
    *,
    status: SignalStatus | None = None,
    strategy_id: UUID | None = None,
    symbol: str | None = None,
) -> Select[tuple[Signal]]:
    """The user's signals, narrowed by what is given."""
    query = select(Signal).where(Signal.user_id == user_id)
    if status is not None:
        query = query.where(Signal.status == status)
    if strategy_id is not None:
        query = query.where(Signal.strategy_id == strategy_id)
    if symbol is not None:
        query = query.where(symbol_is(Signal.symbol, symbol))
    return query
