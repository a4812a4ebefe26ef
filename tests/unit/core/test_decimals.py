from decimal import ROUND_UP, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.decimals import can_be_kept, ceil_to, floor_to, plain


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("0.000", "0"),
        ("1E-8", "0.00000001"),
        ("1E+3", "1000"),
        ("100", "100"),
        ("1.500", "1.5"),
        ("-2.0", "-2"),
    ],
)
def test_plain_has_no_exponent_and_no_trailing_zeros(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text


@pytest.mark.parametrize(
    ("value", "step", "floor", "ceil"),
    [
        ("1.239", "0.01", "1.23", "1.24"),
        ("1.23", "0.01", "1.23", "1.23"),
        ("-1.239", "0.01", "-1.24", "-1.23"),
        ("7", "2.5", "5.0", "7.5"),
        ("7", "0", "7", "7"),
    ],
)
def test_steps(value: str, step: str, floor: str, ceil: str) -> None:
    assert floor_to(Decimal(value), Decimal(step)) == Decimal(floor)
    assert ceil_to(Decimal(value), Decimal(step)) == Decimal(ceil)


@given(
    units=st.integers(-(10**15), 10**15),
    step=st.sampled_from(["0.00000001", "0.001", "0.5", "3"]).map(Decimal),
)
def test_floor_and_ceil_enclose_the_value_whatever_the_ambient_context(
    units: int, step: Decimal
) -> None:
    value = Decimal(units).scaleb(-9)
    with localcontext() as careless:
        careless.prec, careless.rounding = 6, ROUND_UP
        low, high = floor_to(value, step), ceil_to(value, step)

    assert low <= value <= high
    assert high - low in {0, step}
    assert low % step == high % step == 0


@pytest.mark.parametrize(
    ("text", "is_kept"),
    [
        ("99999999999999999999.999999999999999999", True),
        ("1E+20", False),
        ("0.000000000000000001", True),
        ("0.0000000000000000010", True),
        ("0.0000000000000000011", False),
        ("-5", True),
        ("0", True),
        ("NaN", False),
        ("-Infinity", False),
    ],
)
def test_a_number_can_be_kept_when_no_digit_is_lost(text: str, is_kept: bool) -> None:  # noqa: FBT001 a column of the table
    assert can_be_kept(Decimal(text)) is is_kept
