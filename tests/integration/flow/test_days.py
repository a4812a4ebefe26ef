"""Results land in the trader's day, digit for digit; a lost day stops entries, never exits."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from app.accounts.models import User
from app.db.session import Database
from app.pipeline.orders.status import OrderStatus
from app.pipeline.positions.models import Position
from app.pipeline.risk.models import DailyFreeze
from app.pipeline.signals.status import SignalStatus
from app.trading.days import trading_day
from app.trading.words import MarketType
from tests.builders import ETHER, LINEAR, d
from tests.integration.flow.desk import Desk, open_desk

# 2026-03-02 23:30 in New York is 04:30 of the next day in UTC.
BEFORE_MIDNIGHT = datetime(2026, 3, 3, 4, 30, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")


async def move_to(desk: Desk, zone: str, at: datetime) -> None:
    async with desk.database.transaction() as session:
        (await session.get_one(User, desk.user.id)).timezone = zone
    desk.clock.set(at)
    await desk.price("60000")


async def test_a_day_when_a_position_closes_in_parts_over_midnight_then_has_its_own_fills(
    desk: Desk,
) -> None:
    await move_to(desk, "America/New_York", BEFORE_MIDNIGHT)
    await desk.alert(action="buy", quantity="0.1")
    await desk.price("61000")
    await desk.alert(action="reduce", position_percent="40")
    desk.clock.advance(3_600)
    await desk.price("62000")
    await desk.alert(action="close")

    first, second = await desk.days()
    # 0.04 · 1,000 = 40; entry fee 6 · 0.4 = 2.4; exit fee 0.001 · 2,440 = 2.44
    assert (first.day, first.realized_pnl, first.fees) == (
        date(2026, 3, 2),
        d("35.16"),
        d("4.84"),
    )
    # 0.06 · 2,000 = 120; entry fee 3.6; exit fee 0.001 · 3,720 = 3.72
    assert (second.day, second.realized_pnl, second.fees) == (
        date(2026, 3, 3),
        d("112.68"),
        d("7.32"),
    )
    assert [(one.trades, one.wins) for one in (first, second)] == [(0, 0), (1, 1)]
    [trade] = await desk.trades()
    assert trade.realized_pnl == d("147.84") == first.realized_pnl + second.realized_pnl


async def test_a_fill_when_it_is_recorded_after_midnight_then_counts_on_the_day_it_happened(
    desk: Desk,
) -> None:
    await move_to(desk, "America/New_York", BEFORE_MIDNIGHT)
    await desk.alert(action="buy", stop_loss="58000")
    desk.venue.are_fills_hidden = True
    await desk.price("57900")
    assert await desk.days() == []

    desk.clock.advance(3_600)
    desk.venue.are_fills_hidden = False
    await desk.sweep()

    [day] = await desk.days()
    [trade] = await desk.trades()
    assert day.day == date(2026, 3, 2) == trading_day(trade.closed_at, zone=NEW_YORK)
    assert day.trades == 1
    assert [one.day for one in await desk.bookings()] == [day.day]


async def test_the_days_when_something_is_still_open_then_add_up_with_what_it_has_booked(
    desk: Desk,
) -> None:
    other = await desk.another_strategy()
    await desk.alert(action="buy", quantity="0.1")
    await desk.alert(action="buy", symbol="ETHUSDT.P", quantity="2", strategy=other)
    await desk.price("60500")
    await desk.alert(action="close")
    await desk.price("2900", ETHER)
    await desk.alert(action="reduce", position_percent="50", symbol="ETHUSDT.P", strategy=other)

    days = sum((one.realized_pnl for one in await desk.days()), Decimal(0))
    trades = sum((one.realized_pnl for one in await desk.trades()), Decimal(0))
    booked = sum(
        (one.realized_pnl for one in await desk.positions() if not one.is_closed), Decimal(0)
    )
    # 0.1 · 500 - 6 - 6.05 = 37.95; 1 · -100 - 3 - 2.9 = -105.9
    assert (trades, booked) == (d("37.95"), d("-105.9"))
    assert days == trades + booked
    assert sum((one.net_pnl for one in await desk.bookings()), Decimal(0)) == days


async def test_the_wallet_when_all_is_closed_then_has_moved_by_the_result(desk: Desk) -> None:
    await desk.alert(action="buy", quantity="0.123")
    await desk.price("61234.5")
    await desk.alert(action="close")

    [balance] = await desk.venue.balances()
    [day] = await desk.days()
    # 0.123 · 1,234.5 = 151.8435; fees 7.38 and 7.5318435
    assert day.realized_pnl == d("136.9316565")
    assert balance.free == d("100000") + day.realized_pnl


async def test_a_fee_in_a_third_coin_when_its_rate_is_known_then_is_converted(
    desk: Desk,
) -> None:
    desk.town.markets[MarketType.SPOT].set_price("BNB/USDT", d("600"))
    desk.venue.flat_fee = (d("0.01"), "BNB")

    await desk.alert(action="buy")
    await desk.alert(action="close")

    [trade] = await desk.trades()
    # Two fees of 0.01 BNB at 600.
    assert (trade.fees, trade.realized_pnl, trade.is_provisional) == (d("12"), d("-12"), False)


async def test_a_fee_in_a_third_coin_when_no_rate_is_had_then_is_provisional_and_not_nothing(
    desk: Desk,
) -> None:
    desk.venue.flat_fee = (d("0.01"), "XYZ")

    await desk.alert(action="buy")
    await desk.alert(action="close")

    [trade] = await desk.trades()
    assert trade.is_provisional
    # The taker's 0.1 % of 6,000, twice, until the rate is known.
    assert trade.fees == d("12")


async def test_the_daily_loss_when_it_is_reached_then_cancels_and_freezes_until_midnight(
    desk: Desk,
) -> None:
    await desk.limits(max_daily_loss=d("100"))
    other = await desk.another_strategy()
    await desk.alert(action="buy", quantity="0.1")
    await desk.alert(
        action="buy", symbol="ETHUSDT.P", quantity="1", order_type="limit", price="2900"
    )
    # 0.1 · 1,100 lost and not realised.
    await desk.price("58900")
    await desk.sweep(after_seconds=2)

    [freeze] = await desk.rows(DailyFreeze)
    assert freeze.loss == d("110")
    assert (await desk.orders())[-1].status is OrderStatus.CANCELED
    await desk.price("60000")
    await desk.alert(action="buy", symbol="ETHUSDT.P", quantity="1", strategy=other)
    denied = (await desk.signals())[-1]
    assert (denied.reason or "").startswith(
        "daily_loss_frozen: the daily loss limit was reached; frozen until 2026-03-03 00:00 UTC"
    )
    await desk.alert(action="close")
    assert desk.venue.held(LINEAR) == 0

    desk.clock.set(datetime(2026, 3, 3, 0, 0, 1, tzinfo=UTC))
    await desk.price("60000")
    await desk.price("3000", ETHER)
    await desk.alert(action="buy", symbol="ETHUSDT.P", quantity="1", strategy=other)
    assert (await desk.signals())[-1].status is SignalStatus.EXECUTED


async def test_the_kill_switch_when_it_is_released_then_revives_nothing(desk: Desk) -> None:
    await desk.alert(order_type="limit", price="59000")
    await desk.kill_switch()
    await desk.alert()

    await desk.kill_switch(is_on=False)
    await desk.sweep(after_seconds=2)

    assert [one.status for one in await desk.signals()] == [
        SignalStatus.FAILED,
        SignalStatus.DENIED,
    ]
    assert desk.venue.held(LINEAR) == 0


async def test_a_day_turned_when_a_position_is_open_then_counts_from_midnight(
    desk: Desk,
) -> None:
    await desk.limits(max_daily_loss=d("100"))
    await desk.alert(action="buy", quantity="0.1")
    await desk.price("59500")
    await desk.sweep(after_seconds=2)
    desk.clock.set(datetime(2026, 3, 3, 0, 0, 1, tzinfo=UTC))
    await desk.price("59500")
    await desk.sweep()

    # 50 of yesterday do not count today: 90 more are below the limit of 100.
    await desk.price("58600")
    await desk.sweep(after_seconds=2)

    assert await desk.rows(DailyFreeze) == []
    [position] = await desk.rows(Position)
    assert position.day_start_unrealized == d("-50")


@pytest.mark.parametrize("times", [10])
async def test_restarts_when_nothing_is_due_then_ask_for_nothing_and_write_nothing(
    database: Database, times: int
) -> None:
    async with open_desk(database) as desk:
        await desk.limits(max_daily_loss=d("5000"))
        other = await desk.another_strategy()
        await desk.alert(action="buy", stop_loss="58000", trailing_percent=None)
        await desk.alert(
            symbol="ETHUSDT.P", quantity="1", order_type="limit", price="2900", strategy=other
        )
        await desk.sweep(after_seconds=6)
        sent, cancels = len(desk.sent), len(desk.venue.cancels)
        before = await everything(desk)

        for _ in range(times):
            await desk.restart()
            await desk.price("60000")
            await desk.sweep(after_seconds=6)

        assert (len(desk.sent), len(desk.venue.cancels)) == (sent, cancels)
        assert await everything(desk) == before
        assert desk.worker.monitor.guarded == 1


async def everything(desk: Desk) -> dict[str, list[str]]:
    """Every row of every table, as the database has it, but for heartbeats."""
    found = {}
    async with desk.database.read() as session:
        connection = await session.connection()
        for table in User.metadata.sorted_tables:
            kept = [column for column in table.columns if column.name != "reconciled_at"]
            rows = await connection.execute(select(*kept))
            found[table.name] = sorted(map(str, rows.all()))
    return found
