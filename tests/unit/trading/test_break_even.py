from decimal import Decimal

import pytest

from app.trading.break_even import profit_price
from app.trading.words import PositionSide


@pytest.mark.parametrize(
    ("side", "min_profit", "price"),
    [
        # (200 + 0.2) / 2 = 100.1; / 0.999 = 100.2002002…
        (PositionSide.LONG, "0", "100.2002"),
        # … · 1.005
        (PositionSide.LONG, "0.005", "100.7012"),
        # (200 - 0.2) / 2 = 99.9; / 1.001 = 99.8001998…
        (PositionSide.SHORT, "0", "99.8002"),
        (PositionSide.SHORT, "0.005", "99.3012"),
    ],
)
def test_the_price_pays_cost_both_fees_and_the_profit(
    side: PositionSide, min_profit: str, price: str
) -> None:
    found = profit_price(
        side,
        quantity=Decimal(2),
        cost=Decimal(200),
        open_fees=Decimal("0.2"),
        exit_fee_rate=Decimal("0.001"),
        min_profit=Decimal(min_profit),
    )

    assert round(found, 4) == Decimal(price)
