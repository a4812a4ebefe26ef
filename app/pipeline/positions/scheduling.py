"""Scheduled exits of positions: set, priced anew with the book, used up, and called off."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal, localcontext

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.service import record
from app.core.decimals import EXACT, plain
from app.pipeline.positions.book import Book
from app.pipeline.positions.exits import scheduled_price
from app.pipeline.positions.models import Position
from app.trading.scheduled import ScheduledExit


def priced(scheduled: ScheduledExit | None, book: Book) -> ScheduledExit | None:
    """The scheduled exit at its limit of this book; as it is where nothing is held."""
    if scheduled is None or book.is_flat:
        return scheduled
    price = scheduled_price(book, scheduled)
    return scheduled if price == scheduled.price else replace(scheduled, price=price)


def used_up(scheduled: ScheduledExit | None, sold: Decimal) -> ScheduledExit | None:
    """What is left of it after an execution of its own, base units; None when it is done."""
    if scheduled is None or scheduled.quantity is None:
        return scheduled
    with localcontext(EXACT):
        left = scheduled.quantity - sold
    return replace(scheduled, quantity=left) if left > 0 else None


def quantity_of(position: Position) -> Decimal:
    """How much it would close now, base units, not on the lot: never more than is held."""
    scheduled = position.scheduled
    if scheduled is None:
        return Decimal(0)
    if scheduled.quantity is None:
        return position.quantity
    return min(scheduled.quantity, position.quantity)


async def put(
    session: AsyncSession, position: Position, scheduled: ScheduledExit, *, now: datetime
) -> None:
    """Schedule an exit; one that waits already gives way to it."""
    position.scheduled = scheduled
    position.updated_at = now
    actor = scheduled.scheduled_by
    await _audit(session, position, "position.exit_scheduled", scheduled, actor=actor, now=now)


async def note_price(
    session: AsyncSession, position: Position, before: ScheduledExit | None, *, now: datetime
) -> None:
    """Record that the limit moved because what the position cost did."""
    after = position.scheduled
    if before is None or after is None or before.price == after.price:
        return
    await _audit(
        session, position, "position.exit_repriced", after, actor="rule:scheduled", now=now
    )


async def call_off(
    session: AsyncSession, position: Position, *, actor: str, now: datetime
) -> ScheduledExit | None:
    """End a scheduled exit without a sale; what was on its way to the venue stays on its way."""
    scheduled = position.scheduled
    if scheduled is None:
        return None
    position.scheduled = None
    position.updated_at = now
    await _audit(session, position, "position.exit_unscheduled", scheduled, actor=actor, now=now)
    return scheduled


async def _audit(
    session: AsyncSession,
    position: Position,
    action: str,
    scheduled: ScheduledExit,
    *,
    actor: str,
    now: datetime,
) -> None:
    side = position.position_side.closing_side.value
    quantity = "all" if scheduled.quantity is None else plain(scheduled.quantity)
    await record(
        session,
        now=now,
        actor=actor,
        action=action,
        subject_kind="position",
        subject_id=str(position.id),
        user_id=position.user_id,
        detail={
            "position": f"{position.position_side.value} {position.symbol}",
            "order": f"{side} {quantity} {position.symbol} at {plain(scheduled.price)} or better",
            "min_profit_percent": plain(scheduled.min_profit_percent),
            "limit_price": "" if scheduled.limit_price is None else plain(scheduled.limit_price),
        },
    )
