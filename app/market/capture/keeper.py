"""Keeps captured series up to date: asks the exchange as soon as a candle has closed."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from loguru import logger

from app.core.clock import Clock
from app.core.errors import AppError
from app.core.tasks import KeyedTasks
from app.db.session import Database
from app.market.candles import repository as candles
from app.market.candles.series import Series
from app.market.capture import repository
from app.market.capture.closings import Closings
from app.market.fetching.fetcher import CandleFetcher
from app.market.instruments import MarketSource

# A venue puts the last trades into a candle a moment after its close; ours never change again.
AFTER_CLOSE: Final = timedelta(seconds=1)
# How soon a new wish is seen. A candle that closes is not waited for that long.
LOOK_SECONDS: Final = 1.0
SHORTEST_SECONDS: Final = 0.1
AFTER_FAILURE_SECONDS: Final = 10.0
# Of a candle that is not there yet, and of a venue that refuses: each time twice as long.
FIRST_PAUSE: Final = timedelta(seconds=1)
LONGEST_PAUSE: Final = timedelta(minutes=5)
# At the full hour dozens of series close in the same moment.
MOST_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class _Rest:
    """A series that is not asked for before then, after so many looks in vain."""

    looks: int
    until: datetime


class CaptureKeeper:
    """One look at a series after each close, whoever and however many want it.

    What was missed in a silence, or while nothing ran, is fetched by the next look: it goes on
    from where the series is complete.

    Args:
        database: where captures and candles are.
        source: gives the market data of an exchange and market type. A venue that refuses is asked
            once: the pauses are made here, and shown.
        clock: says what has closed.
        closings: who else waits for a candle.
    """

    def __init__(
        self, database: Database, source: MarketSource, clock: Clock, closings: Closings
    ) -> None:
        self._database = database
        self._fetcher = CandleFetcher(database, source, clock, most_tries=1)
        self._clock = clock
        self._closings = closings
        self._looking = KeyedTasks()
        self._resting: dict[Series, _Rest] = {}

    async def keep(self) -> None:
        """Look for ever, until cancelled; what was stored by then is not asked for again."""
        try:
            while True:  # noqa: ASYNC110 it looks for what has closed or is wanted meanwhile
                await asyncio.sleep(await self._looked())
        finally:
            await self._looking.stop()

    async def look(self) -> float:
        """Begin with every series that is due, as far as there are hands.

        Returns:
            Seconds until the next one is, `LOOK_SECONDS` at most.
        """
        wanted = await self._wanted()
        self._resting = {one: rest for one, rest in self._resting.items() if one in wanted}
        due = self._due(wanted)
        now = self._clock.now()
        for series, at in sorted(due.items(), key=lambda item: item[1]):
            if at > now or len(self._looking) >= MOST_AT_ONCE:
                break
            self._looking.start(
                series, self._look_at(series, wanted[series]), name=f"capture {series.symbol}"
            )
        waits = [(at - now).total_seconds() for at in due.values()]
        return min(LOOK_SECONDS, max(SHORTEST_SECONDS, min(waits, default=LOOK_SECONDS)))

    async def idle(self) -> None:
        """Wait until no series is being looked at."""
        await self._looking.idle()

    async def _looked(self) -> float:
        try:
            return await self.look()
        except Exception:  # noqa: BLE001 the loop must outlive a lost database
            logger.exception("captures.not_looked_at")
            return AFTER_FAILURE_SECONDS

    async def _wanted(self) -> Mapping[Series, datetime]:
        """Where to go on with each series."""
        async with self._database.read() as session:
            wanted = await repository.wanted(session)
        for series, at in self._closings.wanted().items():
            wanted[series] = min(at, wanted.get(series, at))
        return wanted

    def _due(self, wanted: Mapping[Series, datetime]) -> dict[Series, datetime]:
        """When to look at each of those that are not being looked at."""
        found = {}
        for series, at in wanted.items():
            if series not in self._looking:
                closes = series.timeframe.close_of(at) + AFTER_CLOSE
                rest = self._resting.get(series)
                found[series] = closes if rest is None else max(closes, rest.until)
        return found

    async def _look_at(self, series: Series, at: datetime) -> None:
        """Fetch what has closed since then; what goes wrong is shown, and tried again later."""
        try:
            await self._fetcher.fetch(series, at, self._clock.now())
            await self._note(series, at)
        except AppError as failure:
            await self._fail(series, f"{failure.code}: {failure.detail}")
        except Exception:  # noqa: BLE001 the next look goes on
            logger.bind(symbol=series.symbol).exception("capture.broke")
            await self._fail(series, "internal_error: Something broke; the log says what.")

    async def _note(self, series: Series, at: datetime) -> None:
        """Write down how far it is; a candle that was not there yet is soon looked for again."""
        async with self._database.read() as session:
            newest = await candles.newest(session, series, since=at, limit=1)
        if not newest:
            self._rest(series)
            return
        self._resting.pop(series, None)
        async with self._database.transaction() as session:
            await repository.note_kept(
                session, series, looked_from=at, kept_to=newest[0].close_time
            )
        self._closings.call(series)

    async def _fail(self, series: Series, reason: str) -> None:
        self._rest(series)
        try:
            async with self._database.transaction() as session:
                is_news = await repository.note_failing(
                    session, series, reason, now=self._clock.now()
                )
        except Exception:  # noqa: BLE001 a database that is away for a moment ends nothing
            logger.bind(symbol=series.symbol).exception("capture.not_noted")
            return
        if is_news:
            log = logger.bind(symbol=series.symbol, timeframe=series.timeframe.value, reason=reason)
            log.warning("capture.failing")

    def _rest(self, series: Series) -> None:
        before = self._resting.get(series)
        looks = 0 if before is None else before.looks
        pause = min(FIRST_PAUSE * 2 ** min(looks, 10), LONGEST_PAUSE)
        self._resting[series] = _Rest(looks + 1, self._clock.now() + pause)
