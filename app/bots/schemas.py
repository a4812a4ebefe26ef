"""Bots as they cross HTTP."""

from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from app.bots.models import Bot
from app.bots.status import BotStatus
from app.http.schemas import In, Moment, Out
from app.market.asking import MAX_TICKER
from app.trading.timeframe import Timeframe

MOST_SYMBOLS: Final = 20
EXAMPLE: Final[dict[str, JsonValue]] = {
    "strategy_id": "019aa0c4-7a2b-7c1e-9f00-2f3a4b5c6d7e",
    "symbols": ["BTCUSDT.P", "ETHUSDT.P"],
    "timeframe": "15m",
    "parameters": {"sma_period": 200},
}
SHOWN: Final[dict[str, JsonValue]] = {
    "id": "019c1f6e-4a52-7c31-9d0e-3f0f5b1b6a11",
    "strategy_id": "019aa0c4-7a2b-7c1e-9f00-2f3a4b5c6d7e",
    "algorithm": "sma_hma",
    "version": 1,
    "timeframe": "15m",
    "parameters": {"sma_period": 200, "hma_period": 200},
    "status": "running",
    "reason": None,
    "markets": [
        {
            "symbol": "BTC/USDT:USDT",
            "last_closed_at": "2026-01-31T12:00:00.000000Z",
            "waits_for": None,
        }
    ],
    "started_at": "2026-01-30T09:00:00.000000Z",
    "created_at": "2026-01-30T08:59:00.000000Z",
    "updated_at": "2026-01-30T09:00:02.000000Z",
}
Ticker = Annotated[str, Field(min_length=1, max_length=MAX_TICKER)]


class BotIn(In):
    """A new bot: the algorithm that the strategy names, on these markets and candles.

    Parameters that are left out have their defaults (`GET /algorithms`).
    """

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    strategy_id: UUID
    symbols: list[Ticker] = Field(min_length=1, max_length=MOST_SYMBOLS)
    timeframe: Timeframe
    parameters: dict[str, Any] = Field(default_factory=dict)


class BotPatch(In):
    """Only the fields that are sent are changed; parameters are replaced as a whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"timeframe": "1h"}]})

    symbols: list[Ticker] = Field(default_factory=list, min_length=1, max_length=MOST_SYMBOLS)
    timeframe: Timeframe = Timeframe.H1
    parameters: dict[str, Any] = Field(default_factory=dict)


class BotMarketOut(Out):
    """How far a bot has come on a market.

    `last_closed_at` is the close of the last candle that it has acted on. `waits_for` says, as
    `code: sentence`, why it does not get on; null while it does.
    """

    symbol: str
    last_closed_at: Moment | None
    waits_for: str | None


class BotOut(Out):
    """A bot; one that has failed says why in `reason`, as `code: sentence`.

    `algorithm` and `version` are of its last start; `parameters` are all of them.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [SHOWN]})

    id: UUID
    strategy_id: UUID
    algorithm: str
    version: int
    timeframe: Timeframe
    parameters: dict[str, Any]
    status: BotStatus
    reason: str | None
    markets: list[BotMarketOut]
    started_at: Moment | None
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, row: Bot) -> Self:
        """Shape a row that came with its markets."""
        return cls.model_validate(row)
