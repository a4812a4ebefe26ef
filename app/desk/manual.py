"""Orders by hand: an entry is a signal the trader has decided, so that every rule holds for it."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import repository as accounts
from app.accounts.models import ExchangeAccount
from app.core.errors import Conflict, Denied, Invalid, Unavailable
from app.desk.manual_schemas import ManualOrderIn
from app.http.caller import Caller
from app.http.once import Once
from app.pipeline.alarms.meaning import Action, Intent, Level, LevelKind, Size, SizeKind, TakeProfit
from app.pipeline.alarms.sentences import sentence
from app.pipeline.flow.entries import enter
from app.pipeline.flow.exits import Exit, exit_position
from app.pipeline.flow.tools import Tools
from app.pipeline.orders import repository as orders
from app.pipeline.orders.models import Order
from app.pipeline.orders.schemas import OrderOut
from app.pipeline.positions import repository as positions
from app.pipeline.positions.models import Position
from app.pipeline.signals import repository as signals
from app.pipeline.signals import service as signal_service
from app.pipeline.signals.models import Signal
from app.pipeline.signals.service import SignalDraft
from app.pipeline.signals.status import SignalStatus
from app.pipeline.signals.words import SignalAction
from app.strategies import repository as strategies
from app.strategies import service as strategy_service
from app.trading.instrument import Instrument
from app.trading.tickers import resolve_ticker, to_ticker
from app.trading.words import CloseReason, MarketType, OrderType, PositionSide, Side

# A limit order by hand rests until the trader cancels it.
RESTS_FOR: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A manual order whose account and market are known."""

    wanted: ManualOrderIn
    caller: Caller
    account: ExchangeAccount
    instrument: Instrument

    @property
    def opens(self) -> PositionSide:
        """What it would open, were it an entry."""
        return PositionSide.LONG if self.wanted.side is Side.BUY else PositionSide.SHORT


async def place_by_hand(
    tools: Tools, caller: Caller, wanted: ManualOrderIn, once: Once
) -> OrderOut:
    """Write down what the trader orders: an exit of the manual book, or an entry under all rules.

    Against the manual book's side it closes, up to what is held, and never turns the book over.

    An entry takes two transactions, with the venue asked in between. The first one commits the
    key and the decided signal; whoever comes with the key after a crash goes on from that signal.

    Args:
        tools: the database and the venues.
        caller: whose order it is.
        wanted: the order.
        once: the request's key.

    Returns:
        The intent; the worker sends it.

    Raises:
        Replay: the key was answered before.
        NotFound: no such account of this user.
        Invalid: the symbol is not on the account, or the order contradicts itself.
        Conflict: more than is held was asked for, or the account is switched off.
        Denied: a rule refuses it; `code` names the rule. The signal stays as a record.
        Unavailable: the venue did not say what it costs; nothing was ordered.
    """
    async with tools.database.read() as session:
        ticket = await _ticket(session, tools, caller, wanted)
        book = await _book(session, ticket)
        # After the book: a first request that has changed it meanwhile is seen here.
        begun = await once.look(session)
    if begun is not None:
        return await _entered(tools, begun, once)
    is_against = book is not None and book.position_side is not ticket.opens
    if is_against or wanted.reduce_only:
        return await _reduce(tools, ticket, book, once)
    return await _enter(tools, ticket, once)


async def _ticket(
    session: AsyncSession, tools: Tools, caller: Caller, wanted: ManualOrderIn
) -> Ticket:
    account = await accounts.exchange_account(session, caller.user_id, wanted.account_id)
    listed = tools.instruments.all(account.exchange, account.market_type)
    if not listed:
        raise Unavailable(f"The markets of {account.exchange} are not loaded yet.")
    symbol = resolve_ticker(wanted.symbol, listed, market_type=account.market_type, ticker_map={})
    return Ticket(wanted, caller, account, listed[symbol])


async def _book(session: AsyncSession, ticket: Ticket) -> Position | None:
    strategy = await strategies.manual(session, ticket.account.id)
    if strategy is None:
        return None
    return await positions.held_by(session, strategy.id, ticket.instrument.symbol)


async def _reduce(tools: Tools, ticket: Ticket, book: Position | None, once: Once) -> OrderOut:
    wanted = ticket.wanted
    if book is None or book.position_side is ticket.opens:
        raise Denied(
            f"The manual book of {ticket.instrument.symbol} holds nothing that a "
            f"{wanted.side.value} would reduce.",
            code="nothing_to_close",
        )
    if wanted.order_type is OrderType.LIMIT:
        raise Invalid(
            "Exits are sent at market: a resting exit would leave the rest unguarded. "
            "Schedule a sell of the position, or set its take_profit, for a price.",
            code="limit_exit_not_supported",
        )
    if wanted.stop_loss is not None or wanted.take_profit is not None:
        raise Invalid(
            "This order closes: a stop or target belongs to the position.", code="levels_on_exit"
        )
    leaving = Exit(
        reason=CloseReason.USER_STOPPED, actor=ticket.caller.username, quantity=wanted.quantity
    )
    order = await exit_position(tools, book.id, leaving, witness=_Reducing(once))
    if order is None:
        raise _only_dust()
    return OrderOut.model_validate(order)


@dataclass(frozen=True, slots=True)
class _Reducing:
    """Keeps the answer for the request's key where the exit is committed."""

    once: Once

    async def before(self, session: AsyncSession) -> None:
        await self.once.claim(session)

    async def after(self, session: AsyncSession, order: Order | None) -> None:
        if order is None:
            await self.once.keep_refusal(session, _only_dust())
        else:
            await self.once.keep(session, OrderOut.model_validate(order))


def _only_dust() -> Conflict:
    return Conflict(
        "What was left was too small for any order; the position is closed.", code="dust"
    )


async def _enter(tools: Tools, ticket: Ticket, once: Once) -> OrderOut:
    if not ticket.account.is_active:
        raise Conflict("This account is switched off.", code="account_inactive")
    async with tools.database.transaction() as session:
        await once.claim(session)
        signal = await _decided_signal(session, tools, ticket)
        await once.begin(session, signal.id)
    return await _entered(tools, signal.id, once)


async def _entered(tools: Tools, signal_id: UUID, once: Once) -> OrderOut:
    """What became of the decided signal; going through it again changes nothing."""
    await enter(tools, signal_id)
    await _drop_if_waiting(tools, signal_id, once)
    async with tools.database.transaction() as session:
        found = await orders.of_signal(session, signal_id)
        if found:
            return await once.keep(session, OrderOut.model_validate(found[0]))
        decided = await signals.get(session, signal_id)
        code, _, detail = (decided.reason or "denied: It was refused.").partition(": ")
        refusal = Denied(detail, code=code)
        await once.keep_refusal(session, refusal)
    raise refusal


async def _decided_signal(session: AsyncSession, tools: Tools, ticket: Ticket) -> Signal:
    strategy = await strategy_service.manual_strategy(
        session,
        user_id=ticket.caller.user_id,
        account_id=ticket.account.id,
        account_name=ticket.account.name,
        now=tools.now(),
    )
    return await signal_service.create(session, strategy, _draft(tools, ticket), now=tools.now())


def _draft(tools: Tools, ticket: Ticket) -> SignalDraft:
    wanted, now = ticket.wanted, tools.now()
    is_limit = wanted.order_type is OrderType.LIMIT
    stop, target = _at(wanted.stop_loss), _at(wanted.take_profit)
    return SignalDraft(
        action=SignalAction.OPEN,
        symbol=ticket.instrument.symbol,
        position_side=ticket.opens,
        sentence=sentence(_intent(ticket)),
        received_at=now,
        size_kind=SizeKind.QUANTITY,
        size_value=_size(ticket),
        order_type=wanted.order_type,
        limit_price=_limit(ticket),
        stop_kind=stop.kind if stop else None,
        stop_value=stop.value if stop else None,
        target_kind=target.kind if target else None,
        target_value=target.value if target else None,
        comment="manual order",
        made_by=ticket.caller.username,
        approved_by=ticket.caller.username,
        expires_at=now + RESTS_FOR if is_limit else None,
    )


def _intent(ticket: Ticket) -> Intent:
    wanted = ticket.wanted
    target = _at(wanted.take_profit)
    return Intent(
        action=Action.OPEN,
        ticker=to_ticker(ticket.instrument.symbol),
        position_side=ticket.opens,
        size=Size(SizeKind.QUANTITY, wanted.quantity),
        order_type=wanted.order_type,
        limit_price=_limit(ticket),
        stop_loss=_at(wanted.stop_loss),
        take_profits=() if target is None else (TakeProfit(target),),
    )


def _at(price: Decimal | None) -> Level | None:
    return None if price is None else Level(LevelKind.PRICE, price)


def _limit(ticket: Ticket) -> Decimal | None:
    """On the tick, never worse than asked."""
    price, instrument = ticket.wanted.limit_price, ticket.instrument
    if price is None:
        return None
    is_buy = ticket.wanted.side is Side.BUY
    return instrument.floor_price(price) if is_buy else instrument.ceil_price(price)


def _size(ticket: Ticket) -> Decimal:
    """As alerts say sizes: base units, and quote on inverse, where we count contracts."""
    quantity, instrument = ticket.wanted.quantity, ticket.instrument
    is_inverse = instrument.market_type is MarketType.INVERSE
    return quantity * instrument.contract_size if is_inverse else quantity


async def _drop_if_waiting(tools: Tools, signal_id: UUID, once: Once) -> None:
    """A manual order is sent now or not at all: later, the trader would not expect it any more.

    Raises:
        Unavailable: it could not be sent now.
    """
    async with tools.database.transaction() as session:
        signal = await signals.get(session, signal_id)
        if signal.status is not SignalStatus.APPROVED:
            return
        why = signal.reason or "entries_on_hold: Another order there has no known outcome yet."
        code, _, detail = why.partition(": ")
        won = await signals.claim(
            session,
            signal,
            frm=SignalStatus.APPROVED,
            to=SignalStatus.DENIED,
            now=tools.now(),
            reason=why,
        )
        if won:
            await session.refresh(signal)
            await signal_service.audit(
                session, signal, "signal.denied", actor="system", now=tools.now()
            )
            # "Not now" is no answer to keep: the same request may be made again.
            await once.free(session)
    if won:
        raise Unavailable(f"Nothing was ordered. {detail}", code=code)
