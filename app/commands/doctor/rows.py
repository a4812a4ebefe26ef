"""What must hold between the rows themselves, whatever the venue says."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.exchange_accounts import credentials_of
from app.accounts.models import ExchangeAccount
from app.accounts.vault import Vault
from app.commands.doctor.finding import Finding
from app.core.decimals import EXACT, plain
from app.core.errors import Unavailable
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.status import AlarmStatus
from app.pipeline.orders.models import Fill, Order
from app.pipeline.orders.repository import LIVE
from app.pipeline.orders.status import OrderStatus
from app.pipeline.pnl.models import Booking, DailyPnl, Trade
from app.pipeline.positions.models import Position
from app.pipeline.positions.status import PositionStatus
from app.trading.words import MarketType, Purpose

ZERO: Final = Decimal(0)
PATIENCE: Final = timedelta(seconds=30)
IN_DOUBT: Final = (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)


class Day(NamedTuple):
    """Whose day, in which currency and scope."""

    user_id: UUID
    day: object
    currency: str
    is_paper: bool


async def check_rows(session: AsyncSession, vault: Vault | None, now: datetime) -> list[Finding]:
    """Every check that needs the database; the session sees one moment of it."""
    orders = (await session.scalars(select(Order))).all()
    fills = (await session.scalars(select(Fill).order_by(Fill.executed_at, Fill.id))).all()
    positions = (await session.scalars(select(Position))).all()
    accounts = (await session.scalars(select(ExchangeAccount))).all()
    bookings = (await session.scalars(select(Booking))).all()
    trades = (await session.scalars(select(Trade))).all()
    days = (await session.scalars(select(DailyPnl))).all()
    with localcontext(EXACT):
        findings = [
            _orders_hold_their_fills(orders, fills),
            _positions_hold_their_fills(positions, fills, accounts),
            _positions_have_their_bookings(positions, bookings),
            _days_are_their_bookings(days, bookings),
            _closed_positions_are_trades(positions, trades),
            _closing_positions_have_exits(positions, orders),
            _nobody_is_in_doubt(orders, now),
        ]
    findings.append(await _alarms_are_decided(session, now))
    if vault is not None:
        findings.append(_keys_open(accounts, vault))
    return findings


def _orders_hold_their_fills(orders: Sequence[Order], fills: Sequence[Fill]) -> Finding:
    filled: dict[UUID, Decimal] = defaultdict(lambda: ZERO)
    for fill in fills:
        filled[fill.order_id] += fill.quantity
    problems = []
    for order in orders:
        total = filled[order.id]
        if total != order.filled_quantity:
            problems.append(
                f"order {order.id}: its fills add up to {plain(total)},"
                f" it says {plain(order.filled_quantity)}"
            )
        if total > order.quantity:
            problems.append(
                f"order {order.id}: {plain(total)} filled of {plain(order.quantity)} asked"
            )
    return Finding("orders are the sum of their fills", len(orders), tuple(problems))


def _positions_hold_their_fills(
    positions: Sequence[Position], fills: Sequence[Fill], accounts: Sequence[ExchangeAccount]
) -> Finding:
    spot = {one.id for one in accounts if one.market_type is MarketType.SPOT}
    by_position: dict[UUID, list[Fill]] = defaultdict(list)
    for fill in fills:
        if fill.position_id is not None:
            by_position[fill.position_id].append(fill)
    problems = []
    for position in positions:
        held = _held(position, by_position[position.id], is_spot=position.account_id in spot)
        if held - position.dust_quantity != position.quantity:
            problems.append(
                f"position {position.id}: its fills leave {plain(held)}"
                f" (dust {plain(position.dust_quantity)}), it says {plain(position.quantity)}"
            )
    return Finding("positions are the sum of their fills", len(positions), tuple(problems))


def _held(position: Position, fills: Sequence[Fill], *, is_spot: bool) -> Decimal:
    """What the executions leave: a fee taken in the coin itself leaves less of it."""
    held = ZERO
    for fill in fills:
        in_coin = is_spot and fill.fee_asset == fill.symbol.partition("/")[0]
        fee = fill.fee if in_coin else ZERO
        if fill.side is position.position_side.opening_side:
            held += fill.quantity - fee
        else:
            held -= fill.quantity + max(ZERO, min(held - fill.quantity, fee))
    return held


def _positions_have_their_bookings(
    positions: Sequence[Position], bookings: Sequence[Booking]
) -> Finding:
    booked: dict[UUID, Decimal] = defaultdict(lambda: ZERO)
    for booking in bookings:
        booked[booking.position_id] += booking.net_pnl
    problems = tuple(
        f"position {one.id}: {plain(one.realized_pnl)} realised,"
        f" {plain(booked[one.id] + one.funding)} booked"
        for one in positions
        if one.realized_pnl != booked[one.id] + one.funding
    )
    return Finding("what positions realised is booked", len(positions), problems)


def _days_are_their_bookings(days: Sequence[DailyPnl], bookings: Sequence[Booking]) -> Finding:
    net: dict[Day, Decimal] = defaultdict(lambda: ZERO)
    fees: dict[Day, Decimal] = defaultdict(lambda: ZERO)
    for one in bookings:
        key = Day(one.user_id, one.day, one.currency, one.is_paper)
        net[key] += one.net_pnl
        fees[key] += one.fees
    known = {Day(one.user_id, one.day, one.currency, one.is_paper): one for one in days}
    problems = [f"{key.day} {key.currency}: booked, but no day" for key in net.keys() - known]
    for key, row in known.items():
        if row.realized_pnl != net[key] + row.funding:
            booked = plain(net[key] + row.funding)
            problems.append(
                f"{key.day} {key.currency}: {plain(row.realized_pnl)}, its bookings {booked}"
            )
        if row.fees != fees[key]:
            problems.append(
                f"{key.day} {key.currency}: fees {plain(row.fees)}, booked {plain(fees[key])}"
            )
    return Finding("days are the sum of their bookings", len(known), tuple(problems))


def _closed_positions_are_trades(positions: Sequence[Position], trades: Sequence[Trade]) -> Finding:
    by_position = {trade.position_id: trade for trade in trades}
    problems = []
    for position in positions:
        trade = by_position.get(position.id)
        if position.is_closed and trade is None:
            problems.append(f"position {position.id} is closed and no trade")
        elif not position.is_closed and trade is not None:
            problems.append(f"position {position.id} is a trade and not closed")
        elif trade is not None and trade.realized_pnl != position.realized_pnl:
            problems.append(
                f"position {position.id}: {plain(position.realized_pnl)} realised,"
                f" its trade says {plain(trade.realized_pnl)}"
            )
    return Finding("each closed position is one trade", len(positions), tuple(problems))


def _closing_positions_have_exits(
    positions: Sequence[Position], orders: Sequence[Order]
) -> Finding:
    leaving = {
        order.position_id
        for order in orders
        if order.purpose is not Purpose.ENTRY and order.status in LIVE
    }
    closing = [one for one in positions if one.status is PositionStatus.CLOSING]
    problems = tuple(
        f"position {one.id} is closing, and no exit of it is on its way"
        for one in closing
        if one.id not in leaving
    )
    return Finding("closing positions have an exit on its way", len(closing), problems)


def _nobody_is_in_doubt(orders: Sequence[Order], now: datetime) -> Finding:
    doubtful = [order for order in orders if order.status in IN_DOUBT]
    problems = tuple(
        f"order {order.id} ({order.client_order_id}) is {order.status.value}"
        f" since {int((now - (order.submitted_at or order.created_at)).total_seconds())} s"
        for order in doubtful
        if now - (order.submitted_at or order.created_at) > PATIENCE
    )
    return Finding("no order's outcome is open for long", len(doubtful), problems)


async def _alarms_are_decided(session: AsyncSession, now: datetime) -> Finding:
    query = select(Alarm.id, Alarm.received_at).where(Alarm.status == AlarmStatus.RECEIVED)
    waiting = (await session.execute(query)).all()
    problems = tuple(
        f"alarm {alarm_id} waits since {int((now - received_at).total_seconds())} s"
        for alarm_id, received_at in waiting
        if now - received_at > PATIENCE
    )
    return Finding("alarms are decided", len(waiting), problems)


def _keys_open(accounts: Sequence[ExchangeAccount], vault: Vault) -> Finding:
    sealed = [account for account in accounts if account.credentials is not None]
    problems = []
    for account in sealed:
        try:
            credentials_of(vault, account)
        except Unavailable as refusal:
            problems.append(f"account {account.name!r}: {refusal.detail}")
    return Finding("sealed exchange keys open", len(sealed), tuple(problems))
