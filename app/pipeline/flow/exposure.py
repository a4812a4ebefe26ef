"""Where a trader stands, collected from every stage for the rules that may only read values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import states
from app.accounts.key_rights import why_barred
from app.accounts.models import ExchangeAccount
from app.exchanges.venue import BalanceReport
from app.pipeline.flow.tools import Place, Tools, free_of, market_key, whole_of
from app.pipeline.orders import repository as orders
from app.pipeline.orders import service as order_service
from app.pipeline.orders.models import Order
from app.pipeline.orders.status import OrderStatus
from app.pipeline.pnl import repository as pnl
from app.pipeline.positions import repository as positions
from app.pipeline.positions.book import unrealised
from app.pipeline.positions.models import Position
from app.pipeline.positions.service import book_of
from app.pipeline.risk import repository as risk
from app.pipeline.risk.exposure import Exposure, HeldBook, Limits
from app.pipeline.risk.in_force import limits_at
from app.pipeline.risk.repository import Standing
from app.pipeline.risk.service import first_switch
from app.pipeline.risk.sizing import contract_equity, equity, spot_equity
from app.strategies.models import Strategy
from app.trading.days import next_midnight, trading_day
from app.trading.instrument import Instrument
from app.trading.words import MarginMode, MarketType, PositionSide, Purpose, Side

ZERO = Decimal(0)
A_MINUTE = timedelta(minutes=1)
NOT_LOCKED_YET = {OrderStatus.CREATED, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Stake:
    """A book, or a live entry that may become one, as the rules count it.

    Attributes:
        quantity: held, or still to be filled.
        price: average entry, or what a live entry expects to pay; None while nothing is filled.
    """

    account_id: UUID
    strategy_id: UUID
    symbol: str
    position_side: PositionSide
    quantity: Decimal
    price: Decimal | None
    entries: int
    leverage: int | None
    margin_mode: MarginMode | None


@dataclass(frozen=True, slots=True)
class Holdings:
    """A trader's open books and live orders of one scope, live or paper."""

    accounts: Mapping[UUID, ExchangeAccount]
    positions: Sequence[Position]
    entries: Sequence[Order]
    exits: Sequence[Order]
    unknown: Sequence[Order]

    def stakes(self) -> list[Stake]:
        """Books and live entries alike."""
        return [*map(_stake_of_book, self.positions), *map(_stake_of_entry, self.entries)]

    def stakes_at(self, place: Place) -> list[Stake]:
        """Those on one account and symbol."""
        at = (place.account.id, place.instrument.symbol)
        return [one for one in self.stakes() if (one.account_id, one.symbol) == at]


async def collect(
    session: AsyncSession,
    tools: Tools,
    place: Place,
    strategy: Strategy,
    balances: Sequence[BalanceReport],
    *,
    held: Holdings,
    standing: Standing,
    now: datetime,
    ignore_order: UUID | None = None,
) -> Exposure:
    """The exposure an entry on this place would add to.

    Args:
        session: where to read.
        tools: prices and instruments of what is held.
        place: where the entry would go.
        strategy: whose entry it is.
        balances: of the account, as the venue last said.
        held: what the trader holds in the place's scope, without that intent.
        standing: the trader, their limits, switches and latch; what no limit asks about is not
            looked up.
        now: the trader's day is cut by it.
        ignore_order: the entry's own intent, when it is judged again before it is sent.
    """
    by_symbol = notionals(tools, held)
    limits = limits_at(standing.profile, now=now).in_force
    return Exposure(
        free=_free(held, place, balances),
        open_positions=len({(one.strategy_id, one.symbol) for one in held.stakes()}),
        symbol_notional=by_symbol.get(place.instrument.symbol, ZERO),
        total_notional=sum(by_symbol.values(), ZERO),
        orders_last_minute=await _sent(session, place, limits, ignore_order, now=now),
        realised_net_today=(
            ZERO if limits.max_daily_loss is None else await realised_today(session, place, now=now)
        ),
        unrealised_change=unrealised_change(tools, held, currency=place.instrument.settle),
        owner_barred=standing.owner.why_no_entries,
        kill_switch=(
            await _kill_switch(session, place, strategy) if standing.has_switch_on else None
        ),
        frozen_until=_frozen_until(standing, place, now),
        hold=_hold(tools, held, place),
        external_quantity=await _external(session, tools, place),
        books=tuple(map(_held_book, held.stakes_at(place))),
        leverage=_leverage_in_use(held, place),
        margin_mode=_margin_mode_in_use(held, place),
    )


async def _sent(
    session: AsyncSession,
    place: Place,
    limits: Limits,
    ignore_order: UUID | None,
    *,
    now: datetime,
) -> int:
    if limits.max_orders_per_minute is None:
        return 0
    sent = await orders.created_since(session, place.user.id, now - A_MINUTE)
    return sent if ignore_order is None else max(0, sent - 1)


_ACCOUNTS: Final = select(ExchangeAccount).where(
    ExchangeAccount.user_id == bindparam("user_id"),
    ExchangeAccount.is_paper == bindparam("is_paper"),
)


async def holdings(session: AsyncSession, user_id: UUID, *, is_paper: bool) -> Holdings:
    """Everything a trader holds or is about to hold in one scope."""
    asked = {"user_id": user_id, "is_paper": is_paper}
    accounts = {one.id: one for one in (await session.scalars(_ACCOUNTS, asked)).all()}
    live = [one for one in await orders.live_of(session, user_id) if one.account_id in accounts]
    return Holdings(
        accounts=accounts,
        positions=[
            one for one in await positions.held_of(session, user_id) if one.account_id in accounts
        ],
        entries=[one for one in live if one.purpose is Purpose.ENTRY],
        exits=[one for one in live if order_service.is_exit(one) and not one.is_resting_exit],
        unknown=[one for one in live if one.status is OrderStatus.UNKNOWN],
    )


def unrealised_change(tools: Tools, held: Holdings, *, currency: str) -> Decimal:
    """Unrealised now less at day start or entry, over the open books of one settle currency."""
    total = ZERO
    for position in held.positions:
        instrument = _instrument(tools, held, position.account_id, position.symbol)
        if instrument is None or instrument.settle != currency:
            continue
        quote = tools.prices.latest(market_key(held.accounts[position.account_id], position.symbol))
        if quote is not None:
            now_at = unrealised(book_of(position, instrument), quote.fair)
            total += now_at - position.day_start_unrealized
    return total


async def realised_today(session: AsyncSession, place: Place, *, now: datetime) -> Decimal:
    """Net booked on the trader's day, in the settle currency and scope of the place."""
    ledger = place.ledger
    row = await pnl.day_row(
        session,
        place.user.id,
        trading_day(now, zone=ledger.zone),
        ledger.currency,
        is_paper=ledger.is_paper,
    )
    return ZERO if row is None else row.realized_pnl


async def equity_of(
    session: AsyncSession,
    tools: Tools,
    place: Place,
    strategy: Strategy,
    balances: Sequence[BalanceReport],
    *,
    held: Holdings,
) -> Decimal:
    """What the strategy may size by, in settle currency (TRADING 12)."""
    whole = whole_of(balances, place.instrument.settle)
    if place.account.market_type is MarketType.SPOT:
        books = [one for one in held.positions if one.account_id == place.account.id]
        at_bid = sum((_at_bid(tools, place, book) for book in books), ZERO)
        account_equity = spot_equity(free=whole, locked=ZERO, books_at_bid=at_bid)
    else:
        # The adapter's balance of a contract account is its margin balance: unrealised is in it.
        account_equity = contract_equity(wallet=whole, unrealised=ZERO)
    net = ZERO
    if strategy.allocation is not None:
        net = await pnl.net_of_strategy(session, strategy.id, place.instrument.settle)
    return equity(
        account_equity,
        allocation=strategy.allocation,
        net_result=net,
        reinvest=strategy.reinvest,
    )


async def holdings_beside(
    session: AsyncSession, place: Place, ignore_order: UUID | None = None
) -> Holdings:
    """What the trader holds in the place's scope, without one intent of ours."""
    held = await holdings(session, place.user.id, is_paper=place.account.is_paper)
    entries = [one for one in held.entries if one.id != ignore_order]
    return replace(held, entries=entries)


def notionals(tools: Tools, held: Holdings) -> dict[str, Decimal]:
    """Unsigned worth in quote by symbol, of books and of what live entries may still buy."""
    sums: dict[str, Decimal] = {}
    for stake in held.stakes():
        instrument = _instrument(tools, held, stake.account_id, stake.symbol)
        quote = tools.prices.latest(market_key(held.accounts[stake.account_id], stake.symbol))
        price = quote.fair if quote is not None else stake.price
        if instrument is not None and price is not None:
            worth = instrument.notional(stake.quantity, price)
            sums[stake.symbol] = sums.get(stake.symbol, ZERO) + worth
    return sums


def _free(held: Holdings, place: Place, balances: Sequence[BalanceReport]) -> Decimal:
    """Free coins less what our own entries of this account will take, not in the balances yet."""
    reserved = ZERO
    for order in held.entries:
        if order.account_id == place.account.id and order.status in NOT_LOCKED_YET:
            leverage = Decimal(order.leverage or 1)
            reserved += order.remaining * (order.limit_price or order.reference_price) / leverage
    return free_of(balances, place.instrument.settle) - reserved


def _stake_of_book(position: Position) -> Stake:
    return Stake(
        account_id=position.account_id,
        strategy_id=position.strategy_id,
        symbol=position.symbol,
        position_side=position.position_side,
        quantity=position.quantity,
        price=position.entry_price,
        entries=position.entries,
        leverage=position.leverage,
        margin_mode=position.margin_mode,
    )


def _stake_of_entry(order: Order) -> Stake:
    return Stake(
        account_id=order.account_id,
        strategy_id=order.strategy_id,
        symbol=order.symbol,
        position_side=PositionSide.LONG if order.side is Side.BUY else PositionSide.SHORT,
        quantity=order.remaining,
        price=order.limit_price or order.reference_price,
        entries=1,
        leverage=order.leverage,
        margin_mode=order.margin_mode,
    )


def _held_book(stake: Stake) -> HeldBook:
    return HeldBook(
        strategy_id=stake.strategy_id,
        position_side=stake.position_side,
        quantity=stake.quantity,
        entry_price=stake.price or ZERO,
        entries=stake.entries,
    )


def _leverage_in_use(held: Holdings, place: Place) -> Decimal | None:
    """What the venue's symbol is set to; only binding while something is held or live there."""
    used = [one.leverage for one in held.stakes_at(place) if one.leverage is not None]
    return Decimal(used[0]) if used else None


def _margin_mode_in_use(held: Holdings, place: Place) -> MarginMode | None:
    used = [one.margin_mode for one in held.stakes_at(place) if one.margin_mode is not None]
    return used[0] if used else None


async def _external(session: AsyncSession, tools: Tools, place: Place) -> Decimal:
    """Contracts of other hands, signed; coins held before oppose nothing."""
    if place.account.market_type is MarketType.SPOT:
        return ZERO
    lane = (place.account.id, place.instrument.symbol)
    if tools.agreement.is_kept:
        return tools.agreement.external(lane)
    return await states.external_at(session, *lane)


def _hold(tools: Tools, held: Holdings, place: Place) -> str | None:
    if not place.account.is_active:
        return "this account is switched off; what is open on it stays guarded"
    barred = why_barred(place.account)
    if barred is not None:
        return barred
    hold = tools.agreement.hold_of((place.account.id, place.instrument.symbol))
    if hold is not None:
        return hold
    for order in held.unknown:
        if order.account_id == place.account.id and order.symbol == place.instrument.symbol:
            return (
                f"order {order.client_order_id} on {order.symbol} has no known outcome yet; "
                "no new entry until the venue has said what became of it"
            )
    return None


async def _kill_switch(session: AsyncSession, place: Place, strategy: Strategy) -> str | None:
    switches = {
        (one.scope, one.scope_id): one for one in await risk.switches_on(session, place.user.id)
    }
    return first_switch(
        switches,
        user_id=place.user.id,
        account_id=place.account.id,
        strategy_id=strategy.id,
    )


async def standing_of(session: AsyncSession, place: Place, *, now: datetime) -> Standing:
    """The trader, their limits, whether a switch is on, and the latch of their day here."""
    ledger = place.ledger
    return await risk.standing(
        session,
        place.user.id,
        day=trading_day(now, zone=ledger.zone),
        currency=ledger.currency,
        is_paper=ledger.is_paper,
    )


def _frozen_until(standing: Standing, place: Place, now: datetime) -> datetime | None:
    if standing.freeze is None:
        return None
    return next_midnight(now, zone=place.ledger.zone)


def _at_bid(tools: Tools, place: Place, position: Position) -> Decimal:
    quote = tools.prices.latest(market_key(place.account, position.symbol))
    price = quote.bid if quote is not None else position.entry_price
    return position.quantity * (price or ZERO)


def _instrument(tools: Tools, held: Holdings, account_id: UUID, symbol: str) -> Instrument | None:
    account = held.accounts[account_id]
    return tools.instruments.get(account.exchange, account.market_type, symbol)
