"""Which venues we know, and which ccxt class and options each of their markets needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.core.errors import Invalid
from app.exchanges.quirks import BINANCE, BINGX, BYBIT, OKX, Quirks
from app.trading.words import MarketType

PAPER: Final = "paper"


@dataclass(frozen=True, slots=True)
class VenueSpec:
    """How to reach one market of one venue through ccxt.

    Attributes:
        ccxt_id: name of the ccxt class.
        options: ccxt options; they keep `load_markets` to the requests of this market alone.
        is_redirected: True when requests go to the paper exchange.
        needs_password: True when the venue's keys come with a passphrase.
    """

    ccxt_id: str
    quirks: Quirks
    options: Mapping[str, Any] = field(default_factory=dict)
    is_redirected: bool = False
    needs_password: bool = False


def _options(default_type: str, fetched: tuple[str, ...], **more: Any) -> dict[str, Any]:
    return {"defaultType": default_type, "fetchMarkets": {"types": list(fetched)}, **more}


def _binance(*, is_redirected: bool) -> dict[MarketType, VenueSpec]:
    # Binance's default ticker stream has no bid and ask; its `ticker` stream has.
    tickers = {"watchTickers": {"name": "ticker"}}
    spot = _options("spot", ("spot",), fetchMargins=False, **tickers)
    linear = _options("swap", ("linear",), defaultSubType="linear", **tickers)
    inverse = _options("swap", ("inverse",), defaultSubType="inverse", **tickers)
    venues = {
        MarketType.SPOT: VenueSpec("binance", BINANCE, spot, is_redirected),
        MarketType.LINEAR: VenueSpec("binanceusdm", BINANCE, linear, is_redirected),
    }
    if not is_redirected:
        venues[MarketType.INVERSE] = VenueSpec("binancecoinm", BINANCE, inverse)
    return venues


REGISTRY: Final[Mapping[str, Mapping[MarketType, VenueSpec]]] = {
    PAPER: _binance(is_redirected=True),
    "binance": _binance(is_redirected=False),
    "bingx": {
        MarketType.SPOT: VenueSpec("bingx", BINGX, _options("spot", ("spot",))),
        MarketType.LINEAR: VenueSpec(
            "bingx", BINGX, _options("swap", ("linear",), defaultSubType="linear")
        ),
        MarketType.INVERSE: VenueSpec(
            "bingx", BINGX, _options("swap", ("inverse",), defaultSubType="inverse")
        ),
    },
    "bybit": {
        MarketType.SPOT: VenueSpec("bybit", BYBIT, _options("spot", ("spot",))),
        MarketType.LINEAR: VenueSpec(
            "bybit", BYBIT, _options("swap", ("linear",), defaultSubType="linear")
        ),
        MarketType.INVERSE: VenueSpec(
            "bybit", BYBIT, _options("swap", ("inverse",), defaultSubType="inverse")
        ),
    },
    "okx": {
        MarketType.SPOT: VenueSpec("okx", OKX, _options("spot", ("spot",)), needs_password=True),
        MarketType.LINEAR: VenueSpec(
            "okx",
            OKX,
            _options("swap", ("swap",), defaultSubType="linear"),
            needs_password=True,
        ),
        MarketType.INVERSE: VenueSpec(
            "okx",
            OKX,
            _options("swap", ("swap",), defaultSubType="inverse"),
            needs_password=True,
        ),
    },
}


def venue_spec(exchange: str, market_type: MarketType) -> VenueSpec:
    """How to reach that market.

    Raises:
        Invalid: we do not know the exchange, or not that market of it.
    """
    if exchange not in REGISTRY:
        raise Invalid(
            f"unknown exchange {exchange[:40]!r}; supported: {', '.join(sorted(REGISTRY))}",
            code="unknown_exchange",
        )
    if market_type not in REGISTRY[exchange]:
        offered = ", ".join(kind.value for kind in REGISTRY[exchange])
        raise Invalid(
            f"{exchange} has no {market_type.value} market here; it has: {offered}",
            code="unknown_market_type",
        )
    return REGISTRY[exchange][market_type]
