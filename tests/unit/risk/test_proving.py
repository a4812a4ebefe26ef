"""Each rule bites into the entry that was made for it, whatever the limits are."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from app.pipeline.risk.exposure import Limits
from app.pipeline.risk.loosening import CAPS
from app.pipeline.risk.proving import PROVOCATIONS, prove
from app.pipeline.risk.rules import RULES
from tests.unit.positions.builders import NOON

OPTIONAL = {
    "daily_loss_frozen": "max_daily_loss",
    "daily_loss_would_exceed": "max_daily_loss",
    "symbol_not_allowed": "allowed_symbols",
    "price_drift": "max_price_drift",
    "max_leverage": "max_leverage",
    "max_open_positions": "max_open_positions",
    "max_notional_per_symbol": "max_notional_per_symbol",
    "max_notional_total": "max_notional_total",
    "max_orders_per_minute": "max_orders_per_minute",
    "second_approval_missing": "second_approval_above",
}


def amounts(least: str, most: str) -> st.SearchStrategy[Decimal]:
    return st.decimals(Decimal(least), Decimal(most), places=2)


# As wide as the API takes them, and wide enough for the harmless entry to pass.
LIMITS = st.builds(
    Limits,
    max_daily_loss=st.none() | amounts("0.01", "1000000"),
    max_open_positions=st.none() | st.integers(1, 1000),
    max_notional_per_symbol=st.none() | amounts("1000", "1000000"),
    max_notional_total=st.none() | amounts("1000", "1000000"),
    max_leverage=st.none() | st.integers(1, 125).map(Decimal),
    max_orders_per_minute=st.none() | st.integers(1, 1000),
    min_notional=amounts("0", "1000"),
    allowed_symbols=st.none()
    | st.frozensets(st.sampled_from(["BTC/USDT", "ETH/USDT"]), min_size=1),
    max_price_drift=st.none() | st.decimals(Decimal("0.0001"), Decimal(1), places=4),
    second_approval_above=st.none() | amounts("0.01", "1000000"),
    max_price_age=st.integers(1, 60).map(lambda seconds: timedelta(seconds=seconds)),
)


def test_every_rule_has_an_entry_made_for_it_and_every_limit_a_rule() -> None:
    assert list(PROVOCATIONS) == list(RULES)
    # A column is in percent, the rule's limit a fraction.
    assert {name.removesuffix("_percent") for name in CAPS} <= set(OPTIONAL.values())


@given(LIMITS)
def test_security_22_every_rule_that_is_set_bites_and_lets_the_harmless_pass(
    limits: Limits,
) -> None:
    for proof in prove(limits, now=NOON):
        limit = OPTIONAL.get(proof.rule)
        assert proof.is_set is (limit is None or getattr(limits, limit) is not None)
        assert proof.bites is proof.is_set, proof
        assert bool(proof.said) is proof.is_set
        assert proof.tried.endswith(".")


def test_limits_that_let_nothing_pass_are_told() -> None:
    impossible = Limits(max_notional_total=Decimal(1), min_notional=Decimal(10))

    [total] = [one for one in prove(impossible, now=NOON) if one.rule == "max_notional_total"]

    assert total.is_set
    assert not total.bites
