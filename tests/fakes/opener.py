"""Opens venues in memory: what their keys may do is the test's to say."""

from app.core.errors import ExchangeError
from app.exchanges.client import Credentials
from app.exchanges.permissions import KeyPermissions
from app.exchanges.venue import Venue
from app.trading.words import MarketType
from tests.fakes.exchange import HARMLESS, FakeVenue
from tests.fakes.market import FakeMarketData, an_instrument


class Opener:
    """Opens a venue that lists one market.

    Attributes:
        rights: what every key may do that is asked about from now on.
        failure: what the venue answers instead, until it is None again.
        keys: those that were opened with, in order.
        opened: the venues themselves.
    """

    def __init__(self) -> None:
        self.rights: KeyPermissions = HARMLESS
        self.failure: ExchangeError | None = None
        self.keys: list[str] = []
        self.opened: list[FakeVenue] = []

    async def venue(self, _: str, __: MarketType, credentials: Credentials) -> Venue:
        self.keys.append(credentials.api_key)
        instrument = an_instrument()
        venue = FakeVenue(FakeMarketData(instrument), instrument, balances={})
        venue.key, venue.failure = self.rights, self.failure
        self.opened.append(venue)
        return venue
