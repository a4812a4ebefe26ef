"""An order whose fate is unknown: found by evidence, given up by evidence, never sent again."""

import asyncio
import json

import pytest
from sqlalchemy import select

from app.exchanges.venue import News, NewsKind
from app.notifications.models import Notice
from app.pipeline.orders.models import Order
from app.pipeline.orders.status import OrderStatus
from app.pipeline.positions.status import PositionStatus
from app.pipeline.signals.status import SignalStatus
from app.trading.words import CloseReason, OrderOrigin, Protection, Purpose, Side
from tests.builders import LINEAR, d
from tests.fakes.exchange import UNANSWERED, Outcome
from tests.integration.flow.desk import Desk
from tests.integration.flow.liars import trade_at_a_liar

GONE_BEFORE_ACCEPT = Outcome.DROP_BEFORE_ACCEPT
GONE_AFTER_ACCEPT = Outcome.DROP_AFTER_ACCEPT


async def the_entry(desk: Desk) -> Order:
    [order] = [one for one in await desk.orders() if one.purpose is Purpose.ENTRY]
    return order


async def notices(desk: Desk, code: str) -> list[Notice]:
    async with desk.database.read() as session:
        query = select(Notice).where(Notice.code == code).order_by(Notice.id)
        return list((await session.scalars(query)).all())


async def entries_sent(desk: Desk) -> int:
    """How many entries left for the venue, whether they arrived or not."""
    return sum(not one.reduce_only for one in desk.venue.sent)


async def test_row_32_timeout_before_accept_then_not_accepted_with_evidence(desk: Desk) -> None:
    desk.venue.next_outcomes.append(GONE_BEFORE_ACCEPT)
    await desk.alert(stop_loss="58000")

    await desk.sweep(after_seconds=9)
    assert (await the_entry(desk)).status is OrderStatus.UNKNOWN

    await desk.sweep(after_seconds=2)
    order = await the_entry(desk)
    assert order.status is OrderStatus.REJECTED
    assert (order.reason or "").startswith("not_accepted: 11 s after sending, ")
    evidence = json.loads(order.evidence or "")
    assert evidence["sent_at"] == "2026-03-02T12:00:00.000000Z"
    assert [one["asked"] for one in evidence["asked"]] == [
        "the order by our id",
        "open orders of the symbol",
        "the order by our id, again",
        "executions since a minute before it",
        "what the venue holds",
        "the private stream",
    ]
    assert {one["at"] for one in evidence["asked"]} == {"2026-03-02T12:00:11.000000Z"}


async def test_row_32_timeout_before_accept_then_only_a_new_attempt_with_a_new_id_is_sent(
    desk: Desk,
) -> None:
    desk.venue.next_outcomes.append(GONE_BEFORE_ACCEPT)
    await desk.alert(stop_loss="58000")
    await desk.alert(stop_loss="58000")
    assert await entries_sent(desk) == 1

    await desk.sweep(after_seconds=11)
    await desk.sweep()

    first, second = [one for one in desk.venue.sent if not one.reduce_only]
    assert first.client_order_id != second.client_order_id
    assert desk.venue.held(LINEAR) == d("0.1")


async def test_row_32_when_the_fate_is_known_then_what_waited_for_it_goes_on_at_once(
    desk: Desk,
) -> None:
    desk.venue.next_outcomes.append(GONE_BEFORE_ACCEPT)
    await desk.alert(stop_loss="58000")
    await desk.alert(stop_loss="58000")

    await desk.sweep(after_seconds=11)

    assert await entries_sent(desk) == 2
    assert desk.venue.held(LINEAR) == d("0.1")


async def test_row_33_timeout_after_accept_then_adopted_by_client_id(desk: Desk) -> None:
    desk.venue.next_outcomes.append(GONE_AFTER_ACCEPT)

    await desk.alert(stop_loss="58000")
    await desk.sweep(after_seconds=2)

    assert (await the_entry(desk)).status is OrderStatus.FILLED
    [position] = await desk.positions()
    assert (position.quantity, position.protection) == (d("0.1"), Protection.VENUE)
    assert await entries_sent(desk) == 1


@pytest.mark.parametrize("seconds", [2, 12, 30, 60])
async def test_row_34_timeout_after_accept_and_not_found_for_a_while_then_unknown_meanwhile(
    desk: Desk, seconds: int
) -> None:
    venue = await trade_at_a_liar(desk)
    venue.next_outcomes.append(GONE_AFTER_ACCEPT)
    venue.denies = True
    await desk.alert(stop_loss="58000")

    for _ in range(seconds // 2):
        await desk.sweep(after_seconds=2)
        assert (await the_entry(desk)).status is OrderStatus.UNKNOWN
    venue.catch_up()
    await desk.sweep(after_seconds=2)

    assert (await the_entry(desk)).status is OrderStatus.FILLED
    assert await entries_sent(desk) == 1
    [position] = await desk.positions()
    assert position.protection is Protection.VENUE


async def test_row_34_when_every_look_up_lags_but_the_stream_named_it_then_unknown_meanwhile(
    desk: Desk,
) -> None:
    venue = await trade_at_a_liar(desk)
    venue.next_outcomes.append(GONE_AFTER_ACCEPT)
    await venue.lag(LINEAR)
    await desk.alert(stop_loss="58000")
    venue.tell(News(NewsKind.ORDER, LINEAR, venue.sent[0].client_order_id))
    await desk.process.settle()

    for _ in range(15):
        await desk.sweep(after_seconds=2)
        assert (await the_entry(desk)).status is OrderStatus.UNKNOWN
    venue.catch_up()
    await desk.sweep(after_seconds=2)

    assert (await the_entry(desk)).status is OrderStatus.FILLED


async def test_row_34_when_look_ups_lag_but_the_stream_numbered_it_then_its_executions_count(
    desk: Desk,
) -> None:
    venue = await trade_at_a_liar(desk)
    venue.next_outcomes.append(GONE_AFTER_ACCEPT)
    venue.denies = venue.tells_numbers = True
    await desk.alert(stop_loss="58000")
    [entry] = await desk.orders()
    [execution] = await venue.trades(LINEAR, entry.created_at)

    number = execution.exchange_order_id
    venue.tell(News(NewsKind.ORDER, LINEAR, entry.client_order_id, number))
    await desk.process.settle()

    entry = await the_entry(desk)
    assert (entry.status, entry.exchange_order_id) == (OrderStatus.FILLED, number)
    [position] = await desk.positions()
    assert (position.quantity, position.naked_seconds) == (d("0.1"), d("0"))
    assert await entries_sent(desk) == 1


async def test_row_34_when_everything_lags_for_longer_than_anybody_waits_then_its_fill_counts(
    desk: Desk,
) -> None:
    venue = await trade_at_a_liar(desk)
    venue.next_outcomes.append(GONE_AFTER_ACCEPT)
    await venue.lag(LINEAR)
    await desk.alert(stop_loss="58000")
    await desk.sweep(after_seconds=30)
    assert (await the_entry(desk)).status is OrderStatus.REJECTED

    venue.catch_up()
    await desk.reconcile(after_seconds=5)

    order = await the_entry(desk)
    assert (order.status, order.filled_quantity) == (OrderStatus.REJECTED, d("0.1"))
    [position] = await desk.positions()
    assert (position.status, position.quantity) == (PositionStatus.OPEN, d("0.1"))
    assert position.protection is Protection.VENUE
    assert len(await notices(desk, "late_fill")) == 1


async def test_a_venue_that_was_late_once_then_is_given_that_time_again_and_half_of_it(
    desk: Desk,
) -> None:
    venue = await trade_at_a_liar(desk)
    venue.next_outcomes.append(GONE_AFTER_ACCEPT)
    venue.denies = True
    await desk.alert(order_type="limit", limit_price="59000")
    await desk.sweep(after_seconds=12)
    assert (await the_entry(desk)).status is OrderStatus.OPEN  # it was among the open ones
    venue.catch_up()

    venue.next_outcomes.append(GONE_BEFORE_ACCEPT)
    await desk.alert(strategy=await desk.another_strategy(), symbol="ETHUSDT.P")
    await desk.sweep(after_seconds=17)
    assert (await desk.orders())[-1].status is OrderStatus.UNKNOWN
    await desk.sweep(after_seconds=2)

    assert (await desk.orders())[-1].status is OrderStatus.REJECTED


async def test_row_35_timeout_after_accept_filled_and_closed_at_once_then_all_of_it_is_booked(
    desk: Desk,
) -> None:
    desk.venue.next_outcomes.append(GONE_AFTER_ACCEPT)
    await desk.alert(stop_loss="58000")
    desk.venue.close_by_hand(LINEAR)

    await desk.sweep(after_seconds=2)
    for _ in range(3):
        await desk.reconcile(after_seconds=3)

    [trade] = await desk.trades()
    assert trade.close_reason is CloseReason.EXTERNAL
    # 0.1 at 60,000 in and out at 0.1 %.
    assert (trade.gross_pnl, trade.fees, trade.realized_pnl) == (d("0"), d("12"), d("-12"))
    foreign = [one for one in await desk.orders() if one.origin is OrderOrigin.TRADER]
    assert [(one.side, one.filled_quantity) for one in foreign] == [(Side.SELL, d("0.1"))]
    assert list(await desk.venue.open_orders(LINEAR)) == []


async def test_row_35_filled_and_closed_at_once_and_denied_then_its_executions_keep_it_unknown(
    desk: Desk,
) -> None:
    venue = await trade_at_a_liar(desk)
    venue.next_outcomes.append(GONE_AFTER_ACCEPT)
    venue.denies = True
    await desk.alert(stop_loss="58000")
    venue.close_by_hand(LINEAR)

    # Nothing is held and nothing rests: only two executions that nobody claims tell of it.
    await desk.sweep(after_seconds=30)
    assert (await the_entry(desk)).status is OrderStatus.UNKNOWN

    venue.catch_up()
    await desk.sweep(after_seconds=2)
    assert (await the_entry(desk)).status is OrderStatus.FILLED


@pytest.mark.parametrize(
    ("outcome", "status", "held"),
    [
        (GONE_AFTER_ACCEPT, OrderStatus.FILLED, "0.1"),
        (GONE_BEFORE_ACCEPT, OrderStatus.REJECTED, "0"),
    ],
)
async def test_row_36_a_server_error_accepted_or_not_then_the_look_up_says_which(
    desk: Desk, outcome: Outcome, status: OrderStatus, held: str
) -> None:
    desk.venue.next_outcomes.append(outcome)
    await desk.alert()
    assert (await the_entry(desk)).status is OrderStatus.UNKNOWN

    await desk.sweep(after_seconds=11)

    assert (await the_entry(desk)).status is status
    assert desk.venue.held(LINEAR) == d(held)


async def test_row_41_a_reply_that_cannot_be_read_then_unknown_and_found(desk: Desk) -> None:
    venue = await trade_at_a_liar(desk)
    venue.garbles = True

    await desk.alert()
    assert (await the_entry(desk)).status is OrderStatus.UNKNOWN
    await desk.sweep(after_seconds=2)

    assert (await the_entry(desk)).status is OrderStatus.FILLED


async def test_row_43_events_before_the_ack_twice_and_never_then_each_fill_counts_once(
    desk: Desk,
) -> None:
    gate = desk.venue.hold(LINEAR)
    waiting = desk.venue
    alerting = asyncio.create_task(desk.alert(stop_loss="58000"))
    await gate.reached.wait()
    early = News(NewsKind.ORDER, LINEAR, waiting.sent[0].client_order_id)
    waiting.tell(early)
    desk.venue.let_go(LINEAR)
    gate.open.set()
    for _ in range(3):
        waiting.tell(early)
    waiting.tell(News(NewsKind.ORDER, LINEAR, "nobody"))
    await alerting
    await desk.process.settle()

    assert len(await desk.fills()) == 1
    [position] = await desk.positions()
    assert position.quantity == d("0.1")


async def test_row_43_a_fill_that_no_event_tells_of_then_is_found_by_asking(desk: Desk) -> None:
    await desk.alert(order_type="limit", limit_price="59000", stop_loss="58000")
    desk.venue.cut_stream()
    desk.town.market_of(LINEAR).set_price(LINEAR, d("58900"), is_streamed=False)
    desk.venue.match()

    await desk.reconcile(after_seconds=5)

    assert (await the_entry(desk)).status is OrderStatus.FILLED


async def test_row_43_a_fill_that_an_event_tells_of_then_is_taken_over_at_once(
    desk: Desk,
) -> None:
    await desk.alert(order_type="limit", limit_price="59000", stop_loss="58000")
    desk.town.market_of(LINEAR).set_price(LINEAR, d("58900"))
    desk.venue.match()

    await desk.process.settle()

    assert (await the_entry(desk)).status is OrderStatus.FILLED


async def test_row_46_an_outage_with_live_orders_then_nothing_is_declared_failed(
    desk: Desk,
) -> None:
    await desk.alert(order_type="limit", limit_price="59000", stop_loss="58000")
    desk.venue.next_outcomes.append(GONE_AFTER_ACCEPT)
    other = await desk.another_strategy()
    await desk.alert(strategy=other)
    before = {one.id: one.status for one in await desk.orders()}

    desk.venue.failure = UNANSWERED
    for _ in range(6):
        await desk.sweep(after_seconds=600)
        await desk.reconcile()
    assert {one.id: one.status for one in await desk.orders()} == before
    assert len(await notices(desk, "account_unreachable")) == 1

    desk.venue.failure = None
    await desk.sweep(after_seconds=2)
    await desk.reconcile()
    statuses = sorted(one.status for one in await desk.orders() if one.purpose is Purpose.ENTRY)
    assert statuses == [OrderStatus.FILLED, OrderStatus.OPEN]


async def test_an_order_that_stays_unknown_then_its_owner_is_told_once_after_30_seconds(
    desk: Desk,
) -> None:
    desk.venue.next_outcomes.append(GONE_BEFORE_ACCEPT)
    await desk.alert()
    desk.venue.failure = UNANSWERED

    await desk.sweep(after_seconds=29)
    assert await notices(desk, "order_unknown") == []
    await desk.sweep(after_seconds=2)
    await desk.sweep(after_seconds=2)

    [notice] = await notices(desk, "order_unknown")
    assert (notice.subject_id, notice.times) == (str((await the_entry(desk)).id), 1)


async def test_an_unknown_order_when_the_trader_trades_meanwhile_then_is_given_up_all_the_same(
    desk: Desk,
) -> None:
    desk.venue.next_outcomes.append(GONE_BEFORE_ACCEPT)
    await desk.alert()
    desk.venue.add_by_hand(LINEAR, Side.BUY, d("0.3"))

    await desk.sweep(after_seconds=11)

    assert (await the_entry(desk)).status is OrderStatus.REJECTED


async def test_an_unknown_order_when_the_net_is_not_what_it_should_be_then_stays_unknown(
    desk: Desk,
) -> None:
    venue = await trade_at_a_liar(desk)
    other = await desk.another_strategy()
    await desk.alert(strategy=other)
    venue.next_outcomes.append(GONE_BEFORE_ACCEPT)
    await desk.alert()
    venue.shows_nothing_held = True

    await desk.sweep(after_seconds=11)
    entries = [one for one in await desk.orders() if one.purpose is Purpose.ENTRY]
    assert [one.status for one in entries] == [OrderStatus.FILLED, OrderStatus.UNKNOWN]

    venue.catch_up()
    await desk.sweep(after_seconds=2)
    assert (await desk.orders())[-1].status is OrderStatus.REJECTED


async def test_coins_that_were_there_before_then_hide_no_execution_of_the_first_order(
    spot_desk: Desk,
) -> None:
    desk = spot_desk
    desk.venue.add_by_hand("BTC/USDT", Side.BUY, d("0.5"))
    desk.clock.advance(600)
    desk.venue.next_outcomes.append(GONE_BEFORE_ACCEPT)
    await desk.alert()

    await desk.sweep(after_seconds=11)

    assert (await the_entry(desk)).status is OrderStatus.REJECTED
    assert (await desk.signals())[0].status is SignalStatus.FAILED
