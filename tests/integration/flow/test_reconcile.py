"""Other hands: what the trader, the venue and the clock do to an account behind our back."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.accounts.models import AccountState, ExternalHolding
from app.core.errors import AuthRefused
from app.core.ids import new_client_order_id
from app.exchanges.venue import OrderReport, OrderRequest
from app.notifications.models import Notice, Severity
from app.pipeline.orders.models import Order
from app.pipeline.orders.status import OrderStatus
from app.pipeline.pnl.repository import funding_by_account, net_of_strategy
from app.pipeline.positions.models import Position
from app.pipeline.positions.status import PositionStatus
from app.pipeline.signals.models import Signal
from app.pipeline.signals.status import SignalStatus
from app.trading.words import CloseReason, OrderOrigin, OrderType, Protection, Purpose, Side
from tests.builders import ETHER, LINEAR, d
from tests.fakes.exchange import UNANSWERED, FakeVenue
from tests.integration.flow.desk import FUNDS, Desk
from tests.integration.flow.liars import trade_at_a_liar

ROUNDS = 4


async def compare(desk: Desk) -> None:
    """Long enough for whatever is found to have been acted upon, and its consequences too."""
    for _ in range(ROUNDS):
        await desk.reconcile(after_seconds=3)
    await desk.sweep()


async def notices(desk: Desk, code: str) -> list[Notice]:
    async with desk.database.read() as session:
        query = select(Notice).where(Notice.code == code).order_by(Notice.id)
        return list((await session.scalars(query)).all())


async def external(desk: Desk) -> dict[str, Decimal]:
    async with desk.database.read() as session:
        rows = (await session.scalars(select(ExternalHolding))).all()
    return {row.symbol: row.quantity for row in rows}


async def stops(desk: Desk, symbol: str = LINEAR) -> list[tuple[Decimal, Decimal | None]]:
    """Quantity and trigger of what rests at the venue."""
    return [(one.quantity, one.trigger_price) for one in await desk.venue.open_orders(symbol)]


async def the_position(desk: Desk) -> Position:
    [position] = await desk.positions()
    return position


async def foreign_orders(desk: Desk) -> list[Order]:
    return [one for one in await desk.orders() if one.origin is not OrderOrigin.OURS]


async def test_row_47_key_revoked_then_entries_wait_and_the_notice_names_the_stops(
    desk: Desk,
) -> None:
    await desk.alert(stop_loss="58000")
    desk.venue.failure = AuthRefused("the key is not valid any more")

    await desk.reconcile(after_seconds=5)
    alarm = await desk.alert(strategy=await desk.another_strategy())

    [notice] = await notices(desk, "key_refused")
    assert notice.severity is Severity.URGENT
    assert "stop_loss 0.1 BTC/USDT:USDT at 58000" in notice.text
    state = await desk.one(AccountState, desk.account.id)
    assert state.failing_since == desk.clock.now()
    [waiting] = [one for one in await desk.signals() if one.alarm_id == alarm.id]
    assert waiting.status is SignalStatus.APPROVED
    assert (waiting.reason or "").startswith("exchange_auth_refused: ")
    assert desk.worker.monitor.guarded == 1

    desk.venue.failure = None
    await desk.reconcile(after_seconds=5)
    assert (await desk.one(Signal, waiting.id)).status is SignalStatus.EXECUTED
    assert (await desk.one(AccountState, desk.account.id)).reason is None


async def test_row_55_closed_by_hand_then_the_trade_has_the_real_fills_and_no_order_is_left(
    desk: Desk,
) -> None:
    await desk.alert(stop_loss="58000", take_profit="64000")
    desk.town.market_of(LINEAR).set_price(LINEAR, d("61000"))
    desk.venue.close_by_hand(LINEAR)

    await compare(desk)

    position = await the_position(desk)
    assert (position.status, position.close_reason) == (
        PositionStatus.CLOSED,
        CloseReason.EXTERNAL,
    )
    [trade] = await desk.trades()
    # 0.1 · 1,000 less 0.1 % of 6,000 and of 6,100.
    assert (trade.gross_pnl, trade.fees, trade.realized_pnl) == (d("100"), d("12.1"), d("87.9"))
    [order] = await foreign_orders(desk)
    assert (order.origin, order.status) == (OrderOrigin.TRADER, OrderStatus.FILLED)
    assert await stops(desk) == []
    assert desk.venue.held(LINEAR) == 0
    assert len(await notices(desk, "closed_elsewhere")) == 1
    assert await external(desk) == {}


async def test_row_55_closed_by_hand_when_seen_once_then_nothing_is_booked_yet(
    desk: Desk,
) -> None:
    await desk.alert(stop_loss="58000")
    desk.clock.advance(5)
    desk.venue.close_by_hand(LINEAR)

    await desk.reconcile()
    assert (await the_position(desk)).status is PositionStatus.OPEN
    await desk.reconcile(after_seconds=1)

    assert (await the_position(desk)).status is PositionStatus.CLOSED


async def test_row_55_closed_by_hand_while_we_were_down_then_booked_at_the_start(
    desk: Desk,
) -> None:
    await desk.alert(stop_loss="58000")
    desk.venue.cut_stream()
    desk.clock.advance(7200)
    desk.venue.close_by_hand(LINEAR)
    desk.clock.advance(60)

    await desk.restart()

    assert (await the_position(desk)).close_reason is CloseReason.EXTERNAL
    await desk.sweep(after_seconds=2)
    assert await stops(desk) == []


async def test_row_56_added_by_hand_then_it_is_external_and_our_stop_covers_ours(
    desk: Desk,
) -> None:
    await desk.alert(stop_loss="58000")
    desk.venue.add_by_hand(LINEAR, Side.BUY, d("0.4"))

    await compare(desk)

    assert await external(desk) == {LINEAR: d("0.4")}
    assert (await the_position(desk)).quantity == d("0.1")
    assert await stops(desk) == [(d("0.1"), d("58000"))]


async def test_row_56_reduced_by_hand_then_the_book_shrinks_and_its_stop_with_it(
    desk: Desk,
) -> None:
    await desk.alert(stop_loss="58000")
    desk.venue.close_by_hand(LINEAR, d("0.04"))

    await compare(desk)

    position = await the_position(desk)
    assert (position.status, position.quantity) == (PositionStatus.OPEN, d("0.06"))
    assert position.protection is Protection.VENUE
    assert await stops(desk) == [(d("0.06"), d("58000"))]
    [notice] = await notices(desk, "reduced_elsewhere")
    assert "0.06 is left" in notice.text


async def test_row_56_what_was_external_is_taken_away_again_then_no_book_loses_any(
    desk: Desk,
) -> None:
    await desk.alert(stop_loss="58000")
    desk.venue.add_by_hand(LINEAR, Side.BUY, d("0.4"))
    await compare(desk)

    desk.venue.close_by_hand(LINEAR, d("0.4"))
    await compare(desk)

    assert await external(desk) == {}
    assert (await the_position(desk)).quantity == d("0.1")
    assert await foreign_orders(desk) == []


async def test_row_56_more_than_external_is_taken_then_the_book_bears_only_the_rest(
    desk: Desk,
) -> None:
    await desk.alert(stop_loss="58000")
    desk.venue.add_by_hand(LINEAR, Side.BUY, d("0.4"))
    await compare(desk)

    desk.venue.close_by_hand(LINEAR, d("0.45"))
    await compare(desk)

    assert (await the_position(desk)).quantity == d("0.05")
    # 0.05 of an execution of 0.45 that cost 27.
    [order] = await foreign_orders(desk)
    assert (order.filled_quantity, order.fee) == (d("0.05"), d("3"))


async def test_row_56_two_books_share_what_was_taken_by_what_they_hold(desk: Desk) -> None:
    other = await desk.another_strategy()
    await desk.alert(quantity="0.1", stop_loss="58000")
    await desk.alert(strategy=other, quantity="0.3", stop_loss="57000")

    desk.venue.close_by_hand(LINEAR, d("0.2"))
    await compare(desk)

    assert [one.quantity for one in await desk.positions()] == [d("0.05"), d("0.15")]
    ids = sorted(fill.exchange_trade_id for fill in await desk.fills())
    assert len(set(ids)) == 4
    assert sum("/2" in trade_id for trade_id in ids) == 1
    assert sorted(await stops(desk)) == [(d("0.05"), d("58000")), (d("0.15"), d("57000"))]


async def test_row_57_liquidated_then_closed_once_and_the_next_entry_waits_for_a_person(
    desk: Desk,
) -> None:
    await desk.alert(stop_loss="58000")
    sent = len(desk.venue.sent)
    desk.town.market_of(LINEAR).set_price(LINEAR, d("50000"), is_streamed=False)
    desk.venue.liquidate(LINEAR)

    await compare(desk)
    position = await the_position(desk)
    assert position.close_reason is CloseReason.LIQUIDATED
    assert position.realized_pnl == d("-1011")  # -0.1 · 10,000, 6 in and 5 out
    [order] = await foreign_orders(desk)
    assert order.origin is OrderOrigin.VENUE
    assert len(desk.venue.sent) == sent
    assert len(await notices(desk, "liquidated")) == 1

    await desk.price("50000")
    await desk.alert(price="50000")
    assert (await desk.signals())[-1].status is SignalStatus.PENDING


async def test_row_60_a_silent_stream_then_the_timer_finds_what_it_kept(desk: Desk) -> None:
    await desk.alert(stop_loss="58000")
    desk.venue.is_silent = True
    desk.town.market_of(LINEAR).set_price(LINEAR, d("57000"), is_streamed=False)
    desk.venue.match()

    await desk.reconcile(after_seconds=5)

    assert (await the_position(desk)).close_reason is CloseReason.STOP_LOSS


@pytest.mark.parametrize("seconds", [5, 300])
async def test_row_64_positions_empty_then_never_read_as_flat(desk: Desk, seconds: int) -> None:
    venue = await trade_at_a_liar(desk)
    await desk.alert(stop_loss="58000")
    venue.shows_nothing_held = True

    for _ in range(5):
        await desk.reconcile(after_seconds=seconds / 5)
    position = await the_position(desk)
    assert (position.status, position.quantity) == (PositionStatus.OPEN, d("0.1"))
    assert await stops(desk) == [(d("0.1"), d("58000"))]
    await desk.alert(strategy=await desk.another_strategy())
    denied = (await desk.signals())[-1]
    assert (denied.status, (denied.reason or "")[:16]) == (SignalStatus.DENIED, "entries_on_hold:")

    venue.catch_up()
    await desk.reconcile(after_seconds=3)
    await desk.alert(strategy=await desk.another_strategy())
    assert (await desk.signals())[-1].status is SignalStatus.EXECUTED


async def test_row_64_positions_empty_for_long_then_its_owner_is_told_once(desk: Desk) -> None:
    venue = await trade_at_a_liar(desk)
    await desk.alert(stop_loss="58000")
    venue.shows_nothing_held = True

    for _ in range(6):
        await desk.reconcile(after_seconds=4)

    [notice] = await notices(desk, "quantity_missing")
    assert "the venue shows 0 BTC/USDT:USDT where our positions say 0.1" in notice.text


async def test_row_64_positions_empty_at_the_start_then_nothing_is_closed(desk: Desk) -> None:
    venue = await trade_at_a_liar(desk)
    await desk.alert(stop_loss="58000")
    venue.shows_nothing_held = True

    await desk.restart()
    await compare(desk)

    assert (await the_position(desk)).status is PositionStatus.OPEN


async def test_row_70_funding_while_closing_then_it_is_booked_once_on_its_day(
    desk: Desk,
) -> None:
    await desk.alert(stop_loss="58000")
    desk.clock.advance(60)
    paid = desk.venue.pay_funding(LINEAR, d("-0.75"))
    desk.clock.advance(1)
    await desk.price("57900")
    assert (await the_position(desk)).status is PositionStatus.CLOSED

    await desk.reconcile(after_seconds=30)
    await desk.reconcile(after_seconds=30)

    [trade] = await desk.trades()
    # -0.1 · 2,100, 6 in and 5.79 out.
    assert (trade.funding, trade.realized_pnl) == (d("-0.75"), d("-222.54"))
    [day] = await desk.days()
    assert (day.funding, day.realized_pnl, day.losses) == (d("-0.75"), d("-222.54"), 1)
    assert paid.amount == d("-0.75")


async def test_funding_when_books_and_other_hands_hold_then_each_bears_its_part(
    desk: Desk,
) -> None:
    await desk.alert(quantity="0.1")
    await desk.alert(strategy=await desk.another_strategy(), quantity="0.2")
    desk.venue.add_by_hand(LINEAR, Side.BUY, d("0.1"))
    await compare(desk)
    desk.venue.pay_funding(LINEAR, d("-0.4"))

    await desk.reconcile(after_seconds=30)

    assert [one.funding for one in await desk.positions()] == [d("-0.1"), d("-0.2")]
    assert sum(one.funding for one in await desk.days()) == d("-0.3")
    async with desk.database.read() as session:
        assert await net_of_strategy(session, desk.strategy.id, "USDT") == d("-0.1")
        paid = await funding_by_account(session, desk.user.id)
    assert sorted(paid) == [
        (desk.account.id, "USDT", d("-0.2")),
        (desk.account.id, "USDT", d("-0.1")),
    ]


class TwoNumberings(FakeVenue):
    """Counts conditional orders apart: one of them and another's order have the same number."""

    async def place(self, request: OrderRequest) -> OrderReport:
        report = await super().place(request)
        return self._renumbered(report) if request.is_conditional else report

    async def find_order(
        self, symbol: str, client_order_id: str, *, is_conditional: bool = False
    ) -> OrderReport:
        report = await super().find_order(symbol, client_order_id, is_conditional=is_conditional)
        return self._renumbered(report) if is_conditional else report

    def _renumbered(self, report: OrderReport) -> OrderReport:
        # The trader's next order gets the number after its name's.
        return replace(report, exchange_order_id=str(int(report.exchange_order_id) + 2))


async def test_an_order_of_other_hands_that_shares_a_number_with_our_stop_then_is_theirs(
    desk: Desk,
) -> None:
    kind = desk.account.market_type
    venue = TwoNumberings(
        desk.town.markets[kind],
        *desk.town.instruments[kind],
        balances={"USDT": FUNDS},
        clock=desk.clock,
    )
    desk.town.venues[desk.account.id] = venue
    await desk.alert(stop_loss="58000")
    [stop] = await desk.resting()
    theirs = venue.close_by_hand(LINEAR, d("0.04"))
    assert theirs.exchange_order_id == stop.exchange_order_id

    await compare(desk)

    [position] = await desk.positions()
    assert position.quantity == d("0.06")
    assert {one.origin for one in await desk.rows(Order)} == {OrderOrigin.OURS, OrderOrigin.TRADER}


async def test_external_that_points_the_other_way_then_an_entry_is_denied(desk: Desk) -> None:
    desk.venue.add_by_hand(LINEAR, Side.SELL, d("0.2"))
    await compare(desk)

    await desk.alert(action="buy")

    assert ((await desk.signals())[-1].reason or "").startswith("opposite_exposure: -0.2 ")
    assert desk.venue.sent == []


async def test_an_account_that_was_never_compared_then_takes_no_entry_and_guards(
    desk: Desk,
) -> None:
    await desk.alert(stop_loss="58000")
    desk.venue.failure = UNANSWERED
    await desk.restart()

    await desk.alert(strategy=await desk.another_strategy())
    waiting = (await desk.signals())[-1]
    assert (waiting.status, (waiting.reason or "")[:20]) == (
        SignalStatus.APPROVED,
        "exchange_unavailable",
    )
    assert desk.worker.monitor.guarded == 1

    desk.venue.failure = None
    await desk.reconcile(after_seconds=5)
    assert (await desk.signals())[-1].status is SignalStatus.EXECUTED


async def test_an_account_that_answers_only_half_then_takes_no_entry_and_closes_all_the_same(
    desk: Desk,
) -> None:
    venue = await trade_at_a_liar(desk)
    await desk.alert(stop_loss="58000")
    venue.lists_nothing = True
    await desk.restart()

    await desk.alert(strategy=await desk.another_strategy())
    assert (await desk.signals())[-1].status is SignalStatus.APPROVED
    assert desk.venue.held(LINEAR) == d("0.1")

    await desk.alert(action="sell")
    assert desk.venue.held(LINEAR) == 0
    assert (await desk.signals())[-2].status is SignalStatus.APPROVED


async def test_an_account_that_cannot_be_compared_for_long_then_its_owner_is_told_once(
    desk: Desk,
) -> None:
    desk.venue.failure = UNANSWERED
    await desk.reconcile(after_seconds=5)
    await desk.reconcile(after_seconds=25)
    assert await notices(desk, "account_unreachable") == []

    await desk.reconcile(after_seconds=5)
    await desk.reconcile(after_seconds=5)

    [notice] = await notices(desk, "account_unreachable")
    assert notice.times == 1
    state = await desk.one(AccountState, desk.account.id)
    assert state.failing_since == desk.clock.now() - timedelta(seconds=35)


async def test_an_order_that_ended_here_and_rests_at_the_venue_then_is_cancelled(
    desk: Desk,
) -> None:
    venue = await trade_at_a_liar(desk)
    await desk.alert(order_type="limit", limit_price="59000", stop_loss="58000")
    async with desk.database.transaction() as session:
        [order] = (await session.scalars(select(Order))).all()
        order.move(OrderStatus.REJECTED, now=desk.clock.now(), reason="not_accepted: wrongly so")
    assert len(await venue.open_orders(LINEAR)) == 1

    await desk.reconcile(after_seconds=3)

    assert list(await venue.open_orders(LINEAR)) == []
    assert len(await notices(desk, "stray_cancelled")) == 1
    assert (await desk.orders())[0].status is OrderStatus.REJECTED


async def test_an_order_of_our_form_that_nobody_knows_then_is_cancelled_and_others_are_not(
    desk: Desk,
) -> None:
    await desk.alert(stop_loss="58000")
    for name in (new_client_order_id(), "web_1"):
        await desk.venue.place(
            OrderRequest(name, LINEAR, Side.BUY, OrderType.LIMIT, d("0.1"), d("50000"))
        )

    await desk.reconcile(after_seconds=3)

    left = [one.client_order_id for one in await desk.venue.open_orders(LINEAR)]
    assert "web_1" in left
    assert len(left) == 2  # and our stop


async def test_an_entry_that_was_given_up_and_is_filled_then_is_guarded_or_closed_as_its_book_was(
    desk: Desk,
) -> None:
    await desk.alert(order_type="limit", limit_price="59000", stop_loss="58000")
    async with desk.database.transaction() as session:
        [order] = (await session.scalars(select(Order))).all()
        order.move(OrderStatus.CANCELED, now=desk.clock.now())
        order.close_reason = CloseReason.SIGNAL
    desk.town.market_of(LINEAR).set_price(LINEAR, d("59000"))
    desk.venue.match()

    await desk.reconcile(after_seconds=3)
    await desk.sweep(after_seconds=2)

    position = await the_position(desk)
    assert (position.status, position.close_reason) == (PositionStatus.CLOSED, CloseReason.SIGNAL)
    assert desk.venue.held(LINEAR) == 0
    assert len(await notices(desk, "late_fill")) == 1


async def test_coins_held_before_then_they_are_external_and_never_sold(spot_desk: Desk) -> None:
    desk = spot_desk
    desk.venue.add_by_hand("BTC/USDT", Side.BUY, d("0.5"))
    desk.clock.advance(600)
    await desk.alert(stop_loss="58000")
    await compare(desk)
    # 0.5 less 0.1 % fee in coins.
    assert await external(desk) == {"BTC/USDT": d("0.4995")}

    await desk.alert(action="sell")
    await compare(desk)

    position = await the_position(desk)
    assert position.status is PositionStatus.CLOSED
    assert desk.venue.held("BTC/USDT") == d("0.4995") + position.dust_quantity
    assert await external(desk) == {"BTC/USDT": d("0.4995")}


async def test_coins_that_left_without_a_sale_then_leave_the_book_at_cost(
    spot_desk: Desk,
) -> None:
    desk = spot_desk
    venue = await trade_at_a_liar(desk)
    await desk.alert()
    before = await the_position(desk)
    venue.withdrawn["BTC"] = d("0.0499")

    for _ in range(6):
        await desk.reconcile(after_seconds=4)

    position = await the_position(desk)
    assert (position.quantity, position.dust_quantity) == (d("0.05"), d("0.0499"))
    assert position.entry_price == before.entry_price
    # Half of what the entry had cost in fees, and nothing else.
    assert sum(one.gross_pnl for one in await desk.bookings()) == 0
    assert len(await notices(desk, "moved_away")) == 1


async def test_balances_empty_on_spot_then_no_book_is_touched(spot_desk: Desk) -> None:
    desk = spot_desk
    venue = await trade_at_a_liar(desk)
    await desk.alert(stop_loss="58000")
    before = (await the_position(desk)).quantity
    venue.shows_nothing_held = True

    for _ in range(8):
        await desk.reconcile(after_seconds=5)

    assert (await the_position(desk)).quantity == before
    assert len(await notices(desk, "quantity_missing")) == 1


async def test_symbols_are_compared_apart(desk: Desk) -> None:
    await desk.alert(stop_loss="58000")
    await desk.alert(symbol="ETHUSDT.P", quantity="1", stop_loss="2900")
    desk.venue.close_by_hand(ETHER)

    await compare(desk)

    bitcoin, ether = await desk.positions()
    assert (bitcoin.status, ether.status) == (PositionStatus.OPEN, PositionStatus.CLOSED)
    assert ether.close_reason is CloseReason.EXTERNAL
    assert [one.purpose for one in await foreign_orders(desk)] == [Purpose.EXIT]


async def test_an_execution_that_our_own_stop_may_have_made_then_is_not_the_traders_at_once(
    desk: Desk,
) -> None:
    await desk.alert(stop_loss="58000")
    desk.town.market_of(LINEAR).set_price(LINEAR, d("57990"), is_streamed=False)
    desk.venue.close_by_hand(LINEAR)

    for _ in range(3):
        await desk.reconcile(after_seconds=3)
    assert (await the_position(desk)).status is PositionStatus.OPEN
    await desk.reconcile(after_seconds=3)
    await desk.reconcile(after_seconds=3)

    assert (await the_position(desk)).close_reason is CloseReason.EXTERNAL
