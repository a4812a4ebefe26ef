"""Chapter 1: an alarm is understood against the open book and becomes signals."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import ExchangeAccount
from app.core.clock import iso
from app.core.decimals import plain
from app.core.errors import AppError, Denied, Invalid
from app.pipeline.alarms.meaning import (
    DEFAULT_SIZE,
    WHOLE,
    Action,
    Intent,
    Level,
    Meaning,
    Problem,
    Size,
    SizeKind,
)
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.reading import understand
from app.pipeline.alarms.resolving import Rules, resolve
from app.pipeline.alarms.sentences import sentence
from app.pipeline.alarms.status import AlarmStatus
from app.pipeline.flow.glance import Glance, look
from app.pipeline.flow.tools import Tools, hold_trader, market_key
from app.pipeline.orders import repository as orders
from app.pipeline.orders import service as order_service
from app.pipeline.positions import repository as positions
from app.pipeline.positions.models import Position
from app.pipeline.signals import service as signal_service
from app.pipeline.signals.models import Signal
from app.pipeline.signals.service import SignalDraft
from app.pipeline.signals.words import SignalAction
from app.strategies.models import Strategy
from app.strategies.words import SizingMode
from app.trading.tickers import resolve_ticker
from app.trading.words import CloseReason, OrderType

OUR_EXITS: Final = frozenset(
    {
        CloseReason.STOP_LOSS,
        CloseReason.TRAILING_STOP,
        CloseReason.TAKE_PROFIT,
        CloseReason.USER_STOPPED,
    }
)
# TradingView's clock counts whole seconds: an alert of the fill's own second is not before it.
ALERT_RESOLUTION: Final = timedelta(seconds=1)
ACTIONS: Final = {
    Action.OPEN: SignalAction.OPEN,
    Action.ADD: SignalAction.ADD,
    Action.CLOSE: SignalAction.CLOSE,
    Action.REDUCE: SignalAction.REDUCE,
}


class Stale(Invalid):
    """The alert is too old to act on."""

    code = "stale"


class Ended(Invalid):
    """The alert asked for an end, and there was one; no signal comes of it."""

    code = "cancelled"


class Ignored(Invalid):
    """The alert asks for nothing that can be done."""

    code = "ignored"


@dataclass(frozen=True, slots=True)
class Case:
    """One alarm with everything its reading depends on."""

    alarm: Alarm
    strategy: Strategy
    account: ExchangeAccount
    meaning: Meaning
    now: datetime


async def on_alarm(tools: Tools, alarm_id: UUID) -> Alarm:
    """Decide what a stored alarm is: signals, or a reason why not.

    Harmless to repeat: only an alarm that is still `received` is decided.

    Returns:
        The alarm as it is now; still `received` while the venue's markets are not known.
    """
    async with tools.database.transaction() as session:
        await hold_trader(session, tools, Alarm, alarm_id)
        alarm, strategy, account = await _load(session, alarm_id)
        if alarm.status is not AlarmStatus.RECEIVED:
            return alarm
        if not tools.instruments.all(account.exchange, account.market_type):
            return alarm  # the venue's markets are still being loaded; the sweep comes back
        case = Case(alarm, strategy, account, understand(alarm.body), tools.now())
        await _decide(session, tools, case)
    return alarm


_ALARM: Final = (
    select(Alarm, Strategy, ExchangeAccount)
    .join(Strategy, Strategy.id == Alarm.strategy_id)
    .join(ExchangeAccount, ExchangeAccount.id == Strategy.account_id)
    .where(Alarm.id == bindparam("alarm_id"))
)


async def _load(session: AsyncSession, alarm_id: UUID) -> tuple[Alarm, Strategy, ExchangeAccount]:
    found = await session.execute(_ALARM, {"alarm_id": alarm_id})
    alarm, strategy, account = found.one()
    return alarm, strategy, account


async def _decide(session: AsyncSession, tools: Tools, case: Case) -> None:
    """All of an alarm's intents, or none of them."""
    alarm, now = case.alarm, case.now
    # One intent changes nothing before it is sure of itself: only several need a way back.
    several = len(case.meaning.intents) > 1
    try:
        async with session.begin_nested() if several else nullcontext():
            made, notes = await _carry_all_out(session, tools, case)
    except AppError as refusal:
        if several:
            await session.refresh(alarm)
        status = AlarmStatus.STALE if isinstance(refusal, Stale) else AlarmStatus.REFUSED
        alarm.decide(status, reason=f"{refusal.code}: {refusal.detail}", now=now)
        return
    if made:
        alarm.sentence = " ".join(signal.sentence for signal in made)
        alarm.signal_id = made[-1].id
        alarm.decide(AlarmStatus.ACCEPTED, reason=None, now=now)
    else:
        # One intent that was carried out is enough for the alarm to count as one that was.
        told = next((note for note in notes if isinstance(note, Ended)), notes[0])
        status = AlarmStatus.ACCEPTED if isinstance(told, Ended) else AlarmStatus.IGNORED
        alarm.decide(status, reason=f"{told.code}: {told.detail}", now=now)


async def _carry_all_out(
    session: AsyncSession, tools: Tools, case: Case
) -> tuple[list[Signal], list[Ended | Ignored]]:
    made: list[Signal] = []
    notes: list[Ended | Ignored] = []
    for intent in case.meaning.intents:
        try:
            made += await _carry_out(session, tools, case, intent, part=len(made))
        except (Ended, Ignored) as note:
            notes.append(note)
    return made, notes


async def _carry_out(
    session: AsyncSession, tools: Tools, case: Case, intent: Intent, *, part: int
) -> list[Signal]:
    if intent.action is Action.IGNORE or intent.ticker is None:
        raise _ignored(intent.reason)
    symbol = resolve_ticker(
        intent.ticker,
        tools.instruments.all(case.account.exchange, case.account.market_type),
        market_type=case.account.market_type,
        ticker_map=case.strategy.ticker_map,
    )
    case.alarm.symbol = symbol
    case.alarm.sentence = sentence(intent)
    if intent.action is Action.CANCEL:
        await _end_entries(session, case, symbol, reason="cancelled: The alert cancels it.")
        raise Ended("Pending signals and resting entries were ended.")
    with session.no_autoflush:  # nothing of this alarm is asked about
        glance = await look(session, case.strategy.id, symbol)
        book = await positions.get(session, glance.book_id) if glance.book_id else None
    intents = await _resolved(session, case, intent, symbol, book)
    _refuse_unsupported(intents)
    made: list[Signal] = []
    for one in intents:
        try:
            made.append(
                await _to_signal(
                    session, tools, case, one, glance, book=book, part=part + len(made)
                )
            )
        except (Stale, Denied) as refusal:
            if not made:
                raise
            # The close leg of a flip stands, whatever keeps its entry out (TRADING 4, 9).
            problem = {"code": refusal.code, "detail": refusal.detail, "position": None}
            case.alarm.problems = [*case.alarm.problems, problem]
    return made


async def _resolved(
    session: AsyncSession, case: Case, intent: Intent, symbol: str, book: Position | None
) -> list[Intent]:
    """What the intent asks of the book as it is: nothing is left bare, flipped or targeted."""
    rules = Rules(
        sides=case.strategy.sides,
        on_opposite=case.strategy.on_opposite,
        market_type=case.account.market_type,
    )
    side = book.position_side if book else None
    resolved = resolve(intent, book_side=side, rules=rules)
    if resolved.action is Action.IGNORE:
        if resolved.reason is not None and resolved.reason.code == "nothing_to_close":
            reason = "superseded: The alert says flat."
            await _end_entries(session, case, symbol, reason=reason, is_exit=True)
        raise _ignored(resolved.reason)
    if resolved.action is Action.TARGET and book is not None:
        resolved = _towards_target(resolved, book, case.strategy)
    if resolved.action is Action.FLIP and side is not None:
        close = replace(
            resolved,
            action=Action.CLOSE,
            position_side=side,
            size=WHOLE,
            stop_loss=None,
            take_profits=(),
            order_type=OrderType.MARKET,
            limit_price=None,
        )
        return [close, replace(resolved, action=Action.OPEN)]
    return [resolved]


def _towards_target(intent: Intent, book: Position, strategy: Strategy) -> Intent:
    """A target on the book's own side: the difference to it (TRADING 10)."""
    target = intent.size.value or Decimal(0)
    if strategy.sizing_mode is SizingMode.FROM_ALERT:
        delta = target - book.quantity
        if delta > 0:
            return replace(intent, action=Action.ADD, size=Size(SizeKind.QUANTITY, delta))
        if delta < 0:
            return replace(intent, action=Action.REDUCE, size=Size(SizeKind.QUANTITY, -delta))
    previous = intent.placeholders.prev_market_position_size
    if strategy.sizing_mode is not SizingMode.FROM_ALERT and previous:
        if target < previous:
            percent = (previous - target) / previous * 100
            size = Size(SizeKind.POSITION_PERCENT, percent)
            return replace(intent, action=Action.REDUCE, size=size)
        if target > previous:
            return replace(intent, action=Action.ADD, size=DEFAULT_SIZE)
    raise Ignored(f"The book holds {plain(book.quantity)} already.", code="at_target")


def _refuse_unsupported(intents: Sequence[Intent]) -> None:
    for intent in intents:
        if intent.trigger is not None:
            raise Invalid(
                "Stop and trailing orders as entries or exits are not taken yet: send the alert "
                "when the price is there, or set stop_loss on the entry.",
                code="order_type_not_supported",
            )
        if intent.action.only_reduces and intent.order_type is OrderType.LIMIT:
            raise Invalid(
                "Exits are sent at market: a resting exit would leave the rest unguarded. "
                "Use a take profit for a price.",
                code="limit_exit_not_supported",
            )


async def _to_signal(
    session: AsyncSession,
    tools: Tools,
    case: Case,
    intent: Intent,
    glance: Glance,
    *,
    book: Position | None,
    part: int,
) -> Signal:
    action, symbol = ACTIONS[intent.action], glance.symbol
    _refuse_stale(case, action, book)
    if action.opens:
        _refuse_overtaken(case, glance.latest_alert_at)
        if not case.strategy.is_active:
            raise Denied("This strategy is switched off.", code="strategy_inactive")
    if glance.has_entries:
        reason = "superseded: A newer alert came."
        await _end_entries(session, case, symbol, reason=reason, is_exit=not action.opens)
    draft = _draft(tools, case, intent, symbol, action, part=part)
    if action is SignalAction.OPEN and book is None:
        human = await _needs_human(session, case, intent, symbol)
        draft = replace(draft, needs_human=human)
    return await signal_service.create(session, case.strategy, draft, now=case.now)


def _draft(
    tools: Tools, case: Case, intent: Intent, symbol: str, action: SignalAction, *, part: int
) -> SignalDraft:
    if intent.position_side is None:
        raise Invalid("The alert does not say long or short.", code="side_unknown")
    stop, target = intent.stop_loss, _first_target(intent)
    return SignalDraft(
        action=action,
        symbol=symbol,
        position_side=intent.position_side,
        sentence=sentence(intent),
        received_at=case.alarm.received_at,
        size_kind=intent.size.kind,
        size_value=intent.size.value,
        order_type=intent.order_type,
        limit_price=intent.limit_price,
        stop_kind=stop.kind if stop else None,
        stop_value=stop.value if stop else None,
        target_kind=target.kind if target else None,
        target_value=target.value if target else None,
        leverage=None if intent.leverage is None else max(1, int(intent.leverage)),
        comment=intent.comment,
        reference_price=case.meaning.reference_price or _price_now(tools, case, symbol),
        alert_at=case.alarm.alert_at,
        alarm_id=case.alarm.id,
        part=part,
        external_id=case.meaning.alert_id,
    )


def _first_target(intent: Intent) -> Level | None:
    return intent.take_profits[0].level if intent.take_profits else None


def _price_now(tools: Tools, case: Case, symbol: str) -> Decimal | None:
    quote = tools.prices.latest(market_key(case.account, symbol))
    if quote is None or quote.age(case.now) > tools.max_price_age:
        return None
    return quote.fair


def _refuse_stale(case: Case, action: SignalAction, book: Position | None) -> None:
    """Entries by the strategy's age; exits never before the book's first fill (TRADING 4)."""
    alert_at = case.alarm.alert_at
    if alert_at is None:
        return
    age = case.alarm.received_at - alert_at
    most = case.strategy.max_alarm_age_seconds
    if not action.opens:
        most = case.strategy.exit_max_age_seconds
        opened = book.opened_at if book else None
        if opened is not None and alert_at + ALERT_RESOLUTION <= opened:
            raise Stale(
                f"The alert is of {iso(alert_at)}, before this position was opened "
                f"at {iso(opened)}.",
                code="before_entry",
            )
    elif case.meaning.max_age_seconds is not None:
        most = min(most, case.meaning.max_age_seconds)
    if age > timedelta(seconds=most):
        raise Stale(
            f"The alert is {int(age.total_seconds())} s old, {most} s is the limit.",
            code="too_old",
        )


def _refuse_overtaken(case: Case, latest: datetime | None) -> None:
    alert_at = case.alarm.alert_at
    if alert_at is not None and latest is not None and alert_at < latest:
        raise Stale(
            f"A newer alert of {iso(latest)} came first; this one is of {iso(alert_at)}.",
            code="out_of_order",
        )


async def _needs_human(session: AsyncSession, case: Case, intent: Intent, symbol: str) -> bool:
    """A plain order right after our own exit may be the late exit of the sender (TRADING 6)."""
    if intent.placeholders.is_known:
        return False
    last = await positions.last_closed(session, case.strategy.id, symbol)
    if last is None or last.closed_at is None or last.close_reason not in OUR_EXITS:
        return False
    window = timedelta(seconds=case.strategy.exit_max_age_seconds)
    is_opposite = last.position_side is not intent.position_side
    return is_opposite and case.now - last.closed_at <= window


async def _end_entries(
    session: AsyncSession, case: Case, symbol: str, *, reason: str, is_exit: bool = False
) -> None:
    """End undecided and unsent entries, and ask for resting ones to be cancelled (TRADING 24).

    After an exit, what they still fill meanwhile is closed (TRADING 20).
    """
    await signal_service.supersede_entries(
        session, case.strategy.id, symbol, now=case.now, reason=reason
    )
    for order in await orders.live_entries(session, case.strategy.id, symbol):
        close_late = CloseReason.SIGNAL if is_exit else None
        await order_service.request_cancel(
            session, order, actor="system", now=case.now, close_late=close_late
        )


def _ignored(reason: Problem | None) -> Ignored:
    if reason is None:
        return Ignored("This alert asks for nothing.", code="notice")
    return Ignored(reason.detail, code=reason.code)
