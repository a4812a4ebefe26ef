"""Repairs: each one proposed, agreed to, done once, and written to the audit trail."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import ExchangeAccount, User
from app.audit.service import record
from app.commands.doctor.checks.days import Scope, computed_days
from app.commands.doctor.examination import opened_doctor
from app.commands.doctor.finding import CancelAtVenue, Finding, RecomputeDay, Repair
from app.commands.doctor.rows import load_rows
from app.core.clock import Clock, SystemClock
from app.core.errors import AppError, OrderNotFound
from app.db.session import Database, open_database
from app.pipeline.flow.tools import Venues
from app.pipeline.orders.models import Order
from app.pipeline.orders.repository import LIVE
from app.pipeline.pnl.models import DailyPnl
from app.pipeline.pnl.rules import DailyTotals
from app.pipeline.positions.models import Position
from app.settings import Settings
from app.trading.words import Purpose

ACTOR: Final = "cli"


@dataclass(frozen=True, slots=True)
class Repaired:
    """What came of one repair.

    Attributes:
        outcome: a few words; `done` when it was.
    """

    repair: Repair
    outcome: str


def proposed(findings: Iterable[Finding]) -> list[Repair]:
    """Each safe repair once, in the order in which the differences were found."""
    wanted = (one.repair for finding in findings for one in finding.differences)
    return list(dict.fromkeys(one for one in wanted if one is not None))


async def carry_out(settings: Settings, agreed: Iterable[Repair]) -> list[Repaired]:
    """Do what was agreed to, one after another, on the live installation."""
    database = open_database(settings.resolved_database_url)
    try:
        async with opened_doctor(settings, database) as doctor:
            surgery = Surgery(database, doctor.venues, SystemClock())
            return [Repaired(one, await surgery.repair(one)) for one in agreed]
    finally:
        await database.close()


@dataclass(frozen=True, slots=True)
class Surgery:
    """What repairs work with: a database that may be written, and the venues."""

    database: Database
    venues: Venues
    clock: Clock

    async def repair(self, repair: Repair) -> str:
        """Do it if it is still right to do; in the audit trail before and after.

        Returns:
            What came of it: `done`, or why not.
        """
        await self._audit(repair, "repair.begun", "")
        try:
            outcome = await self._do(repair)
        except AppError as failure:
            outcome = f"{failure.code}: {failure.detail}"
        await self._audit(repair, "repair.ended", outcome)
        return outcome

    async def _do(self, repair: Repair) -> str:
        match repair:
            case CancelAtVenue():
                return await self._cancel(repair)
            case RecomputeDay():
                return await self._recompute(repair)

    async def _cancel(self, repair: CancelAtVenue) -> str:
        async with self.database.read() as session:
            query = select(Order).where(Order.client_order_id == repair.client_order_id)
            order = await session.scalar(query)
            if order is not None and order.status in LIVE and not await _is_orphan(session, order):
                return "not done: it is wanted again"
        venue = await self.venues.of(repair.account_id)
        try:
            await venue.cancel(
                repair.symbol, repair.client_order_id, is_conditional=repair.is_conditional
            )
        except OrderNotFound:
            return "not needed: the venue has it no more"
        return "done"

    async def _recompute(self, repair: RecomputeDay) -> str:
        """All of it in the transaction that writes: no fill may be booked in between."""
        scope = Scope(repair.user_id, repair.currency, repair.is_paper)
        async with self.database.transaction() as session:
            if not self.database.is_sqlite:
                # As every step of the flow does, so that none of this trader's can come between.
                held = select(User.id).where(User.id == repair.user_id)
                await session.execute(held.with_for_update(key_share=True))
            rows = await load_rows(session, self.clock.now())
            totals = computed_days(rows).get((scope, repair.day), DailyTotals())
            key = (repair.user_id, repair.day, repair.currency, repair.is_paper)
            row = await session.get(DailyPnl, key)
            if row is None:
                row = DailyPnl(
                    user_id=repair.user_id,
                    day=repair.day,
                    currency=repair.currency,
                    is_paper=repair.is_paper,
                )
                session.add(row)
            for name in DailyTotals.__slots__:
                setattr(row, name, getattr(totals, name))
        return "done"

    async def _audit(self, repair: Repair, action: str, outcome: str) -> None:
        async with self.database.transaction() as session:
            await record(
                session,
                now=self.clock.now(),
                actor=ACTOR,
                action=action,
                subject_kind="day" if isinstance(repair, RecomputeDay) else "order",
                subject_id=_subject_of(repair),
                user_id=await _owner_of(session, repair),
                detail={"repair": repair.proposal, "outcome": outcome},
            )


def _subject_of(repair: Repair) -> str:
    match repair:
        case CancelAtVenue():
            return repair.client_order_id
        case RecomputeDay():
            return f"{repair.day} {repair.currency}"


async def _owner_of(session: AsyncSession, repair: Repair) -> UUID:
    if isinstance(repair, RecomputeDay):
        return repair.user_id
    return (await session.get_one(ExchangeAccount, repair.account_id)).user_id


async def _is_orphan(session: AsyncSession, order: Order) -> bool:
    """Whether it is an exit of a position that is closed."""
    if order.purpose is Purpose.ENTRY or order.position_id is None:
        return False
    return (await session.get_one(Position, order.position_id)).is_closed
