"""What is built, as it crosses HTTP."""

from typing import Annotated

from pydantic import ConfigDict, Field

from app.http.schemas import In, MomentIn
from app.market.asking import MAX_TICKER
from app.trading.timeframe import Timeframe


class BuildIn(In):
    """Which candles are wanted, and from what; `to` is exclusive, and now when left out.

    `source` is the timeframe of smaller stored candles, or `trades`.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "symbol": "BTCUSDT",
                    "timeframe": "1h",
                    "source": "1m",
                    "from": "2026-01-01T00:00:00Z",
                    "to": "2026-02-01T00:00:00Z",
                }
            ]
        }
    )

    symbol: Annotated[str, Field(min_length=1, max_length=MAX_TICKER)]
    timeframe: Timeframe
    source: Annotated[str, Field(min_length=1, max_length=16)]
    since: MomentIn = Field(alias="from")
    until: MomentIn | None = Field(default=None, alias="to")
