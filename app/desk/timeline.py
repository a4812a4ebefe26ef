"""The story of one alarm: every step from receipt to result, from rows and the audit trail."""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEntry
from app.core.decimals import plain
from app.desk.alarm_schemas import AlarmStory, StepOut
from app.pipeline.alarms import repository as alarms
from app.pipeline.alarms.gaps import repository as gap_repository
from app.pipeline.alarms.gaps.models import Gap
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.schemas import AlarmDetail
from app.pipeline.orders import repository as orders
from app.pipeline.orders.models import Fill, Order
from app.pipeline.pnl import repository as pnl
from app.pipeline.pnl.models import Trade
from app.pipeline.positions.models import Position
from app.pipeline.signals import repository as signals
from app.pipeline.signals.models import Signal

# Steps of one moment in the order in which they follow from each other; a stage alone stands for
# those of its steps that are not named.
ORDER: Final = (
    "alarm.received",
    "alarm.stored",
    "alarm.understood",
    "alarm",
    "signal.created",
    "signal.first_approved",
    "signal.second_asked",
    "signal.approved",
    "signal.sized",
    "signal",
    "order.created",
    "order.submitted",
    "order.accepted",
    "order",
    "fill",
    "signal.executed",
    "position.opened",
    "position",
    "trade",
)


async def story_of(session: AsyncSession, alarm_id: UUID, user_id: UUID) -> AlarmStory:
    """An alarm with its timeline, oldest step first.

    Raises:
        NotFound: no such alarm of this user.
    """
    alarm = await alarms.owned(session, alarm_id, user_id)
    made = await signals.of_alarm(session, alarm.id)
    placed = await orders.of_signals(session, [signal.id for signal in made])
    books = {order.position_id for order in placed if order.position_id is not None}
    placed = _each_once([*placed, *await orders.of_positions(session, books)])
    held = [await session.get_one(Position, book) for book in sorted(books)]
    gap = await gap_repository.revealed_by(session, alarm.id)
    steps = [
        *_alarm_steps(alarm),
        *_gap_steps(gap),
        *await _audited(session, made, placed, held),
        *_sized_steps(placed),
        *_order_steps(placed),
        *_fill_steps(await orders.fills_of_orders(session, [order.id for order in placed])),
        *_trade_steps(await pnl.trades_of(session, books)),
    ]
    steps.sort(key=lambda step: (step.at, _rank(step.step)))
    detail = AlarmDetail.of(alarm).model_dump()
    return AlarmStory(**detail, gap_id=None if gap is None else gap.id, timeline=steps)


def _alarm_steps(alarm: Alarm) -> Iterable[StepOut]:
    times = "" if alarm.deliveries == 1 else f", delivered {alarm.deliveries} times"
    words = f"{len(alarm.body)} bytes from {alarm.source}{times}"
    yield StepOut(at=alarm.received_at, step="alarm.received", detail=words)
    if alarm.stored_at is not None:
        yield StepOut(at=alarm.stored_at, step="alarm.stored", detail="the bytes are on disk")
    if alarm.decided_at is not None and alarm.sentence is not None:
        words = f"as {alarm.dialect}: {alarm.sentence}"
        yield StepOut(at=alarm.decided_at, step="alarm.understood", detail=words)
    if alarm.decided_at is not None:
        said = alarm.reason or alarm.sentence or ""
        yield StepOut(at=alarm.decided_at, step=f"alarm.{alarm.status.value}", detail=said)


def _gap_steps(gap: Gap | None) -> Iterable[StepOut]:
    if gap is not None:
        yield StepOut(at=gap.opened_at, step="alarm.revealed_gap", detail=gap.sentence)


async def _audited(
    session: AsyncSession,
    made: Sequence[Signal],
    placed: Sequence[Order],
    held: Sequence[Position],
) -> list[StepOut]:
    """What the audit trail says of them, with the price that belongs to the step."""
    prices = {("signal.created", str(one.id)): one.reference_price for one in made}
    prices |= {("order.created", str(one.id)): one.reference_price for one in placed}
    prices |= {("order.filled", str(one.id)): one.average_price for one in placed}
    prices |= {("position.opened", str(one.id)): one.entry_price for one in held}
    prices |= {("position.closed", str(one.id)): one.exit_price for one in held}
    subjects = [str(row.id) for rows in (made, placed, held) for row in rows]
    query = select(AuditEntry).where(AuditEntry.subject_id.in_(subjects)).order_by(AuditEntry.id)
    return [
        StepOut(
            at=entry.at,
            step=entry.action,
            detail=_words(entry),
            price=prices.get((entry.action, entry.subject_id)),
        )
        for entry in await session.scalars(query)
    ]


def _words(entry: AuditEntry) -> str:
    said = [
        str(entry.detail[name])
        for name in ("sentence", "order", "position", "reason")
        if entry.detail.get(name)
    ]
    return f"{'; '.join(said)} (by {entry.actor})"


def _sized_steps(placed: Sequence[Order]) -> Iterable[StepOut]:
    """How much a signal became at the price of that moment; its order was written down with it."""
    for order in placed:
        if order.signal_id is None:
            continue
        levels = {"stop": order.stop_loss, "target": order.take_profit}
        parts = [f"{name} {plain(price)}" for name, price in levels.items() if price is not None]
        words = ", ".join([f"{order.side.value} {plain(order.quantity)} {order.symbol}", *parts])
        price = order.reference_price
        yield StepOut(at=order.created_at, step="signal.sized", detail=words, price=price)


def _order_steps(placed: Sequence[Order]) -> Iterable[StepOut]:
    """When an order left and when the venue had it: the row alone knows these."""
    for order in placed:
        name = f"{order.side.value} {plain(order.quantity)} {order.symbol}"
        if order.submitted_at is not None:
            words = f"{name}, our id {order.client_order_id}"
            price = order.limit_price or order.trigger_price
            yield StepOut(at=order.submitted_at, step="order.submitted", detail=words, price=price)
        if order.accepted_at is not None:
            words = f"{name}, the venue's id {order.exchange_order_id}"
            yield StepOut(at=order.accepted_at, step="order.accepted", detail=words)


def _fill_steps(fills: Sequence[Fill]) -> Iterable[StepOut]:
    for fill in fills:
        words = (
            f"{fill.side.value} {plain(fill.quantity)} {fill.symbol}, "
            f"fee {plain(fill.fee)} {fill.fee_asset}"
        )
        yield StepOut(at=fill.executed_at, step="fill.executed", detail=words, price=fill.price)


def _trade_steps(trades: Sequence[Trade]) -> Iterable[StepOut]:
    for trade in trades:
        words = (
            f"{plain(trade.realized_pnl)} {trade.currency} after {plain(trade.fees)} fees, "
            f"closed by {trade.close_reason.value}"
        )
        yield StepOut(at=trade.closed_at, step="trade.booked", detail=words, price=trade.exit_price)


def _each_once(rows: Iterable[Order]) -> list[Order]:
    return list({row.id: row for row in rows}.values())


def _rank(step: str) -> int:
    return ORDER.index(step if step in ORDER else step.partition(".")[0])
