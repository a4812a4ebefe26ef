"""Scheduled sells over HTTP: set, shown as orders, replaced, called off, and sold."""

from decimal import Decimal
from typing import Any

import pytest

from app.db.session import Database
from app.trading.words import MarketType
from tests.builders import a_user
from tests.integration.desk.front import Front, open_front
from tests.integration.desk.test_accounts import opened


async def held(front: Front) -> str:
    """Path of a long of 0.1 at 60,000."""
    await opened(front)
    return f"/positions/{(await front.desk.positions())[-1].id}"


async def schedule(front: Front, path: str, profit: str = "1", **body: Any) -> Any:
    return await front.post(f"{path}/schedule-sell", {"min_profit_percent": profit, **body})


async def listed(front: Front, **query: Any) -> list[dict[str, Any]]:
    page = await front.get("/orders", status="scheduled", **query)
    found: list[dict[str, Any]] = page["items"]
    return found


async def test_what_is_scheduled_is_on_the_position_and_among_the_orders(front: Front) -> None:
    path = await held(front)

    position = await schedule(front, path)

    waiting = position["scheduled"]
    # (6,000 + 6) / 0.1 / 0.999 · 1.01 = 60,721.3213…, up to the tick
    assert (waiting["price"], waiting["quantity"], waiting["limit_price"]) == (
        "60721.4",
        None,
        None,
    )
    assert (waiting["min_profit_percent"], waiting["scheduled_by"]) == (
        "1",
        front.desk.user.username,
    )
    [order] = await listed(front)
    assert (order["id"], order["position_id"]) == (waiting["id"], position["id"])
    assert (order["status"], order["client_order_id"]) == ("scheduled", None)
    assert (order["side"], order["order_type"], order["limit_price"], order["quantity"]) == (
        "sell",
        "limit",
        "60721.4",
        "0.1",
    )
    assert (order["purpose"], order["close_reason"], order["reduce_only"]) == (
        "exit",
        "scheduled",
        True,
    )
    assert await front.get(f"/orders/{order['id']}") == order
    assert await front.get(path) == position


async def test_it_is_listed_by_what_it_belongs_to_and_in_no_other_list(front: Front) -> None:
    path = await held(front)
    position = await schedule(front, path)

    for query, count in (
        ({"symbol": "BTCUSDT.P"}, 1),
        ({"symbol": "ETHUSDT.P"}, 0),
        ({"strategy_id": position["strategy_id"]}, 1),
        ({"position_id": position["id"]}, 1),
        ({"position_id": position["strategy_id"]}, 0),
        ({"signal_id": position["id"]}, 0),
    ):
        assert len(await listed(front, **query)) == count, query
    assert len((await front.get("/orders", status="SCHEDULED"))["items"]) == 1
    assert [one["status"] for one in (await front.get("/orders"))["items"]] == ["filled"]
    await front.get("/orders", status="planned", expect=400)


async def test_another_one_takes_its_place_and_the_same_changes_nothing(front: Front) -> None:
    path = await held(front)
    first = await schedule(front, path)

    same = await schedule(front, path)
    other = await schedule(front, path, "1", quantity="0.05", limit_price="62000")

    assert same["scheduled"] == first["scheduled"]
    [order] = await listed(front)
    assert order["id"] == other["scheduled"]["id"] != first["scheduled"]["id"]
    assert (order["quantity"], order["limit_price"]) == ("0.05", "62000")


async def test_it_is_called_off_by_its_id(front: Front) -> None:
    path = await held(front)
    await schedule(front, path)
    [order] = await listed(front)

    answer = await front.call("DELETE", f"/orders/{order['id']}")

    assert (answer.status_code, answer.json()["status"]) == (200, "canceled")
    assert (await listed(front), (await front.get(path))["scheduled"]) == ([], None)
    await front.get(f"/orders/{order['id']}", expect=404)
    assert (await front.call("DELETE", f"/orders/{order['id']}")).status_code == 404
    await front.desk.price("70000")
    assert (await front.get(path))["status"] == "open"


async def test_it_is_sold_as_an_order_of_its_own(front: Front) -> None:
    path = await held(front)
    await schedule(front, path)
    [waiting] = await listed(front)

    await front.desk.price("60721.4")

    row = await front.get(path)
    assert (row["status"], row["close_reason"], row["scheduled"]) == ("closed", "scheduled", None)
    [sold, _] = (await front.get("/orders"))["items"]
    assert (sold["status"], sold["limit_price"], sold["time_in_force"]) == (
        "filled",
        "60721.4",
        "ioc",
    )
    assert sold["id"] != waiting["id"]
    assert await listed(front) == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"min_profit_percent": "1", "quantity": "0.2"}, 409, "more_than_held"),
        ({"min_profit_percent": "1", "quantity": "0.0001"}, 422, "below_min_quantity"),
        ({"min_profit_percent": "-1"}, 400, "invalid"),
        ({"min_profit_percent": "1001"}, 400, "invalid"),
        ({"quantity": "0.1"}, 400, "invalid"),
        ({"min_profit_percent": "1", "price": "61000"}, 400, "invalid"),
    ],
)
async def test_what_cannot_be_scheduled_is_refused(
    front: Front, body: dict[str, str], status: int, code: str
) -> None:
    path = await held(front)

    answer = await front.post(f"{path}/schedule-sell", body, expect=status)

    assert answer["code"] == code
    assert await listed(front) == []


async def test_nobody_schedules_or_calls_off_what_is_somebody_elses(front: Front) -> None:
    path = await held(front)
    await schedule(front, path)
    [order] = await listed(front)
    stranger = a_user(front.desk.clock.now())

    body = {"min_profit_percent": "1"}
    await front.post(f"{path}/schedule-sell", body, expect=404, user=stranger)
    await front.get(f"/orders/{order['id']}", expect=404, user=stranger)
    answer = await front.call("DELETE", f"/orders/{order['id']}", user=stranger)

    assert answer.status_code == 404
    assert await front.get("/orders", user=stranger, status="scheduled") == {
        "items": [],
        "next_cursor": None,
    }
    assert len(await listed(front)) == 1


async def test_a_spot_rest_that_no_order_can_carry_is_refused(database: Database) -> None:
    async with open_front(database, market_type=MarketType.SPOT) as front:
        front.desk.venue.relist("BTC/USDT", min_notional=Decimal(100))
        await front.desk.process.instruments.refresh("paper", MarketType.SPOT)
        path = await held(front)

        body = {"min_profit_percent": "1", "quantity": "0.001"}
        answer = await front.post(f"{path}/schedule-sell", body, expect=422)

        assert answer["code"] == "below_min_notional"
