"""Rows of the fault matrix about stops, targets and closing, each named in its tests."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from app.core.errors import OrderRefused
from app.db.session import Database
from app.exchanges.venue import OrderReport, OrderRequest
from app.notifications.models import Notice, Severity
from app.pipeline.orders.models import Order
from app.pipeline.orders.status import OrderStatus
from app.pipeline.positions.models import Position
from app.pipeline.positions.status import PositionStatus
from app.trading.words import CloseReason, MarketType, OrderType, Purpose, Side
from tests.builders import LINEAR, SPOT, an_alert, d
from tests.fakes.exchange import FakeVenue
from tests.integration.flow.desk import Desk, open_desk
from tests.integration.flow.power import Mains, armed
from tests.integration.flow.races import RacingVenue, trade_at
from tests.integration.flow.test_crashes import be_reborn, deliver, live_with

STOP, TARGET = "58000", "64000"
PARTS = ("0.001", "0.037", "0.05", "0.099")


def symbol_of(desk: Desk) -> str:
    return SPOT if desk.account.market_type is MarketType.SPOT else LINEAR


async def the_position(desk: Desk) -> Position:
    [position] = await desk.positions()
    return position


async def resting(desk: Desk) -> Sequence[OrderReport]:
    """What is open at the venue."""
    return await desk.venue.open_orders(symbol_of(desk))


async def exits(desk: Desk) -> list[Order]:
    """Every exit that sold anything, whoever's it was."""
    orders = await desk.rows(Order)
    return [one for one in orders if one.purpose is not Purpose.ENTRY and one.filled_quantity]


async def sold(desk: Desk) -> Decimal:
    return sum((one.filled_quantity for one in await exits(desk)), Decimal(0))


async def tick(desk: Desk, last: str, mark: str, *, at_venue: bool) -> None:
    """One tick with a mark price of its own; the venue's orders fire first, or do not at all."""
    market = desk.town.market_of(LINEAR)
    if at_venue:
        market.set_price(LINEAR, d(last), mark=d(mark), is_streamed=False)
        desk.venue.match()
    market.set_price(LINEAR, d(last), mark=d(mark))
    await desk.process.settle()


# Row 48: a symbol that is halted


class HaltedVenue(FakeVenue):
    """A venue that takes no order at all while it is halted."""

    is_halted = False

    async def place(self, request: OrderRequest) -> OrderReport:
        if self.is_halted:
            self.sent.append(request)
            raise OrderRefused("Symbol is not in trading status.")
        return await super().place(request)


async def test_row_48_a_halted_symbol_then_its_exit_is_tried_with_pauses_and_its_owner_told(
    desk: Desk,
) -> None:
    venue = await trade_at(desk, HaltedVenue)
    await desk.alert(stop_loss=STOP)
    venue.is_halted = True

    tried: list[int] = []
    for second in range(120):
        await desk.price("57900")
        await desk.sweep(after_seconds=1)
        tried += [second] * (len(desk.sent) - 1 - len(tried))
        told = [one.code for one in await desk.rows(Notice)]
        assert told.count("exit_refused") == (len(tried) >= 3)
    pauses = [later - earlier for earlier, later in pairwise(tried)]

    assert pauses == [0, 2, 4, 8, 16, 30, 30]
    [notice] = [one for one in await desk.rows(Notice) if one.code == "exit_refused"]
    assert notice.severity is Severity.URGENT
    assert "order_refused: Symbol is not in trading status." in notice.text
    assert (await the_position(desk)).status is PositionStatus.OPEN

    venue.is_halted = False
    for _ in range(30):
        await desk.price("57900")
        await desk.sweep(after_seconds=1)
    position = await the_position(desk)
    assert (position.status, position.close_reason) == (
        PositionStatus.CLOSED,
        CloseReason.STOP_LOSS,
    )
    assert (position.realized_pnl, desk.venue.held(LINEAR)) == (d("-221.79"), d("0"))


async def test_row_48_a_position_that_the_venue_settles_then_that_price_is_its_result(
    desk: Desk,
) -> None:
    venue = await trade_at(desk, HaltedVenue)
    await desk.alert(stop_loss=STOP)
    venue.is_halted = True
    await desk.price("59000")

    desk.venue.liquidate(LINEAR, "settlement_autoclose-")
    for _ in range(4):
        await desk.reconcile(after_seconds=3)
    await desk.sweep()

    position, [trade] = await the_position(desk), await desk.trades()
    assert (position.status, position.close_reason) == (
        PositionStatus.CLOSED,
        CloseReason.EXTERNAL,
    )
    # 0.1 · (59,000 - 60,000) - 6 - 5.9
    assert (position.exit_price, trade.realized_pnl) == (d("59000"), d("-111.9"))
    assert (await resting(desk), len(desk.sent)) == ([], 1)


# Row 58: the price jumps over the stop


@pytest.mark.parametrize("is_monitor_alone", [False, True])
@pytest.mark.parametrize(
    ("action", "stop", "price", "result"),
    [
        # 0.1 · (price - 60,000) less 6 and 0.1 % of what closing trades
        ("buy", "58000", "57420", "-269.742"),
        ("buy", "58000", "52200", "-791.22"),
        ("buy", "58000", "29000", "-3108.9"),
        ("sell", "62000", "68200", "-832.82"),
    ],
)
async def test_row_58_a_gap_through_the_stop_then_the_slippage_is_booked_and_nothing_hangs(
    desk: Desk, action: str, stop: str, price: str, result: str, *, is_monitor_alone: bool
) -> None:
    desk.venue.refuses_conditionals = is_monitor_alone
    await desk.alert(action=action, stop_loss=stop)

    await desk.price_at_venue(price)

    position = await the_position(desk)
    assert (position.status, position.close_reason) == (
        PositionStatus.CLOSED,
        CloseReason.STOP_LOSS,
    )
    assert (position.exit_price, position.realized_pnl) == (d(price), d(result))
    [trade], [day] = await desk.trades(), await desk.days()
    assert trade.realized_pnl == day.realized_pnl == d(result)
    assert [one.order_type for one in desk.venue.sent] == [OrderType.MARKET] * 2 + (
        [OrderType.MARKET] if is_monitor_alone else []
    )
    assert (await resting(desk), desk.venue.held(LINEAR)) == ([], d("0"))


# Row 59: stop and target in the same tick


@pytest.mark.parametrize("who", ["venue", "monitor", "both"])
async def test_row_59_stop_and_target_in_one_tick_then_exactly_one_of_them_sells(
    desk: Desk, who: str
) -> None:
    desk.venue.refuses_conditionals = who == "monitor"
    await desk.alert(stop_loss=STOP, take_profit=TARGET)

    # The stop waits for the mark, the target for the last price.
    await tick(desk, last="64100", mark="57900", at_venue=who == "venue")
    for _ in range(5):
        await tick(desk, last="64100", mark="57900", at_venue=True)
        await desk.sweep(after_seconds=2)

    position = await the_position(desk)
    assert (position.status, position.close_reason) == (
        PositionStatus.CLOSED,
        CloseReason.STOP_LOSS,
    )
    assert [one.filled_quantity for one in await exits(desk)] == [d("0.1")]
    assert len(desk.sent) == (1 if who == "venue" else 2)
    # 0.1 · (64,100 - 60,000) - 6 - 6.41: at the price there is, whichever fires
    assert [one.realized_pnl for one in await desk.trades()] == [d("397.59")]
    assert (await resting(desk), desk.venue.held(LINEAR)) == ([], d("0"))


async def test_row_59_a_stop_that_fires_while_the_monitor_takes_the_profit_then_one_sells(
    spot_desk: Desk,
) -> None:
    desk = spot_desk
    venue = await trade_at(desk, RacingVenue)
    # The stop rests and the monitor holds the target where there are no pairs.
    venue.abilities = replace(venue.abilities, pairs=False)
    # The trader's own coins are there to be sold by mistake.
    venue.add_by_hand(SPOT, Side.BUY, d("0.5"))
    own = venue.held(SPOT)
    await desk.alert(stop_loss=STOP, take_profit=TARGET)
    assert [one.trigger_price for one in await resting(desk)] == [d(STOP)]

    def fall() -> None:
        desk.town.market_of(SPOT).set_price(SPOT, d("57900"), is_streamed=False)
        venue.match()

    venue.meanwhile = fall
    await desk.price("64100")
    for _ in range(5):
        await desk.sweep(after_seconds=2)

    assert [(one.purpose, one.filled_quantity) for one in await exits(desk)] == [
        (Purpose.STOP_LOSS, d("0.099"))
    ]
    assert (desk.venue.held(SPOT) - own, len(desk.sent)) == (d("0.0009"), 1)
    [trade] = await desk.trades()
    assert (trade.close_reason, trade.realized_pnl) == (CloseReason.STOP_LOSS, d("-219.6321"))
    assert await resting(desk) == []


# Row 66: kill -9 while a close is partly filled


@pytest.mark.parametrize("rest", ["fills", "ends", "fills later"])
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("is_booked", [False, True])
async def test_row_66_a_close_partly_filled_then_kill_then_the_rest_is_closed_and_no_more(
    sqlite_database: Database, part: str, rest: str, *, is_booked: bool
) -> None:
    await die_in_a_close(sqlite_database, part, rest, is_booked=is_booked)


@pytest.mark.parametrize("rest", ["fills", "ends", "fills later"])
async def test_row_66_a_close_partly_filled_then_kill_on_either_database_then_nothing_is_left(
    database: Database, rest: str
) -> None:
    await die_in_a_close(database, "0.037", rest, is_booked=False)


async def die_in_a_close(database: Database, part: str, rest: str, *, is_booked: bool) -> None:
    """Die when that part of a close is filled, before or after that is written down."""
    async with open_desk(database) as desk:
        await desk.alert(stop_loss=STOP, take_profit=TARGET)
        await desk.price("61000")
        mains = Mains(cut_on="" if is_booked else "before the answer is heard")
        await live_with(desk, database, mains)
        desk.venue.next_parts.append(d(part))
        close = an_alert(action="close")
        with armed("C25" if is_booked else "", mains):
            await deliver(desk, close)
        assert mains.is_dead, "it never came to that point"
        [_, closing] = desk.sent

        left = d("0.1") - d(part)
        if rest == "fills":
            desk.venue.fill_part(closing.client_order_id, left)
        elif rest == "ends":
            desk.venue.cancel_by_hand(closing.client_order_id)
        await be_reborn(desk, database)
        if rest == "fills later":
            assert desk.venue.held(LINEAR) == left
            desk.venue.fill_part(closing.client_order_id, left)
            await desk.sweep(after_seconds=5)

        assert desk.venue.held(LINEAR) == 0
        assert await sold(desk) == d("0.1")
        assert len(desk.sent) == (3 if rest == "ends" else 2)
        position, [trade] = await the_position(desk), await desk.trades()
        assert (position.status, position.close_reason) == (
            PositionStatus.CLOSED,
            CloseReason.SIGNAL,
        )
        # 0.1 · 1,000 - 6 - 6.1, in however many parts
        assert trade.realized_pnl == d("87.9")
        assert await resting(desk) == []


# Row 67: a rest too small for any order


async def trade_in_small_lots(desk: Desk, **changes: Any) -> None:
    """From now on the venue trades a hundredth of the lot, and we know of it."""
    lot = {"quantity_step": d("0.00001"), "min_quantity": d("0.00001")}
    desk.venue.relist(SPOT, **{**lot, **changes})
    await desk.tools.instruments.refresh("paper", MarketType.SPOT)


async def test_row_67_dust_after_a_partial_close_then_the_position_ends_and_is_no_loss(
    spot_desk: Desk,
) -> None:
    desk = spot_desk
    await trade_in_small_lots(desk)
    await desk.alert(stop_loss=STOP, take_profit=TARGET)
    await desk.price("61000")

    # 0.0999 are held; 0.00005 of them are worth 3.05, and no order below 5 is taken.
    await desk.alert(action="reduce", quantity="0.09985")
    sent = len(desk.venue.sent)
    for _ in range(10):
        await desk.price("61000")
        await desk.sweep(after_seconds=5)

    position, [trade] = await the_position(desk), await desk.trades()
    assert (position.status, position.dust_quantity) == (PositionStatus.CLOSED, d("0.00005"))
    # 0.09985 · 1,000 - 6 - 0.1 % of 6,090.85; what the dust cost is not lost
    assert trade.realized_pnl == d("99.85") - d("6") - d("6.09085")
    assert [one.realized_pnl for one in await desk.days()] == [trade.realized_pnl]
    assert len(desk.venue.sent) == sent
    assert await resting(desk) == []
    assert desk.worker.monitor.guarded == 0

    await desk.alert(action="buy")
    await desk.alert(action="close")
    # The next trade is its own: 0.1 at 61,000 in and 0.0999 out, and the dust stays where it is.
    assert [one.realized_pnl for one in await desk.trades()][1] == d("-6.1") - d("6.0939")
    assert desk.venue.held(SPOT) == d("0.00005")


async def test_row_67_a_minimum_that_rises_above_what_is_left_then_it_ends_as_dust(
    spot_desk: Desk,
) -> None:
    desk = spot_desk
    await trade_in_small_lots(desk)
    await desk.alert()
    await desk.alert(action="reduce", quantity="0.0989")
    assert (await the_position(desk)).quantity == d("0.001")
    desk.venue.relist(SPOT, min_notional=d("100"))

    await desk.alert(action="close")
    for _ in range(60):
        await desk.price("60000")
        await desk.sweep(after_seconds=1)
    position = await the_position(desk)
    assert (position.status, len(desk.sent)) == (PositionStatus.OPEN, 9), "it is tried with pauses"
    await desk.tools.instruments.refresh("paper", MarketType.SPOT)
    for _ in range(31):
        await desk.price("60000")
        await desk.sweep(after_seconds=1)

    position = await the_position(desk)
    assert (position.status, position.dust_quantity) == (PositionStatus.CLOSED, d("0.001"))
    sent = len(desk.sent)
    await desk.sweep(after_seconds=60)
    assert len(desk.sent) == sent


# Row 68: kill -9 anywhere between a trigger and the booked close

# Where the venue sees the process die, and not the product.
SEEN_BY_THE_VENUE = {"C34": "before the answer is heard"}
RESULTS = {MarketType.LINEAR: "-221.79", MarketType.SPOT: "-219.6321"}
SOLD = {MarketType.LINEAR: "0.1", MarketType.SPOT: "0.099"}
LEFT = {MarketType.LINEAR: "0", MarketType.SPOT: "0.0009"}


async def die_between_trigger_and_trade(
    database: Database, market_type: MarketType, point: str, *, is_stop_firing: bool
) -> None:
    """Die there; the stop that rests fires meanwhile, or does not; then it happened once."""
    async with open_desk(database, market_type=market_type) as desk:
        await desk.alert(stop_loss=STOP)
        mains = Mains(cut_on=SEEN_BY_THE_VENUE.get(point, ""))
        await live_with(desk, database, mains)
        for symbol in (LINEAR, SPOT):
            desk.town.market_of(symbol).set_price(symbol, d("57900"), is_streamed=False)
        with armed(point, mains):
            await desk.price("57900")
        assert mains.is_dead, "it never came to that point"

        if is_stop_firing:
            desk.venue.match()
        await be_reborn(desk, database)

        position, [trade] = await the_position(desk), await desk.trades()
        assert (position.status, position.close_reason) == (
            PositionStatus.CLOSED,
            CloseReason.STOP_LOSS,
        )
        assert len(await exits(desk)) == 1
        assert await sold(desk) == d(SOLD[market_type])
        assert trade.realized_pnl == d(RESULTS[market_type])
        assert desk.venue.held(symbol_of(desk)) == d(LEFT[market_type])
        assert await resting(desk) == []
        ids = [one.client_order_id for one in desk.venue.sent]
        assert len(set(ids)) == len(ids)
        live = [one for one in await desk.rows(Order) if not one.is_final]
        assert live == []
        closes = [one for one in await desk.orders() if one.purpose is not Purpose.ENTRY]
        assert [one.status for one in closes].count(OrderStatus.FILLED) <= 1


@pytest.mark.parametrize("is_stop_firing", [False, True])
@pytest.mark.parametrize("point", ["C30", "C31", "C32", "C34", "C36"])
async def test_row_68_kill_while_closing_contracts_then_one_exit_closed_them(
    database: Database, point: str, *, is_stop_firing: bool
) -> None:
    await die_between_trigger_and_trade(
        database, MarketType.LINEAR, point, is_stop_firing=is_stop_firing
    )


@pytest.mark.parametrize("is_stop_firing", [False, True])
@pytest.mark.parametrize("point", ["C30", "C31", "C32", "C33", "C34", "C36"])
async def test_row_68_kill_while_closing_coins_then_one_exit_sold_them(
    sqlite_database: Database, point: str, *, is_stop_firing: bool
) -> None:
    await die_between_trigger_and_trade(
        sqlite_database, MarketType.SPOT, point, is_stop_firing=is_stop_firing
    )
