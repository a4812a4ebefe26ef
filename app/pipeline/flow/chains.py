"""Beside chapter 1: what every alert says of TradingView's position, and alerts that are missing.

It runs in the transaction that decides the alarm, so a crash leaves both or neither. What became
of the alarm plays no part: what TradingView believes does not depend on what we did with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.service import SYSTEM
from app.core.errors import Invalid
from app.pipeline.alarms.gaps import repository as gaps
from app.pipeline.alarms.gaps import service as gap_service
from app.pipeline.alarms.gaps.chain import (
    Followed,
    Link,
    Missing,
    Verdict,
    follow,
    is_heartbeat,
    link_of,
    may_be_late,
)
from app.pipeline.alarms.gaps.models import Gap, Twin
from app.pipeline.alarms.gaps.sentences import confirmed, position
from app.pipeline.alarms.meaning import Intent
from app.pipeline.alarms.models import BY_HAND
from app.pipeline.alarms.status import AlarmStatus, GapStatus
from app.pipeline.flow.intents import Case
from app.pipeline.flow.tools import Tools
from app.trading.tickers import resolve_ticker

# What a repair became, when it left nothing to be done.
CARRIED_OUT: Final = frozenset({AlarmStatus.ACCEPTED, AlarmStatus.IGNORED})


@dataclass(frozen=True, slots=True)
class Told:
    """What one intent of an alarm tells of the chain of one market."""

    case: Case
    link: Link
    ticker: str
    symbol: str

    def noted_on(self, twin: Twin) -> Twin:
        """The newest that is known of TradingView's position."""
        twin.note(self.link.after, ticker=self.ticker, alarm_id=self.case.alarm.id)
        return twin


async def follow_chain(session: AsyncSession, tools: Tools, case: Case) -> None:
    """Hold an alarm that was just decided against the chain, market by market.

    A missed alert that the trader repairs is no link: the chain has gone on without it. Nor is a
    test: TradingView knows nothing of it.
    """
    alarm = case.alarm
    if alarm.is_test:
        return
    if alarm.source.startswith(BY_HAND):
        gap = await gaps.repaired_by(session, alarm.id)
        if gap is not None:
            await _end_repair(session, case, gap)
            return
    for intent in case.meaning.intents:
        said = await _follow(session, tools, case, intent)
        if is_heartbeat(intent):
            alarm.reason = f"heartbeat: {said}"


async def _follow(session: AsyncSession, tools: Tools, case: Case, intent: Intent) -> str:
    """Take what an intent tells into the chain; what came of it, for the reason of a heartbeat."""
    alarm = case.alarm
    at, is_dated = alarm.alert_at or alarm.received_at, alarm.alert_at is not None
    link = link_of(intent, at, is_dated=is_dated)
    if link is None or intent.ticker is None:
        return "A sign of life that says no position."
    try:
        told = Told(case, link, intent.ticker, _symbol(tools, case, intent.ticker))
    except Invalid as unknown:
        return unknown.detail
    return _said(told, await _take_in(session, told))


async def _take_in(session: AsyncSession, told: Told) -> Followed:
    strategy_id = told.case.strategy.id
    twin = await gaps.twin(session, strategy_id, told.symbol)
    known = None if twin is None else twin.reported
    rows: Sequence[Gap] = ()
    if may_be_late(known, told.link):
        rows = await gaps.open_of(session, strategy_id, told.symbol)
    followed = follow(known, [row.missing for row in rows], told.link)
    if twin is None:
        session.add(told.noted_on(Twin(strategy_id=strategy_id, symbol=told.symbol)))
    elif followed.gap is not None and followed.missing is not None:
        await _narrow(session, told, rows[followed.gap], followed.missing)
    elif followed.verdict is not Verdict.OLDER:
        if followed.missing is not None:
            await _open(session, told, twin, followed.missing)
        told.noted_on(twin)
    return followed


async def _narrow(session: AsyncSession, told: Told, gap: Gap, rest: Missing) -> None:
    case = told.case
    await gap_service.narrow(session, case.strategy, gap, rest, case.alarm, now=case.now)


async def _open(session: AsyncSession, told: Told, twin: Twin, missing: Missing) -> None:
    case = told.case
    await gap_service.open_chain(
        session,
        case.strategy,
        twin,
        missing,
        case.alarm,
        is_heartbeat=told.link.is_heartbeat,
        now=case.now,
    )


def _symbol(tools: Tools, case: Case, ticker: str) -> str:
    """The market; two spellings of one are one chain.

    Raises:
        Invalid: the account has no such market, so nothing of it could have been traded.
    """
    alarm, account = case.alarm, case.account
    if alarm.symbol is not None and len(case.meaning.intents) == 1:
        return alarm.symbol  # resolved a moment ago, when the alarm was decided
    return resolve_ticker(
        ticker,
        tools.instruments.all(account.exchange, account.market_type),
        market_type=account.market_type,
        ticker_map=case.strategy.ticker_map,
    )


def _said(told: Told, followed: Followed) -> str:
    """For a heartbeat: what it confirms, or why it does not."""
    ticker, after = told.ticker, told.link.after
    match followed.verdict:
        case Verdict.CONTINUES:
            return confirmed(ticker, after)
        case Verdict.GAP:
            return (
                f"TradingView says {position(after, ticker)}, which no alert led to: "
                "at least one is missing."
            )
        case Verdict.OLDER:
            return "A newer alert has said where TradingView stands."
        case _:
            return f"TradingView says {position(after, ticker)}, the first that is known of it."


async def _end_repair(session: AsyncSession, case: Case, gap: Gap) -> None:
    """The text of a missed alert was decided: it was carried out, or the gap is open as before."""
    alarm = case.alarm
    is_done = alarm.status in CARRIED_OUT
    status = GapStatus.REPAIRED if is_done else GapStatus.OPEN
    reason = f"repaired: {alarm.sentence or alarm.reason}" if is_done else alarm.reason
    actor = gap.decided_by or SYSTEM
    await gap_service.decide(session, gap, status, actor=actor, reason=reason, now=case.now)
