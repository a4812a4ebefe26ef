"""Wait for a candle: whoever does is told as soon as it is stored."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from app.db.session import Database
from app.market.candles import repository
from app.market.candles.series import Series
from app.trading.candle import Candle

# Another process may have stored it, and tells nobody here.
LOOK_AGAIN_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    series: Series
    opened_at: datetime
    called: asyncio.Event = field(default_factory=asyncio.Event)


class Closings:
    """Who waits for which candle.

    To wait for a candle is to want it: where captures are kept in this process, the series is
    fetched from that candle on as long as somebody waits, whether a user captures it or not.

    Args:
        database: where candles are kept.
        look_again_seconds: how long one waits for a call before looking for oneself.
    """

    def __init__(
        self, database: Database, *, look_again_seconds: float = LOOK_AGAIN_SECONDS
    ) -> None:
        self._database = database
        self._look_again_seconds = look_again_seconds
        self._waiters: set[_Waiter] = set()

    async def candle(self, series: Series, opened_at: datetime) -> Candle | None:
        """The candle that opened then, once it has closed and is stored.

        Waits for as long as it takes, also where the exchange refuses: put a timeout around it.

        Returns:
            None when the exchange has left it out: a later one is stored, and it is not.
        """
        waiter = _Waiter(series, opened_at)
        self._waiters.add(waiter)
        try:
            while (found := await self._stored(series, opened_at)) is None:
                with suppress(TimeoutError):
                    await asyncio.wait_for(waiter.called.wait(), self._look_again_seconds)
                waiter.called.clear()
        finally:
            self._waiters.discard(waiter)
        return found if found.open_time == opened_at else None

    async def _stored(self, series: Series, opened_at: datetime) -> Candle | None:
        async with self._database.read() as session:
            return await repository.first_from(session, series, opened_at)

    def wanted(self) -> dict[Series, datetime]:
        """Every series that somebody waits for, and the first candle of it that they want."""
        found: dict[Series, datetime] = {}
        for waiter in self._waiters:
            first = found.get(waiter.series, waiter.opened_at)
            found[waiter.series] = min(first, waiter.opened_at)
        return found

    def call(self, series: Series) -> None:
        """Tell those who wait for that series that there is something new."""
        for waiter in self._waiters:
            if waiter.series == series:
                waiter.called.set()
