"""A scheduled exit waits here, is sold at its floor or better, and stands in nobody's way."""

import asyncio
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest

from app.audit.models import AuditEntry
from app.core.errors import Conflict, Denied
from app.db.session import Database
from app.pipeline.flow.exits import Exit, exit_position
from app.pipeline.flow.scheduling import Asked, call_off_in, schedule_exit
from app.pipeline.orders.models import Order
from app.pipeline.orders.status import OrderStatus
from app.pipeline.positions.models import Position
from app.pipeline.positions.status import PositionStatus
from app.pipeline.signals.status import SignalStatus
from app.trading.scheduled import ScheduledExit
from app.trading.words import CloseReason, OrderType, Protection, Purpose, Side, TimeInForce
from tests.builders import LINEAR, SPOT, d
from tests.fakes.exchange import Outcome
from tests.integration.flow.desk import Desk, Process, open_desk
from tests.integration.flow.power import Mains, PowerCutError
from tests.integration.flow.test_crashes import be_reborn, live_with
from tests.integration.flow.test_protection import at_venue

STOP = "58000"
# (6,000 + 6) / 0.1 / 0.999 = 60,120.1201…, up to the tick
BREAK_EVEN = "60120.2"
# 60,120.1201… · 1.01 = 60,721.3213…, up to the tick
ONE_PERCENT = "60721.4"


async def open_long(desk: Desk, quantity: str = "0.1", **fields: Any) -> Position:
    """Bought at what the market is."""
    await desk.alert(action="buy", quantity=quantity, **fields)
    return (await desk.positions())[-1]


async def schedule(desk: Desk, position: Position, profit: str = "1", **asked: Any) -> Decimal:
    """As the trader; the price it waits for."""
    wanted = Asked(actor="trader", min_profit_percent=d(profit), **asked)
    waiting = await schedule_exit(desk.tools, position.id, wanted)
    await desk.process.settle()
    return waiting.price


async def call_off(desk: Desk, position: Position) -> None:
    async with desk.database.transaction() as session:
        row = await session.get_one(Position, position.id)
        await call_off_in(session, desk.tools, row, actor="trader")
    await desk.process.settle()


async def the(desk: Desk, position: Position) -> Position:
    return await desk.one(Position, position.id)


async def waiting(desk: Desk, position: Position) -> ScheduledExit:
    found = (await the(desk, position)).scheduled
    assert found is not None
    return found


async def sold(desk: Desk) -> list[Order]:
    """Scheduled exits that were sent, or were about to be."""
    return [one for one in await desk.orders() if one.is_scheduled]


async def test_a_scheduled_sell_when_the_market_pays_it_then_closes_at_a_limit(desk: Desk) -> None:
    position = await open_long(desk, stop_loss=STOP)

    assert await schedule(desk, position) == d(ONE_PERCENT)
    await desk.price("60721.3")
    assert (await the(desk, position)).status is PositionStatus.OPEN
    await desk.price("60721.4")

    row, [order] = await the(desk, position), await sold(desk)
    assert (row.status, row.close_reason) == (PositionStatus.CLOSED, CloseReason.SCHEDULED)
    assert (order.order_type, order.limit_price) == (OrderType.LIMIT, d(ONE_PERCENT))
    assert (order.time_in_force, order.purpose) == (TimeInForce.IOC, Purpose.EXIT)
    assert (order.reduce_only, order.status) == (True, OrderStatus.FILLED)
    # 6,072.14 less 6.07214, less 6,006
    assert row.realized_pnl == d("60.06786")
    assert (row.scheduled, await at_venue(desk)) == (None, [])
    assert desk.venue.held(LINEAR) == 0


async def test_a_scheduled_sell_on_spot_when_it_waits_then_the_stop_rests_for_all(
    spot_desk: Desk,
) -> None:
    position = await open_long(spot_desk, stop_loss=STOP)

    # 0.0999 are held, and 0.099 earn the 6 of fees for all of them:
    # (5,994 + 6 · 0.0999 / 0.099) / 0.0999 / 0.999 · 1.01 = 60,721.9340…, up to the tick
    assert await schedule(spot_desk, position) == d("60722")
    assert await at_venue(spot_desk) == [("stop", d(STOP), d("0.099"))]
    assert (await the(spot_desk, position)).protection is Protection.VENUE
    await spot_desk.price("60722")

    row = await the(spot_desk, position)
    assert (row.status, row.close_reason) == (PositionStatus.CLOSED, CloseReason.SCHEDULED)
    assert (row.dust_quantity, spot_desk.venue.held(SPOT)) == (d("0.0009"), d("0.0009"))
    assert row.realized_pnl > 0
    assert await at_venue(spot_desk) == []


async def test_a_scheduled_buy_when_a_short_has_earned_it_then_buys_back(desk: Desk) -> None:
    await desk.alert(action="short", quantity="0.1", stop_loss="62000")
    [position] = await desk.positions()

    # (6,000 - 6) / 0.1 / 1.001 · 0.99 = 59,281.3186…, down to the tick
    assert await schedule(desk, position) == d("59281.3")
    await desk.price("59281.4")
    assert await sold(desk) == []
    await desk.price("59281.3")

    row = await the(desk, position)
    assert row.close_reason is CloseReason.SCHEDULED
    assert desk.venue.held(LINEAR) == 0
    # 6,000 - 6 - 5,928.13 - 5.92813
    assert row.realized_pnl == d("59.94187")


async def test_a_price_that_is_there_already_then_it_is_sold_at_once(desk: Desk) -> None:
    position = await open_long(desk)
    await desk.price("61000")

    await schedule(desk, position)

    [order] = await sold(desk)
    assert (order.limit_price, order.average_price) == (d(ONE_PERCENT), d("61000"))


async def test_a_price_that_has_gone_when_the_sell_arrives_then_it_waits_and_the_stop_is_back(
    spot_desk: Desk,
) -> None:
    position = await open_long(spot_desk, stop_loss=STOP)
    price = await schedule(spot_desk, position)

    await miss(spot_desk, price)

    [order] = await sold(spot_desk)
    assert (order.status, order.filled_quantity) == (OrderStatus.EXPIRED, d("0"))
    row = await the(spot_desk, position)
    assert (row.status, row.close_reason) == (PositionStatus.OPEN, None)
    assert await at_venue(spot_desk) == [("stop", d(STOP), d("0.099"))]

    spot_desk.clock.advance(1)
    await spot_desk.price(str(price))
    assert (await the(spot_desk, position)).close_reason is CloseReason.SCHEDULED


async def test_a_sell_that_missed_its_price_then_does_not_hold_up_the_stop(desk: Desk) -> None:
    position = await open_long(desk, stop_loss=STOP)
    await miss(desk, await schedule(desk, position))

    await desk.price("57900")

    assert (await the(desk, position)).close_reason is CloseReason.STOP_LOSS


async def miss(desk: Desk, price: Decimal) -> None:
    """The market pays it, and has gone back when the sell arrives."""
    symbol = SPOT if desk.account.market_type.value == "spot" else LINEAR
    gate = desk.venue.hold(symbol)
    market = desk.town.market_of(symbol)
    market.set_price(symbol, price)
    await asyncio.wait_for(gate.reached.wait(), 5)
    desk.venue.let_go(symbol)
    market.set_price(symbol, d("60000"), is_streamed=False)
    gate.open.set()
    await desk.process.settle()
    await desk.price("60000")


async def test_a_part_that_is_filled_then_the_rest_goes_on_waiting(desk: Desk) -> None:
    position = await open_long(desk, stop_loss=STOP)
    price = await schedule(desk, position)
    desk.venue.next_parts.append(d("0.04"))

    await desk.price(str(price))

    row = await the(desk, position)
    assert (row.status, row.quantity) == (PositionStatus.OPEN, d("0.06"))
    assert await at_venue(desk) == [("stop", d(STOP), d("0.06"))]
    assert (await waiting(desk, position)).price == price
    desk.clock.advance(1)
    await desk.price(str(price))
    row = await the(desk, position)
    assert (row.status, row.close_reason) == (PositionStatus.CLOSED, CloseReason.SCHEDULED)
    assert [one.quantity for one in await sold(desk)] == [d("0.1"), d("0.06")]


async def test_a_part_that_is_scheduled_then_the_rest_is_kept(desk: Desk) -> None:
    position = await open_long(desk, stop_loss=STOP)
    price = await schedule(desk, position, quantity=d("0.0405"))
    desk.venue.next_parts.append(d("0.01"))

    await desk.price(str(price))
    assert (await waiting(desk, position)).quantity == d("0.03")
    desk.clock.advance(1)
    await desk.price(str(price))
    await desk.price("70000")

    row = await the(desk, position)
    assert (row.status, row.quantity, row.scheduled) == (PositionStatus.OPEN, d("0.06"), None)
    assert [one.quantity for one in await sold(desk)] == [d("0.04"), d("0.03")]
    assert await at_venue(desk) == [("stop", d(STOP), d("0.06"))]


async def test_a_position_that_shrinks_then_only_what_is_held_is_sold(desk: Desk) -> None:
    position = await open_long(desk)
    price = await schedule(desk, position, quantity=d("0.08"))
    by_hand = Exit(reason=CloseReason.USER_STOPPED, actor="trader", quantity=d("0.07"))
    await exit_position(desk.tools, position.id, by_hand)
    await desk.process.settle()

    await desk.price(str(price))

    assert [one.quantity for one in await sold(desk)] == [d("0.03")]
    assert (await the(desk, position)).close_reason is CloseReason.SCHEDULED


@pytest.mark.parametrize(
    ("second", "price"),
    [
        # (6,000 + 6,200 + 12.2) / 0.2 / 0.999 · 1.01 = 61,733.3433…
        ("62000", "61733.4"),
        # (6,000 + 5,900 + 11.9) / 0.2 / 0.999 · 1.01 = 60,215.3103…
        ("59000", "60215.4"),
    ],
)
async def test_more_that_is_bought_then_the_price_follows_what_all_of_it_cost(
    desk: Desk, second: str, price: str
) -> None:
    await desk.change_strategy(max_entries=0)
    position = await open_long(desk)
    await schedule(desk, position, profit="3")
    await schedule(desk, position)
    # Orders go to a market that has moved since we heard of it.
    desk.town.market_of(LINEAR).set_price(LINEAR, d(second), is_streamed=False)

    await desk.alert(action="add", quantity="0.1", id="2")

    assert (await waiting(desk, position)).price == d(price)
    entries = await desk.rows(AuditEntry)
    assert "position.exit_repriced" in {one.action for one in entries}


async def test_fees_that_rise_then_the_price_follows_and_nothing_is_sold_below(
    desk: Desk,
) -> None:
    position = await open_long(desk)
    await schedule(desk, position)
    desk.venue.relist(LINEAR, taker_fee_rate=d("0.002"))
    await desk.process.instruments.refresh("paper", desk.account.market_type)

    await desk.price(ONE_PERCENT)
    assert await sold(desk) == []

    # (6,000 + 6) / 0.1 / 0.998 · 1.01 = 60,782.1643…
    assert (await waiting(desk, position)).price == d("60782.2")


async def test_fees_that_change_while_the_market_is_quiet_then_the_sweep_follows(
    desk: Desk,
) -> None:
    position = await open_long(desk)
    await schedule(desk, position)
    desk.venue.relist(LINEAR, taker_fee_rate=d("0.002"))
    await desk.process.instruments.refresh("paper", desk.account.market_type)

    await desk.sweep()

    assert (await waiting(desk, position)).price == d("60782.2")


async def test_a_limit_that_was_asked_for_then_counts_where_it_pays_more(desk: Desk) -> None:
    position = await open_long(desk)

    assert await schedule(desk, position, limit_price=d("60000")) == d(ONE_PERCENT)
    assert await schedule(desk, position, limit_price=d("61000.05")) == d("61000.1")


async def test_the_same_again_then_changes_nothing(desk: Desk) -> None:
    position = await open_long(desk)
    await schedule(desk, position, limit_price=d("61000"))
    before = await waiting(desk, position)

    desk.clock.advance(1)
    await schedule(desk, position, limit_price=d("61000"))

    assert await waiting(desk, position) == before
    entries = [one.action for one in await desk.rows(AuditEntry)]
    assert entries.count("position.exit_scheduled") == 1


async def test_the_stop_that_fires_then_ends_what_waits(desk: Desk) -> None:
    position = await open_long(desk, stop_loss=STOP)
    await schedule(desk, position)

    await desk.price_at_venue("57900")
    await desk.price("70000")

    row = await the(desk, position)
    assert (row.close_reason, row.scheduled) == (CloseReason.STOP_LOSS, None)
    assert await sold(desk) == []
    assert desk.venue.held(LINEAR) == 0


async def test_the_trader_who_closes_then_ends_what_waits(desk: Desk) -> None:
    position = await open_long(desk)
    await schedule(desk, position)

    await exit_position(
        desk.tools, position.id, Exit(reason=CloseReason.USER_STOPPED, actor="trader")
    )
    await desk.process.settle()
    await desk.price("70000")

    row = await the(desk, position)
    assert (row.close_reason, row.scheduled) == (CloseReason.USER_STOPPED, None)
    assert await sold(desk) == []


async def test_the_trader_who_closes_while_a_part_is_unknown_then_the_rest_is_sold_once(
    desk: Desk,
) -> None:
    position = await open_long(desk, stop_loss=STOP)
    price = await schedule(desk, position, quantity=d("0.04"))
    desk.venue.next_outcomes.append(Outcome.DROP_AFTER_ACCEPT)

    await desk.price(str(price))
    await exit_position(
        desk.tools, position.id, Exit(reason=CloseReason.USER_STOPPED, actor="trader")
    )
    await desk.process.settle()

    assert desk.venue.held(LINEAR) == 0
    assert [one.quantity for one in desk.sent] == [d("0.1"), d("0.04"), d("0.06")]
    assert (await the(desk, position)).status is PositionStatus.CLOSED


async def test_an_answer_that_is_lost_then_it_is_looked_up_and_sold_once(desk: Desk) -> None:
    position = await open_long(desk, stop_loss=STOP)
    price = await schedule(desk, position)
    desk.venue.next_outcomes.append(Outcome.DROP_AFTER_ACCEPT)

    await desk.price(str(price))
    await desk.price("61000")
    await desk.sweep(after_seconds=3)

    assert len(await sold(desk)) == 1
    assert (await the(desk, position)).close_reason is CloseReason.SCHEDULED


async def test_what_is_called_off_then_is_not_sold(desk: Desk) -> None:
    position = await open_long(desk)
    await schedule(desk, position)

    await call_off(desk, position)
    await desk.price("70000")

    assert (await sold(desk), (await the(desk, position)).status) == ([], PositionStatus.OPEN)
    assert "position.exit_unscheduled" in {one.action for one in await desk.rows(AuditEntry)}


async def test_a_restart_then_it_waits_for_the_same_price(desk: Desk) -> None:
    position = await open_long(desk, stop_loss=STOP)
    await schedule(desk, position)
    before = await waiting(desk, position)

    await desk.restart()

    assert await waiting(desk, position) == before
    await desk.price(ONE_PERCENT)
    assert (await the(desk, position)).close_reason is CloseReason.SCHEDULED


async def test_a_resting_entry_then_is_gone_before_anything_is_sold(desk: Desk) -> None:
    await desk.change_strategy(max_entries=0)
    position = await open_long(desk)
    price = await schedule(desk, position)
    await desk.alert(action="add", quantity="0.1", order_type="limit", price="59000", id="2")

    await desk.price(str(price))

    entry = next(one for one in await desk.orders() if one.limit_price == d("59000"))
    assert entry.status is OrderStatus.CANCELED
    assert (await the(desk, position)).close_reason is CloseReason.SCHEDULED


async def test_a_target_and_a_scheduled_sell_then_each_takes_its_own(desk: Desk) -> None:
    position = await open_long(desk, stop_loss=STOP, take_profit="64000")
    await schedule(desk, position, quantity=d("0.04"))

    await desk.price("61000")
    assert sorted(kind for kind, _, _ in await at_venue(desk)) == ["stop", "target"]
    assert {left for _, _, left in await at_venue(desk)} == {d("0.06")}
    await desk.price("64000")

    row = await the(desk, position)
    assert row.close_reason is CloseReason.TAKE_PROFIT
    assert desk.venue.held(LINEAR) == 0


@pytest.mark.parametrize(
    ("quantity", "code"), [("0.2", "more_than_held"), ("0.0004", "below_min_quantity")]
)
async def test_a_size_that_cannot_be_sent_then_is_refused_at_once(
    desk: Desk, quantity: str, code: str
) -> None:
    position = await open_long(desk)

    with pytest.raises((Conflict, Denied)) as refusal:
        await schedule(desk, position, quantity=d(quantity))

    assert refusal.value.code == code
    assert (await the(desk, position)).scheduled is None


async def test_a_profit_that_no_short_can_earn_then_is_refused(desk: Desk) -> None:
    await desk.alert(action="short", quantity="0.1")
    [position] = await desk.positions()

    with pytest.raises(Denied) as refusal:
        await schedule(desk, position, profit="100")

    assert refusal.value.code == "profit_out_of_reach"


async def test_a_closed_position_then_takes_no_schedule(desk: Desk) -> None:
    position = await open_long(desk)
    await desk.alert(action="close")

    with pytest.raises(Conflict) as refusal:
        await schedule(desk, position)

    assert refusal.value.code == "position_not_open"


# The alert


async def close_at(desk: Desk, price: str, **fields: Any) -> None:
    await desk.alert(action="close", order_type="limit", price=price, **fields)


async def test_an_alert_that_closes_at_a_limit_then_schedules_it(desk: Desk) -> None:
    position = await open_long(desk, stop_loss=STOP)

    await close_at(desk, "61000")

    signal = (await desk.signals())[-1]
    assert (signal.status, signal.reason) == (
        SignalStatus.EXECUTED,
        "scheduled: A sell waits for 61000 or better.",
    )
    before = await waiting(desk, position)
    await close_at(desk, "61000", id="again")
    assert await waiting(desk, position) == before
    assert await at_venue(desk) == [("stop", d(STOP), d("0.1"))]
    await desk.price("61000")
    assert (await the(desk, position)).close_reason is CloseReason.SCHEDULED


async def test_an_alert_that_closes_below_the_cost_then_is_denied_and_not_left_waiting(
    desk: Desk,
) -> None:
    position = await open_long(desk)

    await close_at(desk, "60120.1")
    signal = (await desk.signals())[-1]
    await close_at(desk, BREAK_EVEN, id="2")

    assert signal.status is SignalStatus.DENIED
    assert (signal.reason or "").startswith("limit_below_floor: At 60120.1 ")
    assert (await waiting(desk, position)).price == d(BREAK_EVEN)


async def test_an_alert_that_closes_at_market_then_ends_what_waits(desk: Desk) -> None:
    position = await open_long(desk)
    await close_at(desk, "61000")

    await desk.alert(action="close", id="2")

    row = await the(desk, position)
    assert (row.close_reason, row.scheduled) == (CloseReason.SIGNAL, None)


async def test_an_alert_that_reduces_at_a_limit_then_schedules_that_part(desk: Desk) -> None:
    position = await open_long(desk)

    await desk.alert(action="reduce", quantity="0.04", order_type="limit", price="61000")

    assert (await waiting(desk, position)).quantity == d("0.04")


# The process dies

MOMENTS = 16


@pytest.mark.parametrize("moment", range(1, MOMENTS + 1, 2))
async def test_a_scheduled_sell_when_the_process_dies_at_any_moment_then_is_sold_once(
    database: Database, moment: int
) -> None:
    async with open_desk(database) as desk:
        position = await open_long(desk, stop_loss=STOP)
        await schedule(desk, position)
        mains = Mains(cut_at=moment)
        await live_with(desk, database, mains)
        desk.town.market_of(LINEAR).set_price(LINEAR, d("61000"))
        if not mains.is_dead:
            with suppress(PowerCutError):
                await desk.process.settle()

        await be_reborn(desk, database)

        row = await the(desk, position)
        assert (row.status, row.close_reason) == (PositionStatus.CLOSED, CloseReason.SCHEDULED)
        filled = [one for one in await sold(desk) if one.filled_quantity]
        assert [one.quantity for one in filled] == [d("0.1")]
        assert desk.venue.held(LINEAR) == 0
        assert await at_venue(desk) == []
        # 6,100 less 6.1, less 6,006
        assert row.realized_pnl == d("87.9")


async def test_a_sell_that_was_written_down_and_called_off_then_is_not_sent(desk: Desk) -> None:
    position = await open_long(desk)
    await schedule(desk, position)
    await desk.process.end(timeout_seconds=0.2)
    row = await the(desk, position)
    assert row.scheduled is not None
    order = (await desk.orders())[-1]
    late = {
        name: getattr(order, name)
        for name in ("user_id", "account_id", "strategy_id", "symbol", "reference_price")
    }
    intent = Order(
        **late,
        client_order_id="sblate",
        position_id=position.id,
        side=Side.SELL,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.IOC,
        quantity=d("0.1"),
        limit_price=row.scheduled.price,
        reduce_only=True,
        purpose=Purpose.EXIT,
        close_reason=CloseReason.SCHEDULED,
        created_at=desk.clock.now(),
        updated_at=desk.clock.now(),
    )
    async with desk.database.transaction() as session:
        session.add(intent)
        (await session.get_one(Position, position.id)).scheduled = None
    desk.town.market_of(LINEAR).set_price(LINEAR, d("61000"), is_streamed=False)

    desk.process = Process(desk.database, desk.town)
    await desk.process.start()

    [given_up] = await sold(desk)
    assert (given_up.status, given_up.reason) == (
        OrderStatus.DENIED,
        "called_off: It was called off before it was sent.",
    )
    assert (await the(desk, position)).status is PositionStatus.OPEN
