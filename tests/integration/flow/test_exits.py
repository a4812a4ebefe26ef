"""Positions are closed once, wholly, by whoever is first, and never turned over."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from app.core.errors import Conflict, Denied
from app.db.session import Database
from app.pipeline.flow.exits import Exit, exit_position
from app.pipeline.orders.models import Order
from app.pipeline.orders.status import OrderStatus
from app.pipeline.positions.models import Position
from app.pipeline.positions.status import PositionStatus
from app.pipeline.signals.status import SignalStatus
from app.strategies.words import OnOpposite
from app.trading.words import CloseReason, PositionSide, Purpose
from tests.builders import ETHER, LINEAR, d
from tests.fakes.exchange import UNANSWERED, Outcome
from tests.integration.flow.desk import Desk, open_desk


async def open_long(desk: Desk, **fields: Any) -> Position:
    """A long of 0.1 BTC at 60,000."""
    await desk.alert(action="buy", **fields)
    return (await desk.positions())[-1]


async def close(desk: Desk, position: Position, quantity: str | None = None) -> Order | None:
    """As the trader, by hand."""
    wanted = Exit(
        reason=CloseReason.USER_STOPPED,
        actor="trader",
        quantity=None if quantity is None else d(quantity),
    )
    order = await exit_position(desk.tools, position.id, wanted)
    await desk.process.settle()
    return order


async def now_of(desk: Desk, position: Position) -> Position:
    return await desk.one(Position, position.id)


@pytest.mark.parametrize(
    ("price", "reason", "purpose", "net"),
    [
        # 0.1 · (57,900 - 60,000) - 6 - 5.79
        ("57900", CloseReason.STOP_LOSS, Purpose.STOP_LOSS, "-221.79"),
        # 0.1 · (64,000 - 60,000) - 6 - 6.4
        ("64000", CloseReason.TAKE_PROFIT, Purpose.TAKE_PROFIT, "387.6"),
    ],
)
async def test_a_level_when_the_price_reaches_it_then_closes(
    desk: Desk, price: str, reason: CloseReason, purpose: Purpose, net: str
) -> None:
    position = await open_long(desk, stop_loss="58000", take_profit="64000")

    await desk.price(price)

    row = await now_of(desk, position)
    assert (row.status, row.close_reason) == (PositionStatus.CLOSED, reason)
    assert (await desk.orders())[-1].purpose is purpose
    assert row.realized_pnl == d(net)
    [trade] = await desk.trades()
    assert (trade.realized_pnl, trade.close_reason) == (d(net), reason)
    assert desk.venue.held(LINEAR) == 0
    assert desk.worker.monitor.guarded == 0


async def test_a_trailing_stop_when_the_price_turns_then_closes_below_the_peak(
    desk: Desk,
) -> None:
    position = await open_long(desk, trailing_percent="2")
    await desk.price("62000")
    # 62,000 less 2 % is 60,760.
    await desk.price("60770")
    assert (await now_of(desk, position)).status is PositionStatus.OPEN

    await desk.price("60760")

    row = await now_of(desk, position)
    assert (row.status, row.close_reason) == (PositionStatus.CLOSED, CloseReason.TRAILING_STOP)


async def test_a_trailing_stop_when_the_process_ends_then_its_peak_is_known_to_the_next(
    desk: Desk,
) -> None:
    position = await open_long(desk, trailing_percent="2")
    await desk.price("62000")
    await desk.sweep(after_seconds=2)
    # The first price that the next one hears is not the best there was.
    await desk.price("61000")
    await desk.restart()

    await desk.price("60700")

    assert (await now_of(desk, position)).close_reason is CloseReason.TRAILING_STOP


async def test_a_stale_price_when_it_is_beyond_the_stop_then_triggers_nothing(desk: Desk) -> None:
    position = await open_long(desk, stop_loss="58000")
    market = desk.town.market_of(LINEAR)
    quote = market.at_hand(LINEAR)
    desk.clock.advance(10)
    old = market.set_price(LINEAR, d("57000"), is_streamed=False)
    desk.clock.advance(10)
    assert old.at > quote.at

    market.set_price(ETHER, d("3000"))
    await desk.process.settle()

    assert (await now_of(desk, position)).status is PositionStatus.OPEN
    assert desk.worker.monitor.stale_keys() != []


async def test_a_position_when_the_trader_closes_it_then_is_user_stopped(desk: Desk) -> None:
    position = await open_long(desk)

    await close(desk, position)

    row = await now_of(desk, position)
    assert (row.status, row.close_reason) == (PositionStatus.CLOSED, CloseReason.USER_STOPPED)


async def test_a_position_when_a_part_is_closed_then_the_rest_stays_guarded(desk: Desk) -> None:
    position = await open_long(desk, stop_loss="58000")

    await close(desk, position, "0.04")

    row = await now_of(desk, position)
    assert (row.status, row.quantity, row.entry_price) == (
        PositionStatus.OPEN,
        d("0.06"),
        d("60000"),
    )
    await desk.price("57900")
    assert desk.venue.held(LINEAR) == 0
    assert [one.quantity for one in desk.sent] == [d("0.1"), d("0.04"), d("0.06")]


async def test_exits_when_they_are_of_contracts_then_are_reduce_only(desk: Desk) -> None:
    position = await open_long(desk)

    await close(desk, position)

    assert [one.reduce_only for one in desk.sent] == [False, True]


async def test_exits_when_they_are_of_coins_then_are_not_reduce_only(spot_desk: Desk) -> None:
    position = await open_long(spot_desk)

    await close(spot_desk, position)

    assert [one.reduce_only for one in spot_desk.sent] == [False, False]
    # 0.0999 held after the fee; the lot of 0.001 lets 0.099 go.
    assert [one.quantity for one in spot_desk.sent] == [d("0.1"), d("0.099")]


async def test_a_spot_book_when_only_dust_is_left_then_is_closed_without_it_as_a_loss(
    spot_desk: Desk,
) -> None:
    position = await open_long(spot_desk)

    await close(spot_desk, position)

    row = await now_of(spot_desk, position)
    assert (row.status, row.dust_quantity) == (PositionStatus.CLOSED, d("0.0009"))
    [trade] = await spot_desk.trades()
    # Bought and sold at 60,000: the fees are all that is lost, 6 and 0.1 % of 5,940.
    assert trade.realized_pnl == d("-11.94")
    [day] = await spot_desk.days()
    assert day.realized_pnl == d("-11.94")


async def test_an_exit_when_the_venue_refuses_it_then_is_tried_again_under_a_new_id(
    desk: Desk,
) -> None:
    position = await open_long(desk, stop_loss="58000")
    desk.venue.next_outcomes.extend([Outcome.RATE_LIMIT, Outcome.REFUSE])

    await desk.price("57900")
    row = await now_of(desk, position)
    assert (row.status, row.close_reason) == (PositionStatus.OPEN, CloseReason.STOP_LOSS)
    assert len(desk.sent) == 2
    await desk.price("57890")
    assert len(desk.sent) == 2
    await desk.sweep(after_seconds=1)
    await desk.sweep(after_seconds=2)

    assert (await now_of(desk, position)).is_closed
    assert len({one.client_order_id for one in desk.sent}) == 4
    assert desk.venue.held(LINEAR) == 0


@pytest.mark.parametrize("outcome", [Outcome.RATE_LIMIT, Outcome.REFUSE, Outcome.NO_FUNDS])
async def test_an_exit_by_signal_when_the_venue_refuses_it_then_is_not_forgotten(
    desk: Desk, outcome: Outcome
) -> None:
    position = await open_long(desk)
    desk.venue.next_outcomes.append(outcome)

    await desk.alert(action="close")
    assert (await now_of(desk, position)).status is PositionStatus.OPEN
    await desk.sweep(after_seconds=2)

    row = await now_of(desk, position)
    assert (row.status, row.close_reason) == (PositionStatus.CLOSED, CloseReason.SIGNAL)


async def test_an_exit_when_its_answer_is_lost_then_no_second_one_is_sent(desk: Desk) -> None:
    position = await open_long(desk, stop_loss="58000")
    desk.venue.next_outcomes.append(Outcome.DROP_AFTER_ACCEPT)

    await desk.price("57900")
    for price in ("57800", "57700", "57600"):
        await desk.price(price)
    assert (await now_of(desk, position)).status is PositionStatus.CLOSING
    await desk.sweep(after_seconds=2)

    assert (await now_of(desk, position)).is_closed
    assert len(desk.sent) == 2


async def test_an_exit_when_it_never_arrived_then_is_sent_anew_after_the_proof(
    desk: Desk,
) -> None:
    position = await open_long(desk, stop_loss="58000")
    desk.venue.next_outcomes.append(Outcome.DROP_BEFORE_ACCEPT)
    await desk.price("57900")

    for _ in range(7):
        await desk.sweep(after_seconds=2)
        await desk.price("57900")

    assert (await now_of(desk, position)).is_closed
    assert len(desk.sent) == 3
    assert desk.venue.held(LINEAR) == 0


async def test_an_exit_when_it_is_proven_not_to_have_arrived_then_goes_on_at_once(
    desk: Desk,
) -> None:
    """With the proof itself, not with the sweep after it: the position waited long enough."""
    position = await open_long(desk)
    desk.venue.next_outcomes.append(Outcome.DROP_BEFORE_ACCEPT)
    await desk.alert(action="close")

    await desk.sweep(after_seconds=11)

    assert (await now_of(desk, position)).is_closed
    assert len(desk.sent) == 3


async def test_two_exits_when_they_come_at_once_then_one_order_is_sent(desk: Desk) -> None:
    position = await open_long(desk, stop_loss="58000")

    answers = await asyncio.gather(
        *(close(desk, position) for _ in range(5)),
        desk.price("57900"),
        desk.alert(action="close"),
        return_exceptions=True,
    )

    assert not [one for one in answers if isinstance(one, Exception | None) and _is_odd(one)]
    assert len(desk.sent) == 2
    assert desk.venue.held(LINEAR) == 0
    assert len(await desk.trades()) == 1


def _is_odd(answer: Exception | None) -> bool:
    return answer is not None and not isinstance(answer, Conflict)


async def test_partial_exits_when_they_come_at_once_then_never_exceed_what_is_held(
    desk: Desk,
) -> None:
    position = await open_long(desk)

    await asyncio.gather(*(close(desk, position, "0.04") for _ in range(4)), return_exceptions=True)

    # 0.04 fits twice into 0.1, and a third time never.
    assert sum((one.quantity for one in desk.sent[1:]), Decimal(0)) == d("0.08")
    assert desk.venue.held(LINEAR) == d("0.02")


async def test_the_stop_when_a_partial_exit_is_under_way_then_closes_only_the_rest(
    desk: Desk,
) -> None:
    position = await open_long(desk, stop_loss="58000")
    desk.venue.next_outcomes.append(Outcome.DROP_AFTER_ACCEPT)
    await close(desk, position, "0.04")
    assert (await desk.orders())[-1].status is OrderStatus.UNKNOWN

    await desk.price("57900")
    await desk.sweep(after_seconds=2)

    assert [one.quantity for one in desk.sent] == [d("0.1"), d("0.04"), d("0.06")]
    assert desk.venue.held(LINEAR) == 0
    assert (await now_of(desk, position)).is_closed


async def test_a_part_when_it_is_below_the_lot_then_is_denied(desk: Desk) -> None:
    position = await open_long(desk)

    with pytest.raises(Denied, match="lot"):
        await close(desk, position, "0.0004")


async def test_more_than_is_held_when_it_is_to_be_closed_then_is_a_conflict(desk: Desk) -> None:
    position = await open_long(desk)

    with pytest.raises(Conflict, match=r"0\.1 can be closed"):
        await close(desk, position, "0.2")


async def test_an_exit_when_an_entry_still_rests_then_the_entry_dies_first(desk: Desk) -> None:
    await open_long(desk)
    await desk.alert(action="add", order_type="limit", price="59000", quantity="0.1")

    await desk.alert(action="close")

    assert [one.status for one in await desk.orders()] == [
        OrderStatus.FILLED,
        OrderStatus.CANCELED,
        OrderStatus.FILLED,
    ]
    assert desk.venue.held(LINEAR) == 0


async def test_a_late_fill_when_its_book_is_closed_already_then_is_closed_too(desk: Desk) -> None:
    await open_long(desk)
    await desk.alert(action="add", order_type="limit", price="59000", quantity="0.05")
    resting = (await desk.orders())[-1]
    await desk.sweep(after_seconds=1)
    # The venue fills it, and answers no question while the exit is made.
    desk.venue.fill_part(resting.client_order_id, d("0.05"))
    desk.venue.failure = UNANSWERED
    await desk.alert(action="close")
    desk.venue.failure = None
    assert desk.venue.held(LINEAR) == d("0.05")

    await desk.sweep(after_seconds=5)
    await desk.sweep(after_seconds=5)

    assert desk.venue.held(LINEAR) == 0
    assert all(one.is_closed for one in await desk.positions())


async def test_an_exit_when_the_entry_is_still_on_its_way_then_its_late_fill_is_closed(
    desk: Desk,
) -> None:
    desk.venue.next_outcomes.append(Outcome.DROP_AFTER_ACCEPT)
    await desk.alert(action="buy")

    alarm = await desk.alert(action="close")
    await desk.sweep(after_seconds=2)

    assert (alarm.reason or "").startswith("nothing_to_close")
    [position] = await desk.positions()
    assert (position.status, position.close_reason) == (PositionStatus.CLOSED, CloseReason.SIGNAL)
    assert desk.venue.held(LINEAR) == 0


@pytest.mark.parametrize(("proposed", "stop"), [("58500", "58500"), ("57000", "58000")])
async def test_an_add_when_it_brings_a_stop_then_never_moves_it_away(
    desk: Desk, proposed: str, stop: str
) -> None:
    await open_long(desk, stop_loss="58000")

    await desk.alert(action="add", quantity="0.1", stop_loss=proposed)

    [position] = await desk.positions()
    assert (position.stop_loss, position.quantity, position.entries) == (d(stop), d("0.2"), 2)


async def test_a_flip_when_its_exit_is_unknown_then_the_entry_waits_until_flat(
    database: Database,
) -> None:
    async with open_desk(database, on_opposite=OnOpposite.FLIP) as desk:
        await open_long(desk)
        desk.venue.next_outcomes.append(Outcome.DROP_AFTER_ACCEPT)

        await desk.alert(action="sell")
        assert len(desk.sent) == 2
        assert (await desk.signals())[-1].status is SignalStatus.APPROVED
        await desk.sweep(after_seconds=2)

        assert desk.venue.held(LINEAR) == d("-0.1")
        sides = [(one.position_side, one.is_closed) for one in await desk.positions()]
        assert sides == [(PositionSide.LONG, True), (PositionSide.SHORT, False)]


async def test_a_flip_when_its_entry_is_denied_then_stays_flat(database: Database) -> None:
    async with open_desk(database, on_opposite=OnOpposite.FLIP) as desk:
        await open_long(desk)

        await desk.alert(action="sell", quantity="9")

        assert desk.venue.held(LINEAR) == 0
        assert (await desk.signals())[-1].status is SignalStatus.DENIED


async def test_two_books_on_one_symbol_when_one_is_stopped_then_the_other_is_untouched(
    desk: Desk,
) -> None:
    other = await desk.another_strategy()
    await open_long(desk, stop_loss="58000")
    await desk.alert(action="buy", quantity="0.3", strategy=other, stop_loss="50000")

    await desk.price("57900")

    first, second = await desk.positions()
    assert (first.status, second.status) == (PositionStatus.CLOSED, PositionStatus.OPEN)
    assert second.quantity == desk.venue.held(LINEAR) == d("0.3")


async def test_a_storm_of_quotes_when_the_exit_is_unknown_then_costs_one_exit(desk: Desk) -> None:
    await open_long(desk, stop_loss="58000")
    desk.venue.next_outcomes.append(Outcome.DROP_BEFORE_ACCEPT)

    for index in range(50):
        desk.town.market_of(LINEAR).set_price(LINEAR, d("57900") - index)
    await desk.process.settle()

    assert len(desk.sent) == 2
    # Once the position is being closed its levels rest.
    assert len(desk.process.triggers) <= 50
    before = len(desk.process.triggers)
    await desk.price("57000")
    assert len(desk.process.triggers) == before


async def test_a_venue_that_hangs_on_one_symbol_when_another_hits_its_stop_then_it_is_closed(
    desk: Desk,
) -> None:
    await desk.alert(action="buy", symbol="ETHUSDT.P", quantity="1", stop_loss="2900")
    gate = desk.venue.hold(LINEAR)
    task = asyncio.create_task(desk.alert(action="buy"))
    await asyncio.wait_for(gate.reached.wait(), 5)

    desk.town.market_of(ETHER).set_price(ETHER, d("2890"))
    async with asyncio.timeout(5):
        while desk.venue.held(ETHER):  # noqa: ASYNC110 the desk cannot settle while the venue hangs
            await asyncio.sleep(0.01)

    gate.open.set()
    await task
