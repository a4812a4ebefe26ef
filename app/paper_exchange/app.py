"""The paper exchange as the rest of the house sees it: make one, start it, mount it, stop it."""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Mapping
from decimal import Decimal, localcontext
from pathlib import Path

from app.core.clock import Clock
from app.core.decimals import EXACT
from app.paper_exchange.prices.replay import read_sources
from app.paper_exchange.prices.walk import Walk
from app.paper_exchange.server.asgi import PaperApp
from app.paper_exchange.streams.hub import Hub
from app.paper_exchange.venue import Balances, Prices, Venue, both_markets
from app.trading.words import MarketType

_STEP_SECONDS = 0.5

logger = logging.getLogger(__name__)


class PaperExchange:
    """A venue with its own file, its own prices and its own customers.

    Attributes:
        asgi: the application; serve it alone or mount it.
    """

    def __init__(self, venue: Venue, *, control: bool) -> None:
        self._venue = venue
        self._hub = Hub(venue)
        self._prices: asyncio.Task[None] | None = None
        self.asgi = PaperApp(venue, self._hub, control=control)

    async def start(self) -> None:
        """Claim the file and let prices move.

        Raises:
            AlreadyServed: another process serves the same folder.
        """
        if self._prices is None:
            self._venue.database.claim()
            self._prices = asyncio.create_task(self._move_prices(), name="paper-exchange-prices")

    async def stop(self) -> None:
        """Stop prices, let stream clients go, close the file; state stays in the file."""
        if self._prices is not None:
            self._prices.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._prices
            self._prices = None
            with contextlib.suppress(sqlite3.Error), localcontext(EXACT):
                self._venue.keep_minute()
        self._hub.close()
        self._venue.close()

    async def open_account(
        self, balances: Mapping[str, Decimal] | Mapping[MarketType, Mapping[str, Decimal]]
    ) -> tuple[str, str]:
        """A new customer: `{"USDT": …}` on every market, or one purse per market.

        Returns:
            API key and secret.
        """
        with localcontext(EXACT):
            account = self._venue.open_account(_per_market(balances))
        return account.api_key, account.api_secret

    async def _move_prices(self) -> None:
        while True:
            await asyncio.sleep(_STEP_SECONDS)
            try:
                with localcontext(EXACT):
                    self._venue.tick()
            except sqlite3.Error:
                logger.exception("the file did not take a price step; trying again")


def create_paper_exchange(
    *, data_dir: Path, control: bool, seed: int, candles: str, clock: Clock
) -> PaperExchange:
    """Open (or make) the venue in a folder; nothing moves before `start`.

    Args:
        data_dir: where `paper-exchange.db` lies.
        control: whether the control API is served.
        seed: of the random walk.
        candles: empty, a CSV path, or `SYMBOL=path,…`: what is replayed instead of the walk.
        clock: the venue's time, also for signatures.

    Raises:
        BadCandles: a candle file cannot be used.
        OSError: the folder cannot be written.
    """
    source = read_sources(candles, Walk(seed))
    with localcontext(EXACT):
        venue = Venue(data_dir, Prices(source, seed), clock)
    return PaperExchange(venue, control=control)


def _per_market(
    balances: Mapping[str, Decimal] | Mapping[MarketType, Mapping[str, Decimal]],
) -> Balances:
    coins: dict[str, Decimal] = {}
    purses: dict[MarketType, Mapping[str, Decimal]] = {}
    for name, value in balances.items():
        if isinstance(value, Decimal):
            coins[str(name)] = value
        else:
            purses[MarketType(name)] = value
    return purses or both_markets(coins)
