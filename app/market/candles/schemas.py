"""Candles as they cross HTTP."""

from datetime import datetime, timedelta
from typing import Annotated, Self

from pydantic import ConfigDict, Field, JsonValue

from app.core.errors import Invalid
from app.http.schemas import In, Moment, MomentIn, Out
from app.market.asking import MAX_TICKER, in_utc
from app.market.candles.series import Series
from app.trading.candle import Candle
from app.trading.money import Money
from app.trading.timeframe import Timeframe

# As many as Binance gives at once. More would hold up the answers to everybody else.
MAX_CANDLES = 1500
EXAMPLE: dict[str, JsonValue] = {
    "symbol": "BTC/USDT:USDT",
    "timeframe": "5m",
    "open_time": "2026-01-31T12:00:00.000000Z",
    "close_time": "2026-01-31T12:05:00.000000Z",
    "open": "60000",
    "high": "60100.5",
    "low": "59990",
    "close": "60050",
    "volume": "12.345",
    "quote_volume": "741000.25",
    "trades": 321,
    "taker_buy_volume": "6.1",
    "taker_buy_quote_volume": "366300",
}


class CandleIn(In):
    """One closed candle; what its venue does not tell is left out."""

    symbol: Annotated[str, Field(min_length=1, max_length=MAX_TICKER)]
    timeframe: Timeframe
    open_time: MomentIn
    close_time: MomentIn | None = None
    open: Money
    high: Money
    low: Money
    close: Money
    volume: Money
    quote_volume: Money | None = None
    trades: int | None = None
    taker_buy_volume: Money | None = None
    taker_buy_quote_volume: Money | None = None

    def candle(self) -> Candle:
        """The candle.

        Raises:
            Invalid: `bad_candle`.
        """
        candle = Candle(
            timeframe=self.timeframe,
            open_time=in_utc("open_time", self.open_time),
            open=self.open,
            high=self.high,
            low=self.low,
            close=self.close,
            volume=self.volume,
            quote_volume=self.quote_volume,
            trades=self.trades,
            taker_buy_volume=self.taker_buy_volume,
            taker_buy_quote_volume=self.taker_buy_quote_volume,
        )
        if self.close_time is not None and not _closes(candle, self.close_time):
            raise Invalid(
                f"close_time: a {self.timeframe} candle that opens then closes at another time.",
                code="bad_candle",
            )
        return candle


def _closes(candle: Candle, close_time: datetime) -> bool:
    """Whether it is the candle's, or the millisecond before, which venues name."""
    try:
        early = candle.close_time - close_time
    except (OverflowError, ValueError):
        return False
    return timedelta(0) <= early <= timedelta(milliseconds=1)


class CandlesIn(In):
    """Candles to keep: all of them, or none if one is refused."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"candles": [{k: v for k, v in EXAMPLE.items() if not k.startswith("taker")}]}
            ]
        }
    )

    candles: Annotated[list[CandleIn], Field(min_length=1, max_length=MAX_CANDLES)]


class CandleOut(Out):
    """One closed candle; null is what was never told. `close_time` is when the next one opens."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    symbol: str
    timeframe: Timeframe
    open_time: Moment
    close_time: Moment
    open: Money
    high: Money
    low: Money
    close: Money
    volume: Money
    quote_volume: Money | None
    trades: int | None
    taker_buy_volume: Money | None
    taker_buy_quote_volume: Money | None

    @classmethod
    def of(cls, series: Series, candle: Candle) -> Self:
        """Shape a candle."""
        values = {name: getattr(candle, name) for name in cls.model_fields if name != "symbol"}
        return cls(symbol=series.symbol, **values)
