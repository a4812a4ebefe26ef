"""One market of a bot: warmed up, caught up, and then decided candle by candle."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final, NoReturn

from loguru import logger

from app.algorithms.algorithm import Definition
from app.algorithms.bars import Bar, exact
from app.algorithms.feed import Feed
from app.algorithms.intents import Intent
from app.bots.alerts import Moment, dated
from app.bots.lateness import Owed, Sorted, Verdict, verdict
from app.bots.models import BotMarket
from app.bots.running import telling
from app.bots.running.feeding import fed, in_time
from app.bots.running.holding import Hold, Lost, progress
from app.bots.running.standing import Books, Standing
from app.bots.running.supply import SETTLES_AFTER, Step, Supply
from app.bots.running.taking import Hindrance, take_in
from app.core.clock import iso
from app.core.errors import AppError, Invalid, NotFound
from app.market.bars import BY_LENGTH
from app.market.fetching.fetcher import CandleFetcher
from app.market.prices import PriceKey
from app.pipeline.flow.tools import Tools
from app.trading.words import PositionSide

# Of each timeframe before it decides; a venue gives a thousand in an answer.
MOST_WARM_UP: Final = 20_000
# Of looks: what does not get on is tried less and less often.
LONGEST_PAUSE_LOOKS: Final = 30
# A venue may take its time with a candle, and a quiet market print none.
OVERDUE_AFTER: Final = timedelta(minutes=1)
TOLD_AFTER: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a bot waits, by the machine's clock.

    Attributes:
        look_seconds: before it looks again.
        settle_seconds: at most for what was asked for to be done, before the next candle is fed.
    """

    look_seconds: float = 1.0
    settle_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Assignment:
    """A bot in hand.

    Attributes:
        definition: the program that it runs.
        market: of a symbol, on the account of its strategy.
        base: length of its candles.
    """

    hold: Hold
    definition: Definition[Any]
    market: Callable[[str], PriceKey]
    base: timedelta


class Course:
    """How a bot goes along one market. Only what is written down of it counts.

    Args:
        tools: the database, the clock and the venues.
        fetcher: asks venues for candles.
        assignment: the bot.
        market: how far it had come when it was taken.
        pace: how long it waits for what.

    Raises:
        Invalid: `not_started`.
    """

    def __init__(
        self,
        tools: Tools,
        fetcher: CandleFetcher,
        assignment: Assignment,
        market: BotMarket,
        *,
        pace: Pace,
    ) -> None:
        bot = assignment.hold.bot
        if market.last_closed_at is None:
            raise Invalid("This bot was never started.", code="not_started")
        self._tools = tools
        self._assignment = assignment
        self._bot = bot
        self._symbol = market.symbol
        self._look_seconds = self._pause_seconds = pace.look_seconds
        larger = [BY_LENGTH[one] for one in assignment.definition.larger]
        self._supply = Supply(
            tools.database,
            fetcher,
            tools.clock,
            market=assignment.market(market.symbol),
            base=bot.timeframe,
            larger=[one for one in larger if one is not bot.timeframe],
        )
        self._books = Books(
            tools,
            bot.user_id,
            bot.strategy_id,
            market.symbol,
            settle_seconds=pace.settle_seconds,
        )
        self._hindrance = Hindrance(tools, assignment.hold, market.symbol, market.waits_for)
        self._last = market.last_closed_at
        self._owed: Owed | None = None
        self._feed: Feed | None = None

    async def begin(self) -> None:
        """Warm it up, however long its venue is away.

        Raises:
            Invalid: it cannot be: too few candles, bad parameters, an algorithm that breaks.
            NotFound: the strategy or the account is gone.
            Lost: somebody else has it by now.
        """
        while not await self._tried(self._is_warm):
            pass

    async def go_on(self) -> NoReturn:
        """Feed and act on every candle that closes from now on, those that were missed first.

        Raises:
            Invalid: as `begin`; also `algorithm_changed`.
            NotFound: as `begin`.
            Lost: as `begin`.
        """
        while True:
            if not await self._tried(self._got_on):
                await self._rest()

    async def _tried(self, step: Callable[[], Awaitable[bool]]) -> bool:
        """Whether a step got on. What only hindered it is no end: it is tried after a pause."""
        try:
            return await self._noted(step)
        except (Invalid, NotFound, Lost):
            raise
        except AppError:
            self._feed = None
        except Exception:  # noqa: BLE001 a database that is away for a moment ends no bot
            self._feed = None
            logger.bind(bot_id=str(self._bot.id)).exception("bot.hindered")
        await self._pause()
        return False

    async def _noted(self, step: Callable[[], Awaitable[bool]]) -> bool:
        """Whether a step got on; why not is written down."""
        try:
            return await step()
        except (Invalid, NotFound):
            raise
        except AppError as hindrance:
            await self._hindered(f"{hindrance.code}: {hindrance.detail}")
            raise

    async def _hindered(self, reason: str) -> None:
        is_lasting = self._lateness >= TOLD_AFTER
        await self._hindrance.note(reason, last_closed_at=self._last, is_lasting=is_lasting)

    async def _is_warm(self) -> bool:
        await self._warm()
        await self._hindrance.clear()
        self._pause_seconds = self._look_seconds
        return True

    async def _warm(self) -> Feed:
        """The algorithm, once it has seen enough; nothing that it wants by then counts."""
        if self._feed is not None:
            return self._feed
        await self._recall()
        definition, parameters = self._assignment.definition, self._bot.parameters
        count = await in_time(lambda: definition.warm_up(definition.validated(parameters)))
        if count > MOST_WARM_UP:
            detail = (
                f"It has to see {count} candles before it decides; {MOST_WARM_UP} are the most."
            )
            raise Invalid(detail, code="too_many_candles")
        standing = await self._books.standing()
        bars = await self._supply.before(self._last, count)
        flat = replace(standing.account, holding=None)

        def warmed() -> Feed:
            feed = Feed(definition, parameters, self._assignment.base)
            fed(feed, bars, flat, base=self._assignment.base)
            return feed

        self._feed = await in_time(warmed)
        return self._feed

    async def _recall(self) -> None:
        """Go on from what is written down: a commit may have failed, or only its answer."""
        async with self._tools.database.read() as session:
            found = await progress(session, self._assignment.hold, self._symbol)
        self._last = found.last_closed_at or self._last
        self._owed = Owed.of_json(found.owed)

    async def _got_on(self) -> bool:
        """Deal with what is due; whether anything was."""
        feed = await self._warm()
        due = await self._supply.after(self._last)
        if not due.bars:
            if not due.is_all and self._lateness >= OVERDUE_AFTER:
                expected = iso(self._bot.timeframe.close_of(self._last))
                await self._hindered(f"candle_missing: The candle of {expected} has not come.")
            return False
        self._hindrance.is_over()
        self._pause_seconds = self._look_seconds
        steps = due.steps(self._assignment.base)
        count = await self._catch_up(feed, steps[: -1 if due.is_all else None])
        for step in steps[count:]:
            await self._decide(feed, step, is_newest=due.is_all and step is steps[-1])
        return True

    async def _catch_up(self, feed: Feed, steps: Sequence[Step]) -> int:
        """Feed what is too old to be acted on, and see what is owed; how many steps that were."""
        if not steps:
            return 0
        standing = await self._books.standing()
        oldest = self._tools.now() - standing.patience.longest
        missed = [step for step in steps if step[-1].closed_at < oldest]
        if not missed:
            return 0
        wishes = Sorted(owed=self._owed)
        found = await self._asked(feed, [bar for step in missed for bar in step], standing)
        for bar, intents in found:
            wishes.take(intents, age=self._age(bar), patience=standing.patience)
        await self._keep(missed[-1][-1], wishes, [])
        return len(missed)

    async def _decide(self, feed: Feed, step: Step, *, is_newest: bool) -> None:
        """Feed one base candle, and send what the algorithm wants."""
        await self._books.settle()
        standing = await self._books.standing()
        self._refuse_another_program(standing)
        [(bar, intents)] = await self._asked(feed, step, standing)
        wishes = Sorted(owed=self._owed)
        wishes.take(intents, age=self._age(bar), patience=standing.patience)
        notes: list[telling.Note] = []
        if is_newest and wishes.owed is not None:
            notes += self._paid(wishes, wishes.owed, bar, standing, feed.algorithm.outlook)
        wishes.send = [one for one in wishes.send if not standing.waits_for_yes(one)]
        await self._keep(bar, wishes, notes)

    def _paid(
        self,
        wishes: Sorted,
        owed: Owed,
        bar: Bar,
        standing: Standing,
        outlook: PositionSide | None,
    ) -> list[telling.Note]:
        """Deal with an owed exit, now that the newest candle says how things stand."""
        wishes.owed = None
        held, entered_at = standing.account.side, standing.entered_at
        match verdict(owed, held=held, entered_at=entered_at, outlook=outlook):
            case Verdict.SEND:
                wishes.send.insert(0, dated(owed.intent, self._moment(bar)))
            case Verdict.KEEP:
                return [telling.kept(self._symbol, owed.intent)]
            case Verdict.DROP:
                pass
        return []

    async def _asked(
        self, feed: Feed, bars: Step, standing: Standing
    ) -> list[tuple[Bar, tuple[Intent, ...]]]:
        """What the algorithm wants at the close of each base candle."""
        feeding = partial(fed, feed, bars, standing.account, base=self._assignment.base)
        return await in_time(feeding)

    async def _keep(self, bar: Bar, wishes: Sorted, notes: Sequence[telling.Note]) -> None:
        await take_in(self._tools, self._assignment.hold, self._moment(bar), wishes, notes)
        self._last, self._owed = bar.closed_at, wishes.owed

    async def _rest(self) -> None:
        """Until the next candle is due, or for a while when it is."""
        wait = -self._lateness.total_seconds()
        if wait > 0:
            await asyncio.sleep(min(wait, self._look_seconds))
        else:
            await self._pause()

    async def _pause(self) -> None:
        """Each time longer than the last, until something gets on."""
        await asyncio.sleep(self._pause_seconds)
        longest = LONGEST_PAUSE_LOOKS * self._look_seconds
        self._pause_seconds = min(2 * self._pause_seconds, longest)

    @property
    def _lateness(self) -> timedelta:
        """Since when the next candle ought to be there; negative before that."""
        due_at = self._bot.timeframe.close_of(self._last) + SETTLES_AFTER
        return self._tools.now() - due_at

    def _age(self, bar: Bar) -> timedelta:
        return self._tools.now() - bar.closed_at

    def _moment(self, bar: Bar) -> Moment:
        return Moment(self._bot.id, self._symbol, bar.closed_at, exact(bar.close))

    def _refuse_another_program(self, standing: Standing) -> None:
        name = standing.strategy.algorithm
        if name != self._bot.algorithm:
            raise Invalid(
                f"The strategy names {name or 'no algorithm'} now, and this bot runs "
                f"{self._bot.algorithm}: start it again.",
                code="algorithm_changed",
            )
