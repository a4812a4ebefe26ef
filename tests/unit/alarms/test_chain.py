"""What one alert leaves is what the next one begins with; where it is not, one is missing."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pipeline.alarms.gaps.chain import (
    Link,
    Missing,
    Reported,
    Verdict,
    follow,
    link_of,
    may_be_late,
)
from app.pipeline.alarms.gaps.sentences import chain_broken, confirmed, silent
from app.pipeline.alarms.meaning import Action
from app.pipeline.alarms.reading import understand
from app.trading.words import PositionSide
from tests.builders import d

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


def at(second: int) -> datetime:
    return NOON + timedelta(seconds=second)


def position(signed: str | int | Decimal, second: int) -> Reported:
    """A position by its signed size."""
    size = Decimal(signed)
    side = None if size == 0 else LONG if size > 0 else SHORT
    return Reported(side, abs(size), at(second))


def a_link(before: str | int, after: str | int, second: int, *, is_dated: bool = True) -> Link:
    return Link(position(before, second), position(after, second), is_dated=is_dated)


def a_heartbeat(now: str | int, second: int) -> Link:
    said = position(now, second)
    return Link(said, said, is_heartbeat=True)


def link_from(**fields: object) -> Link | None:
    [intent] = understand(json.dumps({"symbol": "BTCUSDT", **fields}).encode()).intents
    return link_of(intent, NOON, is_dated=True)


class Story:
    """The chain of one market, alert by alert."""

    def __init__(self, known: Reported | None = None) -> None:
        self.known = known
        self.found: list[Missing] = []
        self.open: list[Missing] = []

    def hear(self, link: Link) -> Verdict:
        looked_at = self.open if may_be_late(self.known, link) else []
        followed = follow(self.known, looked_at, link)
        self.known = followed.known
        if followed.gap is not None:
            assert followed.missing is not None
            self.open[followed.gap : followed.gap + 1] = (
                [] if followed.missing.is_nothing else [followed.missing]
            )
        elif followed.missing is not None:
            self.found.append(followed.missing)
            self.open.append(followed.missing)
        return followed.verdict


walks = st.lists(st.integers(-3, 3), min_size=2, max_size=25).map(
    lambda sizes: [
        a_link(before, after, second)
        for second, (before, after) in enumerate(zip([0, *sizes], sizes, strict=False))
    ]
)


def visible_runs(walk: list[Link], kept: list[bool]) -> list[tuple[Reported, Reported]]:
    """Each run of lost alerts between two that arrived, by the positions on its two sides."""
    arrived = [link for link, is_kept in zip(walk, kept, strict=True) if is_kept]
    sides = [(one.after, two.before) for one, two in pairwise(arrived) if two.before is not None]
    return [(left, right) for left, right in sides if not left.agrees_with(right)]


@given(walk=walks)
def test_no_gap_when_nothing_is_lost(walk: list[Link]) -> None:
    story = Story()

    verdicts = [story.hear(link) for link in walk]

    assert verdicts == [Verdict.BEGINS] + [Verdict.CONTINUES] * (len(walk) - 1)
    assert story.found == []


@given(walk=walks, data=st.data())
def test_every_lost_run_that_can_be_seen_is_found_and_no_other(
    walk: list[Link], data: st.DataObject
) -> None:
    kept = [data.draw(st.booleans()) for _ in walk]
    story = Story()

    for link, is_kept in zip(walk, kept, strict=True):
        if is_kept:
            story.hear(link)

    found = [(missing.expected, missing.reported) for missing in story.found]
    assert found == visible_runs(walk, kept)


@given(walk=walks, data=st.data())
def test_lost_alerts_that_come_in_order_after_all_close_every_gap(
    walk: list[Link], data: st.DataObject
) -> None:
    kept = [data.draw(st.booleans()) for _ in walk]
    story = Story()
    for is_late_round in (False, True):
        for link, is_kept in zip(walk, kept, strict=True):
            if is_kept is not is_late_round and (is_kept or story.known is not None):
                story.hear(link)

    arrived = [link for link, is_kept in zip(walk, kept, strict=True) if is_kept]
    if arrived and kept[-1]:
        assert story.open == []
        assert story.known == arrived[-1].after


@given(walk=walks, data=st.data())
def test_late_alerts_in_any_order_move_nothing_and_open_nothing(
    walk: list[Link], data: st.DataObject
) -> None:
    kept = [data.draw(st.booleans()) for _ in walk[:-1]] + [True]
    story = Story()
    for link, is_kept in zip(walk, kept, strict=True):
        if is_kept:
            story.hear(link)
    known, found = story.known, list(story.found)
    late = [link for link, is_kept in zip(walk, kept, strict=True) if not is_kept]

    verdicts = {story.hear(link) for link in data.draw(st.permutations(late))}

    assert verdicts <= {Verdict.LATE, Verdict.OLDER}
    assert (story.known, story.found) == (known, found)


def test_the_first_alert_begins_the_chain_whatever_was_before() -> None:
    story = Story()

    assert story.hear(a_link(2, 3, 0)) is Verdict.BEGINS
    assert story.known == position(3, 0)


def test_an_alert_without_the_position_before_moves_on_unchecked() -> None:
    story = Story(position(0, 0))

    assert story.hear(Link(None, position(2, 1))) is Verdict.UNKNOWN
    assert story.known == position(2, 1)


def test_an_older_alert_never_moves_the_chain() -> None:
    story = Story(position(0, 5))

    assert story.hear(a_link(0, 2, 4)) is Verdict.OLDER
    assert story.known == position(0, 5)


def test_two_alerts_of_one_second_that_cross_leave_no_gap() -> None:
    story = Story(position(2, 0))

    assert story.hear(a_link(0, -1, 9)) is Verdict.GAP
    assert story.hear(a_link(2, 0, 9)) is Verdict.LATE

    assert story.open == []
    assert story.known == position(-1, 9)


def test_alerts_without_a_time_that_cross_leave_no_gap() -> None:
    story = Story(position(2, 0))

    story.hear(a_link(0, -1, 9, is_dated=False))

    assert story.hear(a_link(2, 0, 10, is_dated=False)) is Verdict.LATE
    assert story.open == []


def test_an_alert_without_a_time_that_continues_is_the_newest() -> None:
    """A strategy repeats itself: the same step once more is no late arrival."""
    story = Story(position(0, 0))
    story.hear(a_link(1, 0, 5, is_dated=False))

    assert story.hear(a_link(0, 1, 9, is_dated=False)) is Verdict.CONTINUES
    assert len(story.open) == 1
    assert story.known == position(1, 9)


def test_an_alert_from_before_the_gap_is_no_part_of_it() -> None:
    story = Story(position(0, 5))
    story.hear(a_link(1, 2, 9))

    assert story.hear(a_link(0, 1, 4)) is Verdict.OLDER
    assert len(story.open) == 1


def test_one_of_two_missing_alerts_narrows_the_gap_from_either_end() -> None:
    for late, left in ((a_link(0, 1, 3), ("1", "2")), (a_link(1, 2, 4), ("0", "1"))):
        story = Story(position(0, 0))
        story.hear(a_link(2, 3, 9))

        assert story.hear(late) is Verdict.LATE

        [rest] = story.open
        assert (rest.expected.size, rest.reported.size) == tuple(map(d, left))


@pytest.mark.parametrize(("now", "verdict"), [(2, Verdict.CONTINUES), (1, Verdict.GAP)])
def test_a_heartbeat_is_held_against_what_the_last_alert_left(now: int, verdict: Verdict) -> None:
    assert Story(position(2, 0)).hear(a_heartbeat(now, 1)) is verdict


def test_a_heartbeat_of_the_second_of_an_order_says_nothing() -> None:
    story = Story(position(2, 5))

    assert story.hear(a_heartbeat(0, 5)) is Verdict.OLDER
    assert story.known == position(2, 5)


def test_an_order_that_a_heartbeat_overtook_closes_the_gap() -> None:
    story = Story(position(0, 0))
    assert story.hear(a_heartbeat(2, 6)) is Verdict.GAP

    assert story.hear(a_link(0, 2, 5)) is Verdict.LATE
    assert story.open == []


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("0.1", "0.1", True),
        ("0.1", "0.10", True),
        ("0.1", "0.2", False),
        # TradingView's sentence rounds each size: what follows from two of them is off by one.
        ("0.016489", "0.016490", True),
        ("0.01649", "0.01650", False),
        ("1", "-1", False),
        ("0", "1", False),
    ],
)
def test_sizes_are_the_same_to_six_places(one: str, other: str, *, is_same: bool) -> None:
    assert position(one, 0).agrees_with(position(other, 1)) is is_same


def test_sides_alone_are_compared_when_a_size_is_not_said() -> None:
    unsized = Reported(LONG, None, NOON)

    assert unsized.agrees_with(position(5, 0))
    assert not unsized.agrees_with(position(-5, 0))


def test_placeholders_say_the_position_before_and_after() -> None:
    link = link_from(
        action="sell",
        market_position="flat",
        market_position_size="0",
        prev_market_position="long",
        prev_market_position_size="2",
    )

    assert link == a_link(2, 0, 0)


def test_the_position_before_follows_from_the_order_where_it_is_not_said() -> None:
    text = b"order sell @ 0.03 filled on BTCUSDT.P. New strategy position is -0.02"
    [intent] = understand(text).intents

    link = link_of(intent, NOON, is_dated=False)

    assert link == Link(position("0.01", 0), position("-0.02", 0), is_dated=False)


def test_an_alert_without_placeholders_is_no_link() -> None:
    assert link_from(action="buy") is None


def test_a_size_with_more_places_than_any_table_holds_does_not_break_the_chain() -> None:
    size = "0.12345678901234567890123"

    link = link_from(action="buy", market_position="long", market_position_size=size)

    assert link is not None
    assert (link.after.side, link.after.size) == (LONG, d("0.123456789012345679"))


def test_a_heartbeat_never_trades() -> None:
    fields = {"action": "heartbeat", "market_position": "long", "market_position_size": "2"}
    [intent] = understand(json.dumps({"symbol": "BTCUSDT.P", **fields}).encode()).intents

    assert intent.action is Action.IGNORE
    assert intent.reason is not None
    assert intent.reason.code == "heartbeat"
    assert link_from(**fields) == a_heartbeat(2, 0)


def test_what_is_missing_is_said_for_three_in_the_morning() -> None:
    missing = Missing(position(0, 5), position(2, 3600))

    assert chain_broken("RSI-Bot", "BTCUSDT", missing, is_heartbeat=False) == (
        "TradingView says RSI-Bot was long 2 BTCUSDT before its last alert; the last we had left "
        "it flat. At least one alert between 12:00:05 and 13:00:00 UTC never arrived, or could "
        "not be read."
    )


def test_a_heartbeat_that_does_not_fit_says_what_is_now() -> None:
    missing = Missing(position("-0.50", 5), position(0, 86_400))

    assert chain_broken("RSI-Bot", "BTCUSDT", missing, is_heartbeat=True) == (
        "TradingView says RSI-Bot is flat in BTCUSDT; the last we had left it short 0.5. At least "
        "one alert between 2026-03-02 12:00:05 and 2026-03-03 12:00:00 UTC never arrived, or "
        "could not be read."
    )


def test_silence_and_confirmation_are_said_as_well() -> None:
    assert silent("RSI-Bot", at(5), heartbeat_seconds=300, now=at(700)) == (
        "No alert of RSI-Bot has come since 12:00:05 UTC, and one is due every 300 s."
    )
    assert confirmed("BTCUSDT", Reported(SHORT, None, NOON)) == (
        "TradingView says short BTCUSDT, as its last alert left it."
    )
