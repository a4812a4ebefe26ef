"""Rows of the fault matrix about orders and their executions, each named in its tests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from enum import StrEnum
from typing import Final

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Unavailable
from app.db.session import Database, Done, Writing
from app.pipeline.orders.models import Order
from app.pipeline.orders.status import OrderStatus
from app.pipeline.positions.models import Position
from app.pipeline.positions.status import PositionStatus
from app.pipeline.signals.status import SignalStatus
from app.trading.words import CloseReason, MarketType, Protection, Purpose
from tests.builders import ETHER, LINEAR, SPOT, an_alert, d
from tests.fakes.exchange import Outcome
from tests.integration.flow.desk import Desk, Process, open_desk
from tests.integration.flow.power import Mains, armed
from tests.integration.flow.races import RacingVenue, trade_at
from tests.integration.flow.test_crashes import be_reborn, deliver, live_with

STOP = "58000"
PARTS = ("0.001", "0.037", "0.05", "0.099")


async def the_entry(desk: Desk, symbol: str = LINEAR) -> Order:
    [order] = [
        one for one in await desk.orders() if one.purpose is Purpose.ENTRY and one.symbol == symbol
    ]
    return order


async def the_position(desk: Desk, symbol: str = LINEAR) -> Position:
    [position] = [one for one in await desk.positions() if one.symbol == symbol]
    return position


async def stops(desk: Desk, symbol: str = LINEAR) -> list[tuple[Decimal, Decimal | None]]:
    """Quantity and trigger of what waits at the venue."""
    return [
        (one.quantity - one.filled_quantity, one.trigger_price)
        for one in await desk.venue.open_orders(symbol)
        if one.trigger_price is not None
    ]


# Row 40: kill -9 between the intent and the record of the venue's answer


class Fate(StrEnum):
    """What the venue makes of the entry when it arrives."""

    FILLED = "filled"
    RESTS = "rests"
    REFUSED = "refused"
    LOST = "lost"


OUTCOMES: Final = {Fate.REFUSED: Outcome.REFUSE, Fate.LOST: Outcome.DROP_AFTER_ACCEPT}
# Where the venue sees the process die, and not the product.
SEEN_BY_THE_VENUE: Final = {"C18": "before an order leaves", "C19": "before the answer is heard"}
MAYBE_SENT: Final = ("C17", "C18")
POINTS: Final = ("C15", "C16", *MAYBE_SENT, "C19", "C21", "C22")


async def die_while_submitting(database: Database, point: str, fate: Fate) -> None:
    """Die at that point of an entry, be born again, and see that one intent was one order."""
    async with open_desk(database) as desk:
        mains = Mains(cut_on=SEEN_BY_THE_VENUE.get(point, ""))
        await live_with(desk, database, mains)
        if fate in OUTCOMES:
            desk.venue.next_outcomes.append(OUTCOMES[fate])
        limit = {"order_type": "limit", "price": "59000"} if fate is Fate.RESTS else {}
        entry = an_alert(stop_loss=STOP, **limit)
        with armed(point, mains):
            await deliver(desk, entry)
        assert mains.is_dead, "it never came to that point"

        await be_reborn(desk, database)
        await deliver(desk, entry)

        order = await the_entry(desk)
        was_sent = point not in MAYBE_SENT
        expected = [order.client_order_id] if was_sent else []
        assert [one.client_order_id for one in desk.sent] == expected
        await ended_as_the_venue_has_it(desk, order, fate if was_sent else None)


async def ended_as_the_venue_has_it(desk: Desk, order: Order, fate: Fate | None) -> None:
    [signal] = await desk.signals()
    report = desk.venue.report_of(order.client_order_id)
    if fate in {Fate.FILLED, Fate.LOST}:
        position = await the_position(desk)
        assert (order.status, signal.status) == (OrderStatus.FILLED, SignalStatus.EXECUTED)
        assert position.quantity == desk.venue.held(LINEAR) == d("0.1")
        assert (position.status, position.protection) == (PositionStatus.OPEN, Protection.VENUE)
        assert await stops(desk) == [(d("0.1"), d(STOP))]
        return
    assert await desk.positions() == []
    if fate is Fate.RESTS:
        assert (order.status, signal.status) == (OrderStatus.OPEN, SignalStatus.EXECUTING)
        assert report is not None
        return
    assert (order.status, signal.status) == (OrderStatus.REJECTED, SignalStatus.FAILED)
    assert report is None
    if fate is None:
        assert (order.reason or "").startswith("not_accepted: ")
        assert order.evidence is not None


@pytest.mark.parametrize("point", POINTS)
async def test_row_40_kill_while_submitting_what_fills_then_the_same_id_is_resolved(
    database: Database, point: str
) -> None:
    await die_while_submitting(database, point, Fate.FILLED)


@pytest.mark.parametrize("point", [one for one in POINTS if one != "C22"])
async def test_row_40_kill_while_submitting_what_rests_then_the_same_id_is_resolved(
    sqlite_database: Database, point: str
) -> None:
    await die_while_submitting(sqlite_database, point, Fate.RESTS)


@pytest.mark.parametrize("fate", [Fate.REFUSED, Fate.LOST])
@pytest.mark.parametrize("point", ["C15", "C16"])
async def test_row_40_kill_before_sending_what_fails_then_the_same_id_is_sent_once(
    sqlite_database: Database, point: str, fate: Fate
) -> None:
    await die_while_submitting(sqlite_database, point, fate)


# Row 42: a partial fill, then a timeout or a cancel


@pytest.mark.parametrize("part", PARTS)
async def test_row_42_partial_fill_then_timeout_then_that_part_is_protected_and_the_rest_follows(
    desk: Desk, part: str
) -> None:
    desk.venue.next_parts.append(d(part))
    desk.venue.next_outcomes.append(Outcome.DROP_AFTER_ACCEPT)
    await desk.alert(stop_loss=STOP)

    await desk.sweep(after_seconds=2)

    order, position = await the_entry(desk), await the_position(desk)
    assert (order.status, order.filled_quantity) == (OrderStatus.PARTIALLY_FILLED, d(part))
    assert (position.quantity, position.protection) == (d(part), Protection.VENUE)
    assert await stops(desk) == [(d(part), d(STOP))]

    desk.venue.fill_part(order.client_order_id, d("0.1") - d(part))
    await desk.sweep(after_seconds=2)

    assert (await the_entry(desk)).status is OrderStatus.FILLED
    assert (await the_position(desk)).quantity == d("0.1")
    assert await stops(desk) == [(d("0.1"), d(STOP))]
    assert len(desk.sent) == 1


@pytest.mark.parametrize("is_heard", [True, False])
@pytest.mark.parametrize("part", PARTS)
async def test_row_42_partial_fill_then_cancel_then_exactly_that_part_is_held_and_protected(
    desk: Desk, part: str, *, is_heard: bool
) -> None:
    desk.venue.next_parts.append(d(part))
    if not is_heard:
        desk.venue.next_outcomes.append(Outcome.DROP_AFTER_ACCEPT)
    await desk.alert(stop_loss=STOP)
    order = await the_entry(desk)
    desk.venue.cancel_by_hand(order.client_order_id)
    await desk.sweep(after_seconds=2)

    order, [signal] = await the_entry(desk), await desk.signals()
    assert (order.status, order.filled_quantity) == (OrderStatus.CANCELED, d(part))
    assert signal.status is SignalStatus.EXECUTED
    position = await the_position(desk)
    assert (position.status, position.quantity) == (PositionStatus.OPEN, d(part))
    assert position.protection is Protection.VENUE
    assert await stops(desk) == [(d(part), d(STOP))]

    await desk.price_at_venue("57900")

    [trade] = await desk.trades()
    # A whole coin loses 2,100 and pays 60 and 57.9.
    assert trade.realized_pnl == d("-2217.9") * d(part)
    assert desk.venue.held(LINEAR) == 0
    assert len(desk.sent) == 1


# Row 44: fees in a third coin, rebates, no fees


@pytest.mark.parametrize(
    ("fee", "coin", "fees"),
    [
        # BNB at 600 when it is bought and at 500 when it is sold: 3 + 2.5 + 2.5
        ("0.005", "BNB", "8"),
        ("-0.005", "BNB", "-8"),
        ("-0.6", "USDT", "-1.8"),
        ("0", "USDT", "0"),
    ],
)
@pytest.mark.parametrize("market_type", [MarketType.LINEAR, MarketType.SPOT])
async def test_row_44_a_fee_in_another_coin_or_a_rebate_or_none_then_the_result_is_exact(
    database: Database, market_type: MarketType, fee: str, coin: str, fees: str
) -> None:
    async with open_desk(database, market_type=market_type) as desk:
        rates = desk.town.markets[MarketType.SPOT]
        rates.set_price("BNB/USDT", d("600"))
        desk.venue.flat_fee = (d(fee), coin)
        await desk.alert(action="buy")
        rates.set_price("BNB/USDT", d("500"))
        desk.clock.advance(60)
        await desk.price("61000")
        await desk.alert(action="reduce", position_percent="40")
        await desk.price("62000")
        await desk.alert(action="close")

        symbol = SPOT if market_type is MarketType.SPOT else LINEAR
        assert desk.venue.held(symbol) == 0
        assert {(one.fee, one.fee_asset) for one in await desk.orders()} == {(d(fee), coin)}
        [trade] = await desk.trades()
        # 0.04 · 1,000 + 0.06 · 2,000
        assert (trade.gross_pnl, trade.fees) == (d("160"), d(fees))
        assert trade.realized_pnl == d("160") - d(fees)
        [day] = await desk.days()
        assert (day.realized_pnl, day.fees) == (trade.realized_pnl, d(fees))
        assert sum(one.net_pnl for one in await desk.bookings()) == trade.realized_pnl


# Row 45: a cancel races with a fill


@pytest.mark.parametrize("is_heard", [True, False])
@pytest.mark.parametrize(
    ("part", "status"),
    [
        ("0.1", OrderStatus.FILLED),
        ("0.04", OrderStatus.CANCELED),
        ("0", OrderStatus.CANCELED),
    ],
)
async def test_row_45_a_cancel_that_races_with_a_fill_then_the_venue_says_how_it_ended(
    desk: Desk, part: str, status: OrderStatus, *, is_heard: bool
) -> None:
    venue = await trade_at(desk, RacingVenue)
    await desk.alert(order_type="limit", price="59000", stop_loss=STOP)
    order = await the_entry(desk)
    venue.loses_answers = not is_heard
    if d(part):
        venue.meanwhile = lambda: venue.fill_part(order.client_order_id, d(part))

    await desk.sweep(after_seconds=900)
    await desk.sweep(after_seconds=5)

    order, [signal] = await the_entry(desk), await desk.signals()
    assert (order.status, order.filled_quantity) == (status, d(part))
    assert desk.venue.held(LINEAR) == d(part)
    if not d(part):
        assert (signal.status, await desk.positions()) == (SignalStatus.FAILED, [])
        return
    assert signal.status is SignalStatus.EXECUTED
    position = await the_position(desk)
    assert (position.status, position.quantity) == (PositionStatus.OPEN, d(part))
    assert await stops(desk) == [(d(part), d(STOP))]


async def test_row_45_a_stop_that_fires_while_it_is_cancelled_then_nothing_is_sold_twice(
    spot_desk: Desk,
) -> None:
    desk = spot_desk
    venue = await trade_at(desk, RacingVenue)
    await desk.alert(stop_loss=STOP)

    def fall() -> None:
        desk.town.market_of(SPOT).set_price(SPOT, d("57900"), is_streamed=False)
        venue.match()

    venue.meanwhile = fall
    await desk.alert(action="close")
    await desk.sweep(after_seconds=5)

    assert len(desk.sent) == 1, "the close was never sent: its coins were sold already"
    assert desk.venue.held(SPOT) == d("0.0009")
    [trade] = await desk.trades()
    # 0.099 · -2,100 less what was paid for 0.1 and for the sale; 0.0009 are dust.
    assert trade.realized_pnl == d("-207.9") - d("6") - d("5.7321")
    assert trade.close_reason is CloseReason.STOP_LOSS


# Row 48: a symbol that is halted


async def test_row_48_a_halted_symbol_then_an_entry_is_refused_and_not_sent_again(
    desk: Desk,
) -> None:
    desk.venue.next_outcomes.append(Outcome.REFUSE)

    await desk.alert(stop_loss=STOP)
    for _ in range(5):
        await desk.sweep(after_seconds=5)

    [signal] = await desk.signals()
    assert signal.status is SignalStatus.FAILED
    assert (signal.reason or "").startswith("order_refused: ")
    assert len(desk.venue.sent) == 1


async def test_row_48_a_symbol_listed_as_halted_then_no_entry_is_sent(desk: Desk) -> None:
    desk.venue.relist(LINEAR, is_active=False)
    await desk.tools.instruments.refresh("paper", MarketType.LINEAR)

    alarm = await desk.alert(stop_loss=STOP)

    assert desk.venue.sent == []
    [signal] = await desk.signals()
    assert signal.status is SignalStatus.DENIED, alarm.reason
    assert "halted by the venue" in (signal.reason or "")


# Row 49: the database goes away after the venue has accepted


class FarDatabase(Database):
    """A database that cannot be reached for a while."""

    is_away = False

    def _reach(self) -> None:
        if self.is_away:
            raise OperationalError("SELECT 1", None, ConnectionRefusedError("not there"))

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        self._reach()
        async with super().read() as session:
            yield session

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        self._reach()
        async with super().transaction() as session:
            yield session
            self._reach()

    async def together(
        self, work: Callable[[Writing], Done], *, is_one_statement: bool = False
    ) -> Done:
        self._reach()
        return await super().together(work, is_one_statement=is_one_statement)


async def test_row_49_database_down_after_accept_then_the_order_is_found_by_its_id(
    desk: Desk,
) -> None:
    await desk.alert(stop_loss=STOP)
    far = FarDatabase(desk.database.engine)
    await desk.process.end()
    desk.process = Process(far, desk.town)
    await desk.process.start()
    other = await desk.another_strategy()
    gate = desk.venue.hold(ETHER)
    entry = an_alert(symbol="ETHUSDT.P", quantity="1", stop_loss="2900")
    entering = asyncio.create_task(desk.deliver(entry, strategy=other))
    await asyncio.wait_for(gate.reached.wait(), 5)

    far.is_away = True
    desk.venue.let_go(ETHER)
    gate.open.set()
    with pytest.raises(OperationalError):
        await entering
    with pytest.raises(Unavailable):
        await desk.alert(symbol="ETHUSDT.P", quantity="1")
    # Nothing of ours can be written down meanwhile; what rests at the venue protects.
    await desk.price_at_venue("57900")
    for _ in range(3):
        desk.clock.advance(5)
        with pytest.raises(OperationalError):
            await desk.worker.sweep()
    assert len(desk.sent) == 2
    assert desk.venue.held(LINEAR) == 0

    far.is_away = False
    await desk.price("3000", ETHER)
    await desk.sweep(after_seconds=5)
    await desk.reconcile(after_seconds=5)

    assert len(desk.sent) == 2
    assert (await the_entry(desk, ETHER)).status is OrderStatus.FILLED
    opened, closed = await the_position(desk, ETHER), await the_position(desk)
    assert (opened.quantity, opened.protection) == (d("1"), Protection.VENUE)
    assert await stops(desk, ETHER) == [(d("1"), d("2900"))]
    assert closed.close_reason is CloseReason.STOP_LOSS
    # 0.1 · (57,900 - 60,000) - 6 - 5.79
    assert closed.realized_pnl == d("-221.79")
