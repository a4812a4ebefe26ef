"""Rows and books: fills go in, levels are set, closing is claimed once."""

from dataclasses import fields
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.service import record
from app.core.decimals import EXACT
from app.core.errors import Conflict
from app.core.ids import new_id
from app.core.measures import NAKED_SECONDS
from app.pipeline.orders.models import Fill, Order
from app.pipeline.positions import repository
from app.pipeline.positions.amounts import storable
from app.pipeline.positions.book import Book, BookFill, Realised, apply_fill
from app.pipeline.positions.exits import ExitLevels, Trailing
from app.pipeline.positions.models import Position
from app.pipeline.positions.protection import without_first
from app.pipeline.positions.scheduling import priced
from app.pipeline.positions.status import PositionStatus
from app.pipeline.risk.levels import tighter_stop
from app.trading.instrument import Instrument
from app.trading.targets import Target
from app.trading.words import CloseReason, PositionSide, Protection, TriggerBy

PERCENT: Final = Decimal("0.01")
_SHARED: Final = tuple(
    field.name for field in fields(Book) if field.name not in {"instrument", "position_side"}
)


def book_of(position: Position, instrument: Instrument) -> Book:
    """The row's amounts as a value."""
    amounts = {name: getattr(position, name) for name in _SHARED}
    return Book(instrument, position.position_side, **amounts)


def store(position: Position, book: Book, *, now: datetime) -> None:
    """The value's amounts into the row."""
    for name in _SHARED:
        setattr(position, name, getattr(book, name))
    position.entry_price = book.entry_price
    position.exit_price = book.exit_price
    position.scheduled = priced(position.scheduled, book)
    position.realized_pnl = book.net
    position.updated_at = now


def levels_of(position: Position) -> ExitLevels:
    """Where the position leaves, as the monitor reads it."""
    trailing = None
    if position.trailing_percent is not None and position.trailing_peak is not None:
        trailing = Trailing(position.trailing_percent * PERCENT, position.trailing_peak)
    return ExitLevels(
        position_side=position.position_side,
        stop_loss=position.stop_loss,
        take_profit=position.take_profit,
        trailing=trailing,
        stop_by=position.trigger_by,
        scheduled=_scheduled_limit(position),
    )


def _scheduled_limit(position: Position) -> Decimal | None:
    """What is to be closed at once does not wait for a price."""
    if position.scheduled is None or position.is_to_be_closed:
        return None
    return position.scheduled.price


def targets_of(position: Position) -> tuple[Target, ...]:
    """Its targets, nearest first, as shares of what is held now."""
    if position.targets:
        return position.targets
    return () if position.take_profit is None else (Target(position.take_profit, Decimal(1)),)


def has_stop(position: Position) -> bool:
    """Whether something limits its loss; what has none cannot be without protection."""
    return position.stop_loss is not None or position.trailing_percent is not None


def has_levels(position: Position) -> bool:
    """Whether anything may rest at the venue for it."""
    return has_stop(position) or position.take_profit is not None


def note_protection(
    position: Position, protection: Protection, *, now: datetime, note: str | None = None
) -> None:
    """Record who guards the position, and count the seconds in which nobody did.

    Args:
        position: any; a closed one is not without protection.
        protection: who guards it from now on.
        now: since when.
        note: what keeps its stop from the venue, as `code: sentence`; None when nothing does.
    """
    position.protection = protection
    position.protection_note = note
    is_held = position.quantity > 0 and not position.is_closed
    if protection is Protection.NONE and is_held and has_stop(position):
        position.naked_since = position.naked_since or now
    elif position.naked_since is not None:
        seconds = (now - position.naked_since).total_seconds()
        NAKED_SECONDS.observe(seconds)
        position.naked_seconds += Decimal(str(seconds))
        position.naked_since = None


def reach_target(position: Position, price: Decimal | None) -> None:
    """One of several targets was sold: the next one is the position's now.

    Args:
        position: with or without several targets.
        price: which one was reached; the nearest when None.
    """
    if position.targets:
        position.targets = without_first(position.targets, price) or None
        position.take_profit = position.targets[0].price if position.targets else None


async def of_entry(
    session: AsyncSession,
    order: Order,
    *,
    trigger_by: TriggerBy,
    hold_for: int | None,
    now: datetime,
) -> Position:
    """The book an entry's fills belong to: the strategy's open one, or a new one.

    Args:
        session: the caller's transaction.
        order: an entry with a fill.
        trigger_by: which price fires the stop of a new book.
        hold_for: seconds until a new book is closed whatever its price; None for ever.
        now: time of recording.
    """
    side = PositionSide.LONG if order.side.value == "buy" else PositionSide.SHORT
    held = last = None
    if order.position_id is not None:
        held = last = await repository.get(session, order.position_id)
    if held is None or held.is_closed:
        held = await repository.held_by(session, order.strategy_id, order.symbol)
    if held is None or held.position_side is not side:
        held = await _open(session, order, side, trigger_by=trigger_by, now=now)
        # A fill that comes after the exit of its book is closed as that was (TRADING 20).
        held.close_at = None if hold_for is None else now + timedelta(seconds=hold_for)
        held.close_reason = order.close_reason or (last.close_reason if last is not None else None)
    if order.position_id != held.id:
        order.position_id = held.id
        _take_levels(held, order)
        held.entries += 1
    return held


async def _open(
    session: AsyncSession, order: Order, side: PositionSide, *, trigger_by: TriggerBy, now: datetime
) -> Position:
    position = Position(
        id=new_id(),
        user_id=order.user_id,
        account_id=order.account_id,
        strategy_id=order.strategy_id,
        symbol=order.symbol,
        position_side=side,
        status=PositionStatus.OPENING,
        entries=0,
        leverage=order.leverage,
        margin_mode=order.margin_mode,
        trigger_by=trigger_by,
        protection=Protection.NONE,
        naked_seconds=Decimal(0),
        day_start_unrealized=Decimal(0),
        created_at=now,
        updated_at=now,
    )
    for name in _SHARED:
        if name not in {"opened_at", "last_fill_at", "is_provisional"}:
            setattr(position, name, Decimal(0))
    position.is_provisional = False
    position.realized_pnl = Decimal(0)
    session.add(position)
    # Fills and orders of this transaction point at the row.
    await session.flush()
    await _audit(session, position, "position.opened", actor="system", now=now)
    return position


def _take_levels(position: Position, order: Order) -> None:
    """An added entry's stop replaces the old one for all of it, never further away (TRADING 7)."""
    position.stop_loss = tighter_stop(
        position.stop_loss, order.stop_loss, position_side=position.position_side
    )
    if order.take_profit is not None:
        position.take_profit = order.take_profit
        position.targets = order.targets
    if order.trailing_percent is not None:
        position.trailing_percent = order.trailing_percent


def apply(
    position: Position,
    fill: Fill,
    instrument: Instrument,
    *,
    fee_in_settle: Decimal | None,
    now: datetime,
) -> Realised | None:
    """Book one execution into the position.

    Args:
        position: the book it belongs to.
        fill: each once.
        instrument: of the symbol.
        fee_in_settle: the fee in settle currency, for a fee in a third coin; else None.
        now: time of recording.

    Returns:
        What a closing fill realised, never of more than is held; None for an entry.
    """
    fill.position_id = position.id
    quantity, fee = fill.quantity, fill.fee
    if fill.side is position.position_side.closing_side and quantity > position.quantity:
        # A stop that outlived a partial exit; what is beyond the book is not the book's.
        quantity = position.quantity
        with localcontext(EXACT):
            fee = storable(fill.fee * quantity / fill.quantity)
    book, realised = apply_fill(
        book_of(position, instrument),
        BookFill(
            side=fill.side,
            quantity=quantity,
            price=fill.price,
            fee=fee,
            fee_asset=fill.fee_asset,
            at=fill.executed_at,
            fee_in_settle=fee_in_settle,
        ),
    )
    store(position, book, now=now)
    if position.trailing_percent is not None and position.trailing_peak is None:
        position.trailing_peak = position.entry_price
    return realised


async def begin_closing(
    session: AsyncSession, position: Position, *, now: datetime, actor: str, reason: CloseReason
) -> None:
    """Claim the position for one exit chain.

    Raises:
        Conflict: it is being closed, or is closed.
    """
    if position.status is PositionStatus.OPENING:
        position.move(PositionStatus.OPEN, now=now)
        # The claim below is a statement: it must see the row as it is now.
        await session.flush()
    if not await repository.claim_closing(session, position, now=now):
        raise Conflict(f"This position is {position.status.value}.", code="position_not_open")
    await session.refresh(position)
    position.close_reason = reason
    await _audit(session, position, "position.closing", actor=actor, now=now)


async def finish_closing(session: AsyncSession, position: Position, *, now: datetime) -> None:
    """The position is flat: history from now on."""
    if position.status is PositionStatus.OPENING:
        position.move(PositionStatus.OPEN, now=now)
    position.move(PositionStatus.CLOSING, now=now)
    position.move(PositionStatus.CLOSED, now=now)
    position.closed_at = position.last_fill_at or now
    position.scheduled = None
    note_protection(position, Protection.NONE, now=now)
    await _audit(session, position, "position.closed", actor="system", now=now)


async def reopen(session: AsyncSession, position: Position, *, now: datetime, note: str) -> None:
    """The exit order died before the position was flat: it is open and guarded again.

    It keeps its close reason: what is open with one is still to be closed, by a new order.
    """
    position.move(PositionStatus.OPEN, now=now)
    position.note = note
    await _audit(session, position, "position.exit_died", actor="system", now=now)


async def change_levels(
    session: AsyncSession,
    position: Position,
    changes: dict[str, Decimal | None],
    *,
    actor: str,
    now: datetime,
) -> None:
    """Set stop, target or trailing distance; None takes a level away.

    Raises:
        Conflict: the position is closed.
    """
    if position.is_closed:
        raise Conflict("This position is closed.", code="position_not_open")
    for name, value in changes.items():
        setattr(position, name, value)
    if "take_profit" in changes:
        position.targets = None
    if "trailing_percent" in changes:
        position.trailing_peak = position.entry_price if changes["trailing_percent"] else None
    position.updated_at = now
    await _audit(session, position, "position.levels_changed", actor=actor, now=now)


async def _audit(
    session: AsyncSession, position: Position, action: str, *, actor: str, now: datetime
) -> None:
    reason = position.close_reason.value if position.close_reason else ""
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
            "reason": reason,
            "stop_loss": str(position.stop_loss or ""),
            "take_profit": str(position.take_profit or ""),
        },
    )
