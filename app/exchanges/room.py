"""Where everyone else gets their venues and market data from."""

import asyncio
from collections.abc import Callable, Sequence

from app.core.clock import Clock
from app.exchanges.ccxt_market import CcxtMarket
from app.exchanges.ccxt_venue import CcxtVenue
from app.exchanges.client import Credentials, build_client, load_ccxt
from app.exchanges.pace import Budget, BudgetStatus
from app.exchanges.redirect import RedirectingSession
from app.exchanges.venues import PAPER, VenueSpec, venue_spec
from app.trading.words import MarketType


class ExchangeRoom:
    """Opens venues and market data; shares one key-less client per market, one budget per venue.

    Args:
        clock: gives quotes their time.
        paper_url: where the paper exchange answers; asked at every opening, because the one that
            runs inside this process knows its port only once it is served.
        timeout_seconds: how long a venue may take to answer.
        is_rate_limited: False only in a benchmark.
        rate_reserve: the part of every limit that only exits may use, as a fraction.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        paper_url: Callable[[], str],
        timeout_seconds: float,
        is_rate_limited: bool = True,
        rate_reserve: float = 0.2,
    ) -> None:
        self._clock = clock
        self._paper_url = paper_url
        self._timeout_seconds = timeout_seconds
        self._is_rate_limited = is_rate_limited
        self._rate_reserve = rate_reserve
        self._budgets: dict[str, Budget] = {}
        self._markets: dict[tuple[str, MarketType], CcxtMarket] = {}
        self._session: RedirectingSession | None = None
        self._opening = asyncio.Lock()

    async def market(self, exchange: str, market_type: MarketType) -> CcxtMarket:
        """Public data of that market; the same object for every caller, closed with the room.

        Raises:
            Invalid: we do not know that exchange, or not that market of it.
        """
        spec = venue_spec(exchange, market_type)
        async with self._opening:
            if (exchange, market_type) not in self._markets:
                client = await self._client(exchange, spec, None)
                opened = CcxtMarket(
                    client,
                    market_type=market_type,
                    clock=self._clock,
                    ask_for_candles=spec.quirks.ask_for_candles,
                )
                self._markets[exchange, market_type] = opened
            return self._markets[exchange, market_type]

    async def venue(
        self, exchange: str, market_type: MarketType, credentials: Credentials
    ) -> CcxtVenue:
        """One account there; the caller closes it. Nothing is asked of the venue yet.

        Raises:
            Invalid: we do not know that exchange, or not that market of it.
        """
        spec = venue_spec(exchange, market_type)
        market = await self.market(exchange, market_type)
        return CcxtVenue(
            await self._client(exchange, spec, credentials),
            market_type=market_type,
            quirks=spec.quirks,
            abilities=spec.abilities,
            share_markets=market.share_markets,
            open_client=lambda: self._client(exchange, spec, credentials),
            secrets=credentials.secrets,
        )

    def budgets(self) -> Sequence[BudgetStatus]:
        """How much of each venue's limits is used, and which of them may not be asked now."""
        return [budget.status() for budget in self._budgets.values()]

    async def _client(
        self, exchange: str, spec: VenueSpec, credentials: Credentials | None
    ) -> object:
        return build_client(
            await load_ccxt(),
            spec,
            timeout_seconds=self._timeout_seconds,
            credentials=credentials,
            session=self._redirect() if spec.is_redirected else None,
            is_rate_limited=self._is_rate_limited,
            budget=self._budget(exchange),
        )

    def _budget(self, exchange: str) -> Budget:
        if exchange not in self._budgets:
            self._budgets[exchange] = Budget(
                exchange,
                clock=self._clock,
                reserve=self._rate_reserve,
                is_limited=self._is_rate_limited,
            )
        return self._budgets[exchange]

    def _redirect(self) -> RedirectingSession:
        if self._session is None:
            self._session = RedirectingSession(self._paper_url())
        return self._session

    async def close(self) -> None:
        """Close the market data and the connections to the paper exchange; venues come first."""
        for market in self._markets.values():
            await market.close()
        self._markets.clear()
        if self._session is not None:
            await self._session.close()
            self._session = None


__all__ = ["PAPER", "Credentials", "ExchangeRoom"]
