from decimal import Decimal

import pytest

from app.core.errors import Denied, Invalid
from app.pipeline.risk.levels import (
    PriceLevel,
    average_price,
    liquidation_estimate,
    stop_from,
    target_from,
    targets_from,
    tighter_stop,
)
from app.strategies.words import LevelKind
from app.trading.words import MarketType, PositionSide
from tests.unit.positions.builders import an_instrument

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
TENTHS = an_instrument(price_tick="0.1")


def level(kind: LevelKind, value: str) -> PriceLevel:
    return PriceLevel(kind, Decimal(value))


def stop(kind: LevelKind, value: str, *, side: PositionSide = LONG, entry: str = "100") -> Decimal:
    return stop_from(
        level(kind, value), entry_price=Decimal(entry), position_side=side, instrument=TENTHS
    )


def target(kind: LevelKind, value: str, *, side: PositionSide = LONG) -> Decimal:
    return target_from(
        level(kind, value), entry_price=Decimal(100), position_side=side, instrument=TENTHS
    )


@pytest.mark.parametrize(
    ("kind", "value", "of_long", "of_short"),
    [
        # towards entry: up for a long's stop, down for a short's
        (LevelKind.PERCENT, "1.27", "98.8", "101.2"),  # 98.73 and 101.27
        (LevelKind.TRAILING_PERCENT, "1.27", "98.8", "101.2"),
        (LevelKind.DISTANCE, "2.34", "97.7", "102.3"),  # 97.66 and 102.34
    ],
)
def test_stop_is_rounded_towards_entry(
    kind: LevelKind, value: str, of_long: str, of_short: str
) -> None:
    assert stop(kind, value) == Decimal(of_long)
    assert stop(kind, value, side=SHORT) == Decimal(of_short)


def test_target_is_rounded_towards_entry() -> None:
    # 101.27 down for a long, 98.73 up for a short
    assert target(LevelKind.PERCENT, "1.27") == Decimal("101.2")
    assert target(LevelKind.PERCENT, "1.27", side=SHORT) == Decimal("98.8")


def test_price_is_taken_as_it_is_and_put_on_the_tick() -> None:
    assert stop(LevelKind.PRICE, "95.01") == Decimal("95.1")
    assert target(LevelKind.PRICE, "105.09") == Decimal(105)


@pytest.mark.parametrize(
    ("kind", "value", "side"),
    [
        (LevelKind.PRICE, "101", LONG),
        (LevelKind.PRICE, "100", LONG),
        (LevelKind.PRICE, "99.99", LONG),  # rounds up to the entry itself
        (LevelKind.PRICE, "99", SHORT),
        (LevelKind.PERCENT, "0", LONG),
        (LevelKind.PERCENT, "-2", SHORT),
        (LevelKind.PERCENT, "100", LONG),  # a stop at 0
        (LevelKind.DISTANCE, "150", LONG),
    ],
)
def test_stop_on_the_wrong_side_is_denied(kind: LevelKind, value: str, side: PositionSide) -> None:
    with pytest.raises(Denied, match="entry 100") as caught:
        stop(kind, value, side=side)

    assert caught.value.code == "stop_on_wrong_side"


@pytest.mark.parametrize(
    ("kind", "value", "side"),
    [
        (LevelKind.PRICE, "99", LONG),
        (LevelKind.PRICE, "101", SHORT),
        (LevelKind.PERCENT, "100", SHORT),  # a target at 0
    ],
)
def test_target_on_the_wrong_side_is_denied(
    kind: LevelKind, value: str, side: PositionSide
) -> None:
    with pytest.raises(Denied, match="entry 100") as caught:
        target(kind, value, side=side)

    assert caught.value.code == "target_on_wrong_side"


def test_target_cannot_trail() -> None:
    with pytest.raises(Invalid, match="only a stop can trail"):
        target(LevelKind.TRAILING_PERCENT, "1")


@pytest.mark.parametrize(
    ("current", "proposed", "of_long", "of_short"),
    [
        (None, None, None, None),
        ("95", None, "95", "95"),
        (None, "96", "96", "96"),
        ("95", "96", "96", "95"),
        ("96", "95", "96", "95"),
    ],
)
def test_add_never_moves_the_stop_further_away(
    current: str | None, proposed: str | None, of_long: str | None, of_short: str | None
) -> None:
    for side, expected in ((LONG, of_long), (SHORT, of_short)):
        result = tighter_stop(
            None if current is None else Decimal(current),
            None if proposed is None else Decimal(proposed),
            position_side=side,
        )
        assert result == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize(
    ("market_type", "side", "leverage", "price"),
    [
        (MarketType.LINEAR, LONG, "10", "90.5"),  # 100 · (1 - 0.1 + 0.005)
        (MarketType.LINEAR, SHORT, "10", "109.5"),  # 100 · (1 + 0.1 - 0.005)
        (MarketType.INVERSE, LONG, "4", "80.4"),  # 100 · 1.005 / 1.25
        (MarketType.INVERSE, SHORT, "2", "199"),  # 100 · 0.995 / 0.5
        (MarketType.INVERSE, SHORT, "1", None),  # its margin grows with the coin
        (MarketType.SPOT, LONG, "1", None),
    ],
)
def test_liquidation_estimate(
    market_type: MarketType, side: PositionSide, leverage: str, price: str | None
) -> None:
    estimate = liquidation_estimate(
        Decimal(100),
        Decimal(leverage),
        position_side=side,
        market_type=market_type,
        maintenance_rate=Decimal("0.005"),
    )

    assert estimate == (None if price is None else Decimal(price))


def test_average_price_is_arithmetic_and_harmonic_on_inverse() -> None:
    lots = [(Decimal(100), Decimal(100)), (Decimal(200), Decimal(200))]

    # (10000 + 40000) / 300 = 166.66…, 300 / (1 + 1) = 150
    linear = average_price(lots, market_type=MarketType.LINEAR)
    assert linear.quantize(Decimal("0.01")) == Decimal("166.67")
    assert average_price(lots, market_type=MarketType.INVERSE) == Decimal(150)


def targets(*wanted: tuple[str, str | None], side: PositionSide = LONG) -> list[tuple[str, str]]:
    levels = [
        (level(LevelKind.PERCENT, value), None if share is None else Decimal(share))
        for value, share in wanted
    ]
    found = targets_from(levels, entry_price=Decimal(100), position_side=side, instrument=TENTHS)
    return [(f"{one.price:f}", f"{one.fraction.normalize():f}") for one in found]


def test_targets_share_what_is_left_and_lie_nearest_first() -> None:
    assert targets(("4", None), ("2", "50"), ("6", None)) == [
        ("102.0", "0.5"),
        ("104.0", "0.25"),
        ("106.0", "0.25"),
    ]
    assert targets(("2", "30"), ("4", "20"), side=SHORT) == [("98.0", "0.3"), ("96.0", "0.2")]
    assert targets(("2", "30"), ("2", "20")) == [("102.0", "0.5")]


@pytest.mark.parametrize("wanted", [[("2", "60"), ("4", "50")], [("2", "100"), ("4", None)]])
def test_targets_that_sell_more_than_there_is_are_denied(
    wanted: list[tuple[str, str | None]],
) -> None:
    with pytest.raises(Denied, match="targets would sell") as denial:
        targets(*wanted)
    assert denial.value.code == "targets_exceed_position"
