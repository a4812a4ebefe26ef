"""Rows 11, 12 and 16 of the fault matrix: late alerts, alerts in any order, clocks that differ."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import permutations

import pytest

from app.core.clock import iso
from app.core.errors import Conflict
from app.db.session import Database
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.status import AlarmStatus
from app.pipeline.flow.entries import enter
from app.pipeline.orders.repository import claim_for_sending
from app.pipeline.signals import service as signal_service
from app.pipeline.signals.models import Signal
from app.pipeline.signals.status import SignalStatus
from app.strategies.models import Strategy
from app.strategies.words import Approval
from tests.integration.flow.desk import Desk, Process, open_desk
from tests.integration.flow.liars import trade_at_a_liar

# As a strategy has them by default.
MAX_ENTRY_SECONDS = 120
MAX_EXIT_SECONDS = 900
FUTURE_SECONDS = 5
TICK = timedelta(microseconds=1)

ENTRY, ADD, EXIT = "buy", "add", "close"
STORY = (ENTRY, ADD, EXIT, ENTRY, EXIT)
APART = timedelta(seconds=7)


def code_of(alarm: Alarm) -> str:
    return (alarm.reason or "").partition(":")[0]


async def is_held(desk: Desk, strategy: Strategy) -> bool:
    rows = await desk.positions()
    return any(one.strategy_id == strategy.id and not one.is_closed for one in rows)


def moment(desk: Desk, seconds_ago: float, *, tick: timedelta = timedelta(0)) -> str:
    """What an alert would carry as its time."""
    return iso(desk.clock.now() - timedelta(seconds=seconds_ago) + tick)


# Row 11


async def test_row_11_a_late_entry_is_stale_and_visible_and_no_order_leaves(desk: Desk) -> None:
    alarm = await desk.alert(time=moment(desk, MAX_ENTRY_SECONDS, tick=-TICK))

    assert (alarm.status, code_of(alarm)) == (AlarmStatus.STALE, "too_old")
    assert alarm.decided_at is not None
    assert str(MAX_ENTRY_SECONDS) in (alarm.reason or "")
    assert await desk.signals() == []
    assert desk.sent == []


async def test_row_11_an_alert_that_is_late_by_its_own_word_is_stale(desk: Desk) -> None:
    sent_at = iso(desk.clock.now() - timedelta(seconds=31))
    body = (
        '{"action":"ENTER_LONG","instrument":"BTCUSDT.P","signalToken":"t","maxLag":"30",'
        f'"timestamp":"{sent_at}","investmentType":"base","amount":"0.1"}}'
    )

    alarm = await desk.deliver(body.encode())

    assert (alarm.status, code_of(alarm)) == (AlarmStatus.STALE, "too_old")
    assert desk.sent == []


async def test_row_11_a_signal_that_grew_old_is_not_approved(sqlite_database: Database) -> None:
    async with open_desk(sqlite_database, approval=Approval.MANUAL, signal_ttl_seconds=60) as desk:
        await desk.alert(time=moment(desk, 1))
        [signal] = await desk.signals()
        desk.clock.advance(60)

        with pytest.raises(Conflict) as refused:
            await desk.approve(signal.id)

        assert refused.value.code == "signal_expired"
        assert desk.sent == []


async def test_row_11_a_signal_that_grew_old_after_its_approval_is_not_sent(
    sqlite_database: Database,
) -> None:
    async with open_desk(sqlite_database, approval=Approval.MANUAL, signal_ttl_seconds=60) as desk:
        await desk.alert(time=moment(desk, 1))
        [signal] = await desk.signals()
        # The worker is away between the approval and the submit.
        await desk.process.end()
        desk.clock.advance(59)
        async with desk.database.transaction() as session:
            row = await session.get_one(Signal, signal.id)
            await signal_service.approve(session, row, actor="trader", now=desk.clock.now())
        desk.clock.advance(1)
        desk.process = Process(desk.database, desk.town)
        await desk.process.start()
        await desk.sweep(after_seconds=2)

        assert (await desk.one(Signal, signal.id)).status is SignalStatus.EXPIRED
        assert desk.sent == []


async def test_row_11_a_signal_that_grew_old_while_its_order_was_prepared_is_not_sent(
    sqlite_database: Database,
) -> None:
    async with open_desk(sqlite_database, approval=Approval.MANUAL, signal_ttl_seconds=60) as desk:
        venue = await trade_at_a_liar(desk)
        venue.dawdles_seconds = 1.5
        await desk.alert()
        [signal] = await desk.signals()
        desk.clock.advance(59)

        await desk.approve(signal.id)

        after = await desk.one(Signal, signal.id)
        assert after.status is SignalStatus.EXPIRED
        assert (after.reason or "").startswith("expired: ")
        assert venue.sent == []


async def test_row_11_an_order_whose_time_runs_out_at_its_submit_is_not_taken_for_sending(
    sqlite_database: Database,
) -> None:
    async with open_desk(sqlite_database, approval=Approval.MANUAL, signal_ttl_seconds=60) as desk:
        await desk.alert()
        [signal] = await desk.signals()
        await desk.process.end()
        async with desk.database.transaction() as session:
            row = await session.get_one(Signal, signal.id)
            await signal_service.approve(session, row, actor="trader", now=desk.clock.now())
        order = await enter(desk.tools, signal.id, hand_over=False)
        assert order is not None
        assert order.expires_at == signal.expires_at

        async with desk.database.transaction() as session:
            late = await claim_for_sending(session, order, now=signal.expires_at)
            in_time = await claim_for_sending(
                session, order, now=signal.expires_at - timedelta(microseconds=1)
            )

        assert (late, in_time) == (False, True)
        desk.process = Process(desk.database, desk.town)
        await desk.process.start()


# Row 12


async def tell(desk: Desk, order: Sequence[int]) -> None:
    """The story's alerts, all of them late, in that order: one strategy, one symbol.

    After each, the book agrees with the newest alert that has come: nothing is held after an exit,
    something after an entry, and an add opens nothing.
    """
    strategy = await desk.another_strategy()
    began = desk.clock.now() - APART * (len(STORY) + 1)
    newest = -1
    for which in order:
        alarm = await desk.alert(
            strategy=strategy,
            action=STORY[which],
            quantity=None if STORY[which] == EXIT else "0.01",
            time=iso(began + APART * which),
        )
        assert alarm.status is not AlarmStatus.RECEIVED
        overtook = STORY[which] != EXIT and newest > which
        newest = max(newest, which)
        holds = await is_held(desk, strategy)
        if STORY[newest] != ADD:
            assert holds is (STORY[newest] == ENTRY), (order, which, alarm.reason)
        if overtook and not (STORY[newest] == ADD or code_of(alarm) == "not_in_position"):
            assert code_of(alarm) == "out_of_order", (order, which, alarm.reason)
    assert not await is_held(desk, strategy)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(len(STORY)))
async def test_row_12_in_every_order_the_book_agrees_with_the_newest_alert(
    sqlite_database: Database, first: int
) -> None:
    # 5 x 24 = 120 orders.
    async with open_desk(sqlite_database) as desk:
        for order in permutations(range(len(STORY))):
            if order[0] == first:
                await tell(desk, order)


async def test_row_12_an_exit_without_a_position_is_recorded_and_keeps_older_entries_out(
    desk: Desk,
) -> None:
    exit_alarm = await desk.alert(action="close", time=moment(desk, 10))

    entry = await desk.alert(action="buy", time=moment(desk, 20))

    assert (exit_alarm.status, code_of(exit_alarm)) == (AlarmStatus.IGNORED, "nothing_to_close")
    assert (entry.status, code_of(entry)) == (AlarmStatus.STALE, "out_of_order")
    assert desk.sent == []


async def test_row_12_a_cancel_keeps_older_entries_out(desk: Desk) -> None:
    await desk.alert(action="cancel", time=moment(desk, 10))

    entry = await desk.alert(action="buy", time=moment(desk, 20))

    assert code_of(entry) == "out_of_order"


async def test_row_12_an_entry_newer_than_an_exit_that_found_nothing_opens(desk: Desk) -> None:
    await desk.alert(action="close", time=moment(desk, 20))

    entry = await desk.alert(action="buy", time=moment(desk, 10))

    assert entry.status is AlarmStatus.ACCEPTED
    assert len(desk.sent) == 1


async def test_row_12_an_exit_of_another_symbol_or_strategy_keeps_nothing_out(desk: Desk) -> None:
    other = await desk.another_strategy()
    await desk.alert(action="close", symbol="ETHUSDT.P", time=moment(desk, 10))
    await desk.alert(action="close", strategy=other, time=moment(desk, 10))

    entry = await desk.alert(action="buy", time=moment(desk, 20))

    assert entry.status is AlarmStatus.ACCEPTED


async def test_row_12_a_late_exit_behind_its_late_entry_closes_it(desk: Desk) -> None:
    await desk.alert(action="buy", time=moment(desk, 20))

    # Both are of before the fill; the sender's clock says that this one is the exit of that entry.
    alarm = await desk.alert(action="close", time=moment(desk, 10))

    assert alarm.status is AlarmStatus.ACCEPTED, alarm.reason
    assert not await is_held(desk, desk.strategy)


async def test_row_12_a_late_exit_of_before_an_entry_without_a_time_closes_nothing(
    desk: Desk,
) -> None:
    await desk.alert(action="buy", time=moment(desk, 40))
    await desk.alert(action="close", time=moment(desk, 30))
    await desk.alert(action="buy")

    # Nobody can say which of the two entries it belongs to.
    alarm = await desk.alert(action="close", time=moment(desk, 20))

    assert (alarm.status, code_of(alarm)) == (AlarmStatus.STALE, "before_entry")
    assert await is_held(desk, desk.strategy)


# Row 16

SKEW_SECONDS = 600


@pytest.mark.parametrize("action", [ENTRY, EXIT])
async def test_row_16_an_alert_of_a_clock_ten_minutes_ahead_is_refused(
    desk: Desk, action: str
) -> None:
    alarm = await desk.alert(action=action, time=moment(desk, -SKEW_SECONDS))

    assert (alarm.status, code_of(alarm)) == (AlarmStatus.REFUSED, "from_the_future")
    assert f"{SKEW_SECONDS} s ahead" in (alarm.reason or "")
    assert await desk.signals() == []


async def test_row_16_an_entry_of_a_clock_ten_minutes_behind_is_stale(desk: Desk) -> None:
    alarm = await desk.alert(time=moment(desk, SKEW_SECONDS))

    assert (alarm.status, code_of(alarm)) == (AlarmStatus.STALE, "too_old")
    assert desk.sent == []


async def test_row_16_an_exit_of_a_clock_ten_minutes_behind_counts_for_an_older_book(
    desk: Desk,
) -> None:
    await desk.alert(action=ENTRY)
    desk.clock.advance(SKEW_SECONDS + 1)
    await desk.price("60000")

    alarm = await desk.alert(action=EXIT, time=moment(desk, SKEW_SECONDS))

    assert alarm.status is AlarmStatus.ACCEPTED, alarm.reason
    assert not await is_held(desk, desk.strategy)


@pytest.mark.parametrize(
    ("seconds_ago", "tick", "status"),
    [
        (-FUTURE_SECONDS, timedelta(0), AlarmStatus.ACCEPTED),
        (-FUTURE_SECONDS, TICK, AlarmStatus.REFUSED),
        (MAX_ENTRY_SECONDS, timedelta(0), AlarmStatus.ACCEPTED),
        (MAX_ENTRY_SECONDS, -TICK, AlarmStatus.STALE),
    ],
)
async def test_row_16_the_bounds_of_an_entry_are_exact(
    desk: Desk, seconds_ago: float, tick: timedelta, status: AlarmStatus
) -> None:
    alarm = await desk.alert(time=moment(desk, seconds_ago, tick=tick))

    assert alarm.status is status, alarm.reason


@pytest.mark.parametrize(
    ("tick", "status"), [(timedelta(0), AlarmStatus.ACCEPTED), (-TICK, AlarmStatus.STALE)]
)
async def test_row_16_the_bound_of_an_exit_is_exact(
    desk: Desk, tick: timedelta, status: AlarmStatus
) -> None:
    await desk.alert(action=ENTRY)
    desk.clock.advance(MAX_EXIT_SECONDS + 2)
    await desk.price("60000")

    alarm = await desk.alert(action=EXIT, time=moment(desk, MAX_EXIT_SECONDS, tick=tick))

    assert alarm.status is status, alarm.reason


@pytest.mark.parametrize("zone", ["+02:00", "-11:30"])
async def test_row_16_another_time_zone_is_no_skew(desk: Desk, zone: str) -> None:
    here = datetime.fromisoformat(f"2026-01-01T00:00:00{zone}").tzinfo
    there = (desk.clock.now() - timedelta(seconds=1)).astimezone(here)

    alarm = await desk.alert(time=there.isoformat())

    assert alarm.status is AlarmStatus.ACCEPTED, alarm.reason
