"""Takes up the bots that are started, beside everything else a worker does."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from loguru import logger

from app.accounts.models import ExchangeAccount
from app.algorithms.algorithm import Definition
from app.audit.service import SYSTEM, record
from app.bots.running import holding, telling
from app.bots.running.course import Assignment, Course, Pace
from app.bots.running.holding import Hold, Lost
from app.core.errors import AppError, Invalid
from app.core.tasks import KeyedTasks
from app.market.bars import length_of
from app.market.fetching.fetcher import CandleFetcher
from app.own_algorithms.programs import Programs, shipped
from app.pipeline.flow.tools import Tools, market_key
from app.strategies import repository as strategies

USUAL: Final = Pace()
AFTER_FAILURE_SECONDS: Final = 10.0
# A look takes up no more: the others are for whoever looks next.
MOST_AT_A_LOOK: Final = 20


class BotKeeper:
    """One task for each bot in this worker's hands, and in it one for each of its markets.

    Args:
        tools: the database, the clock and the venues.
        fetcher: asks venues for candles.
        programs: the algorithms; each is at hand for as long as its bot is at work.
        pace: how often it looks for bots, whether those in hand are still its own, and whether a
            candle is due.
    """

    def __init__(
        self,
        tools: Tools,
        fetcher: CandleFetcher,
        *,
        programs: Programs = shipped,
        pace: Pace = USUAL,
    ) -> None:
        self._tools = tools
        self._fetcher = fetcher
        self._programs = programs
        self._pace = pace
        self._in_hand = KeyedTasks()

    async def keep(self) -> None:
        """Look for ever, until cancelled; what was in hand then is given back."""
        try:
            while True:  # noqa: ASYNC110 it looks for what was started meanwhile
                await asyncio.sleep(await self._looked())
        finally:
            await self._in_hand.stop()

    async def look(self) -> None:
        """Take up what is started and in nobody's hands."""
        now = self._tools.now()
        async with self._tools.database.read() as session:
            found = await holding.free_ones(session, now=now, limit=MOST_AT_A_LOOK)
        for bot in found:
            if bot.id in self._in_hand:
                continue
            async with self._tools.database.transaction() as session:
                hold = await holding.take(session, bot, now=now)
            if hold is not None:
                self._in_hand.start(bot.id, self._serve(hold), name=f"bot {bot.algorithm}")

    async def _looked(self) -> float:
        """Look once; the seconds until the next time."""
        try:
            await self.look()
        except Exception:  # noqa: BLE001 the loop must outlive a lost database
            logger.exception("bots.not_looked_at")
            return AFTER_FAILURE_SECONDS
        return self._pace.look_seconds

    async def _serve(self, hold: Hold) -> None:
        log = logger.bind(bot_id=str(hold.bot.id), algorithm=hold.bot.algorithm)
        log.info("bot.taken")
        work = asyncio.ensure_future(self._work(hold))
        watch = asyncio.create_task(self._watch(hold, work))
        try:
            await asyncio.wait([work])
            await self._conclude(hold, work)
        except asyncio.CancelledError:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            async with self._tools.database.transaction() as session:
                await holding.give_back(session, hold)
            raise
        except Exception:
            log.exception("bot.not_served")
        finally:
            watch.cancel()

    async def _work(self, hold: Hold) -> None:
        async with self._programs(hold.bot.algorithm) as program:
            courses = await self._courses(hold, program)
            await _together([one.begin() for one in courses])
            async with self._tools.database.transaction() as session:
                await holding.note_running(session, hold, now=self._tools.now())
            await _together([one.go_on() for one in courses])

    async def _courses(self, hold: Hold, program: Definition[Any]) -> list[Course]:
        """One for each market, with the program that the bot was started with.

        Raises:
            Invalid: `algorithm_changed`; `bad_timeframe`.
        """
        bot = hold.bot
        async with self._tools.database.read() as session:
            strategy = await strategies.get(session, bot.strategy_id)
            account = await session.get_one(ExchangeAccount, strategy.account_id)
        if (strategy.algorithm, program.version) != (bot.algorithm, bot.version):
            raise Invalid(
                f"This bot was started with {bot.algorithm} {bot.version}; the strategy's "
                f"algorithm is {strategy.algorithm} by now, of which there is version "
                f"{program.version}: look at its parameters, and start it again.",
                code="algorithm_changed",
            )
        base = length_of(bot.timeframe)
        assignment = Assignment(hold, program, lambda symbol: market_key(account, symbol), base)
        return [
            Course(self._tools, self._fetcher, assignment, market, pace=self._pace)
            for market in bot.markets
        ]

    async def _watch(self, hold: Hold, work: "asyncio.Future[None]") -> None:
        """Stay the holder, and end the work of a bot that was stopped or is somebody else's."""
        while True:
            await asyncio.sleep(self._pace.look_seconds)
            try:
                is_ours = await self._is_held(hold)
            except Exception:  # noqa: BLE001 a database that is away for a moment ends no bot
                logger.bind(bot_id=str(hold.bot.id)).exception("bot.not_kept")
                continue
            if not is_ours:
                work.cancel()
                return

    async def _is_held(self, hold: Hold) -> bool:
        now = self._tools.now()
        async with self._tools.database.read() as session:
            until = await holding.held_until(session, hold)
        if until is not None and until < now + holding.HELD_AT_LEAST:
            async with self._tools.database.transaction() as session:
                await holding.hold_on(session, hold, now=now)
        return until is not None

    async def _conclude(self, hold: Hold, work: "asyncio.Future[None]") -> None:
        log = logger.bind(bot_id=str(hold.bot.id), algorithm=hold.bot.algorithm)
        failure = Lost() if work.cancelled() else work.exception()
        match failure:
            case Lost():
                log.info("bot.let_go")
            case AppError():
                await self._fail(hold, f"{failure.code}: {failure.detail}")
            case _:
                # Its holder lapses, and it is taken up again.
                log.opt(exception=failure).error("bot.broke")

    async def _fail(self, hold: Hold, reason: str) -> None:
        now, bot = self._tools.now(), hold.bot
        async with self._tools.database.transaction() as session:
            if not await holding.note_failed(session, hold, reason, now=now):
                return
            await record(
                session,
                now=now,
                actor=SYSTEM,
                action="bot.failed",
                subject_kind="bot",
                subject_id=str(bot.id),
                user_id=bot.user_id,
                detail={"reason": reason},
            )
            await telling.say(session, bot, telling.failed(bot, reason), now=now)
        logger.bind(bot_id=str(bot.id), reason=reason).warning("bot.failed")


async def _together(doings: Sequence[Coroutine[Any, Any, None]]) -> None:
    """All at the same time; the first failure ends the others and is the failure of all."""
    try:
        async with asyncio.TaskGroup() as group:
            for one in doings:
                group.create_task(one)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
