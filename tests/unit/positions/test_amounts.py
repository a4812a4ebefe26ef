from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pipeline.positions.amounts import amount_of, average, pro_rata, storable
from tests.unit.positions.builders import a_linear, an_inverse

CENTS = Decimal("0.01")


def test_loss_of_quantity_is_shared_by_weight_and_the_heaviest_takes_the_rest() -> None:
    # 1 over 1:1:2 in hundredths is 0.25, 0.25, 0.50; over 1:1:1 the first takes 0.34
    ones = [Decimal(1)] * 3

    assert pro_rata(Decimal(1), [Decimal(1), Decimal(1), Decimal(2)], step=CENTS) == [
        Decimal("0.25"),
        Decimal("0.25"),
        Decimal("0.50"),
    ]
    assert pro_rata(Decimal(1), ones, step=CENTS) == [
        Decimal("0.34"),
        Decimal("0.33"),
        Decimal("0.33"),
    ]


@given(
    total=st.integers(-(10**9), 10**9).map(lambda units: Decimal(units).scaleb(-6)),
    weights=st.lists(st.integers(0, 1000).map(Decimal), min_size=1, max_size=9),
)
def test_shares_always_add_up(total: Decimal, weights: list[Decimal]) -> None:
    weights[0] += 1

    assert sum(pro_rata(total, weights, step=Decimal("1e-12"))) == total


def test_amount_is_quote_on_linear_and_coin_on_inverse() -> None:
    # 3 · 7 = 21; 3 contracts of 10 USD at 7: 30 / 7 = 4.285714285714
    assert amount_of(a_linear(), Decimal(3), price=Decimal(7)) == Decimal(21)
    inverse = an_inverse(contract_size="10")
    assert amount_of(inverse, Decimal(3), price=Decimal(7)) == Decimal("4.285714285714")


def test_average_of_nothing_is_none() -> None:
    assert average(a_linear(), Decimal(0), amount=Decimal(1)) is None
    assert average(a_linear(), Decimal(1), amount=Decimal(0)) is None


@pytest.mark.parametrize(
    ("value", "kept"),
    [("1.5", "1.5"), ("0.1234567890123456785", "0.123456789012345678"), ("1E+3", "1000")],
)
def test_storable_keeps_eighteen_places(value: str, kept: str) -> None:
    assert storable(Decimal(value)) == Decimal(kept)
