"""What an alert becomes: signals against the open book, or a reason why not."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.core.clock import iso
from app.db.session import Database
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.status import AlarmStatus
from app.pipeline.orders.status import OrderStatus
from app.pipeline.positions.status import PositionStatus
from app.pipeline.signals.status import SignalStatus
from app.pipeline.signals.words import SignalAction
from app.strategies.words import Approval, OnOpposite, Sides
from app.trading.words import CloseReason, MarketType, PositionSide
from tests.builders import LINEAR, an_alert, d
from tests.integration.flow.desk import Desk, open_desk


async def shape(desk: Desk) -> list[tuple[SignalAction, PositionSide, SignalStatus]]:
    """Every signal by what it does and where it is."""
    return [(one.action, one.position_side, one.status) for one in await desk.signals()]


async def held(desk: Desk) -> list[tuple[PositionSide, Decimal]]:
    """Every book that is not flat."""
    return [
        (one.position_side, one.quantity) for one in await desk.positions() if not one.is_closed
    ]


def a_batch(*symbols: str) -> bytes:
    """Several entries in one alert: 6000 USDT of each, as tradingview-alerts-processor says it."""
    return json.dumps(
        [{"symbol": one, "direction": "long", "size": "6000"} for one in symbols]
    ).encode()


def code_of(reason: str | None) -> str:
    return (reason or "").partition(":")[0]


@pytest.mark.parametrize(
    ("action", "side"),
    [
        ("buy", PositionSide.LONG),
        ("long", PositionSide.LONG),
        ("sell", PositionSide.SHORT),
        ("short", PositionSide.SHORT),
    ],
)
async def test_an_entry_on_a_flat_book_when_it_comes_then_opens(
    desk: Desk, action: str, side: PositionSide
) -> None:
    alarm = await desk.alert(action=action)

    assert alarm.status is AlarmStatus.ACCEPTED
    assert await shape(desk) == [(SignalAction.OPEN, side, SignalStatus.EXECUTED)]
    assert await held(desk) == [(side, d("0.1"))]


async def test_a_bare_opposite_order_when_a_book_is_open_then_closes_it(desk: Desk) -> None:
    await desk.alert(action="buy")

    await desk.alert(action="sell")

    assert await held(desk) == []
    [position] = await desk.positions()
    assert position.close_reason is CloseReason.SIGNAL


async def test_a_bare_opposite_order_when_the_strategy_flips_then_turns_the_book(
    database: Database,
) -> None:
    async with open_desk(database, on_opposite=OnOpposite.FLIP) as desk:
        await desk.alert(action="buy")

        await desk.alert(action="sell")

        assert await held(desk) == [(PositionSide.SHORT, d("0.1"))]
        assert (await shape(desk))[1:] == [
            (SignalAction.CLOSE, PositionSide.LONG, SignalStatus.EXECUTED),
            (SignalAction.OPEN, PositionSide.SHORT, SignalStatus.EXECUTED),
        ]
        # Two orders of 0.1, never one of 0.2.
        assert [one.quantity for one in desk.sent] == [d("0.1")] * 3


@pytest.mark.parametrize("action", ["close", "reduce", "flat"])
async def test_an_exit_when_nothing_is_held_then_is_ignored(desk: Desk, action: str) -> None:
    fields: dict[str, Any] = {"action": action}
    if action == "reduce":
        fields["position_percent"] = "50"
    if action == "flat":
        fields = {"action": "sell", "market_position": "flat"}

    alarm = await desk.alert(**fields)

    assert alarm.status is AlarmStatus.IGNORED
    assert code_of(alarm.reason) == "nothing_to_close"
    assert await desk.signals() == []


async def test_an_exit_when_nothing_is_held_then_ends_pending_signals_and_resting_entries(
    database: Database,
) -> None:
    async with open_desk(database) as desk:
        await desk.alert(order_type="limit", price="59000")
        await desk.change_strategy(approval=Approval.MANUAL)
        await desk.alert(symbol="ETHUSDT.P", quantity="1")

        await desk.alert(action="close")
        await desk.alert(action="close", symbol="ETHUSDT.P")

        [resting] = await desk.orders()
        assert resting.status is OrderStatus.CANCELED
        assert [one.status for one in await desk.signals()] == [
            SignalStatus.FAILED,
            SignalStatus.SUPERSEDED,
        ]


async def test_an_add_when_nothing_is_held_then_never_opens(desk: Desk) -> None:
    alarm = await desk.alert(action="add")

    assert code_of(alarm.reason) == "not_in_position"
    assert await desk.orders() == []


async def test_an_add_when_a_book_is_open_then_grows_it(desk: Desk) -> None:
    await desk.alert(action="buy")

    await desk.alert(action="add", quantity="0.05")

    assert await held(desk) == [(PositionSide.LONG, d("0.15"))]


async def test_a_repeated_entry_when_it_is_automatic_then_is_denied(desk: Desk) -> None:
    await desk.alert(action="buy")

    await desk.alert(action="buy")

    assert await held(desk) == [(PositionSide.LONG, d("0.1"))]
    assert code_of((await desk.signals())[1].reason) == "already_in_position"


async def test_a_reduction_when_it_is_half_then_closes_half(desk: Desk) -> None:
    await desk.alert(action="buy")

    await desk.alert(action="reduce", position_percent="50")

    assert await held(desk) == [(PositionSide.LONG, d("0.05"))]
    [position] = await desk.positions()
    assert position.status is PositionStatus.OPEN


@pytest.mark.parametrize(
    ("target", "side", "quantity"),
    [
        ("0.3", PositionSide.LONG, "0.3"),
        ("0.04", PositionSide.LONG, "0.04"),
        ("-0.2", PositionSide.SHORT, "0.2"),
    ],
)
async def test_a_target_when_a_book_is_open_then_takes_it_there(
    desk: Desk, target: str, side: PositionSide, quantity: str
) -> None:
    await desk.alert(action="buy")

    await desk.alert(action="target", quantity=target)

    assert await held(desk) == [(side, d(quantity))]


async def test_a_target_of_zero_when_a_book_is_open_then_closes_it(desk: Desk) -> None:
    await desk.alert(action="buy")

    await desk.alert(action="target", quantity="0")

    assert await held(desk) == []


async def test_an_entry_when_it_is_older_than_the_strategy_allows_then_is_stale(
    desk: Desk,
) -> None:
    old = desk.clock.now() - timedelta(seconds=121)

    alarm = await desk.alert(time=iso(old))

    assert (alarm.status, code_of(alarm.reason)) == (AlarmStatus.STALE, "too_old")
    assert await desk.orders() == []


async def test_an_exit_when_it_is_older_than_an_entry_may_be_then_still_counts(
    desk: Desk,
) -> None:
    await desk.alert(action="buy")
    desk.clock.advance(600)
    old = desk.clock.now() - timedelta(seconds=500)
    await desk.price("60000")

    alarm = await desk.alert(action="close", time=iso(old))

    assert alarm.status is AlarmStatus.ACCEPTED
    assert await held(desk) == []


async def test_an_exit_when_it_is_of_before_the_entry_then_is_stale(desk: Desk) -> None:
    early = desk.clock.now() - timedelta(seconds=30)
    await desk.alert(action="buy")

    alarm = await desk.alert(action="close", time=iso(early))

    assert (alarm.status, code_of(alarm.reason)) == (AlarmStatus.STALE, "before_entry")
    assert await held(desk) == [(PositionSide.LONG, d("0.1"))]


async def test_an_exit_when_it_is_older_than_fifteen_minutes_then_is_stale(desk: Desk) -> None:
    await desk.alert(action="buy")
    sent = desk.clock.now() + timedelta(seconds=10)
    desk.clock.advance(10 + 901)

    alarm = await desk.alert(action="close", time=iso(sent))

    assert (alarm.status, code_of(alarm.reason)) == (AlarmStatus.STALE, "too_old")


async def test_a_flip_when_its_entry_is_too_old_then_only_closes(database: Database) -> None:
    async with open_desk(database, on_opposite=OnOpposite.FLIP) as desk:
        await desk.alert(action="buy")
        sent = desk.clock.now() + timedelta(seconds=10)
        desk.clock.advance(10 + 200)
        await desk.price("60000")

        alarm = await desk.alert(action="sell", time=iso(sent))

        # 200 s: an entry may be 120 s old, an exit 900 s.
        assert alarm.status is AlarmStatus.ACCEPTED
        assert [problem["code"] for problem in alarm.problems] == ["too_old"]
        assert await held(desk) == []


async def test_a_flip_when_the_strategy_is_switched_off_then_only_closes(
    database: Database,
) -> None:
    async with open_desk(database, on_opposite=OnOpposite.FLIP) as desk:
        await desk.alert(action="buy")
        await desk.change_strategy(is_active=False)

        await desk.alert(action="sell")

        assert await held(desk) == []


async def test_an_older_entry_when_a_newer_alert_came_first_then_is_out_of_order(
    database: Database,
) -> None:
    async with open_desk(database, approval=Approval.MANUAL) as desk:
        now = desk.clock.now()
        await desk.alert(action="buy", time=iso(now - timedelta(seconds=1)))

        alarm = await desk.alert(action="buy", time=iso(now - timedelta(seconds=5)))

        assert (alarm.status, code_of(alarm.reason)) == (AlarmStatus.STALE, "out_of_order")
        assert [one.status for one in await desk.signals()] == [SignalStatus.PENDING]


async def test_an_alert_when_it_is_from_the_future_then_is_refused(desk: Desk) -> None:
    alarm = await desk.alert(time=iso(desk.clock.now() + timedelta(seconds=6)))

    assert (alarm.status, code_of(alarm.reason)) == (AlarmStatus.REFUSED, "from_the_future")


async def test_an_entry_when_the_strategy_is_switched_off_then_is_refused(desk: Desk) -> None:
    await desk.change_strategy(is_active=False)

    alarm = await desk.alert()

    assert (alarm.status, code_of(alarm.reason)) == (AlarmStatus.REFUSED, "strategy_inactive")


async def test_an_exit_when_the_strategy_is_switched_off_then_still_works(desk: Desk) -> None:
    await desk.alert(action="buy")
    await desk.change_strategy(is_active=False)

    await desk.alert(action="close")

    assert await held(desk) == []


async def test_an_unknown_symbol_when_it_is_alerted_then_is_refused_and_stored(desk: Desk) -> None:
    alarm = await desk.alert(symbol="NOSUCHUSDT.P")

    assert alarm.status is AlarmStatus.REFUSED
    assert "NOSUCH" in (alarm.reason or "")
    assert b"NOSUCHUSDT" in alarm.body


async def test_a_batch_when_one_part_is_impossible_then_nothing_of_it_happens(desk: Desk) -> None:
    alarm = await desk.deliver(a_batch("BTCUSDT.P", "NOSUCHUSDT.P"))

    assert alarm.status is AlarmStatus.REFUSED
    assert "NOSUCH" in (alarm.reason or "")
    assert await desk.signals() == []
    assert desk.sent == []


async def test_a_batch_when_every_part_is_possible_then_all_of_it_happens(desk: Desk) -> None:
    alarm = await desk.deliver(a_batch("BTCUSDT.P", "ETHUSDT.P"))

    assert alarm.status is AlarmStatus.ACCEPTED, alarm.reason
    # 6000 USDT of each: 0.1 BTC at 60,000 and 2 ETH at 3,000. Two symbols are two lanes: whichever
    # is filled first, both are held.
    assert sorted(await held(desk)) == [
        (PositionSide.LONG, d("0.1")),
        (PositionSide.LONG, d("2")),
    ]


async def test_a_bare_opposite_order_when_our_stop_has_just_closed_then_a_human_decides(
    desk: Desk,
) -> None:
    await desk.alert(action="buy", stop_loss="59000")
    await desk.price("58990")

    await desk.alert(action="sell")

    # It may be the late exit of the sender: opening a short by itself would be the accident.
    assert (await shape(desk))[-1] == (
        SignalAction.OPEN,
        PositionSide.SHORT,
        SignalStatus.PENDING,
    )


async def test_a_bare_opposite_order_when_our_stop_is_long_ago_then_opens(desk: Desk) -> None:
    await desk.alert(action="buy", stop_loss="59000")
    await desk.price("58990")
    desk.clock.advance(901)
    await desk.price("58990")

    await desk.alert(action="sell")

    assert (await shape(desk))[-1][2] is SignalStatus.EXECUTED


async def test_a_bare_sell_when_only_longs_are_allowed_and_nothing_is_held_then_is_ignored(
    database: Database,
) -> None:
    async with open_desk(database, sides=Sides.LONG) as desk:
        alarm = await desk.alert(action="sell")

        assert code_of(alarm.reason) == "nothing_to_close"


async def test_a_flip_to_short_on_spot_when_a_book_is_open_then_only_closes(
    database: Database,
) -> None:
    async with open_desk(database, market_type=MarketType.SPOT) as desk:
        await desk.alert(action="buy")

        await desk.alert(action="flip")

        assert await held(desk) == []
        assert len(desk.sent) == 2


async def test_a_cancel_when_an_entry_rests_then_it_is_cancelled_and_the_book_stays(
    desk: Desk,
) -> None:
    await desk.alert(action="buy", symbol="ETHUSDT.P", quantity="1")
    await desk.alert(order_type="limit", price="59000")

    cancel = await desk.alert(action="cancel")

    assert cancel.status is AlarmStatus.ACCEPTED
    assert (cancel.reason or "").startswith("cancelled: ")
    assert [one.status for one in await desk.orders()] == [
        OrderStatus.FILLED,
        OrderStatus.CANCELED,
    ]
    assert await held(desk) == [(PositionSide.LONG, d("1"))]
    assert desk.venue.held(LINEAR) == 0


async def test_a_partial_exit_when_it_is_two_thirds_then_closes_two_thirds(desk: Desk) -> None:
    await desk.alert(action="buy", quantity="0.3")

    # TradingView went from 3 to 1: its 66.666… % have no end, and ours must be kept all the same.
    alarm = await desk.alert(
        action="sell",
        quantity="2",
        market_position="long",
        market_position_size="1",
        prev_market_position="long",
        prev_market_position_size="3",
    )

    assert alarm.status is AlarmStatus.ACCEPTED, alarm.reason
    # 0.3 * 2/3 = 0.2; what is left is 0.1.
    assert await held(desk) == [(PositionSide.LONG, d("0.1"))]


async def test_an_alarm_when_it_was_stored_by_a_version_that_took_it_then_is_refused(
    desk: Desk,
) -> None:
    await desk.store(an_alert(quantity="0.1"))
    async with desk.database.transaction() as session:
        row = await session.get_one(Alarm, (await desk.alarms())[0].id)
        row.body = an_alert(quantity="1e30")

    await desk.sweep(after_seconds=10)

    [alarm] = await desk.alarms()
    assert (alarm.status, code_of(alarm.reason)) == (AlarmStatus.REFUSED, "invalid_size")
