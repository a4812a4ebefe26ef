"""Every query on the runs of a sweep."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.backtests.runs.models import SweepRow


async def rows_of(session: AsyncSession, sweep_id: UUID) -> Sequence[SweepRow]:
    """Every run so far, by its number."""
    query = select(SweepRow).where(SweepRow.backtest_id == sweep_id).order_by(SweepRow.number)
    return (await session.scalars(query)).all()


async def tried(session: AsyncSession, sweep_id: UUID) -> set[int]:
    """The numbers of the combinations that have been run, or refused."""
    query = select(SweepRow.number).where(SweepRow.backtest_id == sweep_id)
    return set(await session.scalars(query))
