"""What can be traded where: in memory for questions, in a table for the next start."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from loguru import logger
from sqlalchemy.exc import IntegrityError

from app.core.errors import ExchangeError
from app.db.session import Database
from app.exchanges.venue import MarketData
from app.market import repository
from app.trading.instrument import Instrument
from app.trading.words import MarketType

MarketSource = Callable[[str, MarketType], Awaitable[MarketData]]
Market = tuple[str, MarketType]

REFRESH_SECONDS = 3600.0
FIRST_PAUSE_SECONDS = 1.0
ROWS_AT_ONCE = 200
NOTHING: Mapping[str, Instrument] = MappingProxyType({})


class InstrumentBook:
    """The instruments of every market that was ever loaded.

    Args:
        database: where they are kept between starts.
        source: gives the market data of an exchange and market type.
    """

    def __init__(self, database: Database, source: MarketSource) -> None:
        self._database = database
        self._source = source
        self._known: dict[Market, dict[str, Instrument]] = {}

    def get(self, exchange: str, market_type: MarketType, symbol: str) -> Instrument | None:
        """The instrument of a ccxt symbol, halted or not; None when we know of none."""
        return self.all(exchange, market_type).get(symbol)

    def all(self, exchange: str, market_type: MarketType) -> Mapping[str, Instrument]:
        """Every instrument of a market by its ccxt symbol; empty when it was never loaded."""
        return self._known.get((exchange, market_type), NOTHING)

    async def restore(self) -> None:
        """Know again what the last run knew."""
        async with self._database.read() as session:
            for exchange, instrument in await repository.every_instrument(session):
                market = (exchange, instrument.market_type)
                self._known.setdefault(market, {})[instrument.symbol] = instrument

    async def refresh(self, exchange: str, market_type: MarketType) -> Mapping[str, Instrument]:
        """Ask the venue anew, and keep the answer; what it no longer lists stays, as inactive.

        Raises:
            Invalid: we do not know that market.
            ExchangeError: the venue did not answer; what was known stays known.
        """
        source = await self._source(exchange, market_type)
        listed = await source.instruments()
        async with self._database.read() as session:
            stored = await repository.instruments_of(session, exchange, market_type)
        gone = {name: replace(stored[name], is_active=False) for name in stored.keys() - listed}
        known = {**listed, **gone}
        await self._store(
            exchange, [row for row in known.values() if stored.get(row.symbol) != row]
        )
        self._known[exchange, market_type] = known
        return known

    async def _store(self, exchange: str, changed: Sequence[Instrument]) -> None:
        # A venue lists thousands: in one transaction they would keep an alarm waiting.
        for start in range(0, len(changed), ROWS_AT_ONCE):
            part = changed[start : start + ROWS_AT_ONCE]
            try:
                async with self._database.transaction() as session:
                    await repository.put_instruments(session, exchange, part)
            except IntegrityError:
                # Another process stored the same answer at the same moment.
                logger.bind(exchange=exchange).debug("instruments.already_stored")

    async def keep_fresh(
        self, markets: Iterable[Market], *, every_seconds: float = REFRESH_SECONDS
    ) -> None:
        """Refresh these markets now and from time to time, until cancelled.

        A venue that does not answer is asked again after a pause that doubles.
        """
        async with asyncio.TaskGroup() as group:
            for exchange, market_type in markets:
                group.create_task(self._keep_fresh(exchange, market_type, every_seconds))

    async def _keep_fresh(
        self, exchange: str, market_type: MarketType, every_seconds: float
    ) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                await self.refresh(exchange, market_type)
                pause = FIRST_PAUSE_SECONDS
                await asyncio.sleep(every_seconds)
            except ExchangeError as error:
                logger.bind(
                    exchange=exchange, market_type=market_type.value, reason=error.detail
                ).warning("instruments.not_refreshed")
                await asyncio.sleep(pause)
                pause = min(pause * 2, every_seconds)
