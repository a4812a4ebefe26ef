"""The ways the fake can fail; what it does when all is well is in the contract tests."""

from decimal import Decimal

import pytest

from app.core.errors import OrderNotFound, OrderRefused, OutcomeUnknown, RateLimited, Retryable
from app.exchanges.venue import OrderRequest, VenueStatus
from app.trading.words import OrderType, Side
from tests.fakes.exchange import (
    UNANSWERED,
    FakeMarketData,
    FakeVenue,
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
