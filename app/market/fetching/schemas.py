"""What is fetched or missing, and what came of it, as it crosses HTTP."""

from typing import Final, Literal, Self

from pydantic import ConfigDict, Field

from app.http.schemas import In, Moment, MomentIn, Out
from app.market.asking import MAX_TICKER
from app.market.candles.series import Series
from app.market.fetching.looking import Looked
from app.trading.timeframe import Timeframe
from app.trading.words import MarketType

MOST_GAPS_SHOWN: Final = 500


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


class GapOut(Out):
    """A row of candles that are not there; the first one opens at `from`, and `to` is exclusive."""

    since: Moment = Field(alias="from")
    until: Moment = Field(alias="to")
    missing: int


class GapsOut(Out):
    """What is missing between `from` and `to`; of very many gaps, the oldest 500.

    `from` is not before the first stored candle, and null where nothing is stored of that range.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "exchange": "paper",
                    "market_type": "linear",
                    "symbol": "BTC/USDT:USDT",
                    "timeframe": "5m",
                    "from": "2026-01-01T00:00:00.000000Z",
                    "to": "2026-01-02T00:00:00.000000Z",
                    "stored": 285,
                    "missing": 3,
                    "gaps": [
                        {
                            "from": "2026-01-01T06:00:00.000000Z",
                            "to": "2026-01-01T06:15:00.000000Z",
                            "missing": 3,
                        }
                    ],
                }
            ]
        }
    )

    exchange: str
    market_type: MarketType
    symbol: str
    timeframe: Timeframe
    since: Moment | None = Field(alias="from")
    until: Moment = Field(alias="to")
    stored: int
    missing: int
    gaps: list[GapOut]

    @classmethod
    def of(cls, series: Series, looked: Looked) -> Self:
        """Shape what was found."""
        return cls.model_validate(
            {
                "exchange": series.exchange,
                "market_type": series.market_type,
                "symbol": series.symbol,
                "timeframe": series.timeframe,
                "from": looked.since,
                "to": looked.until,
                "stored": looked.stored,
                "missing": looked.missing,
                "gaps": [
                    {"from": gap.since, "to": gap.until, "missing": gap.count}
                    for gap in looked.gaps[:MOST_GAPS_SHOWN]
                ],
            }
        )
