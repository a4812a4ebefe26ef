"""Captures as they cross HTTP."""

from typing import Self

from pydantic import ConfigDict, Field

from app.http.schemas import Moment, Out
from app.market.capture.models import Capture
from app.trading.timeframe import Timeframe
from app.trading.words import MarketType


class CaptureOut(Out):
    """A series that is kept up to date for you.

    All candles from `from` to `kept_to` are stored, as far as the exchange has them; null before
    the first look. `reason` says why the exchange refuses since `failing_since`: it is asked again
    with growing pauses, and what was missed is fetched then.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "exchange": "paper",
                    "market_type": "linear",
                    "symbol": "BTC/USDT:USDT",
                    "timeframe": "5m",
                    "from": "2026-01-31T12:00:00.000000Z",
                    "kept_to": "2026-01-31T15:05:00.000000Z",
                    "failing_since": None,
                    "reason": None,
                    "created_at": "2026-01-31T12:03:20.000000Z",
                }
            ]
        }
    )

    exchange: str
    market_type: MarketType
    symbol: str
    timeframe: Timeframe
    since: Moment = Field(alias="from")
    kept_to: Moment | None
    failing_since: Moment | None
    reason: str | None
    created_at: Moment

    @classmethod
    def of(cls, capture: Capture) -> Self:
        """Shape one."""
        told = {name: getattr(capture, name) for name in cls.model_fields if name != "since"}
        return cls.model_validate({"from": capture.since, **told})
