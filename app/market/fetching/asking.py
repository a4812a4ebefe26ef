"""What the routes that fill series are asked for: which series."""

from typing import Any

from litestar import Request

from app.market.asking import market_named
from app.market.candles.series import Series
from app.trading.timeframe import Timeframe


async def series_named(
    request: Request[Any, Any, Any],
    symbol: str,
    timeframe: Timeframe,
    *,
    exchange: str,
    market_type: str | None,
) -> Series:
    """The candles of the market that a symbol names.

    Raises:
        NotFound: as `market_named`.
        Invalid: as `market_named`.
        ExchangeError: as `market_named`.
    """
    market = await market_named(request, symbol, exchange=exchange, market_type=market_type)
    return Series.of(market, timeframe)
