from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as some

from app.market.uptime import Figures, Uptime

START = datetime(2026, 1, 1, tzinfo=UTC)
FRESH_FOR = timedelta(seconds=4)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def a_live_one() -> Uptime:
    """Watched since the start, and live since second 2."""
    uptime = Uptime(FRESH_FOR)
    uptime.begin(START)
    uptime.heard(at(2), at(2))
    uptime.streamed(at(2))
    return uptime


def seconds_of(figures: Figures) -> tuple[float, float, float]:
    return figures.live_seconds, figures.polling_seconds, figures.stale_seconds


def test_before_the_first_price_nothing_is_counted() -> None:
    uptime = Uptime(FRESH_FOR)
    uptime.begin(START)

    figures = uptime.figures(at(10))

    assert seconds_of(figures) == (0, 0, 0)
    assert figures.live_fraction is None


def test_a_price_that_grows_old_is_live_until_it_is_stale() -> None:
    # Heard at 2, young until 6.
    figures = a_live_one().figures(at(16))

    assert seconds_of(figures) == (4, 0, 10)
    assert figures.live_fraction == 4 / 14


def test_a_price_that_was_old_when_it_came_is_stale_from_then_on() -> None:
    uptime = Uptime(FRESH_FOR)
    uptime.begin(START)
    uptime.heard(at(1), at(10))
    uptime.streamed(at(10))

    assert seconds_of(uptime.figures(at(13))) == (0, 0, 3)


def test_what_had_to_be_asked_for_is_polling_until_the_stream_speaks_again() -> None:
    uptime = a_live_one()
    uptime.heard(at(5), at(5))
    uptime.polled(at(5))
    uptime.heard(at(8), at(8))
    uptime.polled(at(8))
    uptime.heard(at(9), at(9))
    uptime.streamed(at(9))

    # Live 2 to 5 and 9 to 10, polling 5 to 9.
    assert seconds_of(uptime.figures(at(10))) == (4, 4, 0)


def test_while_nobody_watches_nothing_is_counted() -> None:
    uptime = a_live_one()
    uptime.rest(at(3))
    uptime.begin(at(100))
    assert seconds_of(uptime.figures(at(105))) == (1, 0, 0)

    uptime.heard(at(105), at(105))
    uptime.streamed(at(105))

    assert seconds_of(uptime.figures(at(107))) == (3, 0, 0)


def test_a_drop_is_counted_once_and_its_recovery_ends_with_the_next_price_by_stream() -> None:
    uptime = a_live_one()
    uptime.dropped(at(3))
    uptime.dropped(at(4))  # another channel of the same connection, or a try that failed
    uptime.heard(at(5), at(5))
    uptime.polled(at(5))
    uptime.heard(at(8), at(8))
    uptime.streamed(at(8))
    uptime.dropped(at(10))
    uptime.streamed(at(11))
    uptime.dropped(at(12))
    uptime.streamed(at(14))

    figures = uptime.figures(at(15))

    assert figures.drops == 3
    assert figures.recovery_seconds_median == 2
    assert figures.recovery_seconds_max == 5


def test_a_stream_that_never_worked_is_not_lost() -> None:
    uptime = Uptime(FRESH_FOR)
    uptime.begin(START)
    uptime.dropped(at(1))
    uptime.streamed(at(2))

    figures = uptime.figures(at(3))

    assert (figures.drops, figures.recovery_seconds_median) == (0, None)


def test_what_was_lost_when_the_last_one_left_is_no_recovery_later() -> None:
    uptime = a_live_one()
    uptime.dropped(at(3))
    uptime.rest(at(4))
    uptime.begin(at(500))
    uptime.streamed(at(501))

    figures = uptime.figures(at(502))

    assert (figures.drops, figures.recovery_seconds_max) == (1, None)


STEPS = some.lists(
    some.tuples(
        some.sampled_from(["streamed", "polled", "heard", "dropped", "figures"]),
        some.integers(0, 20),
    )
)


@given(STEPS)
def test_every_second_since_the_first_price_is_counted_once(steps: list[tuple[str, int]]) -> None:
    uptime = a_live_one()
    now = 2
    for kind, pause in steps:
        now += pause
        if kind in {"streamed", "polled"}:
            uptime.heard(at(now), at(now))
        getattr(uptime, kind)(*([at(now), at(now)] if kind == "heard" else [at(now)]))

    figures = uptime.figures(at(now))

    assert sum(seconds_of(figures)) == now - 2
    assert min(seconds_of(figures)) >= 0
