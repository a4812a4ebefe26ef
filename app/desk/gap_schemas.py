"""Gaps as they cross HTTP: what is missing, and what was decided about it."""

from datetime import datetime
from decimal import Decimal
from typing import Final, Self
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from app.http.schemas import In, Moment, Out
from app.pipeline.alarms.gaps.models import Gap
from app.pipeline.alarms.status import GapKind, GapStatus
from app.trading.money import Money
from app.trading.words import PositionSide

LOST_ALERT: Final = (
    '{"symbol":"BTCUSDT.P","action":"buy","quantity":"2","market_position":"long",'
    '"market_position_size":"2","prev_market_position":"flat"}'
)
SENTENCE: Final = (
    "TradingView says RSI-Bot was long 2 BTCUSDT.P before its last alert; the last we had left it "
    "flat. At least one alert between 09:30:05 and 10:00:04 UTC never arrived, or could not be "
    "read."
)
FLAT: Final[dict[str, JsonValue]] = {
    "position_side": None,
    "size": "0",
    "at": "2026-01-31T09:30:05.000000Z",
}
LONG: Final[dict[str, JsonValue]] = {
    "position_side": "long",
    "size": "2",
    "at": "2026-01-31T10:00:04.000000Z",
}
EXAMPLE: Final[dict[str, JsonValue]] = {
    "id": "019c1f6e-4a52-7c31-9d0e-3f0f5b1b6a11",
    "kind": "chain",
    "status": "open",
    "strategy_id": "019aa0c4-7a2b-7c1e-9f00-2f3a4b5c6d7e",
    "ticker": "BTCUSDT.P",
    "symbol": "BTC/USDT:USDT",
    "since": "2026-01-31T09:30:05.000000Z",
    "expected": FLAT,
    "reported": LONG,
    "before_alarm_id": "019c1f52-0d11-7b0c-8a4e-5e6f7a8b9c01",
    "alarm_id": "019c1f6e-4a40-7aa0-b1c2-d3e4f5a6b7c8",
    "repair_alarm_id": None,
    "signal_id": None,
    "sentence": SENTENCE,
    "reason": None,
    "opened_at": "2026-01-31T10:00:05.120000Z",
    "decided_at": None,
    "decided_by": None,
}


class IgnoreIn(In):
    """Why it is left as it is, if you want to say so."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Closed it by hand."}]})

    reason: str | None = Field(default=None, max_length=500)


class RepairIn(In):
    """The text of the alert that never arrived, as TradingView's alert log shows it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"body": LOST_ALERT}]})

    body: str = Field(min_length=1)


class ReportedOut(Out):
    """TradingView's position at a moment; without side it was flat, without size it is unknown."""

    position_side: PositionSide | None
    size: Money | None
    at: Moment

    @classmethod
    def of(
        cls, side: PositionSide | None, size: Decimal | None, at: datetime | None, *, kind: GapKind
    ) -> Self | None:
        """Shape a position; a silence says none."""
        if at is None or kind is GapKind.SILENCE:
            return None
        return cls(position_side=side, size=size, at=at)


class GapOut(Out):
    """Alerts that never arrived.

    `expected` is what the last alert that arrived had left, `reported` what TradingView says it
    was when the next one came; both are null for a silence, which only knows `since` when.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: UUID
    kind: GapKind
    status: GapStatus
    strategy_id: UUID
    ticker: str | None
    symbol: str | None
    since: Moment
    expected: ReportedOut | None
    reported: ReportedOut | None
    before_alarm_id: UUID | None
    alarm_id: UUID | None
    repair_alarm_id: UUID | None
    signal_id: UUID | None
    sentence: str
    reason: str | None
    opened_at: Moment
    decided_at: Moment | None
    decided_by: str | None

    @classmethod
    def of(cls, row: Gap) -> Self:
        """Shape a row."""
        said = {
            name: ReportedOut.of(
                getattr(row, f"{name}_side"),
                getattr(row, f"{name}_size"),
                getattr(row, f"{name}_at"),
                kind=row.kind,
            )
            for name in ("expected", "reported")
        }
        names = cls.model_fields.keys() - {"since", "expected", "reported"}
        same = {name: getattr(row, name) for name in names}
        return cls(**same, since=row.expected_at, **said)
