"""What should rest at a venue: never more than is held, never less than can be carried."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.exchanges.venue import Abilities
from app.pipeline.positions.exits import ExitLevels, Trailing
from app.pipeline.positions.protection import (
    Cover,
    RestingExit,
    difference,
    slices,
    wish,
    without_first,
)
from app.trading.targets import Target
from app.trading.words import MarketType, PositionSide, TriggerBy, TriggerKind
from tests.builders import d
from tests.unit.positions.builders import an_instrument

CONTRACT = an_instrument(quantity_step="0.001", price_tick="0.1", min_quantity="0.001")
COIN = replace(CONTRACT, market_type=MarketType.SPOT, min_notional=d("5"))
CARRIES_ALL = Abilities(
    rests_stops=True, rests_targets=True, locks_coins=False, pairs=False, streams_news=True
)
LOCKS = replace(CARRIES_ALL, locks_coins=True, pairs=True)
HALVES = (Target(d("64000"), d("0.5")), Target(d("66000"), d("0.5")))


def cover(
    quantity: str = "0.1",
    *,
    stop: str | None = "58000",
    targets: tuple[Target, ...] = (),
    trailing: Trailing | None = None,
    side: PositionSide = PositionSide.LONG,
    is_spot: bool = False,
    resting: str | None = None,
) -> Cover:
    return Cover(
        levels=ExitLevels(side, None if stop is None else d(stop), None, trailing),
        quantity=d(quantity),
        targets=targets,
        instrument=COIN if is_spot else CONTRACT,
        resting_stop=None if resting is None else d(resting),
    )


def shown(one: Cover, abilities: Abilities) -> list[list[tuple[str, str, str]]]:
    sets = wish(one, abilities).sets
    return [
        [(leg.kind.value, f"{leg.price:f}", f"{leg.quantity:f}") for leg in legs] for legs in sets
    ]


def test_contracts_rest_one_stop_for_all_and_each_target_beside_it() -> None:
    assert shown(cover(targets=HALVES), CARRIES_ALL) == [
        [("stop", "58000", "0.1")],
        [("target", "64000", "0.05")],
        [("target", "66000", "0.05")],
    ]


def test_coins_rest_a_pair_for_each_target_and_a_stop_for_what_is_left() -> None:
    one = cover(targets=(Target(d("64000"), d("0.25")),), is_spot=True)

    assert shown(one, LOCKS) == [
        [("stop", "58000", "0.025"), ("target", "64000", "0.025")],
        [("stop", "58000", "0.075")],
    ]


def test_coins_without_pairs_rest_the_stop_alone() -> None:
    one = cover(targets=HALVES, is_spot=True)

    assert shown(one, replace(LOCKS, pairs=False)) == [[("stop", "58000", "0.1")]]


def test_coins_that_cannot_rest_a_stop_rest_no_target_in_its_way() -> None:
    one = cover(targets=HALVES, is_spot=True)

    assert shown(one, replace(LOCKS, rests_stops=False)) == []


def test_what_is_too_small_for_the_venue_is_left_to_the_monitor() -> None:
    wanted = wish(cover("0.00008", is_spot=True), LOCKS)

    assert (wanted.sets, wanted.carries_stop) == ((), False)


def test_a_spot_stop_waits_for_the_last_price_whatever_was_asked() -> None:
    [[stop]] = wish(cover(is_spot=True), LOCKS).sets

    assert stop.by is TriggerBy.LAST


def test_the_quantity_is_rounded_down_to_the_lot() -> None:
    assert shown(cover("0.0999"), CARRIES_ALL) == [[("stop", "58000", "0.099")]]


@pytest.mark.parametrize(
    ("side", "peak", "expected"),
    [
        # 2 % from the best price, on the tick towards entry
        (PositionSide.LONG, "61234.5", "60009.9"),  # 60009.81 up
        (PositionSide.SHORT, "58765.4", "59940.7"),  # 59940.708 down
    ],
)
def test_a_trailing_stop_is_on_the_tick_towards_entry(
    side: PositionSide, peak: str, expected: str
) -> None:
    one = cover(stop=None, trailing=Trailing(d("0.02"), d(peak)), side=side)

    assert one.stop == d(expected)


@pytest.mark.parametrize(
    ("resting", "stays"), [("59800", True), ("59760", True), ("59657", False), ("59900", False)]
)
def test_a_trailing_stop_moves_in_steps_and_only_forward(resting: str, *, stays: bool) -> None:
    # 61,000 less 2 % is 59,780; a tenth of the distance is 122.
    one = cover(stop=None, trailing=Trailing(d("0.02"), d("61000")), resting=resting)

    assert (one.stop == d(resting)) is (stays and d(resting) <= d("59780"))


def test_difference_names_what_is_missing_and_what_is_too_much() -> None:
    old = RestingExit(TriggerKind.STOP, d("58000"), TriggerBy.MARK, d("0.1"))
    new = replace(old, quantity=d("0.06"))
    target = RestingExit(TriggerKind.TARGET, d("64000"), TriggerBy.LAST, d("0.06"))

    assert difference([(new,), (target,)], [(target,), (old,)]) == ([(new,)], [1])
    assert difference([(old, target)], [(target, old)]) == ([], [])
    assert difference([(old,)], [(old,), (old,)]) == ([], [1])


def test_a_target_that_was_reached_leaves_the_others_their_share_of_the_rest() -> None:
    thirds = (Target(d("1"), d("0.5")), Target(d("2"), d("0.3")), Target(d("3"), d("0.2")))

    assert without_first(thirds, d("1")) == (Target(d("2"), d("0.6")), Target(d("3"), d("0.4")))
    assert without_first(thirds, None) == without_first(thirds, d("1"))
    assert without_first(thirds[:1], d("1")) == ()


@given(
    lots=st.integers(1, 5000),
    shares=st.lists(st.integers(1, 100), min_size=1, max_size=6),
    is_spot=st.booleans(),
)
def test_slices_never_exceed_what_is_held_and_leave_nothing_of_a_whole(
    lots: int, shares: list[int], *, is_spot: bool
) -> None:
    instrument = COIN if is_spot else CONTRACT
    quantity = Decimal(lots) * d("0.001")
    whole = Decimal(sum(shares))
    targets = tuple(
        Target(Decimal(100 + n), (share / whole).quantize(d("1e-18")))
        for n, share in enumerate(map(Decimal, shares))
    )

    parts = slices(quantity, targets, instrument)

    total = sum((part for _, part in parts), Decimal(0))
    assert total <= quantity
    assert all(instrument.floor_quantity(part) == part for _, part in parts)
    if parts:
        assert total == quantity
    for price, part in parts:
        assert part >= instrument.min_quantity
        assert not is_spot or part * price >= instrument.min_notional


@given(
    lots=st.integers(1, 3000),
    shares=st.lists(st.integers(1, 40), max_size=4),
    abilities=st.builds(
        Abilities,
        rests_stops=st.booleans(),
        rests_targets=st.booleans(),
        locks_coins=st.just(value=True),
        pairs=st.booleans(),
        streams_news=st.just(value=True),
    ),
    has_stop=st.booleans(),
)
def test_coins_are_never_locked_twice(
    lots: int, shares: list[int], abilities: Abilities, *, has_stop: bool
) -> None:
    targets = tuple(
        Target(Decimal(64_000 + n), Decimal(min(share, 25)) / 100) for n, share in enumerate(shares)
    )
    one = cover(
        f"{lots / 1000:.3f}",
        stop="58000" if has_stop else None,
        targets=targets,
        is_spot=True,
    )

    wanted = wish(one, abilities)

    locked = sum((max(leg.quantity for leg in legs) for legs in wanted.sets), Decimal(0))
    assert locked <= one.quantity
    stopped = sum(
        (leg.quantity for legs in wanted.sets for leg in legs if leg.kind is TriggerKind.STOP),
        Decimal(0),
    )
    assert stopped == (one.quantity if wanted.carries_stop else 0)
