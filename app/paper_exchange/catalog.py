"""What is listed at this moment: the table of symbols, and what has been done to it since."""

from dataclasses import dataclass, field

from app.paper_exchange.symbols import LISTINGS, Listing
from app.trading.words import MarketType

Key = tuple[MarketType, str]

_HALTED = {MarketType.SPOT: "BREAK", MarketType.LINEAR: "SETTLING"}


@dataclass(slots=True)
class Catalog:
    """The listings of one venue.

    Attributes:
        changed: listings with other filters than the table's.
        gone: what is not listed any more.
        halted: what is listed and does not trade.
    """

    changed: dict[Key, Listing] = field(default_factory=dict)
    gone: set[Key] = field(default_factory=set)
    halted: set[Key] = field(default_factory=set)

    def find(self, market: MarketType, symbol: str) -> Listing | None:
        """The listing of a symbol as Binance writes it, or None."""
        key = (market, symbol)
        if key in self.gone:
            return None
        return self.changed.get(key) or LISTINGS.get(key)

    def listings(self, market: MarketType) -> list[Listing]:
        """Everything listed on one market, in the order of the table."""
        found = (self.find(*key) for key in LISTINGS if key[0] is market)
        return [listing for listing in found if listing is not None]

    def status(self, listing: Listing) -> str:
        """Binance's word for whether it trades."""
        is_halted = (listing.market, listing.symbol) in self.halted
        return _HALTED[listing.market] if is_halted else "TRADING"
