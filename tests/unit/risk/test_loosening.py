"""What counts as allowing more."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from app.pipeline.risk.exposure import Limits
from app.pipeline.risk.loosening import CAPS, loosened

TIGHT = Limits(
    max_daily_loss=Decimal(100),
    max_open_positions=3,
    max_notional_per_symbol=Decimal(1000),
    max_notional_total=Decimal(2000),
    max_leverage=Decimal(2),
    max_orders_per_minute=5,
    max_price_drift=Decimal("0.01"),
    allowed_symbols=frozenset({"BTC/USDT:USDT", "ETH/USDT:USDT"}),
)


@pytest.mark.parametrize("name", CAPS)
def test_more_or_none_at_all_allows_more_and_less_does_not(name: str) -> None:
    held = getattr(TIGHT, name)

    def with_(value: Any) -> Limits:
        return replace(TIGHT, **{name: value})

    assert loosened(TIGHT, with_(held * 2)) == (name,)
    assert loosened(TIGHT, with_(None)) == (name,)
    assert loosened(TIGHT, with_(held / 2)) == ()
    assert loosened(with_(None), TIGHT) == ()


@pytest.mark.parametrize(
    ("symbols", "names"),
    [
        (None, ("allowed_symbols",)),
        (frozenset({"BTC/USDT:USDT", "SOL/USDT:USDT"}), ("allowed_symbols",)),
        (frozenset({"BTC/USDT:USDT"}), ()),
        (frozenset(), ()),
        (TIGHT.allowed_symbols, ()),
    ],
)
def test_another_symbol_allows_more(symbols: frozenset[str] | None, names: tuple[str, ...]) -> None:
    assert loosened(TIGHT, replace(TIGHT, allowed_symbols=symbols)) == names


def test_the_first_limits_and_the_same_ones_loosen_nothing() -> None:
    assert loosened(Limits(), TIGHT) == ()
    assert loosened(TIGHT, TIGHT) == ()
