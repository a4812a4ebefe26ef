"""Beside chapter 2: what stops a trader's entries, also those that were judged already.

A kill switch, a frozen day, or a trader who was switched off or may only look from now on. What
guards and closes goes on.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import and_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import ExchangeAccount, User
from app.core.errors import Denied
from app.pipeline.flow.tools import Tools, hold_user
from app.pipeline.orders import repository as orders
from app.pipeline.orders import service as order_service
from app.pipeline.orders.models import Order
from app.pipeline.risk import repository as risk
from app.pipeline.risk.models import KillSwitch
from app.pipeline.risk.rules import why_stopped
from app.pipeline.risk.service import first_switch
from app.trading.days import trading_day
from app.trading.words import Purpose

# Built once, and one question: it is asked for every entry.
_TRADER: Final = (
    select(User, KillSwitch)
    .outerjoin(KillSwitch, and_(KillSwitch.user_id == User.id, KillSwitch.is_on.is_(True)))
    .where(User.id == bindparam("user_id"))
)


async def refuse_stopped(session: AsyncSession, order: Order) -> None:
    """Refuse to send an entry that was stopped after it was judged (I8).

    Ask in the transaction that takes it for sending, with its trader held: then nothing that was
    committed before is missed.

    Raises:
        Denied: `owner_may_not_trade` or `kill_switch`.
    """
    rows = (await session.execute(_TRADER, {"user_id": order.user_id})).all()
    switches = [switch for _, switch in rows if switch is not None]
    denial = _why_stopped(order, rows[0][0], switches)
    if denial is not None:
        raise denial


async def traders_to_stop(tools: Tools, live: Sequence[Order]) -> list[UUID]:
    """Traders with resting entries who may not trade, or with a switch on or a frozen day."""
    owners = {order.user_id for order in live if _is_unstopped(order)}
    stopped = []
    async with tools.database.read() as session:
        for user_id in owners:
            trader = await session.get_one(User, user_id)
            is_switched_off = bool(await risk.switches_on(session, user_id))
            is_stopped = trader.why_no_entries is not None or is_switched_off
            if is_stopped or await _frozen_scopes(session, tools, trader):
                stopped.append(user_id)
    return stopped


async def stop_entries(tools: Tools, user_id: UUID) -> None:
    """Cancel the resting entries of a trader that may not be filled any more (TRADING 21, 22)."""
    async with tools.database.transaction() as session:
        await hold_user(session, tools, user_id)
        now, trader = tools.now(), await session.get_one(User, user_id)
        switches = await risk.switches_on(session, user_id)
        frozen = await _frozen_scopes(session, tools, trader)
        for order in await orders.live(session, user_id=user_id):
            if not _is_unstopped(order):
                continue
            account = await session.get_one(ExchangeAccount, order.account_id)
            denial = _why_stopped(order, trader, switches, is_day_frozen=account.is_paper in frozen)
            if denial is not None:
                order.reason = f"{denial.code}: {denial.detail}"
                await order_service.request_cancel(session, order, actor="rule:risk", now=now)


def _why_stopped(
    order: Order, trader: User, switches: Sequence[KillSwitch], *, is_day_frozen: bool = False
) -> Denied | None:
    scope = first_switch(
        {(one.scope, one.scope_id): one for one in switches},
        user_id=order.user_id,
        account_id=order.account_id,
        strategy_id=order.strategy_id,
    )
    denial = why_stopped(owner_barred=trader.why_no_entries, kill_switch=scope)
    if denial is None and is_day_frozen:
        return Denied("the daily loss limit was reached", code="daily_loss_frozen")
    return denial


def _is_unstopped(order: Order) -> bool:
    return order.purpose is Purpose.ENTRY and order.cancel_requested_at is None


async def _frozen_scopes(session: AsyncSession, tools: Tools, trader: User) -> set[bool]:
    day = trading_day(tools.now(), zone=ZoneInfo(trader.timezone))
    return {one.is_paper for one in await risk.freezes_on(session, trader.id, day)}
