"""A keeper of captures before a venue whose minutes go on."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.accounts.models import User
from app.db.session import Database
from app.exchanges.venue import MarketData
from app.http.caller import Caller
from app.market.candles import repository as candles
from app.market.candles.series import Series
from app.market.capture import repository, service
from app.market.capture.closings import Closings
from app.market.capture.keeper import CaptureKeeper
from app.market.capture.models import Capture
from app.trading.candle import Candle, PriceKind
from app.trading.timeframe import Timeframe
from app.trading.words import MarketType
from tests.builders import SPOT, a_user, d
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.market import FakeMarketData, an_instrument

SERIES = Series("paper", MarketType.SPOT, SPOT, PriceKind.LAST, Timeframe.M1)
MINUTE = timedelta(minutes=1)


def a_minute(number: int) -> Candle:
    """The minute of that number after noon."""
    price = d(str(60_000 + number))
    return Candle(Timeframe.M1, NOON + number * MINUTE, price, price, price, price, d("1"))


@dataclass
class Watch:
    """Traders who want a series, and what keeps it for them."""

    database: Database
    clock: FakeClock = field(default_factory=FakeClock)
    venue: FakeMarketData = field(default_factory=lambda: FakeMarketData(an_instrument(SPOT)))

    def __post_init__(self) -> None:
        self.closings = Closings(self.database, look_again_seconds=60)
        self.restart()

    def restart(self) -> None:
        """Another process, which remembers nothing."""
        self.keeper = CaptureKeeper(self.database, self.source, self.clock, self.closings)

    async def source(self, exchange: str, market_type: MarketType) -> MarketData:
        assert (exchange, market_type) == (SERIES.exchange, SERIES.market_type)
        return self.venue

    async def trader(self) -> Caller:
        user: User = a_user(self.clock.now())
        async with self.database.transaction() as session:
            session.add(user)
        return Caller(user.id, user.username, user.role, user.timezone)

    async def begin(self, trader: Caller, since: datetime | None = None) -> None:
        async with self.database.transaction() as session:
            await service.begin(session, trader, SERIES, since=since, now=self.clock.now())

    async def passes(
        self, minutes: int, *, seconds: float = 1, without: tuple[int, ...] = ()
    ) -> int:
        """So many minutes after noon, and so many seconds: the last one is open, as at venues.

        Returns:
            How often the venue was asked by a look at that moment.
        """
        there = [a_minute(number) for number in range(-60, minutes + 1) if number not in without]
        self.venue.set_candles(SPOT, *there)
        self.clock.set(NOON + minutes * MINUTE + timedelta(seconds=seconds))
        return await self.look()

    async def look(self) -> int:
        """How often the venue was asked by one look."""
        asked = len(self.venue.candles_asked)
        await self.keeper.look()
        await self.keeper.idle()
        return len(self.venue.candles_asked) - asked

    async def capture(self, trader: Caller) -> Capture:
        async with self.database.read() as session:
            found = await repository.own(session, trader.user_id, SERIES)
        assert found is not None
        return found

    async def minutes(self) -> list[int]:
        """The numbers of those that are stored."""
        pages = candles.stored(self.database, SERIES)
        found = [one async for page in pages for one in page]
        return [int((one.open_time - NOON) / MINUTE) for one in found]
