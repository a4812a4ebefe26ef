"""The process dies at every moment there is; the next one finishes what it left, once."""

import asyncio
from contextlib import suppress

import pytest

from app.db.session import Database
from app.pipeline.alarms.status import AlarmStatus
from app.pipeline.orders.status import OrderStatus
from app.pipeline.positions.status import PositionStatus
from app.pipeline.signals.status import SignalStatus
from app.strategies.words import Approval, OnOpposite
from app.trading.words import PositionSide
from tests.builders import LINEAR, an_alert, d
from tests.fakes.exchange import Outcome
from tests.integration.flow.desk import Desk, Process, open_desk
from tests.integration.flow.power import Mains, MortalDatabase, MortalVenues, PowerCutError

MOMENTS = 40
PATIENCE = 12


async def live_with(desk: Desk, database: Database, mains: Mains) -> None:
    """From now on the desk's process is one that may die."""
    await desk.process.end(timeout_seconds=0.2)
    mortal = MortalDatabase(database, mains)
    desk.process = Process(mortal, desk.town, MortalVenues(desk.town, mains))
    with suppress(PowerCutError):
        await desk.process.start()


async def be_reborn(desk: Desk, database: Database) -> None:
    """A new process over the same database and venue; it gets time to find its feet."""
    with suppress(ValueError):
        await desk.process.end(timeout_seconds=0.2)
    desk.process = Process(database, desk.town)
    await desk.process.start()
    for _ in range(PATIENCE):
        await desk.price(str(desk.town.market_of(LINEAR).at_hand(LINEAR).fair))
        await desk.sweep(after_seconds=2)


async def deliver(desk: Desk, body: bytes) -> None:
    """As TradingView: again when there was no answer."""
    with suppress(PowerCutError):
        await desk.deliver(body)


async def play_a_round_trip(desk: Desk, entry: bytes) -> None:
    """An entry, then a price through its stop."""
    await deliver(desk, entry)
    if desk.venue.held(LINEAR):
        with suppress(PowerCutError):
            await desk.price("57900")


async def die_in_a_round_trip(database: Database, moment: int) -> Mains:
    """Die at that moment of it, be born again, and see that it happened once."""
    async with open_desk(database) as desk:
        mains = Mains(cut_at=moment)
        await live_with(desk, database, mains)
        entry = an_alert(stop_loss="58000")
        await play_a_round_trip(desk, entry)

        await be_reborn(desk, database)
        await deliver(desk, entry)
        await desk.price("57900")
        for _ in range(PATIENCE):
            await desk.sweep(after_seconds=2)

        if [one for one in desk.sent if desk.venue.report_of(one.client_order_id)]:
            await happened_once(desk)
        else:
            await never_left(desk, mains)
    return mains


@pytest.mark.parametrize("moment", range(1, MOMENTS + 1))
async def test_a_round_trip_when_the_process_dies_at_any_moment_then_happens_once(
    sqlite_database: Database, moment: int
) -> None:
    await die_in_a_round_trip(sqlite_database, moment)


@pytest.mark.parametrize("moment", range(2, MOMENTS + 1, 4))
async def test_a_round_trip_on_either_database_when_the_process_dies_then_happens_once(
    database: Database, moment: int
) -> None:
    await die_in_a_round_trip(database, moment)


async def test_a_round_trip_when_nothing_dies_then_has_no_more_moments_than_are_tried(
    sqlite_database: Database,
) -> None:
    mains = await die_in_a_round_trip(sqlite_database, 0)

    assert len(mains.moments) <= MOMENTS
    assert mains.moments.count("before an order leaves") == 2


async def never_left(desk: Desk, mains: Mains) -> None:
    """The entry may have been sent, for all we know: it is given up with proof, not sent again."""
    assert mains.moments[-2:] in (
        ["before a commit", "after a commit"],
        ["after a commit", "before an order leaves"],
    )
    [signal] = await desk.signals()
    [order] = await desk.orders()
    assert (signal.status, order.status) == (SignalStatus.FAILED, OrderStatus.REJECTED)
    assert (signal.reason or "").startswith("not_accepted: ")
    assert await desk.positions() == []


async def happened_once(desk: Desk) -> None:
    """One alarm, one signal, one entry and one exit, and the result to the digit."""
    [alarm] = await desk.alarms()
    [signal] = await desk.signals()
    assert (alarm.status, signal.status) == (AlarmStatus.ACCEPTED, SignalStatus.EXECUTED)
    accepted = [one for one in desk.sent if desk.venue.report_of(one.client_order_id) is not None]
    assert [one.quantity for one in accepted] == [d("0.1"), d("0.1")]
    assert len({one.client_order_id for one in desk.sent}) == len(desk.sent)
    assert desk.venue.held(LINEAR) == 0
    filled = [one for one in await desk.orders() if one.status is OrderStatus.FILLED]
    assert len(filled) == 2
    [position] = await desk.positions()
    [trade] = await desk.trades()
    [day] = await desk.days()
    # 0.1 · (57,900 - 60,000) - 6 - 5.79
    assert position.realized_pnl == trade.realized_pnl == day.realized_pnl == d("-221.79")
    assert (day.trades, day.losses) == (1, 1)
    assert desk.worker.monitor.guarded == 0


@pytest.mark.parametrize("moment", range(1, MOMENTS + 1))
async def test_a_flip_when_the_process_dies_at_any_moment_then_never_doubles(
    sqlite_database: Database, moment: int
) -> None:
    database = sqlite_database
    async with open_desk(database, on_opposite=OnOpposite.FLIP) as desk:
        await desk.alert(action="buy")
        mains = Mains(cut_at=moment)
        await live_with(desk, database, mains)
        flip = an_alert(action="sell")
        await deliver(desk, flip)

        await be_reborn(desk, database)
        await deliver(desk, flip)

        # Flat or turned over, never both and never twice.
        held = desk.venue.held(LINEAR)
        books = [one for one in await desk.positions() if not one.is_closed]
        assert held in {d("0"), d("-0.1")}
        assert sum((one.quantity for one in books), d("0")) == abs(held)
        assert len([one for one in await desk.positions() if one.is_closed]) == 1
        assert {one.position_side for one in books} <= {PositionSide.SHORT}


async def test_an_alarm_when_the_process_dies_before_it_is_decided_then_is_decided_next_time(
    desk: Desk,
) -> None:
    await desk.store(an_alert())
    desk.clock.advance(1)

    await desk.restart()

    [alarm] = await desk.alarms()
    assert alarm.status is AlarmStatus.ACCEPTED
    assert len(desk.sent) == 1


async def test_an_approval_when_the_process_dies_after_it_then_is_carried_out_next_time(
    desk: Desk,
) -> None:
    await desk.change_strategy(approval=Approval.MANUAL)
    await desk.alert()
    [signal] = await desk.signals()
    await desk.process.end(timeout_seconds=0.2)
    await desk.approve(signal.id)
    assert desk.sent == []
    desk.process = Process(desk.database, desk.town)

    await desk.process.start()

    assert len(desk.sent) == 1
    assert (await desk.positions())[0].status is PositionStatus.OPEN


async def test_an_order_when_the_process_dies_while_the_venue_has_it_then_is_found_by_its_id(
    desk: Desk,
) -> None:
    gate = desk.venue.hold(LINEAR)
    task = asyncio.create_task(desk.alert(stop_loss="58000"))
    await asyncio.wait_for(gate.reached.wait(), 5)
    await desk.process.end(timeout_seconds=0.01)
    await asyncio.wait({task})
    assert [one.status for one in await desk.orders()] == [OrderStatus.SUBMITTED]
    [sent] = desk.sent
    desk.venue.let_go(LINEAR)
    await desk.venue.place(sent)
    desk.venue.sent.pop()
    desk.process = Process(desk.database, desk.town)

    await desk.process.start()

    assert [one.status for one in await desk.orders()] == [OrderStatus.FILLED]
    assert len(desk.sent) == 1
    assert desk.worker.monitor.guarded == 1


async def test_an_order_when_the_process_dies_before_it_left_then_is_not_sent_again(
    desk: Desk,
) -> None:
    gate = desk.venue.hold(LINEAR)
    task = asyncio.create_task(desk.alert())
    await asyncio.wait_for(gate.reached.wait(), 5)
    await desk.process.end(timeout_seconds=0.01)
    await asyncio.wait({task})
    desk.venue.let_go(LINEAR)
    desk.process = Process(desk.database, desk.town)
    await desk.process.start()
    assert [one.status for one in await desk.orders()] == [OrderStatus.UNKNOWN]

    for _ in range(6):
        await desk.sweep(after_seconds=2)

    [order] = await desk.orders()
    assert order.status is OrderStatus.REJECTED
    assert (order.reason or "").startswith("not_accepted: ")
    assert len(desk.sent) == 1


async def test_a_price_through_the_stop_when_the_process_was_away_then_closes_at_its_start(
    desk: Desk,
) -> None:
    await desk.alert(stop_loss="58000")
    await desk.process.end()
    desk.town.market_of(LINEAR).set_price(LINEAR, d("57000"))
    desk.process = Process(desk.database, desk.town)

    await desk.process.start()

    assert desk.venue.held(LINEAR) == 0
    assert (await desk.positions())[0].is_closed


async def test_a_resting_entry_when_it_is_filled_while_the_process_is_away_then_is_guarded(
    desk: Desk,
) -> None:
    await desk.alert(order_type="limit", price="59000", stop_loss="58000")
    [order] = await desk.orders()
    await desk.process.end()
    desk.venue.fill_part(order.client_order_id, d("0.1"))
    desk.process = Process(desk.database, desk.town)

    await desk.process.start()

    assert (await desk.positions())[0].status is PositionStatus.OPEN
    assert desk.worker.monitor.guarded == 1


async def test_one_row_that_cannot_be_carried_on_when_there_are_others_then_they_go_on(
    desk: Desk,
) -> None:
    other = await desk.another_strategy()
    desk.venue.next_outcomes.extend([Outcome.DROP_AFTER_ACCEPT, Outcome.DROP_AFTER_ACCEPT])
    await desk.alert(symbol="ETHUSDT.P", quantity="1")
    await desk.alert(strategy=other)
    async with desk.database.transaction() as session:
        for order in await desk.orders():
            if order.symbol != LINEAR:
                row = await session.get_one(type(order), order.id)
                row.symbol = "GONE/USDT:USDT"

    await desk.sweep(after_seconds=2)

    statuses = {one.symbol: one.status for one in await desk.orders()}
    assert statuses[LINEAR] is OrderStatus.FILLED
