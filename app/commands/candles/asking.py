"""What these commands are told: whose candles."""

from collections.abc import Sequence

from app.commands.installation import Installation
from app.commands.markets import instruments_of, venues_of
from app.exchanges.room import ExchangeRoom
from app.market.candles.series import Series
from app.market.finding import market_of
from app.market.prices import PriceKey
from app.trading.timeframe import Timeframe
from app.trading.words import MarketType

# A symbol, of which timeframe, where, and of which kind of market.
Wanted = tuple[str, Timeframe, str, MarketType | None]


async def series_of(place: Installation, wanted: Wanted) -> Series:
    """The series that is wanted.

    Raises:
        NotFound: the market is not listed.
        Invalid: there is no such exchange.
    """
    symbol, timeframe, exchange, market_type = wanted
    async with venues_of(place) as venues:
        [market] = await markets_of(place, venues, [symbol], exchange, market_type)
    return Series.of(market, timeframe)


async def markets_of(
    place: Installation,
    venues: ExchangeRoom,
    symbols: Sequence[str],
    exchange: str,
    market_type: MarketType | None,
) -> list[PriceKey]:
    """The market of each symbol; one that was never loaded is asked for at its venue.

    Raises:
        NotFound: one is not listed.
        Invalid: there is no such exchange.
    """
    instruments = await instruments_of(place, venues)
    return [
        await market_of(instruments, one, exchange=exchange, market_type=market_type)
        for one in symbols
    ]
