from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Invalid
from app.trading.timeframe import Timeframe

moments = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001 hypothesis wants it naive
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001 likewise
    timezones=st.just(UTC),
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("timeframe", "opened", "closed"),
    [
        ("1m", "2026-03-04 05:06", "2026-03-04 05:07"),
        ("3m", "2026-03-04 05:06", "2026-03-04 05:09"),
        ("5m", "2026-03-04 05:05", "2026-03-04 05:10"),
        ("15m", "2026-03-04 05:00", "2026-03-04 05:15"),
        ("30m", "2026-03-04 05:00", "2026-03-04 05:30"),
        ("1h", "2026-03-04 05:00", "2026-03-04 06:00"),
        ("2h", "2026-03-04 04:00", "2026-03-04 06:00"),
        ("4h", "2026-03-04 04:00", "2026-03-04 08:00"),
        ("6h", "2026-03-04 00:00", "2026-03-04 06:00"),
        ("8h", "2026-03-04 00:00", "2026-03-04 08:00"),
        ("12h", "2026-03-04 00:00", "2026-03-04 12:00"),
        ("1d", "2026-03-04", "2026-03-05"),
        ("1w", "2026-03-02", "2026-03-09"),  # a Monday
        ("1M", "2026-03-01", "2026-04-01"),
    ],
)
def test_a_moment_belongs_to_the_candle_that_is_open_then(
    timeframe: str, opened: str, closed: str
) -> None:
    moment = at("2026-03-04 05:06:07.000008")

    assert Timeframe(timeframe).open_of(moment) == at(opened)
    assert Timeframe(timeframe).close_of(moment) == at(closed)


@pytest.mark.parametrize("day", ["2017-08-17", "2018-06-28"])
def test_three_days_count_as_at_binance(day: str) -> None:
    assert Timeframe.D3.is_open(at(day))


def test_a_december_ends_with_the_year() -> None:
    assert Timeframe.MONTH.close_of(at("2025-12-31 23:59")) == at("2026-01-01")


def test_a_month_counts_in_utc_wherever_the_moment_was_written_down() -> None:
    in_tokyo = datetime(2026, 3, 1, 8, tzinfo=timezone(timedelta(hours=9)))

    assert Timeframe.MONTH.open_of(in_tokyo) == at("2026-02-01")
    assert not Timeframe.MONTH.is_open(in_tokyo)
    assert Timeframe.MONTH.is_open(in_tokyo + timedelta(hours=1))


@given(timeframe=st.sampled_from(Timeframe), moment=moments)
def test_every_moment_lies_in_one_candle(timeframe: Timeframe, moment: datetime) -> None:
    opened, closed = timeframe.open_of(moment), timeframe.close_of(moment)

    assert opened <= moment < closed
    assert timeframe.is_open(opened)
    assert timeframe.is_open(closed)
    assert timeframe.open_of(closed) == closed
    assert timeframe.open_of(closed - timedelta(microseconds=1)) == opened
    assert timeframe.is_open(moment) is (moment == opened)


@given(
    timeframe=st.sampled_from([Timeframe.H6, Timeframe.D3, Timeframe.W1, Timeframe.MONTH]),
    since=moments,
    days=st.integers(-5, 90),
)
def test_open_times_are_as_many_as_are_counted(
    timeframe: Timeframe, since: datetime, days: int
) -> None:
    until = since + timedelta(days=days)

    opens = list(timeframe.opens(since, until))

    assert len(opens) == timeframe.how_many(since, until)
    assert all(since <= one < until and timeframe.is_open(one) for one in opens)
    assert opens == sorted(set(opens))


@pytest.mark.parametrize(
    ("larger", "parts"),
    [
        ("1m", ""),
        ("5m", "1m"),
        ("15m", "5m 3m 1m"),
        ("8h", "4h 2h 1h 30m 15m 5m 3m 1m"),
        ("12h", "6h 4h 2h 1h 30m 15m 5m 3m 1m"),
        ("1w", "1d 12h 8h 6h 4h 2h 1h 30m 15m 5m 3m 1m"),
        ("1M", "1d 12h 8h 6h 4h 2h 1h 30m 15m 5m 3m 1m"),
    ],
)
def test_a_candle_is_made_of_smaller_ones_that_fill_it(larger: str, parts: str) -> None:
    assert " ".join(Timeframe(larger).parts) == parts


@given(larger=st.sampled_from(Timeframe), moment=moments)
def test_the_parts_of_a_candle_begin_and_end_with_it(larger: Timeframe, moment: datetime) -> None:
    for part in larger.parts:
        assert part.is_open(larger.open_of(moment))
        assert part.is_open(larger.close_of(moment))


@pytest.mark.parametrize(
    ("text", "meant"), [("1m", "1m"), ("1M", "1M"), (" 1H ", "1h"), ("1D", "1d"), ("1W", "1w")]
)
def test_a_timeframe_is_read_in_any_case_that_has_one_meaning(text: str, meant: str) -> None:
    assert Timeframe.of(text).value == meant


@pytest.mark.parametrize("text", ["5M", "7m", "", "1y", "m1"])
def test_what_names_no_timeframe_is_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(Invalid, match=r"1m, 3m, 5m.*1w, 1M") as refused:
        Timeframe.of(text)

    assert refused.value.code == "unknown_timeframe"
