from decimal import ROUND_UP, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.trading.words import PositionSide, Side
from tests.unit.positions.builders import an_instrument, an_inverse

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
COARSE = an_instrument(quantity_step="0.003", price_tick="0.5")


def test_quantity_goes_down_to_the_lot_and_up_only_on_request() -> None:
    assert COARSE.floor_quantity(Decimal("0.0119")) == Decimal("0.009")
    assert COARSE.ceil_quantity(Decimal("0.0101")) == Decimal("0.012")


def test_price_goes_to_the_tick() -> None:
    assert COARSE.floor_price(Decimal("100.9")) == Decimal("100.5")
    assert COARSE.ceil_price(Decimal("100.1")) == Decimal("100.5")


@pytest.mark.parametrize(
    ("side", "stop", "target"), [(LONG, "95.5", "95.0"), (SHORT, "95", "95.5")]
)
def test_stop_and_target_go_towards_entry(side: PositionSide, stop: str, target: str) -> None:
    assert COARSE.stop_price(Decimal("95.2"), side) == Decimal(stop)
    assert COARSE.target_price(Decimal("95.2"), side) == Decimal(target)


def test_notional_is_quantity_times_price_and_contract_size_on_inverse() -> None:
    assert COARSE.notional(Decimal(2), Decimal(100)) == Decimal(200)
    assert an_inverse(contract_size="10").notional(Decimal(2), Decimal(100)) == Decimal(20)


@given(st.integers(0, 10**14).map(lambda units: Decimal(units).scaleb(-10)))
def test_rounding_never_increases_a_quantity(quantity: Decimal) -> None:
    with localcontext() as careless:
        careless.prec, careless.rounding = 6, ROUND_UP
        rounded = COARSE.floor_quantity(quantity)

    assert 0 <= quantity - rounded < Decimal("0.003")
    assert rounded % Decimal("0.003") == 0


@pytest.mark.parametrize(
    ("position_side", "opens", "closes"),
    [(LONG, Side.BUY, Side.SELL), (SHORT, Side.SELL, Side.BUY)],
)
def test_sides_know_their_orders(position_side: PositionSide, opens: Side, closes: Side) -> None:
    assert position_side.opening_side is opens
    assert position_side.closing_side is closes
    assert position_side.opposite.opening_side is closes
    assert opens.opposite is closes
    assert position_side.sign == (1 if opens is Side.BUY else -1)
