"""Which market a ticker in a path means."""

from typing import Final

from app.core.errors import Invalid, NotFound
from app.market.instruments import InstrumentBook
from app.market.prices import PriceKey
from app.trading.instrument import Instrument
from app.trading.tickers import parse_ticker, resolve_ticker
from app.trading.words import MarketType

REFUSED: Final = frozenset({"unknown_exchange", "ambiguous_symbol"})
NO_MARKET: Final = "unknown_market_type"


async def market_of(
    instruments: InstrumentBook, ticker: str, *, exchange: str, market_type: MarketType | None
) -> PriceKey:
    """The market of a ticker: `BTCUSDT` spot, `BTCUSDT.P` linear, `BTCUSD.P` inverse.

    Args:
        instruments: asked of the venue when they were never loaded.
        ticker: in any spelling.
        exchange: where.
        market_type: where to look; by the ticker's spelling when None.

    Raises:
        NotFound: that market is not listed there.
        Invalid: no such exchange, not that kind of market there, or no one reading.
        ExchangeError: the venue's markets had to be asked for, and it did not answer.
    """
    missing: Invalid | None = None
    for kind in _kinds(ticker) if market_type is None else (market_type,):
        try:
            there = instruments.all(exchange, kind) or await instruments.refresh(exchange, kind)
            symbol = resolve_ticker(ticker, there, market_type=kind, ticker_map={})
        except Invalid as unknown:
            if unknown.code in REFUSED or (market_type is not None and unknown.code == NO_MARKET):
                raise
            missing = missing or unknown
            continue
        return PriceKey(exchange, kind, symbol)
    raise NotFound(f"{exchange} lists no market {ticker[:80]}.", code="unknown_symbol") from missing


def listed(instruments: InstrumentBook, market: PriceKey) -> Instrument:
    """What is known of a market.

    Raises:
        NotFound: `unknown_symbol`: it is not listed any more.
    """
    found = instruments.get(*market)
    if found is None:
        raise NotFound(f"{market.exchange} lists no market {market.symbol}.", code="unknown_symbol")
    return found


def _kinds(ticker: str) -> tuple[MarketType, ...]:
    if parse_ticker(ticker).is_perpetual:
        return (MarketType.LINEAR, MarketType.INVERSE)
    return (MarketType.SPOT,)
