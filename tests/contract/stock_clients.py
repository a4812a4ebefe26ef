"""Stock ccxt clients of the paper exchange."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import ccxt.pro

from tests.contract.paper_venue import PaperVenue
from tests.contract.redirecting_session import RedirectingSession


@asynccontextmanager
async def clients(venue: PaperVenue, credentials: dict[str, str]) -> AsyncIterator[Any]:
    """Stock `binance` and `binanceusdm`; nothing is added but the session."""
    session = RedirectingSession(venue.base)
    options = {
        **credentials,
        "session": session,
        "number": str,
        "rateLimiterAlgorithm": "rollingWindow",
    }
    spot, linear = ccxt.pro.binance(options), ccxt.pro.binanceusdm(options)
    try:
        await asyncio.gather(spot.load_markets(), linear.load_markets())
        yield spot, linear
    finally:
        await spot.close()
        await linear.close()
        await session.close()
