from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from app.pipeline.positions.exits import ExitLevels, Trailing, exit_reason, trail
from app.pipeline.positions.triggers import TriggerIndex
from app.trading.quote import Quote
from app.trading.words import CloseReason, PositionSide, TriggerBy
from tests.unit.positions.builders import a_quote

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
ONE, TWO, THREE = UUID(int=1), UUID(int=2), UUID(int=3)

prices = st.integers(80, 120).map(Decimal)
levels = st.builds(
    ExitLevels,
    position_side=st.sampled_from(PositionSide),
    stop_loss=st.none() | prices,
    take_profit=st.none() | prices,
    trailing=st.none()
    | st.builds(
        Trailing, fraction=st.sampled_from(["0.01", "0.05", "0.1"]).map(Decimal), peak=prices
    ),
    stop_by=st.sampled_from(TriggerBy),
    target_by=st.sampled_from(TriggerBy),
    scheduled=st.none() | prices,
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 8), levels),
        st.tuples(st.just("update"), st.integers(1, 8), levels),
        st.tuples(st.just("remove"), st.integers(1, 8), st.none()),
        st.tuples(st.just("quote"), prices, st.none() | prices, st.integers(0, 5)),
    ),
    max_size=40,
)


class Scan:
    """The slow, obvious index: every level, every time."""

    def __init__(self) -> None:
        self.levels: dict[UUID, ExitLevels] = {}

    def update(self, position_id: UUID, new: ExitLevels) -> None:
        known = self.levels.get(position_id)
        if known is None:
            return
        if new.trailing is not None and known.trailing is not None and new.stop_by is known.stop_by:
            # A new side brings its own idea of better; the old peak may only help.
            pick = max if new.position_side is LONG else min
            peak = pick(new.trailing.peak, known.trailing.peak)
            new = ExitLevels(
                new.position_side,
                new.stop_loss,
                new.take_profit,
                Trailing(new.trailing.fraction, peak),
                new.stop_by,
                new.target_by,
                new.scheduled,
            )
        self.levels[position_id] = new

    def hits(self, quote: Quote) -> list[tuple[UUID, CloseReason]]:
        found = []
        for position_id in sorted(self.levels):
            self.levels[position_id] = trail(self.levels[position_id], quote)
            reason = exit_reason(self.levels[position_id], quote)
            if reason is not None:
                found.append((position_id, reason))
        return found


@settings(max_examples=300, deadline=None)
@given(steps)
def test_index_says_what_a_scan_of_everything_says(story: list[tuple[object, ...]]) -> None:
    index, scan = TriggerIndex(), Scan()

    for step in story:
        match step:
            case ("quote", Decimal() as last, mark, int(spread)):
                quote = a_quote(last=last, mark=mark if isinstance(mark, Decimal) else None)
                quote = replace(quote, bid=last - spread, ask=last + spread)
                assert index.hits(quote) == scan.hits(quote)
            case ("add", int(number), ExitLevels() as new):
                index.add(UUID(int=number), new)
                scan.levels[UUID(int=number)] = new
            case ("update", int(number), ExitLevels() as new):
                index.update(UUID(int=number), new)
                scan.update(UUID(int=number), new)
            case ("remove", int(number), _):
                index.remove(UUID(int=number))
                scan.levels.pop(UUID(int=number), None)
        assert len(index) == len(scan.levels)
        assert all(index.levels_of(one) == known for one, known in scan.levels.items())


def test_hits_when_price_falls_through_two_stops_names_both_and_no_other() -> None:
    index = TriggerIndex()
    index.add(ONE, ExitLevels(LONG, stop_loss=Decimal(95)))
    index.add(TWO, ExitLevels(LONG, stop_loss=Decimal(90)))
    index.add(THREE, ExitLevels(SHORT, take_profit=Decimal(91)))

    assert index.hits(a_quote(last=Decimal(91))) == [
        (ONE, CloseReason.STOP_LOSS),
        (THREE, CloseReason.TAKE_PROFIT),
    ]


def test_hits_when_mark_and_last_differ_reads_the_price_of_each_level() -> None:
    index = TriggerIndex()
    index.add(ONE, ExitLevels(LONG, stop_loss=Decimal(95)))
    index.add(TWO, ExitLevels(LONG, stop_loss=Decimal(95), stop_by=TriggerBy.LAST))

    assert index.hits(a_quote(last=Decimal(94), mark=Decimal(96))) == [(TWO, CloseReason.STOP_LOSS)]
    assert index.hits(a_quote(last=Decimal(96), mark=Decimal(94))) == [(ONE, CloseReason.STOP_LOSS)]


def test_trailing_stops_of_different_birth_share_a_peak_once_it_is_overtaken() -> None:
    index = TriggerIndex()
    index.add(ONE, ExitLevels(LONG, trailing=Trailing(Decimal("0.1"), Decimal(100))))
    index.add(TWO, ExitLevels(LONG, trailing=Trailing(Decimal("0.05"), Decimal(110))))

    assert index.hits(a_quote(last=Decimal(120))) == []
    # Both peaks are 120 now: 120 · 0.95 = 114 and 120 · 0.9 = 108.
    assert index.hits(a_quote(last=Decimal(114))) == [(TWO, CloseReason.TRAILING_STOP)]
    assert index.hits(a_quote(last=Decimal(108))) == [
        (ONE, CloseReason.TRAILING_STOP),
        (TWO, CloseReason.TRAILING_STOP),
    ]


def test_trailing_stop_of_a_short_follows_the_low() -> None:
    index = TriggerIndex()
    index.add(ONE, ExitLevels(SHORT, trailing=Trailing(Decimal("0.1"), Decimal(100))))

    assert index.hits(a_quote(last=Decimal(80))) == []
    # 80 · 1.1 = 88
    assert index.hits(a_quote(last=Decimal("87.99"))) == []
    assert index.hits(a_quote(last=Decimal(88))) == [(ONE, CloseReason.TRAILING_STOP)]


def test_update_with_an_older_peak_keeps_the_better_one() -> None:
    index = TriggerIndex()
    born = ExitLevels(LONG, trailing=Trailing(Decimal("0.1"), Decimal(100)))
    index.add(ONE, born)
    index.hits(a_quote(last=Decimal(120)))

    index.update(ONE, born)

    known = index.levels_of(ONE)
    assert known is not None
    assert known.trailing == Trailing(Decimal("0.1"), Decimal(120))


def test_a_position_not_watched_is_not_updated_and_removing_it_is_no_error() -> None:
    index = TriggerIndex()

    index.update(ONE, ExitLevels(LONG, stop_loss=Decimal(95)))
    index.remove(ONE)

    assert ONE not in index
    assert index.levels_of(ONE) is None


def test_ten_thousand_trailing_stops_are_followed_tick_by_tick() -> None:
    index = TriggerIndex()
    for number in range(10_000):
        trailing = Trailing(Decimal(10 + number % 80) / 100, Decimal(1000 + number % 500))
        index.add(UUID(int=number), ExitLevels(LONG, Decimal(1), None, trailing))

    # A scan would look at ten million levels here and take minutes; this takes a fraction of one.
    assert not any(index.hits(a_quote(last=Decimal(1500 + tick))) for tick in range(1000))
    # Peak 2499, tightest fraction 0.10: 2499 · 0.9 = 2249.1; one in eighty has it.
    assert len(index.hits(a_quote(last=Decimal("2249.1")))) == 125
