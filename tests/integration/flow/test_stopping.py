"""Row 23: the trader is switched off, may only look, or throws the switch before it leaves."""

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from app.accounts import people
from app.db.session import Database
from app.exchanges.venue import BalanceReport
from app.http.caller import Caller, Role
from app.pipeline.alarms.status import AlarmStatus
from app.pipeline.orders.status import OrderStatus
from app.pipeline.positions.status import PositionStatus
from app.pipeline.risk import service as risk
from app.pipeline.risk.models import SwitchScope
from app.pipeline.signals.status import SignalStatus
from app.settings import Settings
from app.strategies.words import Approval, OnOpposite
from app.trading.words import CloseReason, MarginMode, Protection
from tests.builders import LINEAR, an_alert, d
from tests.fakes.exchange import FakeVenue
from tests.integration.flow.desk import Desk, Process, open_desk
from tests.integration.flow.power import Mains, armed
from tests.integration.flow.races import trade_at
from tests.integration.flow.test_crashes import deliver, live_with

STOP = "58000"
SWEEP_SECONDS: float = Settings.model_fields["sweep_seconds"].default
ADMIN = Caller(uuid4(), "root", Role.ADMIN, "UTC", is_proven=True)


class Stop(StrEnum):
    """What happens to the trader."""

    SWITCHED_OFF = "switched off"
    MADE_A_VIEWER = "made a viewer"
    KILL_SWITCH = "kill switch"

    @property
    def code(self) -> str:
        """Of the denial."""
        return "kill_switch" if self is Stop.KILL_SWITCH else "owner_may_not_trade"


async def stop(desk: Desk, how: Stop) -> None:
    """Committed, and nobody hears a note of it."""
    listeners, now = desk.database.listeners[:], desk.clock.now()
    desk.database.listeners.clear()
    async with desk.database.transaction() as session:
        if how is Stop.KILL_SWITCH:
            await risk.set_kill_switch(
                session,
                desk.user.id,
                scope=SwitchScope.USER,
                scope_id=desk.user.id,
                is_on=True,
                actor=desk.user.username,
                now=now,
            )
        else:
            await people.change_person(
                session,
                ADMIN,
                desk.user.id,
                role=Role.VIEWER if how is Stop.MADE_A_VIEWER else None,
                is_active=False if how is Stop.SWITCHED_OFF else None,
                now=now,
            )
    desk.database.listeners.extend(listeners)


async def take_back(desk: Desk) -> None:
    async with desk.database.transaction() as session:
        await people.change_person(
            session, ADMIN, desk.user.id, role=Role.TRADER, is_active=True, now=desk.clock.now()
        )


class BusyVenue(FakeVenue):
    """Something happens elsewhere while it answers."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.meanwhile: dict[str, Callable[[], Awaitable[None]]] = {}

    async def balances(self) -> Sequence[BalanceReport]:
        await self._let_happen("balances")
        return await super().balances()

    async def prepare(self, symbol: str, *, leverage: int, margin_mode: MarginMode) -> None:
        await self._let_happen("leverage")
        await super().prepare(symbol, leverage=leverage, margin_mode=margin_mode)

    async def _let_happen(self, question: str) -> None:
        if question in self.meanwhile:
            await self.meanwhile.pop(question)()


async def nothing_left(desk: Desk, how: Stop) -> None:
    """Nothing reached the venue, and the signal says why."""
    [signal] = await desk.signals()
    assert desk.sent == []
    assert signal.status is SignalStatus.DENIED
    assert (signal.reason or "").startswith(f"{how.code}: ")
    assert [one.status for one in await desk.orders()] in ([], [OrderStatus.DENIED])


@pytest.mark.parametrize("how", Stop)
@pytest.mark.parametrize("question", ["balances", "leverage"])
async def test_row_23_stopped_while_the_venue_answers_then_no_order(
    desk: Desk, how: Stop, question: str
) -> None:
    venue = await trade_at(desk, BusyVenue)
    venue.meanwhile[question] = partial(stop, desk, how)

    await desk.alert(stop_loss=STOP)

    assert not venue.meanwhile
    await nothing_left(desk, how)


# Approved, written down, leverage set.
@pytest.mark.parametrize("point", ["C13", "C15", "C16"])
@pytest.mark.parametrize("how", [Stop.SWITCHED_OFF, Stop.MADE_A_VIEWER])
async def test_row_23_killed_before_sending_and_stopped_before_the_restart_then_no_order(
    database: Database, how: Stop, point: str
) -> None:
    async with open_desk(database) as desk:
        mains = Mains()
        await live_with(desk, database, mains)
        with armed(point, mains):
            await deliver(desk, an_alert(stop_loss=STOP))
        assert mains.is_dead, "it never came to that point"
        await desk.process.end(timeout_seconds=0.2)

        desk.process = Process(database, desk.town)
        await stop(desk, how)
        await desk.process.start()
        await desk.sweep(after_seconds=3)

        await nothing_left(desk, how)


async def test_row_23_a_signal_approved_by_a_trader_who_is_then_switched_off_then_no_order(
    desk: Desk,
) -> None:
    await desk.change_strategy(approval=Approval.MANUAL)
    await desk.alert()
    await stop(desk, Stop.SWITCHED_OFF)

    [signal] = await desk.signals()
    await desk.approve(signal.id)

    await nothing_left(desk, Stop.SWITCHED_OFF)


@pytest.mark.parametrize("how", Stop)
async def test_row_23_an_entry_that_rests_when_its_trader_is_stopped_then_is_cancelled_in_time(
    desk: Desk, how: Stop
) -> None:
    desk.venue.next_parts.append(d("0.04"))
    await desk.alert(order_type="limit", price="60000", stop_loss=STOP)

    await stop(desk, how)
    await desk.sweep(after_seconds=SWEEP_SECONDS)
    await desk.sweep(after_seconds=SWEEP_SECONDS)

    [order] = await desk.orders()
    assert (order.status, order.filled_quantity) == (OrderStatus.CANCELED, d("0.04"))
    assert (order.reason or "").startswith(f"{how.code}: ")
    [position] = await desk.positions()
    assert (position.status, position.protection) == (PositionStatus.OPEN, Protection.VENUE)
    [resting] = await desk.venue.open_orders(LINEAR)
    assert (resting.quantity, resting.trigger_price) == (d("0.04"), d(STOP))


@pytest.mark.parametrize("how", [Stop.SWITCHED_OFF, Stop.MADE_A_VIEWER])
async def test_row_23_what_is_open_when_its_owner_is_switched_off_then_is_guarded_and_closed(
    desk: Desk, how: Stop
) -> None:
    desk.venue.refuses_conditionals = True
    await desk.alert(stop_loss=STOP)
    await stop(desk, how)
    await desk.restart()

    await desk.price("57900")

    [position] = await desk.positions()
    assert (position.is_closed, position.close_reason) == (True, CloseReason.STOP_LOSS)
    assert desk.venue.held(LINEAR) == 0


@pytest.mark.parametrize("how", [Stop.SWITCHED_OFF, Stop.MADE_A_VIEWER])
async def test_security_22_an_alert_for_somebody_who_may_not_trade_is_kept_and_opens_nothing(
    desk: Desk, how: Stop
) -> None:
    await stop(desk, how)

    alert = an_alert(stop_loss=STOP)

    alarm = await desk.deliver(alert)

    assert (alarm.status, alarm.signal_id, alarm.body) == (AlarmStatus.REFUSED, None, alert)
    assert (alarm.reason or "").startswith("owner_may_not_trade: This user ")
    assert desk.sent == []


async def test_security_22_a_flip_for_somebody_who_may_not_trade_closes_and_opens_nothing(
    database: Database,
) -> None:
    async with open_desk(database, on_opposite=OnOpposite.FLIP) as desk:
        await desk.alert(action="buy", stop_loss=STOP)
        await stop(desk, Stop.SWITCHED_OFF)

        alarm = await desk.alert(action="sell")

        assert alarm.status is AlarmStatus.ACCEPTED
        assert [one["code"] for one in alarm.problems] == ["owner_may_not_trade"]
        assert desk.venue.held(LINEAR) == 0
        assert await desk.venue.open_orders(LINEAR) == []


async def test_security_22_nothing_that_was_refused_is_revived_when_somebody_may_trade_again(
    desk: Desk,
) -> None:
    await stop(desk, Stop.SWITCHED_OFF)
    await desk.alert()
    await take_back(desk)
    await desk.sweep(after_seconds=3)
    assert desk.sent == []

    await desk.alert(quantity="0.2")

    assert [one.quantity for one in desk.sent] == [d("0.2")]
