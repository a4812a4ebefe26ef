"""What waits for a slow reader is bounded, and what is told lets it resume."""

import asyncio

from app.events.listener import Listener, Reset, Why

ONE, OTHER, THIRD = ("job", "1"), ("job", "2"), ("order", "1")


def test_of_each_row_the_newest_change_waits() -> None:
    listener = Listener(0)
    for subject, number in ((ONE, 1), (OTHER, 2), (ONE, 3)):
        listener.put(subject, number)

    assert listener.take(10) == [(OTHER, 2), (ONE, 3)]
    assert listener.take(10) == []


def test_the_lowest_numbers_go_first_however_they_came() -> None:
    listener = Listener(0)
    # What comes in while history is read is there before history.
    for subject, number in ((THIRD, 9), (ONE, 4), (OTHER, 5)):
        listener.put(subject, number)

    assert listener.take(2) == [(ONE, 4), (OTHER, 5)]
    assert listener.take(2) == [(THIRD, 9)]


def test_a_late_change_goes_out_without_taking_the_number_back() -> None:
    listener = Listener(7)
    listener.put(ONE, 8)
    listener.put(OTHER, 0)
    listener.put(ONE, 0)

    assert listener.take(10) == [(OTHER, 0), (ONE, 8)]


def test_one_row_too_many_and_everything_has_to_be_loaded_anew() -> None:
    listener = Listener(0, most_waiting=2)
    for number, subject in enumerate((ONE, OTHER, THIRD), start=1):
        listener.put(subject, number)
    reset = listener.take_reset()
    listener.put(ONE, 4)

    # Resuming from there misses nothing: what it forgot was before.
    assert reset == Reset(Why.TOO_SLOW, 3)
    assert listener.take_reset() is None
    assert listener.take(10) == [(ONE, 4)]


async def test_there_is_news_as_long_as_something_waits() -> None:
    listener = Listener(0)
    waiting = asyncio.ensure_future(listener.news())
    await asyncio.sleep(0)
    is_quiet = not waiting.done()
    listener.put(ONE, 1)
    listener.put(OTHER, 2)
    await waiting
    listener.take(1)
    await asyncio.wait_for(listener.news(), 1)
    listener.take(1)

    assert is_quiet
    later = asyncio.ensure_future(listener.news())
    await asyncio.sleep(0)
    assert not later.done()
    later.cancel()
