"""What belongs to one user is not there for another one, on any route (I27)."""

from collections.abc import Callable
from uuid import UUID

from litestar.routes import HTTPRoute

from app.jobs import service as jobs
from app.main import ROUTERS
from app.pipeline.alarms.gaps.models import Gap
from app.strategies.models import Strategy
from tests.builders import a_user
from tests.integration.desk.front import Front
from tests.integration.desk.test_backtests import ASKED, SWEEP
from tests.integration.desk.test_bots import a_bot
from tests.integration.desk.test_manual_orders import an_order
from tests.integration.flow.strategy_alerts import heartbeat

# A body that the route would take, where it needs one.
BODIES: dict[str, dict[str, object]] = {
    "activateStrategy": {"is_active": False},
    "runStrategy": {"symbol": "BTCUSDT.P", "timeframe": "1h"},
    "scheduleSell": {"min_profit_percent": "1"},
    "repairGap": {"body": '{"symbol":"BTCUSDT.P","action":"buy"}'},
}
# Not a user's own row: a venue's price, and the webhook, which has no user.
NOBODYS = {"symbol", "token"}
# Logins, keys and people need a house of their own: tests/integration/accounts.
ELSEWHERE = {"key_id", "user_id", "invite_id"}


def _routes() -> list[tuple[str, str, str]]:
    """Method, path and operation of every route that names a row of somebody's."""
    found = []
    for router in ROUTERS:
        for route in router.routes:
            if not isinstance(route, HTTPRoute) or "{" not in route.path:
                continue
            if _parameter(route.path) in NOBODYS | ELSEWHERE:
                continue
            for handler in route.route_handlers:
                methods = {str(method) for method in handler.http_methods} - {"OPTIONS", "HEAD"}
                found += [(method, route.path, str(handler.operation_id)) for method in methods]
    return sorted(found)


def _parameter(path: str) -> str:
    return path.partition("{")[2].partition(":")[0]


async def everything(front: Front) -> dict[str, UUID]:
    """One row of each kind, all of the desk's own trader, by the name of its parameter."""
    desk = front.desk
    await desk.alert(order_type="limit", price="50000", quantity="0.1")
    await front.post("/orders", an_order(front, quantity="0.05"), expect=201)
    await front.post(
        "/orders", an_order(front, order_type="limit", limit_price="59000"), expect=201
    )
    desk.clock.advance(1)
    await desk.deliver(heartbeat("0", desk.clock.now()))
    desk.clock.advance(1)
    await desk.deliver(heartbeat("1", desk.clock.now()))
    pending = next(one for one in await desk.signals() if one.decided_by is None)
    resting = next(one for one in await desk.orders() if not one.is_final)
    entry = await front.post("/diary", {"text": "Waited for the candle."}, expect=201)
    async with desk.database.transaction() as session:
        job = await jobs.queue(
            session, "long", {}, unit="steps", user_id=desk.user.id, actor="-", now=desk.clock.now()
        )
    run = await front.post("/backtests", ASKED, expect=201)
    sweep = await front.post("/backtests/sweeps", SWEEP, expect=201)
    return {
        "account_id": desk.account.id,
        "strategy_id": desk.strategy.id,
        "alarm_id": (await desk.alarms())[0].id,
        "gap_id": (await desk.rows(Gap))[0].id,
        "signal_id": pending.id,
        "order_id": resting.id,
        "position_id": (await desk.positions())[0].id,
        "job_id": job.id,
        "bot_id": UUID((await a_bot(front))["id"]),
        "entry_id": UUID(entry["id"]),
        "backtest_id": UUID(run["id"]),
        "sweep_id": UUID(sweep["id"]),
    }


async def test_security_02_nobody_sees_or_moves_what_is_somebody_elses(
    front: Front, record_property: Callable[[str, object], None]
) -> None:
    rows = await everything(front)
    stranger = a_user(front.desk.clock.now())

    answers = {}
    for method, path, operation in _routes():
        name = _parameter(path)
        url = path.replace(f"{{{name}:uuid}}", str(rows[name]))
        answer = await front.call(method, url, BODIES.get(operation, {}), user=stranger)
        answers[operation] = (answer.status_code, answer.json().get("code"))

    record_property("routes with an id", len(answers))
    assert answers == dict.fromkeys(answers, (404, "not_found"))
    assert {
        "getOrder",
        "cancelOrder",
        "closePosition",
        "approveSignal",
        "adoptGap",
    } <= answers.keys()
    assert (await front.desk.one(Strategy, front.desk.strategy.id)).is_active
    assert not (await front.desk.positions())[0].is_closed
    assert {one.status.value for one in await front.desk.orders()} == {"filled", "open"}


async def test_a_webhook_token_is_told_once_and_stored_as_a_digest(front: Front) -> None:
    answer = await front.post(f"/strategies/{front.desk.strategy.id}/rotate-token")
    token = answer["webhook_url"].rpartition("/")[2]

    row = await front.desk.one(Strategy, front.desk.strategy.id)

    assert len(token) > 40
    values = [str(getattr(row, column.key)) for column in Strategy.__table__.columns]
    assert not [value for value in values if token in value]
    assert token not in str(await front.get(f"/strategies/{row.id}"))
