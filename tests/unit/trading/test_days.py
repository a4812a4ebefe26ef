"""Days of traders, also where the clocks are changed."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Invalid
from app.trading.days import day_bounds, next_midnight, trading_day

BERLIN = ZoneInfo("Europe/Berlin")
SAO_PAULO = ZoneInfo("America/Sao_Paulo")
ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York")]
LATE = datetime(2026, 1, 24, 23, 30, tzinfo=UTC)  # half past midnight of the 25th in Berlin


def test_day_is_the_traders_own() -> None:
    assert trading_day(LATE, zone=BERLIN) == date(2026, 1, 25)
    assert trading_day(LATE, zone=ZoneInfo("UTC")) == date(2026, 1, 24)


def test_time_without_a_zone_belongs_to_no_day() -> None:
    with pytest.raises(Invalid, match="without a zone"):
        trading_day(LATE.replace(tzinfo=None), zone=BERLIN)


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 1, 24), 24), (date(2026, 3, 29), 23), (date(2026, 10, 25), 25)],
)
def test_day_has_the_hours_that_the_clocks_give_it(day: date, hours: int) -> None:
    start, end = day_bounds(day, zone=BERLIN)

    assert end - start == timedelta(hours=hours)


def test_day_without_a_midnight_starts_at_the_jump() -> None:
    # On 2018-11-04 clocks in Sao Paulo went from 00:00 (-03) to 01:00 (-02): 03:00 UTC.
    start, end = day_bounds(date(2018, 11, 4), zone=SAO_PAULO)

    assert start == datetime(2018, 11, 4, 3, tzinfo=UTC)
    assert end - start == timedelta(hours=23)


@given(
    at=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 the zone is the third argument
    zone=st.sampled_from(ZONES),
)
def test_every_moment_lies_within_its_own_day_and_in_no_other(at: datetime, zone: ZoneInfo) -> None:
    day = trading_day(at, zone=zone)
    start, end = day_bounds(day, zone=zone)

    assert start <= at < end
    assert day_bounds(day + timedelta(days=1), zone=zone)[0] == end
    assert next_midnight(at, zone=zone) == end
