"""Stream names: `btcusdt@bookTicker` for one symbol, `!miniTicker@arr` for all of them."""

from dataclasses import dataclass

from app.paper_exchange.prices.candles import INTERVALS
from app.paper_exchange.symbols import find
from app.trading.words import MarketType

_CHANNELS = {"miniTicker", "ticker", "bookTicker", "aggTrade", "trade"}
_MARKS = {"markPrice", "markPrice@1s"}
_KLINES = {f"kline_{interval}" for interval in INTERVALS}
_FOR_ALL = {"miniTicker@arr", "ticker@arr"}
_FOR_ALL_LINEAR = {"bookTicker", "markPrice@arr", "markPrice@arr@1s"}


@dataclass(frozen=True, slots=True)
class StreamAddress:
    """A market stream: which market, whether events are wrapped, and what the path asks for."""

    market: MarketType
    is_combined: bool
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """One subscription; `symbol` is empty when it is for all symbols."""

    name: str
    market: MarketType
    symbol: str
    channel: str


def read_stream(name: str, market: MarketType) -> Stream | None:
    """The stream a name stands for, None when this venue does not send it."""
    is_linear = market is MarketType.LINEAR
    if name.startswith("!"):
        channel = name[1:]
        known = _FOR_ALL | (_FOR_ALL_LINEAR if is_linear else set())
        return Stream(name, market, "", channel) if channel in known else None
    symbol, _, channel = name.partition("@")
    known = _CHANNELS | _KLINES | (_MARKS if is_linear else set())
    if channel not in known or symbol != symbol.lower() or find(market, symbol.upper()) is None:
        return None
    return Stream(name, market, symbol.upper(), channel)
