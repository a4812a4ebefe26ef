"""Requests that were let in, and whose sender may not trade any more when they are carried out."""

from app.accounts.models import User
from app.http.caller import Role
from app.pipeline.signals.status import SignalStatus
from app.strategies.words import Approval
from tests.integration.desk.front import Front
from tests.integration.desk.test_manual_orders import an_order
from tests.integration.desk.test_update_active import a_wish


async def make_a_viewer(front: Front) -> None:
    """The front still believes the caller it knew: the request was let in a moment before."""
    async with front.desk.database.transaction() as session:
        (await session.get_one(User, front.desk.user.id)).role = Role.VIEWER


async def test_security_22_an_order_by_hand_that_was_under_way_is_denied(front: Front) -> None:
    await make_a_viewer(front)

    refused = await front.post("/orders", an_order(front), expect=422)

    assert refused["code"] == "owner_may_not_trade"
    assert front.desk.sent == []


async def test_security_22_a_close_by_hand_that_was_under_way_is_carried_out(front: Front) -> None:
    await front.desk.change_strategy(approval=Approval.AUTO)
    await front.desk.alert(stop_loss="58000")
    [position] = await front.desk.positions()
    await make_a_viewer(front)

    await front.post(f"/positions/{position.id}/close")

    assert front.desk.venue.held(position.symbol) == 0


async def test_security_22_signals_of_a_script_that_were_under_way_are_denied(front: Front) -> None:
    await front.desk.change_strategy(approval=Approval.AUTO)
    await make_a_viewer(front)

    await front.post("/signals/update_active", {"signals": [a_wish(front, quantity="0.1")]})

    [signal] = await front.desk.signals()
    assert signal.status is SignalStatus.DENIED
    assert (signal.reason or "").startswith("owner_may_not_trade: ")
    assert front.desk.sent == []


async def test_security_22_the_preview_says_that_nothing_would_be_sent(front: Front) -> None:
    await front.desk.alert()
    [signal] = await front.desk.signals()
    await make_a_viewer(front)

    seen = await front.get(f"/signals/{signal.id}/preview")

    assert [rule["rule"] for rule in seen["rules"] if not rule["ok"]] == ["owner_may_not_trade"]
