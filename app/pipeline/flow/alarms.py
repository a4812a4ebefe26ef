"""Chapter 1: an alarm is understood against the open book and becomes signals."""

from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import ExchangeAccount, User
from app.core.errors import AppError, Denied
from app.core.failpoints import failpoint
from app.pipeline.alarms.hiding import hide_tokens
from app.pipeline.alarms.meaning import (
    Action,
    Intent,
    Meaning,
    Unreadable,
)
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.reading import understand
from app.pipeline.alarms.sentences import sentence
from app.pipeline.alarms.status import AlarmStatus
from app.pipeline.flow.chains import follow_chain
from app.pipeline.flow.glance import Glance, look
from app.pipeline.flow.intents import (
    ACTIONS,
    Case,
    Ended,
    Ignored,
    Stale,
    draft_of,
    ignored,
    needs_human,
    refuse_overtaken,
    refuse_stale,
    refuse_switched_off,
    refuse_unsupported,
    resolved,
)
from app.pipeline.flow.tools import Tools, hold_trader
from app.pipeline.orders import repository as orders
from app.pipeline.orders import service as order_service
from app.pipeline.positions import repository as positions
from app.pipeline.positions.models import Position
from app.pipeline.risk.models import RiskProfile
from app.pipeline.signals import service as signal_service
from app.pipeline.signals.models import Signal
from app.pipeline.signals.words import SignalAction
from app.strategies.models import Strategy
from app.trading.tickers import resolve_ticker
from app.trading.words import CloseReason

ENDED: Final = "Pending signals and resting entries were ended."
TEST_ENDS_NOTHING: Final = "Pending signals and resting entries would be ended; a test leaves them."


async def on_alarm(
    tools: Tools,
    alarm_id: UUID,
    *,
    meaning: Meaning | None = None,
    stored_at: datetime | None = None,
) -> Alarm:
    """Decide what a stored alarm is: signals, or a reason why not.

    Harmless to repeat: only an alarm that is still `received` is decided.

    Args:
        tools: the database, markets and prices.
        alarm_id: the alarm.
        meaning: its body, where the caller has read it a moment ago; read here when None.
        stored_at: when the caller saw its bytes committed; None leaves when they were written.

    Returns:
        The alarm as it is now; still `received` while the venue's markets are not known.
    """
    async with tools.database.transaction() as session:
        await hold_trader(session, tools, Alarm, alarm_id)
        alarm, strategy, account, owner, above = await _load(session, alarm_id)
        alarm.stored_at = stored_at or alarm.stored_at
        if alarm.status is not AlarmStatus.RECEIVED:
            return alarm
        if not tools.instruments.all(account.exchange, account.market_type):
            return alarm  # the venue's markets are still being loaded; the sweep comes back
        try:
            hidden = strategy.token_digests
            meaning = meaning or understand(hide_tokens(alarm.body, hidden))
        except Unreadable as refusal:
            # Stored by a version that could read it, or read more than can be kept.
            alarm.decide(
                AlarmStatus.REFUSED, reason=f"{refusal.code}: {refusal.detail}", now=tools.now()
            )
            return alarm
        case = Case(alarm, strategy, account, owner, meaning, tools.now(), above is not None)
        failpoint("C07")
        await _decide(session, tools, case)
        await follow_chain(session, tools, case)
        failpoint("C08")
    failpoint("C09")
    return alarm


# The limit as it was set: what waits can only lift it, and an entry that is weighed without need is
# let pass.
_ALARM: Final = (
    select(Alarm, Strategy, ExchangeAccount, User, RiskProfile.second_approval_above)
    .join(Strategy, Strategy.id == Alarm.strategy_id)
    .join(ExchangeAccount, ExchangeAccount.id == Strategy.account_id)
    .join(User, User.id == Alarm.user_id)
    .outerjoin(RiskProfile, RiskProfile.user_id == Alarm.user_id)
    .where(Alarm.id == bindparam("alarm_id"))
)


async def _load(
    session: AsyncSession, alarm_id: UUID
) -> tuple[Alarm, Strategy, ExchangeAccount, User, Decimal | None]:
    found = await session.execute(_ALARM, {"alarm_id": alarm_id})
    alarm, strategy, account, owner, above = found.one()
    return alarm, strategy, account, owner, above


async def _decide(session: AsyncSession, tools: Tools, case: Case) -> None:
    """All of an alarm's intents, or none of them."""
    alarm, now = case.alarm, case.now
    alarm.sentence = " ".join(map(sentence, case.meaning.intents))
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
        raise ignored(intent.reason)
    symbol = resolve_ticker(
        intent.ticker,
        tools.instruments.all(case.account.exchange, case.account.market_type),
        market_type=case.account.market_type,
        ticker_map=case.strategy.ticker_map,
    )
    case.alarm.symbol = symbol
    if intent.action is Action.CANCEL:
        await end_entries(session, case, symbol, reason="cancelled: The alert cancels it.")
        raise Ended(TEST_ENDS_NOTHING if case.alarm.is_test else ENDED)
    with session.no_autoflush:  # nothing of this alarm is asked about
        glance = await look(session, case.strategy.id, symbol)
        book = await positions.get(session, glance.book_id) if glance.book_id else None
    try:
        intents = resolved(case, intent, book)
    except Ignored as nothing:
        if nothing.code == "nothing_to_close":
            reason = "superseded: The alert says flat."
            await end_entries(session, case, symbol, reason=reason, is_exit=True)
        raise
    refuse_unsupported(intents)
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
    await refuse_stale(session, case, action, book)
    if action.opens:
        await refuse_overtaken(session, tools, case, glance)
        refuse_switched_off(case)
    if glance.has_entries:
        reason = "superseded: A newer alert came."
        await end_entries(session, case, symbol, reason=reason, is_exit=not action.opens)
    draft = draft_of(tools, case, intent, symbol, action, part=part)
    if action is SignalAction.OPEN and book is None:
        human = await needs_human(session, case, intent, symbol)
        draft = replace(draft, needs_human=human)
    return await signal_service.create(session, case.strategy, draft, now=case.now)


async def end_entries(
    session: AsyncSession, case: Case, symbol: str, *, reason: str, is_exit: bool = False
) -> None:
    """End undecided and unsent entries, and ask for resting ones to be cancelled (TRADING 24).

    After an exit, what they still fill meanwhile is closed (TRADING 20). A test ends nothing.
    """
    if case.alarm.is_test:
        return
    await signal_service.supersede_entries(
        session, case.strategy.id, symbol, now=case.now, reason=reason
    )
    for order in await orders.live_entries(session, case.strategy.id, symbol):
        close_late = CloseReason.SIGNAL if is_exit else None
        await order_service.request_cancel(
            session, order, actor="system", now=case.now, close_late=close_late
        )
