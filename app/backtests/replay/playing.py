"""A stored run candle by candle, at a pace: what the market did, what was done, and the equity."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from app.backtests.processes.packing import Line, Strand
from app.backtests.processes.recording import micros
from app.backtests.runs import repository
from app.backtests.runs.models import Backtest
from app.core.clock import Clock
from app.core.errors import TooMany
from app.db.session import Database
from app.market.candles import repository as candles
from app.market.candles.series import Series
from app.market.prices import PriceKey
from app.trading.candle import Candle

# Shorter pauses are not worth their while: several candles go out together.
LEAST_PAUSE_SECONDS: Final = 0.02
# Of one user, at each API process.
MOST_AT_A_TIME: Final = 5

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Frame:
    """One candle of a playback.

    Attributes:
        fills: lines of what was filled from its open on and before its close.
        equity: at its close, plain text in settle currency; None where it was not kept.
    """

    candle: Candle
    fills: Sequence[Line]
    equity: str | None


class Playbacks:
    """How many each user has open here."""

    def __init__(self) -> None:
        self._of_user: Counter[UUID] = Counter()

    def check_room(self, user_id: UUID) -> None:
        """See whether the user may open one more.

        Raises:
            TooMany: `too_many_playbacks`.
        """
        if self._of_user[user_id] >= MOST_AT_A_TIME:
            raise TooMany(
                f"You have {MOST_AT_A_TIME} playbacks open here; close one first.",
                code="too_many_playbacks",
            )

    @contextmanager
    def counted(self, user_id: UUID) -> Iterator[None]:
        """One more, for as long as the block lasts."""
        self._of_user[user_id] += 1
        try:
            yield
        finally:
            self._of_user[user_id] -= 1
            self._of_user = +self._of_user


async def frames(
    database: Database, row: Backtest, *, since: datetime, until: datetime
) -> AsyncGenerator[Frame]:
    """The candles of a range with what happened in them, oldest first.

    Args:
        database: where they are.
        row: a run that is done.
        since: inclusive.
        until: exclusive.
    """
    series = Series.of(PriceKey(row.exchange, row.market_type, row.symbol), row.timeframe)
    fills = _Followed(repository.lines(database, row.id, Strand.FILLS, since=since))
    equity = _Followed(repository.lines(database, row.id, Strand.EQUITY, since=since))
    pages = candles.stored(database, series, since=since, until=until)
    async with aclosing(pages), aclosing(fills), aclosing(equity):
        async for page in pages:
            for candle in page:
                opened, closed = micros(candle.open_time), micros(candle.close_time)
                measured = await equity.between(closed, closed + 1)
                yield Frame(
                    candle,
                    await fills.between(opened, closed),
                    measured[0][1] if measured else None,
                )


@dataclass(slots=True, kw_only=True)
class Playback:
    """One playback of a part of a run.

    Attributes:
        since: the first candle opens then or later.
        until: the last one opens before that.
        speed: candles a second.
        expires_at: when the login that opened it has to be shown anew; None: never.
        sleep: how pauses are made.
        next: where to go on when it has ended; None when there is no more.
    """

    row: Backtest
    since: datetime
    until: datetime
    speed: float
    database: Database
    clock: Clock
    expires_at: datetime | None
    sleep: Sleep = asyncio.sleep
    next: datetime | None = None

    async def frames(self) -> AsyncGenerator[Frame]:
        """The frames at their pace, as long as the login holds."""
        owed = 0.0
        self.next = self.since
        found = frames(self.database, self.row, since=self.since, until=self.until)
        async with aclosing(found):
            async for frame in found:
                if self.expires_at is not None and self.expires_at <= self.clock.now():
                    return
                yield frame
                self.next = frame.candle.close_time
                owed += 1 / self.speed
                if owed >= LEAST_PAUSE_SECONDS:
                    await self.sleep(owed)
                    owed = 0.0
        self.next = self.until if self.until < self.row.until else None


class _Followed:
    """Lines of a strand, taken up as the candles come to them."""

    def __init__(self, parts: AsyncGenerator[Sequence[Line]]) -> None:
        self._parts = parts
        # The next one is the last.
        self._lines: list[Line] = []
        self._is_over = False

    async def aclose(self) -> None:
        """Nothing more is wanted."""
        await self._parts.aclose()

    async def between(self, since: int, until: int) -> list[Line]:
        """Those of a stretch; whatever lies before it is passed over."""
        while not self._is_over and (not self._lines or self._lines[0][0] < until):
            some = await anext(self._parts, None)
            if some is None:
                self._is_over = True
            else:
                self._lines = [*some[::-1], *self._lines]
        found: list[Line] = []
        while self._lines and self._lines[-1][0] < until:
            line = self._lines.pop()
            if line[0] >= since:
                found.append(line)
        return found
