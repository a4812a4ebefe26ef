"""Every query on how far accounts agree with their venues, and on what there is not ours."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import AccountState, ExternalHolding

# A heartbeat need not be written more often than somebody may want to read it.
HEARTBEAT: Final = timedelta(seconds=25)


async def states_of(
    session: AsyncSession, account_ids: Iterable[UUID]
) -> Mapping[UUID, AccountState]:
    """The states of these accounts, by account; those never compared have none."""
    query = select(AccountState).where(AccountState.account_id.in_(tuple(account_ids)))
    return {row.account_id: row for row in (await session.scalars(query)).all()}


async def failing(session: AsyncSession) -> Sequence[AccountState]:
    """Every account that cannot be compared with its venue at the moment."""
    query = select(AccountState).where(AccountState.failing_since.is_not(None))
    return (await session.scalars(query)).all()


async def state(session: AsyncSession, account_id: UUID) -> AccountState | None:
    """One account's state; None when it was never compared."""
    return await session.get(AccountState, account_id)


def is_worth_writing(row: AccountState | None, *, now: datetime) -> bool:
    """Whether a comparison that went well says anything that is not written yet."""
    if row is None or row.reconciled_at is None or row.failing_since is not None:
        return True
    return now - row.reconciled_at >= HEARTBEAT


async def note_agreed(session: AsyncSession, account_id: UUID, *, now: datetime) -> None:
    """The account was compared with its venue, whatever was found."""
    row = await _own(session, account_id)
    row.reconciled_at, row.failing_since, row.reason = now, None, None


async def note_failing(
    session: AsyncSession, account_id: UUID, reason: str, *, now: datetime
) -> datetime:
    """The account could not be compared; since when that has been so.

    Args:
        session: the caller's transaction.
        account_id: which.
        reason: `code: sentence`.
        now: time of the attempt.
    """
    row = await _own(session, account_id)
    row.failing_since = row.failing_since or now
    row.reason = reason
    return row.failing_since


async def _own(session: AsyncSession, account_id: UUID) -> AccountState:
    row = await session.get(AccountState, account_id)
    if row is None:
        row = AccountState(account_id=account_id)
        session.add(row)
    return row


async def external_at(session: AsyncSession, account_id: UUID, symbol: str) -> Decimal:
    """Signed quantity of one symbol at the venue that is no book of ours."""
    row = await session.get(ExternalHolding, (account_id, symbol))
    return Decimal(0) if row is None else row.quantity


async def put_external(
    session: AsyncSession, account_id: UUID, symbol: str, quantity: Decimal, *, now: datetime
) -> None:
    """Store what there is not ours; nothing is no row."""
    row = await session.get(ExternalHolding, (account_id, symbol))
    if quantity == 0:
        if row is not None:
            await session.delete(row)
    elif row is None:
        session.add(
            ExternalHolding(account_id=account_id, symbol=symbol, quantity=quantity, seen_at=now)
        )
    else:
        row.quantity, row.seen_at = quantity, now
