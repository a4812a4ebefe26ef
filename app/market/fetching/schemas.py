"""What is fetched, and what came of it, as it crosses HTTP."""

from typing import Literal

from pydantic import ConfigDict, Field

from app.http.schemas import In, Moment, MomentIn, Out
from app.market.asking import MAX_TICKER
from app.trading.timeframe import Timeframe


class FetchIn(In):
    """Which candles are wanted; `to` is exclusive, and now when left out."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "symbol": "BTCUSDT",
                    "timeframe": "1h",
                    "from": "2026-01-01T00:00:00Z",
                    "to": "2026-02-01T00:00:00Z",
                }
            ]
        }
    )

    symbol: str = Field(min_length=1, max_length=MAX_TICKER)
    timeframe: Timeframe
    since: MomentIn = Field(alias="from")
    until: MomentIn | None = Field(default=None, alias="to")


class FetchedOut(Out):
    """What came of it; `complete` when all closed candles of the range are there now.

    `from` and `to` are the range that was looked at, which ends after `max_candles`; `partial`
    means that more was asked for than that, or that the exchange lacks some.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "symbol": "BTC/USDT",
                    "interval": "1h",
                    "inserted": 700,
                    "duplicates_skipped": 44,
                    "status": "complete",
                    "from": "2026-01-01T00:00:00.000000Z",
                    "to": "2026-02-01T00:00:00.000000Z",
                }
            ]
        }
    )

    symbol: str
    interval: Timeframe
    inserted: int
    duplicates_skipped: int
    status: Literal["complete", "partial"]
    since: Moment = Field(alias="from")
    until: Moment = Field(alias="to")
