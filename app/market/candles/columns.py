"""The columns of candles in files, by the names of `Candle`; the caller says whose they are."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from app.core.errors import Invalid
from app.market.candles.repository import FIELDS
from app.trading.candle import Candle
from app.trading.money import parse_decimal
from app.trading.timeframe import Timeframe

NEEDED: Final = ("open_time", "open", "high", "low", "close", "volume")


def check_columns(names: Iterable[str]) -> None:
    """See whether a file has the columns that it needs, and no others: one may be misspelt.

    Raises:
        Invalid: it has not.
    """
    there = list(names)
    missing = [name for name in NEEDED if name not in there]
    unknown = [name for name in there if name not in FIELDS]
    if missing or unknown or len(set(there)) < len(there):
        shown = ", ".join(map(repr, unknown))[:200]
        raise Invalid(
            f"the columns are {', '.join(FIELDS)}; of the first {len(NEEDED)} none may be missing"
            + (f"; {shown} is none of them." if unknown else ".")
        )


def candle_of(row: Mapping[str, Any], timeframe: Timeframe) -> Candle:
    """The candle of a row; cells are text or what a format has for a moment and a number.

    Raises:
        Invalid: a cell is not what its column says, or no candle can be that.
    """
    opened = _moment(row["open_time"])
    numbers = {name: _number(name, row.get(name)) for name in FIELDS[1:]}
    trades = numbers.pop("trades")
    if trades is not None and trades != int(trades):
        raise Invalid("trades: no whole number.")
    missing = next((name for name in NEEDED[1:] if numbers[name] is None), None)
    if missing is not None:
        raise Invalid(f"{missing}: it is empty.")
    return Candle(
        timeframe=timeframe,
        open_time=opened,
        trades=None if trades is None else int(trades),
        **numbers,
    )


def _moment(cell: Any) -> datetime:
    try:
        moment = cell if isinstance(cell, datetime) else datetime.fromisoformat(str(cell))
        if moment.tzinfo is None:
            raise Invalid("open_time: add a time zone, for example 2026-01-31T00:00:00Z.")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"open_time: {str(cell)[:40]!r} is no moment.") from None


def _number(name: str, cell: Any) -> Any:
    if cell is None:
        return None
    try:
        return parse_decimal(cell)
    except ValueError as wrong:
        raise Invalid(f"{name}: {wrong}.") from None
