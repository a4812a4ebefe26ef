"""Intents written down before they are sent, and what the venue made of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.service import record
from app.core.decimals import EXACT, plain
from app.core.errors import Conflict
from app.core.ids import new_client_order_id, new_id
from app.exchanges.venue import FillReport, OrderReport, OrderRequest, Trigger, VenueStatus
from app.pipeline.orders import repository
from app.pipeline.orders.models import Fill, Order
from app.pipeline.orders.status import OrderStatus
from app.pipeline.wakeups import Work, wake
from app.trading.targets import Target
from app.trading.words import (
    CloseReason,
    MarginMode,
    OrderType,
    Purpose,
    Side,
    TimeInForce,
    TriggerBy,
    TriggerKind,
)

PRICE_PLACES: Final = Decimal("1e-12")

AT_VENUE: Final = frozenset({OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED})

STATUS_OF: Final = {
    VenueStatus.OPEN: OrderStatus.OPEN,
    VenueStatus.PARTIALLY_FILLED: OrderStatus.PARTIALLY_FILLED,
    VenueStatus.FILLED: OrderStatus.FILLED,
    VenueStatus.CANCELED: OrderStatus.CANCELED,
    VenueStatus.REJECTED: OrderStatus.REJECTED,
    VenueStatus.EXPIRED: OrderStatus.EXPIRED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDraft:
    """An order as we want it, already rounded to the instrument's steps.

    Attributes:
        reference_price: what the market was when it was decided; in quote.
        stop_loss: of the position an entry opens, in quote.
        take_profit: likewise, the nearest one.
        targets: likewise, where there are several.
        trailing_percent: the stop follows the best price at this distance, 2 = 2 %.
        expires_at: when a resting entry is cancelled.
        trigger_price: waits at the venue until `trigger_by` reaches it, in quote.
        pair_id: our id of the pair it is one leg of.
    """

    user_id: UUID
    account_id: UUID
    strategy_id: UUID
    symbol: str
    side: Side
    quantity: Decimal
    purpose: Purpose
    reference_price: Decimal
    order_type: OrderType = OrderType.MARKET
    limit_price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    reduce_only: bool = False
    leverage: int | None = None
    margin_mode: MarginMode | None = None
    signal_id: UUID | None = None
    position_id: UUID | None = None
    close_reason: CloseReason | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    targets: tuple[Target, ...] | None = None
    trailing_percent: Decimal | None = None
    expires_at: datetime | None = None
    trigger_price: Decimal | None = None
    trigger_by: TriggerBy | None = None
    trigger_kind: TriggerKind | None = None
    pair_id: str | None = None


async def intend(
    session: AsyncSession,
    draft: OrderDraft,
    *,
    now: datetime,
    cause: str,
    hand_over: bool = True,
) -> Order:
    """Write an order down with its client order id; nothing is sent before this is committed.

    Args:
        session: the caller's transaction.
        draft: what is wanted.
        now: time of the decision.
        cause: who or what wants it, for the audit.
        hand_over: leave a note for the worker; False when the caller sends it itself.
    """
    values = {name: getattr(draft, name) for name in OrderDraft.__slots__}
    order = Order(
        id=new_id(),
        client_order_id=new_client_order_id(),
        status=OrderStatus.CREATED,
        filled_quantity=Decimal(0),
        fee=Decimal(0),
        created_at=now,
        updated_at=now,
        **values,
    )
    session.add(order)
    await _audit(session, order, "order.created", actor=cause, now=now)
    if hand_over:
        wake(session, Work.ORDER, order.id, now=now, lane=lane_of(order), is_urgent=is_exit(order))
    return order


def lane_of(order: Order) -> tuple[UUID, str]:
    """Whose steps run one after another: the account's, on the symbol."""
    return order.account_id, order.symbol


def is_exit(order: Order) -> bool:
    """Whether it closes something: nothing in its lane goes before it."""
    return order.purpose is not Purpose.ENTRY


def request_of(order: Order) -> OrderRequest:
    """What goes to the venue for an intent; the same every time it is asked."""
    return OrderRequest(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        quantity=order.quantity,
        limit_price=order.limit_price,
        time_in_force=order.time_in_force,
        reduce_only=order.reduce_only,
        margin_mode=order.margin_mode,
        trigger=_trigger_of(order),
    )


def _trigger_of(order: Order) -> Trigger | None:
    price, by, kind = order.trigger_price, order.trigger_by, order.trigger_kind
    return None if price is None or by is None or kind is None else Trigger(price, by, kind)


async def record_status(
    session: AsyncSession,
    order: Order,
    status: OrderStatus,
    *,
    now: datetime,
    reason: str | None = None,
) -> None:
    """Move an order; staying put changes nothing but the reason."""
    moved = order.status is not status
    order.move(status, now=now, reason=reason)
    if moved:
        await _audit(session, order, f"order.{status.value}", actor="system", now=now)


async def record_report(
    session: AsyncSession, order: Order, report: OrderReport, *, now: datetime
) -> None:
    """Take over what the venue says, but never more fills than we have booked.

    An order whose executions are not all known yet keeps a live status, so that the next look
    fetches them: a final status would hide them for ever.
    """
    order.exchange_order_id = report.exchange_order_id
    order.triggered_order_id = report.triggered_order_id or order.triggered_order_id
    order.accepted_at = order.accepted_at or now
    await record_status(session, order, _status_after(order, report), now=now)


def is_news(order: Order, report: OrderReport) -> bool:
    """Whether the venue says anything about the order that we have not recorded."""
    is_known = order.exchange_order_id == report.exchange_order_id
    has_triggered = report.triggered_order_id not in {None, order.triggered_order_id}
    return not is_known or has_triggered or _status_after(order, report) is not order.status


def _status_after(order: Order, report: OrderReport) -> OrderStatus:
    if report.filled_quantity <= order.filled_quantity:
        return STATUS_OF[report.status]
    return OrderStatus.OPEN if order.filled_quantity == 0 else OrderStatus.PARTIALLY_FILLED


async def record_fills(
    session: AsyncSession, order: Order, reports: Iterable[FillReport], *, now: datetime
) -> list[Fill]:
    """Book executions that are new; those we have are left as they are.

    Returns:
        The new ones, oldest first.
    """
    known = {fill.exchange_trade_id for fill in await repository.fills_of_order(session, order.id)}
    new = []
    for report in sorted(reports, key=lambda fill: fill.executed_at):
        if report.exchange_trade_id in known:
            continue
        fill = Fill(
            id=new_id(),
            user_id=order.user_id,
            account_id=order.account_id,
            order_id=order.id,
            position_id=order.position_id,
            exchange_trade_id=report.exchange_trade_id,
            symbol=report.symbol,
            side=report.side,
            price=report.price,
            quantity=report.quantity,
            fee=report.fee,
            fee_asset=report.fee_asset,
            executed_at=report.executed_at,
            recorded_at=now,
        )
        session.add(fill)
        _add_to_order(order, report)
        order.updated_at = now
        new.append(fill)
    return new


async def request_cancel(
    session: AsyncSession,
    order: Order,
    *,
    actor: str,
    now: datetime,
    close_late: CloseReason | None = None,
) -> Order:
    """Ask for an order to be cancelled; it may still end up filled.

    Args:
        session: the caller's transaction.
        order: one that may still be filled.
        actor: who or what wants it, for the audit.
        now: time of the request.
        close_late: why a book that its late fills open is closed again (TRADING 20); None where
            what is filled meanwhile is kept and guarded.

    Raises:
        Conflict: nothing can change it any more.
    """
    if order.is_final:
        raise Conflict(f"This order is {order.status.value} already.", code="order_is_final")
    order.close_reason = order.close_reason or close_late
    if order.cancel_requested_at is None:
        order.cancel_requested_at = now
        order.updated_at = now
        await _audit(session, order, "order.cancel_requested", actor=actor, now=now)
    wake(session, Work.CANCEL, order.id, now=now, lane=lane_of(order))
    return order


def _add_to_order(order: Order, fill: FillReport) -> None:
    with localcontext(EXACT):
        before = (order.average_price or Decimal(0)) * order.filled_quantity
        order.filled_quantity += fill.quantity
        mean = (before + fill.price * fill.quantity) / order.filled_quantity
        order.average_price = mean.quantize(PRICE_PLACES)
        order.fee += fill.fee
    order.fee_asset = order.fee_asset or fill.fee_asset


async def _audit(
    session: AsyncSession, order: Order, action: str, *, actor: str, now: datetime
) -> None:
    price = "market" if order.limit_price is None else plain(order.limit_price)
    if order.trigger_price is not None:
        price = f"{price} from {plain(order.trigger_price)}"
    words = f"{order.side.value} {plain(order.quantity)} {order.symbol} at {price}"
    await record(
        session,
        now=now,
        actor=actor,
        action=action,
        subject_kind="order",
        subject_id=str(order.id),
        user_id=order.user_id,
        detail={"order": words, "purpose": order.purpose.value, "reason": order.reason or ""},
    )
