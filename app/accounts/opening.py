"""How one account at a venue is opened."""

from typing import Protocol, runtime_checkable

from app.accounts.vault import Credentials as StoredCredentials
from app.exchanges.client import Credentials
from app.exchanges.venue import Venue
from app.trading.words import MarketType


# Litestar looks at what it hands to a route.
@runtime_checkable
class Opener(Protocol):
    """Opens one account at one venue."""

    async def venue(
        self, exchange: str, market_type: MarketType, credentials: Credentials
    ) -> Venue: ...


def venue_credentials(keys: StoredCredentials) -> Credentials:
    """Stored keys as a venue's client takes them."""
    return Credentials(keys.api_key, keys.api_secret, keys.password or "")
