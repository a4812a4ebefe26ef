"""What counts as allowing more, and when it does."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.pipeline.risk.exposure import Limits
from app.pipeline.risk.in_force import limits_at, store
from app.pipeline.risk.loosening import (
    APPROVER,
    CAPS,
    NO_LIMITS,
    TraderLimits,
    changed,
    differences,
    loosened,
    names_another,
)
from app.pipeline.risk.models import RiskProfile
from app.trading.days import next_midnight

BTC, ETH, SOL = "BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"
TIGHT: dict[str, Any] = {
    "max_daily_loss": Decimal(100),
    "max_open_positions": 3,
    "max_notional_per_symbol": Decimal(1000),
    "max_notional_total": Decimal(2000),
    "max_leverage": 2,
    "max_orders_per_minute": 6,
    "max_price_drift_percent": Decimal(1),
    "allowed_symbols": [BTC, ETH],
    "min_notional": Decimal(10),
    "second_approval_above": Decimal(500),
    "second_approver_id": UUID(int=1),
}
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 3, tzinfo=UTC)
ZONES = [
    ZoneInfo(name)
    for name in ("UTC", "Pacific/Kiritimati", "America/New_York", "America/Sao_Paulo")
]
AMOUNTS = st.none() | st.integers(1, 4)
SETS = st.fixed_dictionaries(
    {
        **{name: AMOUNTS.map(lambda one: None if one is None else Decimal(one)) for name in CAPS},
        "max_open_positions": AMOUNTS,
        "max_leverage": AMOUNTS,
        "max_orders_per_minute": AMOUNTS,
        "allowed_symbols": st.none() | st.lists(st.sampled_from([BTC, ETH, SOL]), unique=True),
        "min_notional": st.sampled_from([Decimal(0), Decimal(10)]),
        "second_approver_id": st.just(UUID(int=1)),
    }
)
MOMENTS = st.datetimes(datetime(2018, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 the zone is the third argument


def set_to(
    held: TraderLimits, *, at: datetime = NOON, midnight: datetime = MIDNIGHT, **values: Any
) -> TraderLimits:
    """The limits after these were set, beside those of `TIGHT`."""
    return changed(held, {**TIGHT, **values}, now=at, midnight=midnight)


def as_sets(values: dict[str, Any]) -> Limits:
    """Compared without the order of symbols."""
    return TraderLimits(values).in_force


@pytest.mark.parametrize("name", CAPS)
def test_more_or_none_at_all_allows_more_and_less_does_not(name: str) -> None:
    held = TIGHT[name]

    def with_(value: Any) -> dict[str, Any]:
        return {**TIGHT, name: value}

    assert loosened(TIGHT, with_(held + 1)) == (name,)
    assert loosened(TIGHT, with_(None)) == (name,)
    assert loosened(TIGHT, with_(held - 1)) == ()
    assert loosened(with_(None), TIGHT) == ()


@pytest.mark.parametrize(
    ("symbols", "names"),
    [
        (None, ("allowed_symbols",)),
        ([BTC, SOL], ("allowed_symbols",)),
        ([BTC], ()),
        ([], ()),
        ([ETH, BTC], ()),
    ],
)
def test_another_symbol_allows_more(symbols: list[str] | None, names: tuple[str, ...]) -> None:
    assert loosened(TIGHT, {**TIGHT, "allowed_symbols": symbols}) == names


def test_the_first_limits_and_the_same_ones_loosen_nothing() -> None:
    assert loosened(NO_LIMITS, TIGHT) == ()
    assert loosened(TIGHT, TIGHT) == ()


def test_every_limit_is_stored_in_a_column_and_read_from_it() -> None:
    columns = set(RiskProfile.__table__.columns.keys())

    assert set(NO_LIMITS) == columns - {"user_id", "pending", "pending_from", "updated_at"}
    assert TraderLimits(TIGHT).in_force == Limits(
        max_daily_loss=Decimal(100),
        max_open_positions=3,
        max_notional_per_symbol=Decimal(1000),
        max_notional_total=Decimal(2000),
        max_leverage=Decimal(2),
        max_orders_per_minute=6,
        max_price_drift=Decimal("0.01"),
        allowed_symbols=frozenset({BTC, ETH}),
        min_notional=Decimal(10),
        second_approval_above=Decimal(500),
    )
    assert TraderLimits(TIGHT).approver == UUID(int=1)


def test_security_22_less_holds_at_once_and_more_waits_for_midnight() -> None:
    limits = set_to(TraderLimits(TIGHT), max_daily_loss=Decimal(400), max_leverage=1)

    assert limits.values == {**TIGHT, "max_leverage": 1}
    assert (limits.pending, limits.pending_from) == ({"max_daily_loss": Decimal(400)}, MIDNIGHT)


def test_security_22_the_first_limits_hold_at_once() -> None:
    limits = changed(TraderLimits(), TIGHT, now=NOON, midnight=MIDNIGHT)

    assert (limits.values, limits.pending, limits.pending_from) == (TIGHT, {}, None)


@pytest.mark.parametrize(
    ("wanted", "meanwhile"),
    [([SOL, ETH], [ETH]), (None, [BTC, ETH]), ([SOL], [])],
)
def test_security_22_an_added_symbol_waits_and_a_removed_one_does_not(
    wanted: list[str] | None, meanwhile: list[str]
) -> None:
    limits = set_to(TraderLimits(TIGHT), allowed_symbols=wanted)

    assert limits.values["allowed_symbols"] == meanwhile
    assert limits.pending == {"allowed_symbols": wanted}


def test_a_least_notional_never_waits() -> None:
    assert set_to(TraderLimits(TIGHT), min_notional=Decimal(0)).pending == {}


@pytest.mark.parametrize(
    ("again", "pending"),
    [
        ({"max_daily_loss": Decimal(400)}, {"max_daily_loss": Decimal(400)}),
        ({"max_daily_loss": Decimal(200)}, {"max_daily_loss": Decimal(200)}),
        ({"max_daily_loss": Decimal(100)}, {}),
        ({"max_daily_loss": Decimal(50)}, {}),
    ],
)
def test_what_waits_keeps_its_moment_is_lowered_or_dropped_by_the_next_change(
    again: dict[str, Any], pending: dict[str, Any]
) -> None:
    held = set_to(TraderLimits(TIGHT), max_daily_loss=Decimal(400))

    # As if the trader had moved: nothing here allows more than what waits already.
    limits = set_to(held, midnight=MIDNIGHT + timedelta(hours=3), **again)

    assert limits.pending == pending
    assert limits.pending_from == (MIDNIGHT if pending else None)
    assert loosened(held.agreed, limits.agreed) == ()


def test_more_than_waits_waits_for_the_midnight_after_it_was_asked_for() -> None:
    later = MIDNIGHT + timedelta(hours=3)
    held = set_to(TraderLimits(TIGHT), max_daily_loss=Decimal(400))

    limits = set_to(held, midnight=later, max_daily_loss=Decimal(500))

    assert (limits.pending, limits.pending_from) == ({"max_daily_loss": Decimal(500)}, later)


def test_a_change_is_told_by_limit_with_the_moment_from_which_it_counts() -> None:
    before = set_to(TraderLimits(TIGHT), max_daily_loss=Decimal(400), allowed_symbols=[BTC])
    after = set_to(before, max_leverage=None, allowed_symbols=[])

    assert differences(TraderLimits(TIGHT), before) == {
        "max_daily_loss": "100 until 2026-03-03T00:00:00.000000Z, then 400; was 100",
        "allowed_symbols": f"{BTC}; was {BTC} {ETH}",
    }
    assert differences(before, after) == {
        "max_daily_loss": "100; was 100 until 2026-03-03T00:00:00.000000Z, then 400",
        "max_leverage": "2 until 2026-03-03T00:00:00.000000Z, then no limit; was 2",
        "allowed_symbols": f"none; was {BTC}",
    }
    assert differences(after, after) == {}


@settings(max_examples=60)
@given(before=SETS, after=SETS, now=MOMENTS, zone=st.sampled_from(ZONES))
def test_security_22_no_change_is_looser_today_than_before_or_than_it_will_be(
    before: dict[str, Any], after: dict[str, Any], now: datetime, zone: ZoneInfo
) -> None:
    midnight = next_midnight(now, zone=zone)
    row = RiskProfile()
    store(row, changed(TraderLimits(before), after, now=now, midnight=midnight))
    row.pending = json.loads(json.dumps(row.pending))

    for today in (now, midnight - timedelta(microseconds=1)):
        values = limits_at(row, now=today).values
        assert loosened(before, values) == ()
        assert loosened(after, values) == ()
        # No tighter than one of them either: nothing is taken away that was not asked for.
        assert all(values[name] in (before[name], after[name]) for name in CAPS)
    assert as_sets(dict(limits_at(row, now=midnight).values)) == as_sets(after)
    assert limits_at(row, now=midnight).pending_from is None


@settings(max_examples=40)
@given(
    sets=st.lists(st.tuples(SETS, st.integers(0, 40)), min_size=1, max_size=6),
    start=MOMENTS,
    zone=st.sampled_from(ZONES),
)
def test_security_22_over_any_changes_no_limit_is_raised_on_the_day_it_held(
    sets: list[tuple[dict[str, Any], int]], start: datetime, zone: ZoneInfo
) -> None:
    now, row = start, RiskProfile()
    store(row, changed(TraderLimits(), sets[0][0], now=now, midnight=now))

    for wanted, hours in sets:
        was, since = limits_at(row, now=now).values, next_midnight(now, zone=zone)
        now += timedelta(hours=hours)
        limits = changed(
            limits_at(row, now=now), wanted, now=now, midnight=next_midnight(now, zone=zone)
        )
        store(row, limits)

        if now < since:
            assert loosened(was, limits_at(row, now=now).values) == ()
        assert as_sets(dict(limits.agreed)) == as_sets(wanted)
        assert limits.pending_from in {None, next_midnight(now, zone=zone)}


@pytest.mark.parametrize(
    ("before", "after", "is_another"),
    [
        (UUID(int=1), UUID(int=2), True),
        (UUID(int=1), UUID(int=1), False),
        (UUID(int=1), None, False),
        (None, UUID(int=2), False),
    ],
)
def test_security_24_another_person_to_consent_takes_a_proof(
    before: UUID | None, after: UUID | None, *, is_another: bool
) -> None:
    assert names_another({**TIGHT, APPROVER: before}, {**TIGHT, APPROVER: after}) is is_another


def test_security_24_somebody_can_consent_for_as_long_as_somebody_has_to() -> None:
    limits = set_to(TraderLimits(TIGHT), second_approval_above=None, second_approver_id=None)

    assert limits.approver == UUID(int=1)
    assert limits.pending == {"second_approval_above": None}
    assert TraderLimits(limits.agreed).approver is None
