from dataclasses import replace
from decimal import ROUND_UP, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Denied, Invalid
from app.pipeline.risk.sizing import (
    SizeAsked,
    Sized,
    SizingBasis,
    closed_fraction,
    contract_equity,
    equity,
    reduce_quantity,
    size_entry,
    spot_equity,
    target_delta,
)
from app.strategies.words import SizingMode
from tests.unit.positions.builders import an_instrument, an_inverse

SPOT = SizingBasis(
    instrument=an_instrument(quantity_step="0.001", min_quantity="0.001"),
    entry_price=Decimal(60000),
    equity=Decimal(10000),
    fee_rate=Decimal("0.001"),
    stop_price=Decimal(58000),
    min_notional=Decimal(10),
)
INVERSE = SizingBasis(
    instrument=an_inverse(contract_size="100"),
    entry_price=Decimal(50000),
    equity=Decimal(2),
    fee_rate=Decimal("0.0005"),
    stop_price=Decimal(40000),
)


def asked(mode: SizingMode, value: str | None) -> SizeAsked:
    return SizeAsked(mode, None if value is None else Decimal(value))


def denial(mode: SizingMode, value: str | None, basis: SizingBasis = SPOT) -> Denied:
    with pytest.raises(Denied) as caught:
        size_entry(asked(mode, value), basis)
    return caught.value


@pytest.mark.parametrize(
    ("mode", "value", "quantity"),
    [
        (SizingMode.QUANTITY, "0.0129", "0.012"),
        (SizingMode.FROM_ALERT, "0.0129", "0.012"),
        (SizingMode.NOTIONAL, "1000", "0.016"),  # 1000 / 60000 = 0.01666…
        (SizingMode.EQUITY_PERCENT, "10", "0.016"),  # 10 % of 10000 is 1000 again
        # 100 / (2000 + 0.001 · 118000) = 100 / 2118 = 0.0472…
        (SizingMode.RISK_PERCENT, "1", "0.047"),
    ],
)
def test_size_on_spot(mode: SizingMode, value: str, quantity: str) -> None:
    assert size_entry(asked(mode, value), SPOT).quantity == Decimal(quantity)


@pytest.mark.parametrize(
    ("mode", "value", "contracts"),
    [
        (SizingMode.QUANTITY, "7.9", "7"),
        (SizingMode.FROM_ALERT, "750", "7"),  # 750 USD in contracts of 100
        (SizingMode.NOTIONAL, "799", "7"),
        (SizingMode.EQUITY_PERCENT, "10", "100"),  # 0.2 coins at 50000 are 10000 USD
        # a contract is worth 0.002 at entry, 0.0025 at the stop; it loses 0.0005
        # + 0.0005 · 0.0045 = 0.00050225; 0.02 / 0.00050225 = 39.82…
        (SizingMode.RISK_PERCENT, "1", "39"),
    ],
)
def test_size_on_inverse_in_contracts_and_coins(
    mode: SizingMode, value: str, contracts: str
) -> None:
    assert size_entry(asked(mode, value), INVERSE).quantity == Decimal(contracts)


def test_figures_of_a_size() -> None:
    sized = size_entry(asked(SizingMode.QUANTITY, "0.05"), SPOT)

    assert sized == Sized(
        quantity=Decimal("0.05"),
        notional=Decimal(3000),
        entry_price=Decimal(60000),
        stop_price=Decimal(58000),
        margin_at_1x=Decimal(3000),
        fee_estimate=Decimal(3),
        loss_at_stop=Decimal("105.9"),  # 0.05 · 2118
        loss_at_stop_percent=Decimal("1.059"),
    )


def test_figures_of_an_inverse_size_are_in_coin() -> None:
    sized = size_entry(asked(SizingMode.QUANTITY, "10"), INVERSE)

    # 10 · 100 USD; 1000 / 50000 = 0.02 coins; fee 0.02 · 0.0005; loss 10 · 0.00050225
    assert (sized.notional, sized.margin_at_1x) == (Decimal(1000), Decimal("0.02"))
    assert (sized.fee_estimate, sized.loss_at_stop) == (Decimal("0.00001"), Decimal("0.0050225"))


def test_slippage_widens_the_loss() -> None:
    # 100 / (2118 + 0.01 · 58000) = 100 / 2698 = 0.0370…
    basis = replace(SPOT, slippage=Decimal("0.01"))

    assert size_entry(asked(SizingMode.RISK_PERCENT, "1"), basis).quantity == Decimal("0.037")


def test_without_a_stop_or_equity_there_is_no_share_at_risk() -> None:
    size = asked(SizingMode.QUANTITY, "0.05")

    assert size_entry(size, replace(SPOT, stop_price=None)).loss_at_stop is None
    broke = size_entry(size, replace(SPOT, equity=Decimal(0)))
    assert broke.loss_at_stop == Decimal("105.9")
    assert broke.loss_at_stop_percent is None


@pytest.mark.parametrize(
    ("value", "said"), [(None, "names no size"), ("0", "asks for 0"), ("-1", "asks for -1")]
)
def test_no_size_is_denied(value: str | None, said: str) -> None:
    denied = denial(SizingMode.FROM_ALERT, value)

    assert denied.code == "no_size"
    assert said in denied.detail


@pytest.mark.parametrize("stop", [None, Decimal(60000)])
def test_risk_sizing_without_a_stop_is_denied(stop: Decimal | None) -> None:
    assert denial(SizingMode.RISK_PERCENT, "1", replace(SPOT, stop_price=stop)).code == "no_stop"


def test_below_the_minimum_notional_is_denied_with_the_figures() -> None:
    basis = replace(SPOT, instrument=an_instrument())

    denied = denial(SizingMode.NOTIONAL, "9.9", basis)

    # 9.9 / 60000 = 0.000165, down to 0.00016: 9.6 USDT; the profile's 10 is above the venue's 5
    assert denied.code == "below_min_notional"
    assert denied.detail == "BTC/USDT: 0.00016 at 60000 is 9.6 USDT, the minimum is 10"


def test_below_and_above_the_venues_quantities_are_denied() -> None:
    small = replace(SPOT, instrument=an_instrument(min_quantity="0.1"))
    none = replace(INVERSE, min_notional=Decimal(0))

    assert denial(SizingMode.QUANTITY, "0.05", small).code == "below_min_quantity"
    assert denial(SizingMode.QUANTITY, "0.9", none).code == "below_min_quantity"
    assert denial(SizingMode.QUANTITY, "101").code == "above_max_quantity"


def test_raising_goes_to_the_first_lot_that_reaches_the_minimum() -> None:
    basis = replace(SPOT, instrument=an_instrument())

    sized = size_entry(asked(SizingMode.NOTIONAL, "9.9"), basis, raise_to_min_notional=True)

    # 10 / 60000 = 0.0001666…, up to 0.00017: 10.2 USDT
    assert (sized.quantity, sized.notional) == (Decimal("0.00017"), Decimal("10.2"))
    assert sized.is_raised


def test_raising_leaves_what_is_large_enough() -> None:
    sized = size_entry(asked(SizingMode.QUANTITY, "0.05"), SPOT, raise_to_min_notional=True)

    assert sized.quantity == Decimal("0.05")
    assert not sized.is_raised


def test_raising_never_goes_above_what_was_approved() -> None:
    basis = replace(SPOT, instrument=an_instrument())

    with pytest.raises(Denied) as caught:
        size_entry(
            asked(SizingMode.NOTIONAL, "9.9"),
            basis,
            approved_quantity=Decimal("0.00016"),
            raise_to_min_notional=True,
        )

    assert caught.value.code == "below_min_notional"


def test_submit_never_exceeds_the_approved_quantity() -> None:
    size = asked(SizingMode.RISK_PERCENT, "1")

    assert size_entry(size, SPOT, approved_quantity=Decimal("0.04")).quantity == Decimal("0.04")
    assert size_entry(size, SPOT, approved_quantity=Decimal("0.06")).quantity == Decimal("0.047")


def test_approved_fraction_is_rounded_down() -> None:
    sized = size_entry(asked(SizingMode.QUANTITY, "0.05"), SPOT, fraction=Decimal("0.33"))

    assert sized.quantity == Decimal("0.016")  # 0.0165


@pytest.mark.parametrize("fraction", ["0", "-0.1", "1.01"])
def test_fraction_outside_is_invalid(fraction: str) -> None:
    with pytest.raises(Invalid, match=f"not {fraction}"):
        size_entry(asked(SizingMode.QUANTITY, "1"), SPOT, fraction=Decimal(fraction))


@pytest.mark.parametrize(
    ("account", "allocation", "result", "reinvest", "expected"),
    [
        ("900", None, "50", True, "900"),
        ("-5", None, "0", False, "0"),
        ("900", "500", "-100", False, "400"),
        ("900", "500", "100", False, "500"),
        ("900", "500", "100", True, "600"),
        ("900", "500", "-100", True, "400"),
        ("300", "500", "100", True, "300"),
        ("900", "500", "-600", False, "0"),
    ],
)
def test_equity_is_the_allocation_after_losses_within_the_account(
    account: str, allocation: str | None, result: str, *, reinvest: bool, expected: str
) -> None:
    assert equity(
        Decimal(account),
        allocation=None if allocation is None else Decimal(allocation),
        net_result=Decimal(result),
        reinvest=reinvest,
    ) == Decimal(expected)


def test_account_equity_of_contracts_and_spot() -> None:
    assert contract_equity(wallet=Decimal(100), unrealised=Decimal(-7)) == Decimal(93)
    assert spot_equity(free=Decimal(10), locked=Decimal(5), books_at_bid=Decimal(20)) == Decimal(35)


def test_partial_exit_takes_the_fraction_of_our_own_book() -> None:
    fraction = closed_fraction(previous=Decimal(4), now=Decimal(3))

    assert fraction == Decimal("0.25")
    # 0.05 · 0.25 = 0.0125
    held, instrument = Decimal("0.05"), SPOT.instrument
    assert reduce_quantity(held, fraction, instrument=instrument) == Decimal("0.012")
    assert reduce_quantity(held, Decimal(2), instrument=instrument) == held


@pytest.mark.parametrize(
    ("previous", "now", "code"),
    [("0", "0", "not_in_position"), ("1", "2", "not_a_reduction"), ("1", "-1", "not_a_reduction")],
)
def test_reduction_that_is_none_is_denied(previous: str, now: str, code: str) -> None:
    with pytest.raises(Denied) as caught:
        closed_fraction(previous=Decimal(previous), now=Decimal(now))

    assert caught.value.code == code


def test_target_counts_what_is_held_and_what_is_on_its_way() -> None:
    # -2 wanted, 3 held, exits of 1 live: sell 4 more
    assert target_delta(Decimal(-2), held=Decimal(3), in_flight=Decimal(-1)) == Decimal(-4)


@given(
    mode=st.sampled_from(SizingMode),
    value=st.integers(1, 10**8).map(lambda units: Decimal(units).scaleb(-4)),
    approved=st.none() | st.integers(1, 10**6).map(lambda units: Decimal(units).scaleb(-3)),
    fraction=st.integers(1, 100).map(lambda hundredths: Decimal(hundredths) / 100),
)
def test_rounding_never_increases_the_quantity_whatever_the_ambient_context(
    mode: SizingMode, value: Decimal, approved: Decimal | None, fraction: Decimal
) -> None:
    size = SizeAsked(mode, value)
    basis = replace(SPOT, instrument=an_instrument(quantity_step="0.003", max_quantity=None))
    exact = replace(
        basis, instrument=an_instrument(quantity_step="0", min_quantity="0", max_quantity=None)
    )
    with localcontext() as careless:
        careless.prec, careless.rounding = 6, ROUND_UP
        try:
            sized = size_entry(size, basis, fraction=fraction, approved_quantity=approved)
        except Denied:
            return
        wanted = size_entry(size, exact, fraction=fraction, approved_quantity=approved)

    assert 0 < sized.quantity <= wanted.quantity
    assert sized.quantity % Decimal("0.003") == 0
    assert approved is None or sized.quantity <= approved
