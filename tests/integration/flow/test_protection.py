"""What guards a position rests at the venue, for exactly what it holds, whatever happens."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from app.db.session import Database
from app.exchanges.venue import OrderReport, OrderRequest
from app.notifications.models import Notice
from app.pipeline.flow.exits import Exit, exit_position
from app.pipeline.flow.orders import sync_order
from app.pipeline.orders.models import Order
from app.pipeline.orders.status import OrderStatus
from app.pipeline.positions import service as position_service
from app.pipeline.positions.models import Position
from app.pipeline.positions.status import PositionStatus
from app.pipeline.wakeups import Work, wake
from app.trading.words import (
    CloseReason,
    MarketType,
    OrderType,
    Protection,
    Purpose,
    Side,
    TriggerKind,
)
from tests.builders import LINEAR, SPOT, an_alert, d
from tests.fakes.exchange import FakeVenue, Firing, Outcome
from tests.integration.flow.desk import FUNDS, Desk, Process, open_desk
from tests.integration.flow.liars import trade_at_a_liar

STOP, TARGET = "58000", "64000"


@pytest.fixture
async def spot_desk(database: Database) -> AsyncIterator[Desk]:
    async with open_desk(database, market_type=MarketType.SPOT) as desk:
        yield desk


async def open_long(desk: Desk, **levels: Any) -> Position:
    """A long of 0.1 BTC at 60,000."""
    await desk.alert(action="buy", **levels)
    return (await desk.positions())[-1]


async def open_long_and_lose_the_stop(desk: Desk) -> Position:
    """Its stop never arrives at the venue, and nobody says so."""
    desk.venue.next_outcomes.extend([Outcome.ACCEPT, Outcome.DROP_BEFORE_ACCEPT])
    return await open_long(desk, stop_loss=STOP)


async def the(desk: Desk, position: Position) -> Position:
    return await desk.one(Position, position.id)


async def at_venue(desk: Desk) -> list[tuple[str, Decimal, Decimal]]:
    """Kind, trigger price and quantity of what waits there now."""
    symbol = SPOT if desk.account.market_type is MarketType.SPOT else LINEAR
    requests = {one.client_order_id: one for one in desk.venue.sent}
    found = []
    for report in await desk.venue.open_orders(symbol):
        request = requests[report.client_order_id]
        if request.trigger is not None:
            kind = request.trigger.kind.value
            left = report.quantity - report.filled_quantity
            found.append((kind, request.trigger.price, left))
    return sorted(found)


async def close(desk: Desk, position: Position, quantity: str | None = None) -> None:
    wanted = Exit(
        reason=CloseReason.USER_STOPPED,
        actor="trader",
        quantity=None if quantity is None else d(quantity),
    )
    await exit_position(desk.tools, position.id, wanted)
    await desk.process.settle()


async def change(desk: Desk, position: Position, **levels: Decimal | None) -> None:
    """As the trader does by PATCH."""
    async with desk.database.transaction() as session:
        row = await session.get_one(Position, position.id)
        now = desk.clock.now()
        await position_service.change_levels(session, row, dict(levels), actor="trader", now=now)
        wake(session, Work.POSITION, row.id, now=now)
        wake(session, Work.PROTECT, row.id, now=now, lane=(row.account_id, row.symbol))
    await desk.process.settle()


def conditional(desk: Desk) -> list[OrderRequest]:
    return [one for one in desk.venue.sent if one.is_conditional]


async def notices(desk: Desk) -> list[str]:
    return [one.code for one in await desk.rows(Notice)]


async def stamps(desk: Desk) -> list[tuple[object, object]]:
    """Which rows there are, and when each was last changed."""
    orders = [(one.id, one.updated_at) for one in await desk.rows(Order)]
    return [*orders, *((one.id, one.updated_at) for one in await desk.positions())]


# Placing


async def test_an_entry_when_it_is_filled_then_its_stop_and_target_rest_for_all_of_it(
    desk: Desk,
) -> None:
    position = await open_long(desk, stop_loss=STOP, take_profit=TARGET)

    assert await at_venue(desk) == [
        ("stop", d("58000"), d("0.1")),
        ("target", d("64000"), d("0.1")),
    ]
    assert all(one.reduce_only for one in conditional(desk))
    assert (await the(desk, position)).protection is Protection.VENUE
    assert (await the(desk, position)).naked_since is None


async def test_an_entry_when_it_has_no_level_then_nothing_rests_and_nobody_is_naked(
    desk: Desk,
) -> None:
    position = await the(desk, await open_long(desk))

    assert await at_venue(desk) == []
    assert (position.protection, position.naked_since) == (Protection.NONE, None)


async def test_a_limit_entry_when_it_fills_in_parts_then_the_stop_grows_with_it(
    desk: Desk,
) -> None:
    await desk.alert(action="buy", order_type="limit", price="59000", stop_loss=STOP)
    [entry] = await desk.orders()
    for part in ("0.02", "0.05", "0.03"):
        desk.venue.fill_part(entry.client_order_id, d(part))
        await desk.sweep(after_seconds=6)
        [position] = await desk.positions()
        assert await at_venue(desk) == [("stop", d("58000"), position.quantity)]

    assert (await desk.positions())[0].quantity == d("0.1")


# Closing


async def test_the_stop_when_the_venue_fires_it_then_the_position_is_closed_by_it(
    desk: Desk,
) -> None:
    position = await open_long(desk, stop_loss=STOP, take_profit=TARGET)

    await desk.price_at_venue("57900")

    position = await the(desk, position)
    assert (position.status, position.close_reason) == (
        PositionStatus.CLOSED,
        CloseReason.STOP_LOSS,
    )
    # 0.1 · (57,900 - 60,000) - 6 - 5.79
    assert position.realized_pnl == d("-221.79")
    assert len(desk.sent) == 1, "the monitor sent nothing of its own"
    assert await at_venue(desk) == []
    assert desk.venue.held(LINEAR) == 0


async def test_the_stop_when_the_venue_sleeps_then_the_monitor_closes_behind_it(
    desk: Desk,
) -> None:
    position = await open_long(desk, stop_loss=STOP)

    await desk.price("57900")

    assert (await the(desk, position)).close_reason is CloseReason.STOP_LOSS
    assert desk.venue.held(LINEAR) == 0
    assert [one.side for one in desk.sent] == [Side.BUY, Side.SELL]
    assert await at_venue(desk) == []


@pytest.mark.parametrize("what", [Firing.REJECT, Firing.STICK])
async def test_the_stop_when_it_dies_at_its_trigger_then_the_monitor_closes(
    desk: Desk, what: Firing
) -> None:
    position = await open_long(desk, stop_loss=STOP)
    desk.venue.next_firings.append(what)

    await desk.price_at_venue("57900")

    assert (await the(desk, position)).is_closed
    assert desk.venue.held(LINEAR) == 0


async def test_a_close_by_hand_when_it_is_filled_then_leaves_no_stop_behind(desk: Desk) -> None:
    position = await open_long(desk, stop_loss=STOP, take_profit=TARGET)

    await close(desk, position)

    assert (await the(desk, position)).close_reason is CloseReason.USER_STOPPED
    assert await at_venue(desk) == []
    assert {one.status for one in await desk.resting()} == {OrderStatus.CANCELED}
    assert desk.venue.held(LINEAR) == 0


async def test_a_part_closed_by_hand_when_it_is_filled_then_the_stop_shrinks(desk: Desk) -> None:
    position = await open_long(desk, stop_loss=STOP, take_profit=TARGET)

    await close(desk, position, "0.04")

    assert await at_venue(desk) == [
        ("stop", d("58000"), d("0.06")),
        ("target", d("64000"), d("0.06")),
    ]
    assert (await the(desk, position)).protection is Protection.VENUE


async def test_a_stop_when_another_book_holds_the_symbol_then_is_gone_before_the_exit(
    desk: Desk,
) -> None:
    position = await open_long(desk, stop_loss=STOP)
    other = await desk.another_strategy(name="other")
    await desk.alert(action="buy", stop_loss="57000", strategy=other)

    await close(desk, position)

    kinds = [one.is_conditional for one in desk.venue.sent]
    assert kinds == [False, True, False, True, False]
    [stop] = [one for one in await desk.resting() if one.position_id == position.id]
    [exit_order] = [one for one in await desk.orders() if one.position_id == position.id][1:]
    assert stop.finished_at is not None
    assert exit_order.submitted_at is not None
    assert await at_venue(desk) == [("stop", d("57000"), d("0.1"))]
    assert desk.venue.cancels == [stop.client_order_id]


# Moving


async def test_a_stop_when_the_trader_moves_it_then_one_rests_at_the_new_price(
    desk: Desk,
) -> None:
    position = await open_long(desk, stop_loss=STOP)

    await change(desk, position, stop_loss=d("59000"))

    assert await at_venue(desk) == [("stop", d("59000"), d("0.1"))]
    moved = await the(desk, position)
    assert (moved.protection, moved.naked_since) == (Protection.VENUE, None)


async def test_a_stop_when_the_trader_takes_it_away_then_none_rests(desk: Desk) -> None:
    position = await open_long(desk, stop_loss=STOP)

    await change(desk, position, stop_loss=None)

    assert await at_venue(desk) == []
    assert (await the(desk, position)).protection is Protection.NONE


async def test_a_trailing_stop_when_the_price_rises_then_follows_in_steps(desk: Desk) -> None:
    await desk.change_strategy(
        default_stop_loss_kind="trailing_percent", default_stop_loss_value=d("2")
    )
    await open_long(desk)
    assert await at_venue(desk) == [("stop", d("58800"), d("0.1"))]

    await desk.price("60050")
    await desk.sweep(after_seconds=2)
    assert await at_venue(desk) == [("stop", d("58800"), d("0.1"))], "a tenth of it is no step"

    await desk.price("61000")
    await desk.sweep(after_seconds=2)
    assert await at_venue(desk) == [("stop", d("59780"), d("0.1"))]

    await desk.price("60500")
    await desk.sweep(after_seconds=2)
    assert await at_venue(desk) == [("stop", d("59780"), d("0.1"))], "it never goes back"


async def test_row_69_a_moved_stop_when_its_cancel_is_not_heard_then_the_old_one_stays(
    desk: Desk,
) -> None:
    position = await open_long(desk, stop_loss=STOP)
    desk.venue.failure = None

    async with desk.database.transaction() as session:
        row = await session.get_one(Position, position.id)
        await position_service.change_levels(
            session, row, {"stop_loss": d("59000")}, actor="trader", now=desk.clock.now()
        )
    await desk.sweep(after_seconds=2)
    await change(desk, position, stop_loss=d("59500"))

    assert await at_venue(desk) == [("stop", d("59500"), d("0.1"))]


# Trouble


async def test_row_51_a_venue_that_takes_no_stops_when_an_entry_fills_then_the_monitor_guards(
    desk: Desk,
) -> None:
    desk.venue.refuses_conditionals = True
    position = await open_long(desk, stop_loss=STOP)

    guarded = await the(desk, position)
    assert guarded.protection is Protection.MONITOR
    assert (guarded.protection_note or "").startswith("conditional_not_taken")
    assert await notices(desk) == ["stop_refused"]

    await desk.price("57900")
    assert (await the(desk, position)).close_reason is CloseReason.STOP_LOSS
    assert desk.venue.held(LINEAR) == 0


async def test_row_51_a_stop_that_is_refused_for_ten_seconds_then_the_position_is_closed(
    desk: Desk,
) -> None:
    desk.venue.next_outcomes.extend([Outcome.ACCEPT, *[Outcome.REFUSE] * 6])
    position = await open_long(desk, stop_loss=STOP)
    assert (await the(desk, position)).protection is Protection.NONE

    for _ in range(5):
        await desk.sweep(after_seconds=2)

    closed = await the(desk, position)
    assert (closed.status, closed.close_reason) == (PositionStatus.CLOSED, CloseReason.RISK)
    assert closed.naked_seconds == 10
    assert desk.venue.held(LINEAR) == 0
    assert "stop_refused" in await notices(desk)


async def test_row_51_a_stop_that_never_arrives_for_ten_seconds_then_the_position_is_closed(
    desk: Desk,
) -> None:
    lost = [Outcome.DROP_BEFORE_ACCEPT] * 5
    desk.venue.next_outcomes.extend([Outcome.ACCEPT, *lost])
    position = await open_long(desk, stop_loss=STOP)

    for _ in range(8):
        await desk.sweep(after_seconds=2)

    closed = await the(desk, position)
    assert (closed.status, closed.close_reason) == (PositionStatus.CLOSED, CloseReason.RISK)
    assert Decimal(10) <= closed.naked_seconds <= Decimal(12)
    assert "unprotected" in await notices(desk)


async def test_row_51_a_stop_whose_price_is_passed_then_the_position_is_closed_at_once(
    desk: Desk,
) -> None:
    desk.venue.hold(LINEAR)
    gate = desk.venue.hold(LINEAR)
    gate.open.set()
    await desk.alert(action="buy", order_type="limit", price="59000", stop_loss=STOP)
    [entry] = await desk.orders()
    desk.town.market_of(LINEAR).set_price(LINEAR, d("57500"), is_streamed=False)
    desk.venue.fill_part(entry.client_order_id, d("0.1"))

    await desk.sweep(after_seconds=6)

    [position] = await desk.positions()
    assert (position.status, position.close_reason) == (
        PositionStatus.CLOSED,
        CloseReason.STOP_LOSS,
    )
    assert desk.venue.held(LINEAR) == 0


async def test_row_52_a_stop_whose_reply_is_lost_then_is_adopted_and_not_doubled(
    desk: Desk,
) -> None:
    desk.venue.next_outcomes.extend([Outcome.ACCEPT, Outcome.DROP_AFTER_ACCEPT])
    position = await open_long(desk, stop_loss=STOP)

    await desk.sweep(after_seconds=2)

    assert await at_venue(desk) == [("stop", d("58000"), d("0.1"))]
    assert len(conditional(desk)) == 1
    assert (await the(desk, position)).protection is Protection.VENUE


async def test_a_stop_that_never_arrived_then_the_monitor_guards_until_a_new_one_may_be_sent(
    desk: Desk,
) -> None:
    position = await open_long_and_lose_the_stop(desk)
    lost = await the(desk, position)
    assert (lost.protection, lost.naked_since) == (Protection.NONE, desk.clock.now())
    assert (lost.protection_note or "").startswith("order_unknown")

    await desk.sweep(after_seconds=0.9)
    assert len(conditional(desk)) == 1, "too soon to be believed"
    await desk.sweep(after_seconds=0.1)

    assert await at_venue(desk) == [("stop", d("58000"), d("0.1"))]
    assert len({one.client_order_id for one in conditional(desk)}) == 2
    assert desk.venue.cancels == [conditional(desk)[0].client_order_id], "that, too, was asked"
    guarded = await the(desk, position)
    assert (guarded.protection, guarded.naked_seconds) == (Protection.VENUE, d("1"))


async def test_a_stop_that_never_arrived_when_it_can_be_proven_then_no_sweep_is_waited_for(
    desk: Desk,
) -> None:
    position = await open_long_and_lose_the_stop(desk)

    desk.clock.advance(1)
    # The timer is the machine's, and no sweep runs by itself here.
    await asyncio.sleep(1.1)
    await desk.process.settle()

    assert await at_venue(desk) == [("stop", d("58000"), d("0.1"))]
    assert (await the(desk, position)).protection is Protection.VENUE


async def test_a_stop_that_never_arrived_when_somebody_else_proves_it_then_the_next_is_placed(
    desk: Desk,
) -> None:
    position = await open_long_and_lose_the_stop(desk)
    [lost] = await desk.resting()
    desk.clock.advance(1)

    await sync_order(desk.tools, lost.id)
    await desk.process.settle()

    assert await at_venue(desk) == [("stop", d("58000"), d("0.1"))]
    assert (await the(desk, position)).naked_seconds == d("1")


async def test_a_stop_that_the_venue_has_and_does_not_show_then_never_two_rest(
    desk: Desk,
) -> None:
    venue = await trade_at_a_liar(desk)
    venue.next_outcomes.extend([Outcome.ACCEPT, Outcome.DROP_AFTER_ACCEPT])
    venue.denies = venue.hides_open = True
    position = await open_long(desk, stop_loss=STOP)

    for _ in range(3):
        await desk.sweep(after_seconds=2)
        assert len(await FakeVenue.open_orders(venue, LINEAR)) <= 1
    venue.catch_up()
    await desk.sweep(after_seconds=2)

    first, second = await desk.resting()
    assert (first.status, second.status) == (OrderStatus.CANCELED, OrderStatus.OPEN)
    assert "a cancel by our id" in (first.evidence or "")

    assert await at_venue(desk) == [("stop", d("58000"), d("0.1"))]
    assert (await the(desk, position)).protection is Protection.VENUE


async def test_a_stop_that_moves_when_look_ups_lag_then_the_confirmed_cancel_is_enough(
    desk: Desk,
) -> None:
    venue = await trade_at_a_liar(desk)
    position = await open_long(desk, stop_loss=STOP)
    venue.denies = True

    await change(desk, position, stop_loss=d("58500"))

    first, second = await desk.resting()
    assert (first.status, second.status) == (OrderStatus.CANCELED, OrderStatus.OPEN)
    assert await at_venue(desk) == [("stop", d("58500"), d("0.1"))]


async def test_a_pair_that_moves_when_look_ups_lag_then_both_legs_end_with_one_cancel(
    spot_desk: Desk,
) -> None:
    desk = spot_desk
    venue = await trade_at_a_liar(desk)
    position = await open_long(desk, stop_loss=STOP, take_profit=TARGET)
    venue.denies = True

    await change(desk, position, stop_loss=d("58500"))

    assert [one.status for one in await desk.resting()].count(OrderStatus.CANCELED) == 2
    assert len(venue.cancels) == 1
    kept = d("0.099")
    assert await at_venue(desk) == [("stop", d("58500"), kept), ("target", d("64000"), kept)]


async def test_a_target_executed_in_part_when_its_cancel_is_confirmed_then_that_part_counts(
    spot_desk: Desk,
) -> None:
    desk = spot_desk
    venue = await trade_at_a_liar(desk)
    position = await open_long(desk, stop_loss=STOP, take_profit=TARGET)
    [target] = [one for one in await desk.resting() if one.purpose is Purpose.TAKE_PROFIT]
    venue.cut_stream()
    venue.denies = True
    venue.fill_part(target.client_order_id, d("0.04"))

    await change(desk, position, stop_loss=d("58500"))

    target = await desk.one(Order, target.id)
    assert (target.status, target.filled_quantity) == (OrderStatus.CANCELED, d("0.04"))
    assert (await the(desk, position)).quantity == d("0.0599")


async def test_a_restart_when_no_stop_was_sent_for_a_level_then_it_is_placed(desk: Desk) -> None:
    position = await open_long(desk)
    await desk.process.end()
    # Written down, and the power failed before anything followed from it.
    async with desk.database.transaction() as session:
        row = await session.get_one(Position, position.id)
        levels: dict[str, Decimal | None] = {"stop_loss": d(STOP)}
        now = desk.clock.now()
        await position_service.change_levels(session, row, levels, actor="trader", now=now)
    desk.process = Process(desk.database, desk.town)

    await desk.process.start()

    assert await at_venue(desk) == [("stop", d("58000"), d("0.1"))]


async def test_row_54_a_stop_that_the_trader_cancelled_at_the_venue_then_is_placed_again(
    desk: Desk,
) -> None:
    position = await open_long(desk, stop_loss=STOP)
    [stop] = await desk.resting()
    desk.venue.cancel_by_hand(stop.client_order_id)

    await desk.sweep(after_seconds=5)

    assert await at_venue(desk) == [("stop", d("58000"), d("0.1"))]
    assert (await the(desk, position)).protection is Protection.VENUE


@pytest.mark.parametrize("sent", [False, True])
async def test_row_53_a_restart_when_the_stop_was_not_heard_of_then_one_rests(
    desk: Desk, *, sent: bool
) -> None:
    outcome = Outcome.DROP_AFTER_ACCEPT if sent else Outcome.DROP_BEFORE_ACCEPT
    desk.venue.next_outcomes.extend([Outcome.ACCEPT, outcome])
    await open_long(desk, stop_loss=STOP)
    await desk.process.end(timeout_seconds=0.2)
    desk.process = Process(desk.database, desk.town)

    await desk.process.start()
    for _ in range(7):
        await desk.sweep(after_seconds=2)

    assert await at_venue(desk) == [("stop", d("58000"), d("0.1"))]


async def test_ten_restarts_when_nothing_happened_then_nothing_is_sent(desk: Desk) -> None:
    await open_long(desk, stop_loss=STOP, take_profit=TARGET)
    sent = list(desk.venue.sent)
    before = await stamps(desk)

    for _ in range(10):
        await desk.restart()

    assert desk.venue.sent == sent
    assert desk.venue.cancels == []
    assert await stamps(desk) == before


# Spot


async def test_spot_when_there_is_a_stop_and_a_target_then_they_rest_as_a_pair(
    spot_desk: Desk,
) -> None:
    position = await open_long(spot_desk, stop_loss=STOP, take_profit=TARGET)

    # A fee of 0.1 % in coins was paid: 0.0999 are held, 0.099 can be sold.
    assert await at_venue(spot_desk) == [
        ("stop", d("58000"), d("0.099")),
        ("target", d("64000"), d("0.099")),
    ]
    assert len(spot_desk.venue.pairs) == 1
    assert not any(one.reduce_only for one in conditional(spot_desk))
    assert (await the(spot_desk, position)).protection is Protection.VENUE


async def test_spot_when_the_target_fires_then_its_stop_is_gone_with_it(spot_desk: Desk) -> None:
    position = await open_long(spot_desk, stop_loss=STOP, take_profit=TARGET)

    await spot_desk.price_at_venue("64100")
    await spot_desk.sweep(after_seconds=6)

    closed = await the(spot_desk, position)
    assert (closed.status, closed.close_reason) == (
        PositionStatus.CLOSED,
        CloseReason.TAKE_PROFIT,
    )
    assert await at_venue(spot_desk) == []
    assert not [one for one in await spot_desk.resting() if not one.is_final]


async def test_spot_when_it_is_closed_by_hand_then_the_coins_are_freed_first(
    spot_desk: Desk,
) -> None:
    position = await open_long(spot_desk, stop_loss=STOP, take_profit=TARGET)

    await close(spot_desk, position)

    assert (await the(spot_desk, position)).close_reason is CloseReason.USER_STOPPED
    assert await at_venue(spot_desk) == []
    # 0.0009 are dust below the lot.
    assert spot_desk.venue.held(SPOT) == d("0.0009")


async def test_spot_when_a_part_is_sold_by_hand_then_the_rest_is_guarded_again(
    spot_desk: Desk,
) -> None:
    position = await open_long(spot_desk, stop_loss=STOP)

    await close(spot_desk, position, "0.04")

    assert await at_venue(spot_desk) == [("stop", d("58000"), d("0.059"))]
    assert (await the(spot_desk, position)).protection is Protection.VENUE


async def test_spot_when_the_monitor_is_first_then_it_sells_once(spot_desk: Desk) -> None:
    position = await open_long(spot_desk, stop_loss=STOP)

    await spot_desk.price("57900")

    assert (await the(spot_desk, position)).close_reason is CloseReason.STOP_LOSS
    assert await at_venue(spot_desk) == []
    assert [one.side for one in spot_desk.sent] == [Side.BUY, Side.SELL]


# The clock


async def test_a_time_stop_when_the_time_is_up_then_the_position_is_closed(desk: Desk) -> None:
    await desk.change_strategy(max_holding_seconds=3600)
    position = await open_long(desk, stop_loss=STOP)

    await desk.sweep(after_seconds=3599)
    assert (await the(desk, position)).status is PositionStatus.OPEN
    await desk.price("60000")
    await desk.sweep(after_seconds=2)

    assert (await the(desk, position)).close_reason is CloseReason.SCHEDULED
    assert await at_venue(desk) == []


async def test_an_alert_when_it_is_repeated_then_no_second_stop_rests(desk: Desk) -> None:
    body = an_alert(action="buy", stop_loss=STOP)
    await desk.deliver(body)
    await desk.deliver(body)

    assert [one.order_type for one in conditional(desk)] == [OrderType.MARKET]
    assert [one.trigger.kind for one in conditional(desk) if one.trigger] == [TriggerKind.STOP]


class HalvingVenue(FakeVenue):
    """Confirms a stop, and rests half of it; once."""

    is_halving = True

    async def open_orders(self, symbol: str) -> Sequence[OrderReport]:
        reports = await super().open_orders(symbol)
        if not reports or not self.is_halving:
            return reports
        self.is_halving = False
        return [replace(one, quantity=one.quantity / 2) for one in reports]


async def test_a_stop_that_rests_other_than_confirmed_then_is_replaced(desk: Desk) -> None:
    kind = desk.account.market_type
    venue = HalvingVenue(
        desk.town.markets[kind],
        *desk.town.instruments[kind],
        balances={"USDT": FUNDS},
        clock=desk.clock,
    )
    desk.town.venues[desk.account.id] = venue

    position = await open_long(desk, stop_loss=STOP)

    assert len(conditional(desk)) == 2
    assert venue.cancels == [conditional(desk)[0].client_order_id]
    assert await at_venue(desk) == [("stop", d("58000"), d("0.1"))]
    assert (await the(desk, position)).protection is Protection.VENUE


# Several targets


async def test_several_targets_when_each_is_reached_then_sells_its_share(desk: Desk) -> None:
    levels = [{"price": "62000", "portion_percent": "50"}, {"price": "64000"}, {"price": "66000"}]
    position = await open_long(desk, stop_loss=STOP, take_profits=levels)
    assert await at_venue(desk) == [
        ("stop", d("58000"), d("0.1")),
        ("target", d("62000"), d("0.05")),
        ("target", d("64000"), d("0.025")),
        ("target", d("66000"), d("0.025")),
    ]

    await desk.price_at_venue("62000")

    assert await at_venue(desk) == [
        ("stop", d("58000"), d("0.05")),
        ("target", d("64000"), d("0.025")),
        ("target", d("66000"), d("0.025")),
    ]
    assert (await the(desk, position)).take_profit == d("64000")

    await desk.price_at_venue("64000")
    await desk.price_at_venue("66000")
    await desk.sweep(after_seconds=6)

    closed = await the(desk, position)
    assert (closed.status, closed.close_reason) == (
        PositionStatus.CLOSED,
        CloseReason.TAKE_PROFIT,
    )
    # 100 + 100 + 150, less 6 for the entry and 3.1 + 1.6 + 1.65 for the exits
    assert closed.realized_pnl == d("337.65")
    assert await at_venue(desk) == []


async def test_several_targets_when_the_monitor_is_alone_then_sells_each_once(desk: Desk) -> None:
    desk.venue.refuses_conditionals = True
    levels = [{"price": "62000", "portion_percent": "50"}, {"price": "64000"}]
    position = await open_long(desk, stop_loss=STOP, take_profits=levels)

    for price in ("62000", "62100", "62200"):
        await desk.price(price)
    assert (await the(desk, position)).quantity == d("0.05")

    await desk.price("64000")
    assert (await the(desk, position)).is_closed
    assert [one.quantity for one in desk.sent] == [d("0.1"), d("0.05"), d("0.05")]


async def test_spot_when_there_are_several_targets_then_each_is_a_pair(spot_desk: Desk) -> None:
    levels = [{"price": "62000", "portion_percent": "50"}, {"price": "64000"}]
    position = await open_long(spot_desk, stop_loss=STOP, take_profits=levels)
    assert await at_venue(spot_desk) == [
        ("stop", d("58000"), d("0.049")),
        ("stop", d("58000"), d("0.05")),
        ("target", d("62000"), d("0.049")),
        ("target", d("64000"), d("0.05")),
    ]

    await spot_desk.price_at_venue("62000")
    await spot_desk.sweep(after_seconds=6)

    assert await at_venue(spot_desk) == [
        ("stop", d("58000"), d("0.05")),
        ("target", d("64000"), d("0.05")),
    ]
    assert (await the(spot_desk, position)).protection is Protection.VENUE
