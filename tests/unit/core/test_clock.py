from datetime import UTC, datetime, timedelta, timezone

from app.core.clock import SystemClock, iso


def test_system_clock_is_aware_and_in_utc() -> None:
    assert SystemClock().now().tzinfo is UTC


def test_iso_has_microseconds_and_a_z_in_any_zone() -> None:
    cairo = timezone(timedelta(hours=2))

    assert iso(datetime(2026, 1, 24, 2, 0, 0, 7, tzinfo=cairo)) == "2026-01-24T00:00:00.000007Z"
