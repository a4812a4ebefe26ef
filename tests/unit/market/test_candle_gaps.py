from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.market.candles.gaps import GapFinder, MissingCandles
from app.trading.timeframe import Timeframe
from tests.market_builders import START


def minute(number: int) -> datetime:
    return START + timedelta(minutes=number)


def gaps(numbers: list[int], *, since: int = 0, until: int = 10) -> list[tuple[int, int, int]]:
    finder = GapFinder(Timeframe.M1, minute(since), minute(until))
    found = [*finder.look(minute(number) for number in numbers), *finder.end()]
    return [
        (
            (one.since - START) // timedelta(minutes=1),
            (one.until - START) // timedelta(minutes=1),
            one.count,
        )
        for one in found
    ]


def test_what_is_missing_at_the_ends_and_between_is_found() -> None:
    assert gaps([2, 3, 6, 7]) == [(0, 2, 2), (4, 6, 2), (8, 10, 2)]


def test_nothing_is_missing_where_all_are_there() -> None:
    assert gaps(list(range(10))) == []


def test_everything_is_missing_where_none_is() -> None:
    assert gaps([]) == [(0, 10, 10)]


def test_an_empty_range_misses_nothing() -> None:
    assert gaps([], since=5, until=5) == []


def test_months_that_are_missing_are_counted_by_the_calendar() -> None:
    months = [datetime(2026, month, 1, tzinfo=UTC) for month in range(1, 7)]
    finder = GapFinder(Timeframe.MONTH, START, months[5])

    found = [*finder.look(months[4:5]), *finder.end()]

    assert found == [MissingCandles(months[1], months[4], 3)]


@given(st.sets(st.integers(0, 9)))
def test_what_is_there_and_what_is_missing_are_all(there: set[int]) -> None:
    missing = {number for since, until, _ in gaps(sorted(there)) for number in range(since, until)}

    assert missing | there == set(range(10))
    assert not missing & there
