from dataclasses import replace
from datetime import timedelta
from decimal import Decimal, localcontext
from typing import Any
from uuid import UUID

import pytest

from app.pipeline.risk.exposure import (
    DailyLoss,
    Entry,
    Exposure,
    HeldBook,
    Limits,
    StrategyLimits,
    daily_loss_state,
)
from app.pipeline.risk.rules import RULES, Verdict, check_entry, first_denial
from app.pipeline.risk.sizing import Sized
from app.trading.instrument import Instrument
from app.trading.words import MarginMode, MarketType, PositionSide
from tests.unit.positions.builders import NOON, a_linear, an_instrument, an_inverse

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
MINE, OTHER = UUID(int=1), UUID(int=2)
SPOT = an_instrument()


def a_size(quantity: str = "1", *, stop: str | None = "95", loss: str | None = "5.2") -> Sized:
    """One unit at 100 with a fee of 0.1."""
    notional = Decimal(quantity) * 100
    return Sized(
        quantity=Decimal(quantity),
        notional=notional,
        entry_price=Decimal(100),
        stop_price=None if stop is None else Decimal(stop),
        margin_at_1x=notional,
        fee_estimate=Decimal("0.1"),
        loss_at_stop=None if loss is None else Decimal(loss),
        loss_at_stop_percent=None,
    )


def an_entry(instrument: Instrument | None = None, **fields: Any) -> Entry:
    given: dict[str, Any] = {
        "strategy_id": MINE,
        "instrument": a_linear() if instrument is None else instrument,
        "position_side": LONG,
        "sized": a_size(),
        "executable_price": Decimal(100),
        "price_at": NOON,
        "is_auto": True,
    }
    return Entry(**{**given, **fields})


def a_short(**fields: Any) -> Entry:
    return an_entry(**{"position_side": SHORT, "sized": a_size(stop="105"), **fields})


def an_exposure(**fields: Any) -> Exposure:
    return Exposure(**{"free": Decimal(10000), **fields})


def a_book(side: PositionSide = LONG, *, strategy_id: UUID = MINE, entries: int = 1) -> HeldBook:
    return HeldBook(strategy_id, side, Decimal(1), Decimal(100), entries)


def verdict_of(
    rule: str, entry: Entry, exposure: Exposure | None = None, limits: Limits | None = None
) -> Verdict:
    known = an_exposure() if exposure is None else exposure
    verdicts = check_entry(entry, known, limits or Limits(), now=NOON)
    return next(verdict for verdict in verdicts if verdict.rule == rule)


def test_harmless_entry_passes_every_rule_and_each_has_a_sentence() -> None:
    verdicts = check_entry(an_entry(), an_exposure(), Limits(), now=NOON)

    assert [verdict.rule for verdict in verdicts] == list(RULES)
    assert all(verdict.ok and verdict.detail for verdict in verdicts)
    assert first_denial(verdicts) is None


def test_a_sentence_is_the_same_whoever_reads_it_in_whichever_context() -> None:
    entry = an_entry(executable_price=Decimal("100.123456"), reference_price=Decimal("99.9"))
    limits = Limits(max_price_drift=Decimal("0.012345"))
    verdicts = check_entry(entry, an_exposure(), limits, now=NOON)

    said = [verdict.detail for verdict in verdicts]
    with localcontext(prec=3):
        again = [verdict.detail for verdict in verdicts]

    assert again == said
    assert "100.123456 is 0.2237 % from 99.9, at most 1.2345 %" in said


def test_gravest_broken_rule_is_the_denial() -> None:
    exposure = an_exposure(kill_switch="account", free=Decimal(0))

    denied = first_denial(check_entry(an_entry(), exposure, Limits(), now=NOON))

    assert denied is not None
    assert (denied.code, denied.detail) == ("kill_switch", "the account's kill switch is on")


def test_hold_and_halt_deny_with_their_cause() -> None:
    hold = verdict_of("entries_on_hold", an_entry(), an_exposure(hold="an order is unknown"))
    halted = verdict_of("market_halted", an_entry(replace(SPOT, is_active=False)))

    assert (hold.ok, hold.detail) == (False, "an order is unknown")
    assert not halted.ok
    assert "halted by the venue" in halted.detail


@pytest.mark.parametrize(("seconds", "ok"), [(0, True), (3, True), (4, False)])
def test_old_price_is_no_price(seconds: int, *, ok: bool) -> None:
    entry = an_entry(price_at=NOON - timedelta(seconds=seconds))

    assert verdict_of("stale_price", entry).ok is ok


@pytest.mark.parametrize(
    ("of_trader", "of_strategy", "ok"),
    [
        (None, None, True),
        ({"BTC/USDT:USDT"}, {"BTC/USDT:USDT"}, True),
        ({"ETH/USDT:USDT"}, None, False),
        (None, {"ETH/USDT:USDT"}, False),
        (set(), None, False),
    ],
)
def test_symbol_must_be_on_both_lists(
    of_trader: set[str] | None, of_strategy: set[str] | None, *, ok: bool
) -> None:
    limits = Limits(allowed_symbols=None if of_trader is None else frozenset(of_trader))
    listed = None if of_strategy is None else frozenset(of_strategy)
    entry = an_entry(strategy=StrategyLimits(allowed_symbols=listed))

    assert verdict_of("symbol_not_allowed", entry, limits=limits).ok is ok


def test_spot_holds_longs_only() -> None:
    assert verdict_of("spot_cannot_short", an_entry(SPOT)).ok
    assert verdict_of("spot_cannot_short", a_short()).ok
    assert not verdict_of("spot_cannot_short", a_short(instrument=SPOT)).ok


def test_strategy_opens_its_own_sides_only() -> None:
    only_short = StrategyLimits(sides=frozenset({SHORT}))

    denied = verdict_of("side_not_allowed", an_entry(strategy=only_short))

    assert (denied.ok, denied.detail) == (False, "a long entry; the strategy opens short")
    assert verdict_of("side_not_allowed", a_short(strategy=only_short)).ok
    assert not verdict_of(
        "side_not_allowed", an_entry(strategy=StrategyLimits(sides=frozenset()))
    ).ok


@pytest.mark.parametrize(
    ("exposure", "ok"),
    [
        (an_exposure(), True),
        (an_exposure(books=(a_book(LONG, strategy_id=OTHER),)), True),
        (an_exposure(books=(a_book(SHORT, strategy_id=OTHER),)), False),
        (an_exposure(books=(a_book(SHORT),)), False),
        (an_exposure(books=(replace(a_book(SHORT), quantity=Decimal(0)),)), True),
        (an_exposure(books=(a_book(SHORT, strategy_id=OTHER),), is_hedged=True), True),
        (an_exposure(external_quantity=Decimal("0.5")), True),
        (an_exposure(external_quantity=Decimal("-0.5")), False),
    ],
)
def test_entry_against_what_the_account_holds_is_denied(exposure: Exposure, *, ok: bool) -> None:
    assert verdict_of("opposite_exposure", an_entry(), exposure).ok is ok


@pytest.mark.parametrize(
    ("fields", "entries", "ok"),
    [
        ({}, 0, True),
        ({}, 1, False),
        ({"is_auto": False}, 1, True),
        ({"is_add": True}, 1, True),
        ({"strategy": StrategyLimits(max_entries=2)}, 1, True),
        ({"strategy": StrategyLimits(max_entries=2)}, 2, False),
        ({"strategy": StrategyLimits(max_entries=0)}, 9, True),
    ],
)
def test_repeated_entry_needs_a_human_or_room(
    fields: dict[str, Any], entries: int, *, ok: bool
) -> None:
    others = (a_book(strategy_id=OTHER),)
    books = (*others, a_book(entries=entries)) if entries else others

    assert verdict_of("already_in_position", an_entry(**fields), an_exposure(books=books)).ok is ok


def test_add_says_what_it_adds_to() -> None:
    entry = an_entry(is_auto=False)

    verdict = verdict_of("already_in_position", entry, an_exposure(books=(a_book(),)))

    assert verdict.detail == "adds to a long of 1"


@pytest.mark.parametrize(
    ("realised", "changes", "limit", "expected"),
    [
        ("-30", ["-20", "-10"], "100", DailyLoss(Decimal(60), Decimal(40), is_reached=False)),
        # unrealised gains do not offset, single ones only offset each other
        ("-30", ["50"], "100", DailyLoss(Decimal(30), Decimal(70), is_reached=False)),
        ("-30", ["-20", "15"], "100", DailyLoss(Decimal(35), Decimal(65), is_reached=False)),
        ("-90", ["-10"], "100", DailyLoss(Decimal(100), Decimal(0), is_reached=True)),
        ("-90", ["-30"], "100", DailyLoss(Decimal(120), Decimal(0), is_reached=True)),
        ("40", [], "100", DailyLoss(Decimal(-40), Decimal(140), is_reached=False)),
        ("-999", [], None, DailyLoss(Decimal(999), None, is_reached=False)),
    ],
)
def test_daily_loss(
    realised: str, changes: list[str], limit: str | None, expected: DailyLoss
) -> None:
    state = daily_loss_state(
        Decimal(realised),
        [Decimal(change) for change in changes],
        limit=None if limit is None else Decimal(limit),
    )

    assert state == expected


@pytest.mark.parametrize(
    ("fields", "ok"),
    [
        ({}, True),
        ({"frozen_until": NOON + timedelta(hours=1)}, False),
        ({"frozen_until": NOON}, True),
        ({"realised_net_today": Decimal(-99)}, True),
        ({"realised_net_today": Decimal(-99), "unrealised_change": Decimal(-1)}, False),
    ],
)
def test_day_at_its_loss_limit_is_frozen(fields: dict[str, Any], *, ok: bool) -> None:
    limits = Limits(max_daily_loss=Decimal(100))

    assert verdict_of("daily_loss_frozen", an_entry(), an_exposure(**fields), limits).ok is ok


@pytest.mark.parametrize(
    ("lost", "loss", "limit", "ok"),
    [
        ("-94.8", "5.2", "100", True),  # 5.2 left
        ("-94.81", "5.2", "100", False),
        ("-94.81", None, "100", True),
        ("-94.81", "5.2", None, True),
    ],
)
def test_entry_may_not_lose_more_than_is_left(
    lost: str, loss: str | None, limit: str | None, *, ok: bool
) -> None:
    limits = Limits(max_daily_loss=None if limit is None else Decimal(limit))
    exposure = an_exposure(realised_net_today=Decimal(lost))
    entry = an_entry(sized=a_size(loss=loss))

    assert verdict_of("daily_loss_would_exceed", entry, exposure, limits).ok is ok


@pytest.mark.parametrize(
    ("rule", "limit", "exposure", "detail"),
    [
        (
            "max_open_positions",
            {"max_open_positions": 2},
            {"open_positions": 2},
            "3 open positions, at most 2",
        ),
        (
            "max_notional_per_symbol",
            {"max_notional_per_symbol": Decimal(299)},
            {"symbol_notional": Decimal(200)},
            "300 USDT on BTC/USDT:USDT, at most 299",
        ),
        (
            "max_notional_total",
            {"max_notional_total": Decimal(299)},
            {"total_notional": Decimal(200)},
            "300 USDT in all, at most 299",
        ),
        ("max_leverage", {"max_leverage": Decimal("0.5")}, {}, "1 times leverage, at most 0.5"),
        (
            "max_orders_per_minute",
            {"max_orders_per_minute": 2},
            {"orders_last_minute": 2},
            "3 orders in a minute, at most 2",
        ),
    ],
)
def test_limit_counts_the_entry_itself(
    rule: str, limit: dict[str, Any], exposure: dict[str, Any], detail: str
) -> None:
    over = verdict_of(rule, an_entry(), an_exposure(**exposure), Limits(**limit))
    at = {name: value + 1 for name, value in limit.items()}

    assert (over.ok, over.detail) == (False, detail)
    assert verdict_of(rule, an_entry(), an_exposure(**exposure), Limits(**at)).ok
    assert "no limit" in verdict_of(rule, an_entry()).detail


def test_adding_to_a_book_opens_no_further_position() -> None:
    exposure = an_exposure(open_positions=2, books=(a_book(),))

    assert verdict_of("max_open_positions", an_entry(), exposure, Limits(max_open_positions=2)).ok


@pytest.mark.parametrize(("least", "ok"), [("100", True), ("100.01", False)])
def test_minimum_notional_of_the_profile_and_of_the_venue(least: str, *, ok: bool) -> None:
    of_profile = Limits(min_notional=Decimal(least))
    of_venue = an_entry(an_instrument(min_notional=least))

    assert verdict_of("min_notional", an_entry(), limits=of_profile).ok is ok
    assert verdict_of("min_notional", of_venue).ok is ok


@pytest.mark.parametrize(
    ("fields", "of_trader", "of_strategy", "ok"),
    [
        ({"reference_price": Decimal(101)}, None, None, True),
        ({}, "0.01", None, True),
        ({"reference_price": Decimal(0)}, "0.01", None, True),
        ({"reference_price": Decimal(99)}, "0.01", None, False),  # 1/99 = 1.0101 %
        ({"reference_price": Decimal(101)}, "0.01", None, True),  # 1/101 = 0.9901 %
        ({"reference_price": Decimal(102)}, "0.01", None, False),
        ({"reference_price": Decimal(101)}, "0.01", "0.005", False),
        ({"reference_price": Decimal(101)}, None, "0.005", False),
        ({"reference_price": Decimal(100), "limit_price": Decimal(98)}, "0.01", None, False),
        ({"reference_price": Decimal(98), "limit_price": Decimal(98)}, "0.01", None, True),
    ],
)
def test_price_may_drift_neither_way(
    fields: dict[str, Any], of_trader: str | None, of_strategy: str | None, *, ok: bool
) -> None:
    limits = Limits(max_price_drift=None if of_trader is None else Decimal(of_trader))
    drift = None if of_strategy is None else Decimal(of_strategy)
    entry = an_entry(**fields, strategy=StrategyLimits(max_price_drift=drift))

    assert verdict_of("price_drift", entry, limits=limits).ok is ok


def test_drift_is_told_in_percent() -> None:
    entry = an_entry(reference_price=Decimal(99))

    verdict = verdict_of("price_drift", entry, limits=Limits(max_price_drift=Decimal("0.01")))

    assert verdict.detail == "100 is 1.0101 % from 99, at most 1 %"


@pytest.mark.parametrize(
    ("entry", "past_stop", "past_target"),
    [
        (an_entry(target_price=Decimal(105)), False, False),
        (an_entry(executable_price=Decimal(95), target_price=Decimal(105)), True, False),
        (an_entry(executable_price=Decimal(105), target_price=Decimal(105)), False, True),
        (a_short(executable_price=Decimal(105), target_price=Decimal(95)), True, False),
        (a_short(executable_price=Decimal(95), target_price=Decimal(95)), False, True),
        # a limit below the market waits there, and only then the target is ahead
        (
            an_entry(
                executable_price=Decimal(106),
                limit_price=Decimal(100),
                target_price=Decimal(105),
            ),
            False,
            False,
        ),
        # a limit through the market is filled at the market, which is past the stop
        (an_entry(executable_price=Decimal(94), limit_price=Decimal(100)), True, False),
        (a_short(executable_price=Decimal(106), limit_price=Decimal(100)), True, False),
        (an_entry(sized=a_size(stop=None)), False, False),
    ],
)
def test_price_past_stop_or_target(entry: Entry, *, past_stop: bool, past_target: bool) -> None:
    assert verdict_of("past_stop", entry).ok is not past_stop
    assert verdict_of("past_target", entry).ok is not past_target


@pytest.mark.parametrize(
    ("entry", "ok"),
    [
        # at 10x with 1 % maintenance a long of 100 is liquidated at 91; the stop's distance
        # and a fifth of it must fit into 9: 7.5 · 1.2 = 9, 7.6 · 1.2 = 9.12
        (an_entry(leverage=Decimal(10), sized=a_size(stop="92.5")), True),
        (an_entry(leverage=Decimal(10), sized=a_size(stop="92.4")), False),
        (a_short(leverage=Decimal(10), sized=a_size(stop="107.5")), True),
        (a_short(leverage=Decimal(10), sized=a_size(stop="107.6")), False),
        (an_entry(leverage=Decimal(100), sized=a_size(stop=None)), True),
        (an_entry(SPOT, sized=a_size(stop="1")), True),
        (a_short(instrument=an_inverse()), True),
    ],
)
def test_liquidation_stays_behind_the_stop(entry: Entry, *, ok: bool) -> None:
    assert verdict_of("liquidation_before_stop", entry).ok is ok


def test_liquidation_of_an_add_is_that_of_the_whole_book() -> None:
    # Book 1 at 100 and 1 more at 100 stay at 100; with a book at 80 the average is 90, and
    # 90 · 0.91 = 81.9 leaves 8.1, of which a stop at 84 wants 6 · 1.2 = 7.2.
    entry = an_entry(leverage=Decimal(10), sized=a_size(stop="84"), is_add=True)
    cheap = replace(a_book(), entry_price=Decimal(80))

    assert not verdict_of("liquidation_before_stop", entry, an_exposure(books=(a_book(),))).ok
    assert verdict_of("liquidation_before_stop", entry, an_exposure(books=(cheap,))).ok


@pytest.mark.parametrize(
    ("entry", "exposure", "ok"),
    [
        (an_entry(), an_exposure(), True),
        (an_entry(), an_exposure(leverage=Decimal(1), margin_mode=MarginMode.ISOLATED), True),
        (an_entry(), an_exposure(leverage=Decimal(3)), False),
        (an_entry(), an_exposure(margin_mode=MarginMode.CROSS), False),
        (an_entry(SPOT), an_exposure(leverage=Decimal(3)), True),
    ],
)
def test_other_leverage_in_use_denies(entry: Entry, exposure: Exposure, *, ok: bool) -> None:
    assert verdict_of("leverage_in_use", entry, exposure).ok is ok


@pytest.mark.parametrize(
    ("entry", "free", "ok"),
    [
        (an_entry(SPOT), "100.1", True),
        (an_entry(SPOT), "100.09", False),
        (an_entry(leverage=Decimal(4)), "25.1", True),  # 100 / 4 + 0.1
        (an_entry(leverage=Decimal(4)), "25.09", False),
    ],
)
def test_entry_must_be_paid_for(entry: Entry, free: str, *, ok: bool) -> None:
    assert verdict_of("insufficient_funds", entry, an_exposure(free=Decimal(free))).ok is ok


def test_market_types_are_told_apart() -> None:
    assert an_entry(SPOT).is_spot
    assert not an_entry().is_spot
    assert an_inverse().market_type is MarketType.INVERSE


@pytest.mark.parametrize(
    ("above", "has_second_approval", "ok"),
    [
        (None, False, True),
        ("100.01", False, True),
        ("100", False, True),
        ("99.99", False, False),
        ("99.99", True, True),
    ],
)
def test_security_24_what_is_worth_more_than_the_limit_needs_a_second_person(
    *, above: str | None, has_second_approval: bool, ok: bool
) -> None:
    limits = Limits(second_approval_above=None if above is None else Decimal(above))
    entry = an_entry(has_second_approval=has_second_approval)

    verdict = verdict_of("second_approval_missing", entry, limits=limits)

    assert verdict.ok is ok
