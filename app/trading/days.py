"""A trader's day: which one a moment belongs to, and where it begins and ends."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.core.errors import Invalid


def trading_day(at: datetime, *, zone: ZoneInfo) -> date:
    """The trader's local day that a moment belongs to.

    Args:
        at: aware.
        zone: of the trader.

    Raises:
        Invalid: `naive_time`, when `at` has no zone.
    """
    if at.tzinfo is None:
        raise Invalid("a time without a zone belongs to no day", code="naive_time")
    return at.astimezone(zone).date()


def day_bounds(day: date, *, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Start, inclusive, and end, exclusive, of a local day in UTC: 23, 24 or 25 hours apart.

    Where the clocks jump over midnight, the day starts at the jump.
    """
    return _midnight(day, zone), _midnight(day + timedelta(days=1), zone)


def next_midnight(at: datetime, *, zone: ZoneInfo) -> datetime:
    """When the day of a moment ends, in UTC; always later than the moment.

    Raises:
        Invalid: as `trading_day`.
    """
    return day_bounds(trading_day(at, zone=zone), zone=zone)[1]


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)
