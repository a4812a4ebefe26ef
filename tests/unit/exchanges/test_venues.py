import pytest

from app.core.errors import Invalid
from app.exchanges.venues import REGISTRY, venue_spec
from app.trading.words import MarketType


@pytest.mark.parametrize(
    ("exchange", "market_type", "ccxt_id", "is_redirected"),
    [
        ("paper", MarketType.SPOT, "binance", True),
        ("paper", MarketType.LINEAR, "binanceusdm", True),
        ("binance", MarketType.SPOT, "binance", False),
        ("binance", MarketType.INVERSE, "binancecoinm", False),
        ("bingx", MarketType.LINEAR, "bingx", False),
        ("bybit", MarketType.INVERSE, "bybit", False),
        ("okx", MarketType.LINEAR, "okx", False),
    ],
)
def test_venue_spec_names_the_ccxt_class(
    exchange: str,
    market_type: MarketType,
    ccxt_id: str,
    is_redirected: bool,  # noqa: FBT001 a column of the table
) -> None:
    spec = venue_spec(exchange, market_type)

    assert (spec.ccxt_id, spec.is_redirected) == (ccxt_id, is_redirected)


def test_venue_spec_when_unknown_then_says_what_is_supported() -> None:
    with pytest.raises(Invalid, match="binance, bingx, bybit, okx, paper") as caught:
        venue_spec("mtgox", MarketType.SPOT)

    assert caught.value.code == "unknown_exchange"


def test_venue_spec_when_the_market_is_missing_then_says_which_there_are() -> None:
    with pytest.raises(Invalid, match="spot, linear") as caught:
        venue_spec("paper", MarketType.INVERSE)

    assert caught.value.code == "unknown_market_type"


def test_every_class_in_the_registry_exists_in_ccxt() -> None:
    import ccxt.pro  # noqa: PLC0415 seconds to import; only this test needs the list

    names = {spec.ccxt_id for venue in REGISTRY.values() for spec in venue.values()}

    assert names <= set(ccxt.pro.exchanges)
