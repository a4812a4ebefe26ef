"""Make, change, start and stop bots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import ExchangeAccount
from app.algorithms.feed import refuse_unfit
from app.audit.service import record
from app.bots import repository
from app.bots.models import Bot, BotMarket
from app.bots.running.feeding import in_time
from app.bots.status import BOT_MOVES, BotStatus
from app.core.errors import Conflict, TooMany, Unavailable
from app.core.ids import new_id
from app.core.state import advance
from app.db.changing import changed
from app.db.outbox import note
from app.market.bars import length_of
from app.market.instruments import InstrumentBook
from app.own_algorithms.programs import Programs, shipped
from app.pipeline.flow.tools import Tools, hold_user
from app.strategies import repository as strategies
from app.strategies.models import Strategy
from app.strategies.service import algorithm_of
from app.trading.tickers import resolve_ticker
from app.trading.timeframe import Timeframe

# Of one user, at the same time.
MOST_AT_WORK: Final = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a bot is to run on.

    Attributes:
        symbols: in any spelling; at least one.
        parameters: as they came; what is left out has its default.
    """

    symbols: Sequence[str]
    timeframe: Timeframe
    parameters: Mapping[str, Any]


async def create(
    session: AsyncSession,
    tools: Tools,
    wanted: Wanted,
    *,
    strategy_id: UUID,
    user_id: UUID,
    actor: str,
    now: datetime,
    programs: Programs = shipped,
) -> Bot:
    """Make a bot; it does nothing before it is started.

    Raises:
        NotFound: no such strategy of the user.
        Invalid: `no_algorithm`, `unknown_algorithm`, `bad_parameters`, `bad_timeframe`,
            `unknown_symbol`, `ambiguous_symbol`.
        Unavailable: the venue's markets are not known yet.
    """
    strategy = await strategies.owned(session, strategy_id, user_id)
    bot = Bot(
        id=new_id(),
        user_id=user_id,
        strategy_id=strategy.id,
        status=BotStatus.STOPPED,
        created_at=now,
        markets=[],
    )
    await _set_up(session, tools.instruments, bot, strategy, wanted, now=now, programs=programs)
    session.add(bot)
    # Its entry in the audit trail names its id.
    await session.flush()
    await _audit(session, bot, "bot.created", actor, now)
    return bot


async def change(
    session: AsyncSession,
    tools: Tools,
    bot: Bot,
    changes: Mapping[str, Any],
    *,
    actor: str,
    now: datetime,
    programs: Programs = shipped,
) -> Bot:
    """Change what a bot runs on, while it is not at work.

    Args:
        session: the caller's transaction.
        tools: the markets.
        bot: which.
        changes: values of `Wanted` by their names; what is missing stays.
        actor: who does it, for the audit.
        now: the time of it.
        programs: the algorithms.

    Raises:
        Conflict: `bot_at_work`.
        Invalid: as `create`.
    """
    await _hold(session, tools, bot)
    _refuse_at_work(bot)
    strategy = await strategies.get(session, bot.strategy_id)
    wanted = replace(Wanted(bot.symbols, bot.timeframe, bot.parameters), **changes)
    await _set_up(session, tools.instruments, bot, strategy, wanted, now=now, programs=programs)
    await _audit(session, bot, "bot.changed", actor, now)
    return bot


async def start(
    session: AsyncSession,
    tools: Tools,
    bot: Bot,
    *,
    actor: str,
    now: datetime,
    programs: Programs = shipped,
) -> Bot:
    """Have a worker take it up, from the candles that close after this moment.

    Raises:
        Conflict: `bot_at_work`, `strategy_inactive`, `account_inactive`, `symbol_halted`, or
            `symbol_taken` when another bot of the strategy is at work on one of its symbols.
        TooMany: `too_many_bots`.
        Invalid: as `create`: the strategy's algorithm may be another one by now.
        Unavailable: as `create`.
    """
    await _hold(session, tools, bot)
    _refuse_at_work(bot)
    strategy = await strategies.get(session, bot.strategy_id)
    account = await session.get_one(ExchangeAccount, strategy.account_id)
    wanted = Wanted(bot.symbols, bot.timeframe, bot.parameters)
    await _set_up(session, tools.instruments, bot, strategy, wanted, now=now, programs=programs)
    _refuse_idle(tools.instruments, bot, strategy, account)
    await _refuse_taken(session, bot)
    for market in bot.markets:
        market.last_closed_at = bot.timeframe.open_of(now)
        market.owed = market.waits_for = None
    bot.status = advance(bot.status, BotStatus.STARTING, BOT_MOVES)
    bot.reason, bot.started_at = None, now
    bot.holder = bot.held_until = None
    await _audit(session, bot, "bot.started", actor, now)
    return bot


async def stop(session: AsyncSession, bot: Bot, *, actor: str, now: datetime) -> Bot:
    """End it: from the caller's commit on it asks for nothing any more.

    What is open stays open, and guarded.

    Raises:
        Conflict: `bot_stopped`: it is already.
    """
    stopped = update(Bot).where(Bot.id == bot.id, Bot.status != BotStatus.STOPPED)
    stopped = stopped.values(
        status=BotStatus.STOPPED, reason=None, holder=None, held_until=None, updated_at=now
    )
    if not await changed(session, stopped.execution_options(synchronize_session=False)):
        raise Conflict("This bot is stopped already.", code="bot_stopped")
    note(session, bot)
    await _audit(session, bot, "bot.stopped", actor, now)
    return await repository.own(session, bot.id, bot.user_id)


async def delete(
    session: AsyncSession, tools: Tools, bot: Bot, *, actor: str, now: datetime
) -> None:
    """Remove a bot; its alarms stay, with its id as their source.

    Raises:
        Conflict: `bot_at_work`.
    """
    await _hold(session, tools, bot)
    _refuse_at_work(bot)
    await _audit(session, bot, "bot.deleted", actor, now)
    await session.delete(bot)


async def _hold(session: AsyncSession, tools: Tools, bot: Bot) -> None:
    """Let no other command of this trader come in between, and see the bot as it is now."""
    await hold_user(session, tools, bot.user_id)
    await repository.own(session, bot.id, bot.user_id)


def _refuse_at_work(bot: Bot) -> None:
    if bot.is_at_work:
        raise Conflict(f"This bot is {bot.status.value}: stop it first.", code="bot_at_work")


async def _set_up(
    session: AsyncSession,
    instruments: InstrumentBook,
    bot: Bot,
    strategy: Strategy,
    wanted: Wanted,
    *,
    now: datetime,
    programs: Programs,
) -> None:
    """Give it its program, its candles and its markets, checked as when it will run."""
    account = await session.get_one(ExchangeAccount, strategy.account_id)
    base = length_of(wanted.timeframe)
    async with programs(algorithm_of(strategy)) as program:
        parameters = await in_time(partial(program.validated, wanted.parameters))
        refuse_unfit(program, base)
        bot.algorithm, bot.version = program.name, program.version
    symbols = _symbols(instruments, strategy, account, wanted.symbols)
    bot.timeframe, bot.parameters = wanted.timeframe, parameters.model_dump(mode="json")
    bot.markets = [
        next((one for one in bot.markets if one.symbol == symbol), BotMarket(symbol=symbol))
        for symbol in symbols
    ]
    bot.updated_at = now


def _symbols(
    instruments: InstrumentBook,
    strategy: Strategy,
    account: ExchangeAccount,
    tickers: Sequence[str],
) -> list[str]:
    """The markets that the tickers mean on the strategy's account, each once."""
    listed = instruments.all(account.exchange, account.market_type)
    if not listed:
        raise Unavailable(f"The markets of {account.exchange} are not known yet: try again.")
    found = [
        resolve_ticker(
            ticker, listed, market_type=account.market_type, ticker_map=strategy.ticker_map
        )
        for ticker in tickers
    ]
    return sorted(set(found))


def _refuse_idle(
    instruments: InstrumentBook, bot: Bot, strategy: Strategy, account: ExchangeAccount
) -> None:
    """What could not trade is not started: its trader would wait for nothing."""
    if not strategy.is_active:
        raise Conflict("Its strategy is switched off.", code="strategy_inactive")
    if not account.is_active:
        raise Conflict("The account of its strategy is switched off.", code="account_inactive")
    for symbol in bot.symbols:
        instrument = instruments.get(account.exchange, account.market_type, symbol)
        if instrument is None or not instrument.is_active:
            detail = f"{account.exchange} has halted {symbol}, or lists it no longer."
            raise Conflict(detail, code="symbol_halted")


async def _refuse_taken(session: AsyncSession, bot: Bot) -> None:
    # What is asked about has to be in the database.
    with session.no_autoflush:
        taken = await repository.taken_symbols(session, bot.strategy_id, bot.symbols)
        count = await repository.count_at_work(session, bot.user_id)
    if taken:
        raise Conflict(
            f"Another bot of this strategy is at work on {', '.join(taken)}: two would decide "
            "about one position.",
            code="symbol_taken",
        )
    if count >= MOST_AT_WORK:
        detail = f"{MOST_AT_WORK} of your bots are at work already; stop one first."
        raise TooMany(detail, code="too_many_bots")


async def _audit(session: AsyncSession, bot: Bot, action: str, actor: str, now: datetime) -> None:
    await record(
        session,
        now=now,
        actor=actor,
        action=action,
        subject_kind="bot",
        subject_id=str(bot.id),
        user_id=bot.user_id,
        detail={
            "strategy_id": str(bot.strategy_id),
            "algorithm": f"{bot.algorithm} {bot.version}",
            "symbols": ", ".join(bot.symbols),
            "timeframe": bot.timeframe.value,
        },
    )
