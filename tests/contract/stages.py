"""A venue with money and a price that the test moves: the fake, or ccxt on the paper exchange."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.core.clock import SystemClock
from app.core.ids import new_client_order_id
from app.exchanges.client import Credentials
from app.exchanges.room import ExchangeRoom
from app.exchanges.venue import MarketData, OrderRequest, Trigger, Venue
from app.trading.words import MarketType, OrderType, Side, TriggerBy, TriggerKind
from tests.contract.paper_venue import PaperVenue, running
from tests.fakes.exchange import FakeMarketData, FakeVenue, an_instrument

SYMBOLS = {MarketType.SPOT: "BTC/USDT", MarketType.LINEAR: "BTC/USDT:USDT"}
PRICE = Decimal(60000)
BEFORE = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass
class Stage:
    """A venue with 10,000 USDT and a price that the test moves.

    Attributes:
        act: what the trader or the venue does by hand; `fake_act` names the deeds.
    """

    venue: Venue
    market: MarketData
    market_type: MarketType
    set_price: Callable[[Decimal], Awaitable[None]]
    act: Callable[..., Awaitable[object]]

    @property
    def symbol(self) -> str:
        return SYMBOLS[self.market_type]

    @property
    def is_spot(self) -> bool:
        return self.market_type is MarketType.SPOT

    def order(self, side: Side = Side.BUY, quantity: str = "0.01", **changes: Any) -> OrderRequest:
        name = new_client_order_id()
        plain = OrderRequest(name, self.symbol, side, OrderType.MARKET, Decimal(quantity))
        return replace(plain, **changes)

    def limit(self, price: int, side: Side = Side.BUY, **changes: Any) -> OrderRequest:
        asked = {"order_type": OrderType.LIMIT, "limit_price": Decimal(price)}
        return self.order(side, **{**asked, **changes})

    def stop(self, price: int, side: Side = Side.SELL, **changes: Any) -> OrderRequest:
        """A stop-market order that may only reduce."""
        trigger = Trigger(Decimal(price), TriggerBy.LAST, TriggerKind.STOP)
        return self.order(side, **{"reduce_only": True, "trigger": trigger, **changes})

    def target(self, price: int, side: Side = Side.SELL, **changes: Any) -> OrderRequest:
        """A take-profit-market order that may only reduce."""
        trigger = Trigger(Decimal(price), TriggerBy.LAST, TriggerKind.TARGET)
        return self.stop(price, side, **{"trigger": trigger, **changes})


@asynccontextmanager
async def fake_stage(market_type: MarketType) -> AsyncIterator[Stage]:
    instrument = an_instrument(SYMBOLS[market_type])
    market = FakeMarketData(instrument)
    venue = FakeVenue(market, instrument, balances={"USDT": Decimal(10000)})

    async def set_price(price: Decimal) -> None:
        market.set_price(instrument.symbol, price)
        venue.match()

    async def act(deed: str, **details: Any) -> None:
        _fake_act(venue, instrument.symbol, deed, **details)

    await set_price(PRICE)
    yield Stage(venue, market, market_type, set_price, act)


def _fake_act(venue: FakeVenue, symbol: str, deed: str, **details: Any) -> None:
    match deed:
        case "close":
            venue.close_by_hand(symbol)
        case "add":
            venue.add_by_hand(symbol, Side.BUY, Decimal("0.01"))
        case "cancel":
            venue.cancel_by_hand(details["client_order_id"])
        case "liquidate":
            venue.liquidate(symbol)
        case "pay_funding":
            venue.pay_funding(symbol, Decimal("-0.6"))
        case "lose_stream":
            venue.cut_stream()
            venue.mend_stream()
        case _:
            raise AssertionError(deed)


@asynccontextmanager
async def paper_stage(market_type: MarketType, folder: Path) -> AsyncIterator[Stage]:
    async with running(folder) as paper:
        room = ExchangeRoom(clock=SystemClock(), paper_url=lambda: paper.base, timeout_seconds=5.0)
        opened = await paper.open_account()
        key = Credentials(opened["apiKey"], opened["secret"])
        venue = await room.venue("paper", market_type, key)

        async def set_price(price: Decimal) -> None:
            await paper.price("BTCUSDT", str(price))

        async def act(deed: str, **details: Any) -> None:
            await _paper_act(paper, market_type, deed, **details)

        await set_price(PRICE)
        market = await room.market("paper", market_type)
        yield Stage(venue, market, market_type, set_price, act)
        await venue.close()
        await room.close()


async def _paper_act(paper: PaperVenue, market_type: MarketType, deed: str, **details: Any) -> None:
    aim = {"symbol": "BTCUSDT", "market": market_type.value}
    match deed:
        case "close":
            await paper.fault("user_close", **aim)
        case "add":
            await paper.fault("user_add", side="BUY", quantity="0.01", **aim)
        case "cancel":
            prefix = details["client_order_id"]
            await paper.fault("user_cancel_stop", client_id_prefix=prefix, **aim)
        case "liquidate":
            await paper.fault("liquidate", **aim)
        case "pay_funding":
            await paper.control("funding", symbol="BTCUSDT", rate="0.001")
        case "lose_stream":
            await paper.fault("drop_stream", route="stream.user", market=market_type.value)
        case _:
            raise AssertionError(deed)
