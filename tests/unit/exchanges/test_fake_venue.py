"""The ways the fake can fail; what it does when all is well is in the contract tests."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.core.errors import OrderNotFound, OrderRefused, OutcomeUnknown, RateLimited, Retryable
from app.exchanges.venue import News, NewsKind, OrderRequest, Trigger, VenueStatus
from app.trading.words import OrderType, Side, TriggerBy, TriggerKind
from tests.fakes.exchange import (
    UNANSWERED,
    FakeMarketData,
    FakeVenue,
    Firing,
    Outcome,
    an_instrument,
)

BUY = OrderRequest("sb1", "BTC/USDT", Side.BUY, OrderType.MARKET, Decimal("0.01"))


@pytest.fixture
def venue() -> FakeVenue:
    instrument = an_instrument()
    market = FakeMarketData(instrument)
    market.set_price("BTC/USDT", Decimal(60000))
    return FakeVenue(market, instrument, balances={"USDT": Decimal(10000)})


async def test_drop_after_accept_is_unknown_and_found_later(venue: FakeVenue) -> None:
    venue.next_outcomes.append(Outcome.DROP_AFTER_ACCEPT)

    with pytest.raises(OutcomeUnknown):
        await venue.place(BUY)

    assert (await venue.find_order("BTC/USDT", "sb1")).status is VenueStatus.FILLED


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (Outcome.DROP_BEFORE_ACCEPT, OutcomeUnknown),
        (Outcome.REFUSE, OrderRefused),
        (Outcome.RATE_LIMIT, RateLimited),
    ],
)
async def test_what_was_not_accepted_is_never_found(
    venue: FakeVenue, outcome: Outcome, error: type[Exception]
) -> None:
    venue.next_outcomes.append(outcome)

    with pytest.raises(error):
        await venue.place(BUY)

    assert venue.sent == [BUY]
    with pytest.raises(OrderNotFound):
        await venue.find_order("BTC/USDT", "sb1")


async def test_failure_is_no_answer_to_any_question(venue: FakeVenue) -> None:
    venue.failure = UNANSWERED

    with pytest.raises(Retryable):
        await venue.balances()
    with pytest.raises(Retryable):
        await venue.find_order("BTC/USDT", "sb1")


async def test_an_id_may_be_used_again_once_its_order_has_ended(venue: FakeVenue) -> None:
    await venue.place(BUY)

    await venue.place(BUY)

    (row,) = [row for row in await venue.balances() if row.asset == "BTC"]
    assert row.free == Decimal("0.01998")


SWAP = "BTC/USDT:USDT"
LONG = OrderRequest("sbin", SWAP, Side.BUY, OrderType.MARKET, Decimal("0.1"))
STOP = OrderRequest(
    "sbstop",
    SWAP,
    Side.SELL,
    OrderType.MARKET,
    Decimal("0.1"),
    reduce_only=True,
    trigger=Trigger(Decimal(58000), TriggerBy.MARK, TriggerKind.STOP),
)
EVER = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def contracts() -> FakeMarketData:
    market = FakeMarketData(an_instrument(SWAP))
    market.set_price(SWAP, Decimal(60000))
    return market


@pytest.fixture
async def long(contracts: FakeMarketData) -> FakeVenue:
    venue = FakeVenue(contracts, an_instrument(SWAP), balances={"USDT": Decimal(10000)})
    await venue.place(LONG)
    return venue


@pytest.mark.parametrize(
    ("firing", "status", "left"),
    [
        (Firing.FIRE, VenueStatus.FILLED, 0),
        (Firing.REJECT, VenueStatus.REJECTED, Decimal("0.1")),
        (Firing.STICK, VenueStatus.OPEN, Decimal("0.1")),
    ],
)
async def test_a_reached_trigger_fires_or_dies_or_hangs(
    contracts: FakeMarketData, long: FakeVenue, firing: Firing, status: VenueStatus, left: Decimal
) -> None:
    await long.place(STOP)
    long.next_firings.append(firing)
    contracts.set_price(SWAP, Decimal(57000))
    long.match()

    found = await long.find_order(SWAP, "sbstop", is_conditional=True)

    assert (found.status, long.held(SWAP)) == (status, left)


async def test_a_trigger_with_nothing_left_to_reduce_expires(
    contracts: FakeMarketData, long: FakeVenue
) -> None:
    await long.place(STOP)
    long.close_by_hand(SWAP)
    contracts.set_price(SWAP, Decimal(57000))
    long.match()

    found = await long.find_order(SWAP, "sbstop", is_conditional=True)
    assert found.status is VenueStatus.EXPIRED


async def test_a_venue_may_take_no_conditional_order_at_all(long: FakeVenue) -> None:
    long.refuses_conditionals = True

    with pytest.raises(OrderRefused) as caught:
        await long.place(STOP)

    assert caught.value.code == "conditional_not_taken"
    assert await long.open_orders(SWAP) == []


@pytest.mark.parametrize("outcome", [Outcome.REFUSE_CONDITIONAL, Outcome.DROP_BEFORE_ACCEPT])
async def test_a_pair_is_taken_whole_or_not_at_all(venue: FakeVenue, outcome: Outcome) -> None:
    await venue.place(BUY)
    venue.next_outcomes.append(outcome)
    target = Trigger(Decimal(62000), TriggerBy.LAST, TriggerKind.TARGET)
    stop = replace(STOP, symbol="BTC/USDT", quantity=Decimal("0.009"))

    with pytest.raises((OrderRefused, OutcomeUnknown)):
        await venue.place_pair("sbpair", stop=stop, target=replace(stop, trigger=target))

    assert await venue.open_orders("BTC/USDT") == []
    assert venue.pairs == ["sbpair"]


@pytest.fixture
async def news(long: FakeVenue) -> AsyncIterator[AsyncIterator[News]]:
    async with aclosing(long.news()) as stream:
        assert await anext(stream) == News(NewsKind.CONNECTED)
        yield stream


async def test_what_happens_by_hand_is_told_and_found(
    long: FakeVenue, news: AsyncIterator[News]
) -> None:
    await long.place(STOP)
    added = long.add_by_hand(SWAP, Side.BUY, Decimal("0.05"))
    long.cancel_by_hand("sbstop")
    gone = long.liquidate(SWAP)

    told = [(await anext(news)).client_order_id for _ in range(3)]

    assert told == [added.client_order_id, "sbstop", gone.client_order_id]
    assert gone.client_order_id.startswith("autoclose-")
    assert await long.find_foreign(SWAP, gone.exchange_order_id) == replace(gone, fills=())
    fills = await long.trades(SWAP, EVER)
    assert [fill.quantity for fill in fills] == [Decimal("0.1"), Decimal("0.05"), Decimal("0.15")]
    assert long.held(SWAP) == 0


async def test_a_cut_stream_tells_nothing_and_says_when_it_is_back(
    long: FakeVenue, news: AsyncIterator[News]
) -> None:
    long.cut_stream()
    long.close_by_hand(SWAP)
    long.mend_stream()

    assert await anext(news) == News(NewsKind.CONNECTED)


async def test_funding_is_paid_and_listed(long: FakeVenue) -> None:
    paid = long.pay_funding(SWAP, Decimal("-1.5"))

    assert await long.funding(EVER) == [paid]
    (usdt,) = await long.balances()
    assert usdt.free + usdt.locked == Decimal(10000) - 6 - Decimal("1.5")
