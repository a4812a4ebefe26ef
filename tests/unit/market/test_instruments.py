import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from app.core.errors import Retryable
from app.db.base import Base
from app.db.session import Database, open_database
from app.market.instruments import InstrumentBook
from app.market.models import InstrumentRow
from app.trading.words import MarketType
from tests.fakes.exchange import FakeMarketData, an_instrument

BTC = an_instrument(quantity_step=Decimal("0.00001"), max_quantity=Decimal(9000))
ETH = an_instrument("ETH/USDT", taker_fee_rate=Decimal("0.00075"))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = open_database(f"sqlite+aiosqlite:///{tmp_path / 'test.db'}")
    async with opened.engine.begin() as connection:
        tables = [Base.metadata.tables[InstrumentRow.__tablename__]]
        await connection.run_sync(Base.metadata.create_all, tables=tables)
    yield opened
    await opened.close()


def _book(database: Database, market: FakeMarketData) -> InstrumentBook:
    async def source(_exchange: str, _market_type: MarketType) -> FakeMarketData:
        return market

    return InstrumentBook(database, source)


async def test_a_restart_knows_every_digit_without_asking_the_venue(database: Database) -> None:
    await _book(database, FakeMarketData(BTC, ETH)).refresh("paper", MarketType.SPOT)
    restarted = _book(database, FakeMarketData())

    assert restarted.get("paper", MarketType.SPOT, "BTC/USDT") is None
    await restarted.restore()

    assert restarted.all("paper", MarketType.SPOT) == {"BTC/USDT": BTC, "ETH/USDT": ETH}
    assert restarted.get("paper", MarketType.SPOT, "ETH/USDT") == ETH
    assert restarted.get("binance", MarketType.SPOT, "BTC/USDT") is None
    assert restarted.all("paper", MarketType.LINEAR) == {}


async def test_refresh_takes_over_what_changed(database: Database) -> None:
    await _book(database, FakeMarketData(BTC)).refresh("paper", MarketType.SPOT)
    changed = replace(BTC, min_notional=Decimal(10), is_active=False)

    book = _book(database, FakeMarketData(changed))
    await book.refresh("paper", MarketType.SPOT)
    await book.restore()

    assert book.get("paper", MarketType.SPOT, "BTC/USDT") == changed


async def test_refresh_when_a_symbol_is_gone_then_it_is_kept_as_inactive(
    database: Database,
) -> None:
    await _book(database, FakeMarketData(BTC, ETH)).refresh("paper", MarketType.SPOT)

    book = _book(database, FakeMarketData(BTC))
    await book.refresh("paper", MarketType.SPOT)
    restarted = _book(database, FakeMarketData())
    await restarted.restore()

    halted = replace(ETH, is_active=False)
    assert book.get("paper", MarketType.SPOT, "ETH/USDT") == halted
    assert restarted.get("paper", MarketType.SPOT, "ETH/USDT") == halted


async def test_refresh_of_many_symbols_stores_them_all(database: Database) -> None:
    many = [an_instrument(f"C{number}/USDT") for number in range(450)]

    await _book(database, FakeMarketData(*many)).refresh("paper", MarketType.SPOT)

    restarted = _book(database, FakeMarketData())
    await restarted.restore()
    assert len(restarted.all("paper", MarketType.SPOT)) == 450


async def test_refresh_leaves_other_exchanges_alone(database: Database) -> None:
    await _book(database, FakeMarketData(BTC)).refresh("binance", MarketType.SPOT)
    await _book(database, FakeMarketData(ETH)).refresh("paper", MarketType.SPOT)
    restarted = _book(database, FakeMarketData())
    await restarted.restore()

    assert restarted.all("binance", MarketType.SPOT) == {"BTC/USDT": BTC}


async def test_refresh_when_the_venue_fails_then_what_was_known_stays(database: Database) -> None:
    market = FakeMarketData(BTC)
    book = _book(database, market)
    await book.refresh("paper", MarketType.SPOT)
    market.failure = Retryable("no answer")

    with pytest.raises(Retryable):
        await book.refresh("paper", MarketType.SPOT)

    assert book.get("paper", MarketType.SPOT, "BTC/USDT") == BTC


async def test_refresh_twice_at_once_stores_one_row_each(database: Database) -> None:
    books = [_book(database, FakeMarketData(BTC)) for _ in range(3)]

    await asyncio.gather(*(book.refresh("paper", MarketType.SPOT) for book in books))

    await books[0].restore()
    assert books[0].all("paper", MarketType.SPOT) == {"BTC/USDT": BTC}


async def test_keep_fresh_asks_again_and_again(database: Database) -> None:
    market = FakeMarketData(BTC)
    book = _book(database, market)
    keeping = asyncio.create_task(book.keep_fresh([("paper", MarketType.SPOT)], every_seconds=0.01))
    async with asyncio.timeout(2):
        while not book.all("paper", MarketType.SPOT):  # noqa: ASYNC110 a book is no event
            await asyncio.sleep(0.01)

    keeping.cancel()

    with pytest.raises(asyncio.CancelledError):
        await keeping
