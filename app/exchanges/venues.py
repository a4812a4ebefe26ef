"""Which venues we know, and which ccxt class and options each of their markets needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from app.core.errors import Invalid
from app.exchanges.quirks import BINANCE, BINGX, BYBIT, OKX, Quirks
from app.exchanges.venue import Abilities
from app.trading.words import MarketType

PAPER: Final = "paper"


CONTRACTS: Final = Abilities(
    rests_stops=True, rests_targets=True, locks_coins=False, pairs=False, streams_news=True
)
# ccxt has no private stream of BingX's coin contracts.
QUIET_CONTRACTS: Final = replace(CONTRACTS, streams_news=False)
SPOT_WITH_PAIRS: Final = replace(CONTRACTS, locks_coins=True, pairs=True)
# OKX's pair is one order with one id, which cannot be two of ours.
SPOT_WITHOUT_PAIRS: Final = replace(CONTRACTS, locks_coins=True)
# Whether a stop of BingX spot locks its coins, and is found again by our id, was never seen.
SPOT_WITHOUT_STOPS: Final = replace(CONTRACTS, rests_stops=False, rests_targets=False)


@dataclass(frozen=True, slots=True)
class VenueSpec:
    """How to reach one market of one venue through ccxt.

    Attributes:
        ccxt_id: name of the ccxt class.
        abilities: what it carries for us on that market.
        options: ccxt options; they keep `load_markets` to the requests of this market alone.
        is_redirected: True when requests go to the paper exchange.
        needs_password: True when the venue's keys come with a passphrase.
    """

    ccxt_id: str
    quirks: Quirks
    abilities: Abilities
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
        MarketType.SPOT: VenueSpec("binance", BINANCE, SPOT_WITH_PAIRS, spot, is_redirected),
        MarketType.LINEAR: VenueSpec("binanceusdm", BINANCE, CONTRACTS, linear, is_redirected),
    }
    if not is_redirected:
        venues[MarketType.INVERSE] = VenueSpec("binancecoinm", BINANCE, CONTRACTS, inverse)
    return venues


def _venues(
    ccxt_id: str,
    quirks: Quirks,
    spot: Abilities,
    *,
    inverse: Abilities = CONTRACTS,
    contract_types: tuple[str, ...] = (),
    needs_password: bool = False,
) -> dict[MarketType, VenueSpec]:
    """All three markets of a venue that has one ccxt class for them."""
    options = {
        MarketType.SPOT: _options("spot", ("spot",)),
        MarketType.LINEAR: _options("swap", contract_types or ("linear",), defaultSubType="linear"),
        MarketType.INVERSE: _options(
            "swap", contract_types or ("inverse",), defaultSubType="inverse"
        ),
    }
    abilities = {
        MarketType.SPOT: spot,
        MarketType.LINEAR: CONTRACTS,
        MarketType.INVERSE: inverse,
    }
    return {
        kind: VenueSpec(
            ccxt_id, quirks, abilities[kind], options[kind], needs_password=needs_password
        )
        for kind in MarketType
    }


REGISTRY: Final[Mapping[str, Mapping[MarketType, VenueSpec]]] = {
    PAPER: _binance(is_redirected=True),
    "binance": _binance(is_redirected=False),
    "bingx": _venues("bingx", BINGX, SPOT_WITHOUT_STOPS, inverse=QUIET_CONTRACTS),
    "bybit": _venues("bybit", BYBIT, SPOT_WITHOUT_PAIRS),
    "okx": _venues("okx", OKX, SPOT_WITHOUT_PAIRS, contract_types=("swap",), needs_password=True),
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
