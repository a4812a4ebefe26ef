"""Venues that let go of nothing, exits that hang, quotes that come in a storm or late."""

from collections.abc import Sequence
from typing import TypeVar

from app.core.errors import OutcomeUnknown
from app.exchanges.venue import OrderReport, OrderRequest, PositionReport
from app.pipeline.flow.exits import Exit, exit_position
from app.pipeline.orders.status import OrderStatus
from app.pipeline.positions import service as position_service
from app.pipeline.positions.models import Position
from app.pipeline.positions.status import PositionStatus
from app.pipeline.signals.status import SignalStatus
from app.pipeline.wakeups import Work, wake
from app.trading.words import CloseReason, Protection
from tests.builders import LINEAR, d
from tests.fakes.exchange import UNANSWERED, FakeVenue, Outcome
from tests.integration.flow.desk import FUNDS, Desk

VenueT = TypeVar("VenueT", bound=FakeVenue)


class ClingingVenue(FakeVenue):
    """Cancels nothing as long as it clings, and does not say so."""

    is_clinging = False

    async def cancel(
        self, symbol: str, client_order_id: str, *, is_conditional: bool = False
    ) -> None:
        if self.is_clinging:
            raise OutcomeUnknown("cancelling the order: connection lost")
        await super().cancel(symbol, client_order_id, is_conditional=is_conditional)


class SecretiveVenue(FakeVenue):
    """Does not say what is held on contracts; answers everything else."""

    is_secretive = False

    async def positions(self) -> Sequence[PositionReport]:
        if self.is_secretive:
            raise UNANSWERED
        return await super().positions()


class WitnessVenue(FakeVenue):
    """Remembers which orders rested as each exit arrived."""

    resting: list[set[str]]

    async def place(self, request: OrderRequest) -> OrderReport:
        if request.reduce_only and not request.is_conditional:
            there = {one.client_order_id for one in await self.open_orders(request.symbol)}
            self.resting = [*getattr(self, "resting", []), there]
        return await super().place(request)


async def move_to(desk: Desk, kind: type[VenueT]) -> VenueT:
    """From now on the desk's account is at such a venue, and nothing has happened there."""
    market_type = desk.account.market_type
    venue = kind(
        desk.town.markets[market_type],
        *desk.town.instruments[market_type],
        balances={"USDT": FUNDS},
        clock=desk.clock,
    )
    desk.town.venues[desk.account.id] = venue
    await desk.restart()
    return venue


async def stops_at_venue(desk: Desk) -> list[object]:
    return [one.trigger_price for one in await desk.venue.open_orders(LINEAR)]


async def test_row_69_a_moved_stop_when_the_venue_keeps_the_old_one_then_no_second_one_rests(
    desk: Desk,
) -> None:
    clinging = await move_to(desk, ClingingVenue)
    await desk.alert(action="buy", stop_loss="58000")
    [position] = await desk.positions()
    clinging.is_clinging = True

    async with desk.database.transaction() as session:
        row = await session.get_one(Position, position.id)
        now = desk.clock.now()
        await position_service.change_levels(
            session, row, {"stop_loss": d("59000")}, actor="trader", now=now
        )
        wake(session, Work.PROTECT, row.id, now=now, lane=(row.account_id, row.symbol))
    await desk.process.settle()
    for _ in range(3):
        await desk.sweep(after_seconds=2)
    assert await stops_at_venue(desk) == [d("58000")]
    assert (await desk.one(Position, position.id)).protection is not Protection.VENUE

    clinging.is_clinging = False
    await desk.sweep(after_seconds=6)
    await desk.sweep(after_seconds=2)
    assert await stops_at_venue(desk) == [d("59000")]
    assert (await desk.one(Position, position.id)).protection is Protection.VENUE


async def test_a_storm_beyond_a_target_when_its_exit_is_unknown_then_sells_the_slice_once(
    desk: Desk,
) -> None:
    desk.venue.refuses_conditionals = True
    levels = [{"price": "62000", "portion_percent": "50"}, {"price": "64000"}]
    await desk.alert(action="buy", stop_loss="58000", take_profits=levels)
    desk.venue.next_outcomes.append(Outcome.DROP_BEFORE_ACCEPT)

    for price in ("62000", "62100", "62200"):
        await desk.price(price)
        desk.clock.advance(2)
    assert [one.quantity for one in desk.sent] == [d("0.1"), d("0.05")]

    for _ in range(5):
        await desk.sweep(after_seconds=2)
        await desk.price("62200")
    assert [one.quantity for one in desk.sent] == [d("0.1"), d("0.05"), d("0.05")]
    [position] = await desk.positions()
    assert (position.quantity, position.take_profit) == (d("0.05"), d("64000"))


async def test_a_quote_that_was_held_up_when_it_is_beyond_the_stop_then_fires_nothing(
    desk: Desk,
) -> None:
    await desk.alert(action="buy", stop_loss="58000")
    market = desk.town.market_of(LINEAR)
    market.set_price(LINEAR, d("57000"))
    desk.clock.advance(60)

    await desk.process.settle()
    [position] = await desk.positions()
    assert position.status is PositionStatus.OPEN
    assert len(desk.sent) == 1

    await desk.price("57000")
    assert (await desk.one(Position, position.id)).is_closed


async def test_an_exit_when_it_is_not_heard_of_then_the_resting_entry_is_gone_all_the_same(
    desk: Desk,
) -> None:
    await desk.alert(action="buy")
    await desk.alert(action="add", order_type="limit", price="59000", quantity="0.1")
    [position] = await desk.positions()
    desk.venue.next_outcomes.append(Outcome.DROP_BEFORE_ACCEPT)

    await exit_position(
        desk.tools, position.id, Exit(reason=CloseReason.USER_STOPPED, actor="trader")
    )
    await desk.process.settle()

    assert [one.status for one in await desk.orders()] == [
        OrderStatus.FILLED,
        OrderStatus.CANCELED,
        OrderStatus.UNKNOWN,
    ]


async def test_a_stop_that_fires_at_the_venue_when_an_entry_rests_then_the_entry_dies(
    desk: Desk,
) -> None:
    await desk.alert(action="buy", stop_loss="58000")
    await desk.alert(action="add", order_type="limit", price="57500", quantity="0.1")

    await desk.price_at_venue("57900")

    assert list(await desk.venue.open_orders(LINEAR)) == []
    await desk.price_at_venue("57000")
    assert desk.venue.held(LINEAR) == 0


async def test_a_stop_when_another_book_holds_the_symbol_then_has_gone_as_the_exit_arrives(
    desk: Desk,
) -> None:
    venue = await move_to(desk, WitnessVenue)
    await desk.alert(action="buy", stop_loss="58000")
    other = await desk.another_strategy()
    await desk.alert(action="buy", stop_loss="57000", strategy=other)
    stops = {one.strategy_id: one.client_order_id for one in await desk.resting()}

    await desk.alert(action="close")

    assert venue.resting == [{stops[other.id]}]


async def test_an_account_whose_positions_are_not_told_then_takes_no_entry_though_it_could_be_sized(
    desk: Desk,
) -> None:
    venue = await move_to(desk, SecretiveVenue)
    venue.is_secretive = True
    await desk.restart()

    await desk.alert(action="buy", stop_loss="58000")
    assert [one.status for one in await desk.signals()] == [SignalStatus.APPROVED]
    assert desk.sent == []

    venue.is_secretive = False
    await desk.reconcile(after_seconds=5)
    assert [one.status for one in await desk.signals()] == [SignalStatus.EXECUTED]
