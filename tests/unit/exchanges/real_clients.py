"""The real clients of every venue, on a loopback server that answers as a test tells it."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from app.exchanges.ccxt_venue import CcxtVenue
from app.exchanges.client import Credentials, build_client, load_ccxt
from app.exchanges.redirect import RedirectingSession
from app.exchanges.venues import venue_spec
from app.trading.words import MarketType
from tests.unit.exchanges.scripted_venue import ScriptedVenue

Open = Callable[[str, MarketType], Coroutine[Any, Any, CcxtVenue]]

KEY = Credentials("the-key", "the-secret", "the-password")
SPOT, SWAP = "BTC/USDT", "BTC/USDT:USDT"


def _market(market_type: MarketType, market_id: str, contract_size: str) -> dict[str, Any]:
    is_spot = market_type is MarketType.SPOT
    return {
        "id": market_id,
        "symbol": SPOT if is_spot else SWAP,
        "base": "BTC",
        "quote": "USDT",
        "settle": None if is_spot else "USDT",
        "baseId": "BTC",
        "quoteId": "USDT",
        "settleId": None if is_spot else "USDT",
        "type": "spot" if is_spot else "swap",
        "spot": is_spot,
        "swap": not is_spot,
        "future": False,
        "option": False,
        "margin": False,
        "contract": not is_spot,
        "linear": None if is_spot else True,
        "inverse": None if is_spot else False,
        "active": True,
        "contractSize": None if is_spot else contract_size,
        "precision": {"amount": "0.01", "price": "0.1"},
        "limits": {"amount": {"min": "0.01", "max": None}, "cost": {"min": None}},
        "info": {},
    }


IDS = {
    ("okx", MarketType.LINEAR): ("BTC-USDT-SWAP", "0.01"),
    ("okx", MarketType.SPOT): ("BTC-USDT", "1"),
    ("bybit", MarketType.LINEAR): ("BTCUSDT", "1"),
    ("bybit", MarketType.SPOT): ("BTCUSDT", "1"),
    ("bingx", MarketType.LINEAR): ("BTC-USDT", "1"),
    ("bingx", MarketType.SPOT): ("BTC-USDT", "1"),
}


@asynccontextmanager
async def real_clients(script: ScriptedVenue) -> AsyncIterator[Open]:
    """Opens venues that are closed when the test is over."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(RedirectingSession(script.base))

        async def opened(exchange: str, market_type: MarketType) -> CcxtVenue:
            spec = venue_spec(exchange, market_type)
            client = build_client(
                await load_ccxt(), spec, timeout_seconds=1, credentials=KEY, session=session
            )
            # Bybit asks which kind of account this is before the first order.
            client.options |= {"enableUnifiedMargin": False, "enableUnifiedAccount": True}
            client.set_markets([_market(market_type, *IDS[exchange, market_type])])
            venue = CcxtVenue(
                client,
                market_type=market_type,
                quirks=spec.quirks,
                abilities=spec.abilities,
                share_markets=_nothing,
                open_client=_no_client,
            )
            stack.push_async_callback(venue.close)
            return venue

        yield opened


async def _nothing(_client: Any) -> None:
    """The markets are there already."""


async def _no_client() -> Any:
    raise AssertionError("nobody follows the stream here")
