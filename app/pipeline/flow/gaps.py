"""What a trader decides about a gap: adopt TradingView's position, repair it, or leave it.

One decision wins: each moves the gap by its status, in the transaction that does what it says.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import ExchangeAccount, User
from app.core.clock import iso
from app.core.errors import Conflict, Invalid
from app.pipeline.alarms import repository as alarms
from app.pipeline.alarms.gaps import repository as gaps
from app.pipeline.alarms.gaps import service as gap_service
from app.pipeline.alarms.gaps.adoption import Standing, adoption
from app.pipeline.alarms.gaps.chain import Reported
from app.pipeline.alarms.gaps.models import Gap
from app.pipeline.alarms.gaps.sentences import position
from app.pipeline.alarms.keeping import Delivery, Receipt
from app.pipeline.alarms.meaning import Intent, Meaning
from app.pipeline.alarms.models import BY_HAND, source_of
from app.pipeline.alarms.service import Reading
from app.pipeline.alarms.status import AlarmStatus, GapKind, GapStatus
from app.pipeline.flow.alarms import end_entries, on_alarm
from app.pipeline.flow.intents import (
    ACTIONS,
    Case,
    Ignored,
    draft_of,
    refuse_switched_off,
    resolved,
)
from app.pipeline.flow.tools import Tools, hold_user, place_of
from app.pipeline.positions import repository as positions
from app.pipeline.positions.models import Position
from app.pipeline.signals import service as signal_service
from app.pipeline.signals.models import Signal
from app.strategies import repository as strategies
from app.strategies.words import SizingMode
from app.trading.words import MarketType, PositionSide

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Decider:
    """Whose gap it is, and who decides it: the same trader."""

    user_id: UUID
    username: str


async def ignore(tools: Tools, gap_id: UUID, by: Decider, *, reason: str | None) -> Gap:
    """Leave the book as it is.

    Raises:
        NotFound: no such gap of this user.
        Conflict: it is decided already.
    """
    said = f"ignored: {reason}" if reason else "ignored: The trader leaves it as it is."
    async with tools.database.transaction() as session:
        await hold_user(session, tools, by.user_id)
        gap = await gaps.owned(session, gap_id, by.user_id)
        await gap_service.decide(
            session, gap, GapStatus.IGNORED, actor=by.username, reason=said, now=tools.now()
        )
    return gap


async def adopt(tools: Tools, gap_id: UUID, by: Decider) -> Gap:
    """Make the signal that brings the book to what TradingView reports now.

    An entry waits for a person even under auto-approval: nobody saw the alert that it stands for.
    What only reduces never waits (TRADING 4). A turned position is two signals (decision 16).

    Raises:
        NotFound: no such gap of this user.
        Conflict: it is decided already, says no position, or the book is there already.
        Denied: it would open, and the strategy or its owner is switched off.
        Unavailable: the venue's markets are not known yet.
    """
    async with tools.database.transaction() as session:
        await hold_user(session, tools, by.user_id)
        gap = await gaps.owned(session, gap_id, by.user_id)
        adopting = await _look(session, tools, gap)
        made = await _make(session, tools, adopting, _intents(adopting))
        said = " ".join(signal.sentence for signal in made)
        await gap_service.decide(
            session,
            gap,
            GapStatus.ADOPTED,
            actor=by.username,
            reason=f"adopted: {said}",
            now=tools.now(),
            signal_id=made[-1].id,
        )
    return gap


async def repair(tools: Tools, gap_id: UUID, by: Decider, body: bytes) -> Gap:
    """Store the text of a missed alert as an alarm by hand, and decide it by the usual rules.

    The gap is claimed together with the stored alarm, and closed or opened again together with
    its decision: a crash between the two is finished by the sweep.

    Returns:
        The gap; still `repairing` while the venue's markets are not known.

    Raises:
        NotFound: no such gap of this user.
        Conflict: it is decided already, this very alert had arrived, or it was not acted on.
        Invalid: the text cannot be read.
    """
    async with tools.database.read() as session:
        gap = await gaps.owned(session, gap_id, by.user_id)
        strategy = await strategies.get(session, gap.strategy_id)
    # TradingView's log shows the alert with the token in it, where it carries it in its text.
    reading = Reading.of(body, hiding=strategy.token_digests)
    if reading.refusal is not None:
        raise reading.refusal
    async with tools.database.transaction() as session:
        await hold_user(session, tools, by.user_id)
        gap = await gaps.owned(session, gap_id, by.user_id)
        alarm_id = await _keep(session, tools, gap, by, body=body, reading=reading)
    await on_alarm(tools, alarm_id, meaning=reading.meaning)
    async with tools.database.read() as session:
        gap = await gaps.owned(session, gap_id, by.user_id)
    if gap.status is GapStatus.OPEN:
        code, _, detail = (gap.reason or "not_acted_on: ").partition(": ")
        raise Conflict(f"The gap stays open: {detail}", code=code)
    return gap


async def _keep(
    session: AsyncSession, tools: Tools, gap: Gap, by: Decider, *, body: bytes, reading: Reading
) -> UUID:
    """The text, stored, and the gap claimed for it."""
    delivery = Delivery(
        user_id=gap.user_id,
        strategy_id=gap.strategy_id,
        body=body,
        source=source_of(BY_HAND, by.username),
        received_at=tools.now(),
        reading=reading,
        actor=by.username,
    )
    connection = await session.connection()
    [receipt] = await connection.run_sync(tools.inbox.keep_in, [delivery])
    await _refuse_known(session, receipt)
    await gap_service.decide(
        session,
        gap,
        GapStatus.REPAIRING,
        actor=by.username,
        reason=None,
        now=tools.now(),
        repair_alarm_id=receipt.alarm_id,
    )
    return receipt.alarm_id


async def _refuse_known(session: AsyncSession, receipt: Receipt) -> None:
    """What arrived is not missing, and what was refused at the door cannot be carried out."""
    alarm = await alarms.get(session, receipt.alarm_id)
    if receipt.is_duplicate:
        raise Conflict(
            f"This alert is known since {iso(alarm.received_at)}: none is acted on twice.",
            code="duplicate",
        )
    if alarm.status is not AlarmStatus.RECEIVED:
        code, _, detail = (alarm.reason or "refused: ").partition(": ")
        raise Invalid(detail, code=code)


@dataclass(frozen=True, slots=True)
class Adopting:
    """A gap about to be adopted, with all that decides what to do."""

    case: Case
    gap: Gap
    symbol: str
    standing: Standing
    book: Position | None


async def _look(session: AsyncSession, tools: Tools, gap: Gap) -> Adopting:
    if gap.status is not GapStatus.OPEN:
        raise gap_service.already_decided(gap)
    if gap.kind is not GapKind.CHAIN or gap.symbol is None or gap.alarm_id is None:
        raise Conflict(
            "A silence says nothing of a position: repair it with the alert's text, or ignore it.",
            code="no_position_known",
        )
    strategy = await strategies.get(session, gap.strategy_id)
    account = await session.get_one(ExchangeAccount, strategy.account_id)
    case = Case(
        await alarms.get(session, gap.alarm_id),
        strategy,
        account,
        await session.get_one(User, gap.user_id),
        Meaning(dialect="gap", intents=()),
        tools.now(),
    )
    book = await positions.held_by(session, strategy.id, gap.symbol)
    standing = await _standing(session, tools, case, gap, book)
    return Adopting(case, gap, gap.symbol, standing, book)


async def _standing(
    session: AsyncSession, tools: Tools, case: Case, gap: Gap, book: Position | None
) -> Standing:
    symbol, ticker = gap.symbol or "", gap.ticker or ""
    place = await place_of(session, tools, case.account.id, symbol)
    twin = await gaps.twin(session, case.strategy.id, symbol)
    reported = gap.missing.reported if twin is None else twin.reported
    is_inverse = case.account.market_type is MarketType.INVERSE
    unit = place.instrument.contract_size if is_inverse else Decimal(1)
    return Standing(
        ticker=ticker,
        reported=_reachable(reported, case.account.market_type),
        missing=gap.missing,
        book_side=None if book is None else book.position_side,
        book_size=ZERO if book is None else book.quantity * unit,
        is_sized_by_alerts=case.strategy.sizing_mode is SizingMode.FROM_ALERT,
    )


def _reachable(reported: Reported, market_type: MarketType) -> Reported:
    """On spot a short is as near as flat gets (TRADING 25)."""
    if market_type is MarketType.SPOT and reported.side is PositionSide.SHORT:
        return replace(reported, side=None, size=ZERO)
    return reported


def _intents(adopting: Adopting) -> list[Intent]:
    """What is to be done, in order: a flip is a close and an entry."""
    wanted = adoption(adopting.standing)
    if wanted is None:
        raise _there_already(adopting)
    try:
        return resolved(adopting.case, wanted, adopting.book)
    except Ignored:
        raise _there_already(adopting) from None


async def _make(
    session: AsyncSession, tools: Tools, adopting: Adopting, intents: list[Intent]
) -> list[Signal]:
    case, symbol = adopting.case, adopting.symbol
    made = []
    for intent in intents:
        action = ACTIONS[intent.action]
        if action.opens:
            refuse_switched_off(case)
        reason = "superseded: A gap was adopted."
        await end_entries(session, case, symbol, reason=reason, is_exit=not action.opens)
        draft = replace(
            draft_of(tools, case, intent, symbol, action, part=0),
            # It is of now and of the trader: only its cause is the alarm that revealed the gap.
            alarm_id=None,
            alert_at=None,
            received_at=case.now,
            comment=f"adopts gap {adopting.gap.id}",
            needs_human=action.opens,
        )
        made.append(await signal_service.create(session, case.strategy, draft, now=case.now))
    return made


def _there_already(adopting: Adopting) -> Conflict:
    at = adopting.standing
    ours = "flat" if at.book_side is None else at.book_side.value
    return Conflict(
        f"TradingView is {position(at.reported, at.ticker)} and our book is {ours}: "
        "there is nothing to do. Ignore the gap.",
        code="already_there",
    )
