"""The ccxt adapter on a paper exchange that misbehaves around what protects a position."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from app.core.clock import SystemClock
from app.core.errors import ExchangeError, OrderNotFound, OrderRefused, OutcomeUnknown, Retryable
from app.core.ids import new_client_order_id
from app.exchanges.client import Credentials
from app.exchanges.room import ExchangeRoom
from app.exchanges.venue import News, NewsKind, OrderReport, OrderRequest, VenueStatus
from app.trading.words import MarketType
from tests.contract.paper_venue import PaperVenue, running
from tests.contract.stages import BEFORE, PRICE, Stage

CONNECTED = News(NewsKind.CONNECTED)


@dataclass
class Arena(Stage):
    """A stage whose paper exchange can be told to misbehave."""

    paper: PaperVenue
    credentials: dict[str, str]

    async def find(self, order: OrderRequest) -> OrderReport:
        return await self.venue.find_order(self.symbol, order.client_order_id, is_conditional=True)

    async def held_with_stop(self) -> OrderRequest:
        await self.venue.place(self.order(quantity="0.02"))
        stop = self.stop(58000)
        await self.venue.place(stop)
        return stop


@pytest.fixture(params=[MarketType.SPOT, MarketType.LINEAR], ids=str)
def market_type(request: pytest.FixtureRequest) -> MarketType:
    kind: MarketType = request.param
    return kind


@pytest.fixture
async def arena(market_type: MarketType, tmp_path: Path) -> AsyncIterator[Arena]:
    async with running(tmp_path) as paper:
        room = ExchangeRoom(clock=SystemClock(), paper_url=lambda: paper.base, timeout_seconds=2.0)
        opened = await paper.open_account()
        key = Credentials(opened["apiKey"], opened["secret"])
        venue = await room.venue("paper", market_type, key)

        async def set_price(price: Decimal) -> None:
            await paper.price("BTCUSDT", str(price))

        async def act(deed: str, **details: object) -> object:
            return await paper.fault(deed, **details)

        await set_price(PRICE)
        market = await room.market("paper", market_type)
        yield Arena(venue, market, market_type, set_price, act, paper, opened)
        await paper.clear_faults()
        await venue.close()
        await room.close()


linear_only = pytest.mark.parametrize("market_type", [MarketType.LINEAR], ids=str)
spot_only = pytest.mark.parametrize("market_type", [MarketType.SPOT], ids=str)


async def test_a_venue_that_takes_no_conditional_order_says_so_by_name(arena: Arena) -> None:
    await arena.venue.place(arena.order(quantity="0.02"))
    await arena.paper.fault("conditional_4120")

    for order in (arena.stop(58000), arena.target(62000)):
        with pytest.raises(OrderRefused) as caught:
            await arena.venue.place(order)
        assert caught.value.code == "conditional_not_taken"

    assert (await arena.venue.place(arena.order())).status is VenueStatus.FILLED


@spot_only
async def test_a_venue_that_takes_no_pair_says_so_by_name(arena: Arena) -> None:
    await arena.venue.place(arena.order(quantity="0.02"))
    await arena.paper.fault("conditional_4120")

    with pytest.raises(OrderRefused) as caught:
        await arena.venue.place_pair(
            new_client_order_id(), stop=arena.stop(58000), target=arena.target(62000)
        )

    assert caught.value.code == "conditional_not_taken"


@pytest.mark.parametrize(
    "verb",
    ["drop_after_accept", "reset_after", "half_reply", "malformed_json", "http_503_accepted"],
)
async def test_a_stop_that_was_accepted_without_an_answer_is_found(arena: Arena, verb: str) -> None:
    await arena.venue.place(arena.order(quantity="0.02"))
    await arena.paper.fault(verb, route="create")
    stop = arena.stop(58000)

    with pytest.raises(OutcomeUnknown):
        await arena.venue.place(stop)

    found = await arena.find(stop)
    assert (found.status, found.quantity) == (VenueStatus.OPEN, stop.quantity)
    assert found.trigger_price == 58000
    assert len(await arena.venue.open_orders(arena.symbol)) == 1


async def test_a_stop_that_never_arrived_is_unknown_and_not_found(arena: Arena) -> None:
    await arena.venue.place(arena.order(quantity="0.02"))
    await arena.paper.fault("drop_before_accept", route="create")
    stop = arena.stop(58000)

    with pytest.raises(OutcomeUnknown):
        await arena.venue.place(stop)

    with pytest.raises(OrderNotFound):
        await arena.find(stop)


@spot_only
@pytest.mark.parametrize("verb", ["drop_after_accept", "half_reply"])
async def test_a_pair_that_was_accepted_without_an_answer_is_found_leg_by_leg(
    arena: Arena, verb: str
) -> None:
    await arena.venue.place(arena.order(quantity="0.02"))
    await arena.paper.fault(verb, route="oco.create")
    stop, target = arena.stop(58000), arena.target(62000)

    with pytest.raises(OutcomeUnknown):
        await arena.venue.place_pair(new_client_order_id(), stop=stop, target=target)

    found = [await arena.find(leg) for leg in (stop, target)]
    assert [row.status for row in found] == [VenueStatus.OPEN, VenueStatus.OPEN]
    assert [row.trigger_price for row in found] == [Decimal(58000), Decimal(62000)]


@linear_only
async def test_a_stop_that_dies_at_its_trigger_is_rejected(arena: Arena) -> None:
    stop = await arena.held_with_stop()
    await arena.paper.fault("stop_rejected_at_trigger")

    await arena.set_price(Decimal(57000))

    found = await arena.find(stop)
    assert (found.status, found.filled_quantity) == (VenueStatus.REJECTED, Decimal(0))
    (position,) = await arena.venue.positions()
    assert position.quantity == Decimal("0.02")


@linear_only
async def test_a_stop_that_hangs_at_its_trigger_is_still_open(arena: Arena) -> None:
    stop = await arena.held_with_stop()
    await arena.paper.fault("stop_stuck_triggering")

    await arena.set_price(Decimal(57000))

    found = await arena.find(stop)
    assert (found.status, found.triggered_order_id) == (VenueStatus.OPEN, None)
    assert [row.client_order_id for row in await arena.venue.open_orders(arena.symbol)] == [
        stop.client_order_id
    ]


@linear_only
async def test_a_fired_stop_whose_order_is_not_shown_yet_is_nothing_certain(arena: Arena) -> None:
    stop = await arena.held_with_stop()
    await arena.set_price(Decimal(57000))
    await arena.paper.fault("not_found_2013", route="order.find", seconds="30")

    with pytest.raises(Retryable, match="not shown yet"):
        await arena.find(stop)

    await arena.paper.clear_faults()
    assert (await arena.find(stop)).status is VenueStatus.FILLED


@linear_only
async def test_a_stop_behind_the_lag_looks_open_and_then_filled(arena: Arena) -> None:
    stop = await arena.held_with_stop()
    await arena.paper.fault("lag", route="algo.find", seconds="0.5")
    await asyncio.sleep(0.6)
    await arena.set_price(Decimal(57000))

    # A venue that lags may show the past, or not name the new order yet; never a wrong end.
    for _ in range(5):
        try:
            status = (await arena.find(stop)).status
        except (OrderNotFound, Retryable):
            continue
        assert status in {VenueStatus.OPEN, VenueStatus.FILLED}
    await asyncio.sleep(0.6)

    assert (await arena.find(stop)).status is VenueStatus.FILLED


@linear_only
@pytest.mark.parametrize("route", ["orders.open", "algo.open"])
async def test_open_orders_are_both_lists_or_an_error(arena: Arena, route: str) -> None:
    await arena.held_with_stop()
    await arena.paper.fault("http_500", route=route)

    with pytest.raises(Retryable):
        await arena.venue.open_orders(arena.symbol)

    assert len(await arena.venue.open_orders(arena.symbol)) == 1


async def test_trades_are_complete_or_an_error(arena: Arena) -> None:
    await arena.venue.place(arena.order())
    await arena.paper.fault("http_500", route="trades")

    with pytest.raises(Retryable):
        await arena.venue.trades(arena.symbol, BEFORE)


@linear_only
async def test_funding_is_complete_or_an_error(arena: Arena) -> None:
    await arena.paper.fault("http_500", route="income")

    with pytest.raises(Retryable):
        await arena.venue.funding(BEFORE)


@linear_only
async def test_a_closing_stop_of_the_trader_does_not_hide_the_list(arena: Arena) -> None:
    await arena.held_with_stop()
    closing = {"type": "STOP_MARKET", "algoType": "CONDITIONAL", "closePosition": "true"}
    by_hand = {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "clientAlgoId": "web_1",
        "triggerPrice": "57000",
    }
    status, _ = await arena.paper.send(
        "POST", "/fapi/v1/algoOrder", arena.credentials, **closing, **by_hand
    )

    rows = {row.client_order_id: row for row in await arena.venue.open_orders(arena.symbol)}

    assert (status, len(rows)) == (200, 2)
    assert rows["web_1"].quantity == 0
    assert rows["web_1"].trigger_price == 57000


async def _told(news: AsyncIterator[News], wanted: News) -> None:
    async with asyncio.timeout(12):
        while await anext(news) != wanted:
            pass


async def test_a_stream_that_is_refused_comes_back_by_itself(arena: Arena) -> None:
    async with aclosing(arena.venue.news()) as news:
        await _told(news, CONNECTED)
        await arena.paper.fault("refuse_stream", route="stream.user")
        waiting = asyncio.ensure_future(anext(news))
        await asyncio.sleep(1.2)
        was_silent = not waiting.done()

        await arena.paper.clear_faults()

        assert await asyncio.wait_for(waiting, 12) == CONNECTED
    assert was_silent


@linear_only
async def test_a_listen_key_that_expired_is_replaced(arena: Arena) -> None:
    async with aclosing(arena.venue.news()) as news:
        await _told(news, CONNECTED)

        await arena.paper.fault("expire_listen_key")

        await _told(news, CONNECTED)
        limit = arena.limit(59000)
        placed = await arena.venue.place(limit)
        number = placed.exchange_order_id
        await _told(news, News(NewsKind.ORDER, arena.symbol, limit.client_order_id, number))


async def test_news_waits_for_a_venue_that_is_away(arena: Arena) -> None:
    await arena.paper.fault("maintenance")
    async with aclosing(arena.venue.news()) as news:
        waiting = asyncio.ensure_future(anext(news))
        await asyncio.sleep(0.7)
        was_silent = not waiting.done()

        await arena.paper.clear_faults()

        assert await asyncio.wait_for(waiting, 12) == CONNECTED
    assert was_silent


async def test_a_stream_that_says_nothing_holds_up_no_order(arena: Arena) -> None:
    async with aclosing(arena.venue.news()) as news:
        await _told(news, CONNECTED)
        await arena.paper.fault("half_open_stream", route="stream.user")

        async with asyncio.timeout(2):
            placed = await arena.venue.place(arena.order(quantity="0.02"))
            rests = await arena.venue.place(arena.stop(58000))

    assert (placed.status, rests.status) == (VenueStatus.FILLED, VenueStatus.OPEN)


async def test_a_key_that_was_revoked_is_named_when_a_stop_is_placed(arena: Arena) -> None:
    await arena.venue.place(arena.order(quantity="0.02"))
    await arena.paper.fault("revoke_key")

    with pytest.raises(ExchangeError) as caught:
        await arena.venue.place(arena.stop(58000))

    assert caught.value.code == "exchange_auth_refused"
