"""`POST /backtests/what-if` over alarms that the server took, beside what its books say."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.backtests.what_if.history.loading import MOST_ALARMS
from app.market.candles import service as candles
from app.market.candles.series import Series
from app.market.prices import PriceKey
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.status import AlarmStatus
from app.strategies.words import Approval
from app.trading.candle import Candle
from app.trading.timeframe import Timeframe
from app.trading.words import MarketType
from tests.builders import LINEAR, a_strategy, a_user, an_account, d
from tests.integration.desk.front import Front

PATH = "/backtests/what-if"
SERIES = Series.of(PriceKey("paper", MarketType.LINEAR, LINEAR), Timeframe.M1)
APPROVE_ALL = {"name": "approve all", "approve_all": True}


class Morning:
    """A market that a test walks, a minute at a time; its candles are kept at the end."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self._begin = front.desk.clock.now()
        self._path: list[tuple[datetime, Decimal]] = []

    async def minute(self, price: str) -> None:
        """The price holds for a minute; the clock stands five seconds after its beginning."""
        at = self._begin + timedelta(minutes=len(self._path))
        self._path.append((at, d(price)))
        self.front.desk.clock.set(at + timedelta(seconds=5))
        await self.front.desk.price(price)

    async def keep(self) -> None:
        """Store the candles: each minute opens and closes at the price it held."""
        self.front.desk.clock.advance(60)
        now = self.front.desk.clock.now()
        path = [Candle(Timeframe.M1, at, *(price,) * 4, d("1")) for at, price in self._path]
        async with self.front.desk.database.transaction() as session:
            await candles.keep(session, {SERIES: path}, now=now)


@pytest.fixture
async def morning(front: Front) -> Morning:
    """One trade of a strategy that approves by itself, and a rejection under one that asks."""
    walk = Morning(front)
    await front.desk.change_strategy(approval=Approval.AUTO)
    await walk.minute("60000")
    await front.desk.alert(quantity="0.1")
    await walk.minute("61000")
    await front.desk.alert(action="close")
    await front.desk.change_strategy(approval=Approval.MANUAL)
    await walk.minute("61000")
    await front.desk.alert(quantity="0.1")
    [pending] = [one for one in await front.desk.signals() if one.decided_by is None]
    await front.post(f"/signals/{pending.id}/reject", {"reason": "too late"})
    await walk.minute("62000")
    await front.desk.alert(action="close")
    return walk


async def test_the_baseline_equals_the_books_and_a_rejection_says_what_it_cost(
    morning: Morning,
) -> None:
    await morning.keep()
    front = morning.front

    found = await front.post(PATH, {"scenarios": [APPROVE_ALL]})

    [trade] = await front.desk.trades()
    booked = sum((one.net_pnl for one in await front.desk.bookings()), Decimal(0))
    assert Decimal(found["baseline"]["net"]) == trade.realized_pnl == booked
    # 0.1 · 1000, less 0.1 % of 6000 and of 6100
    assert (found["baseline"]["net"], found["baseline"]["trades"]) == ("87.9", 1)
    assert (found["simulation_error"], found["currency"], found["alarms"]) == ("0", "USDT", 4)
    [scenario] = found["scenarios"]
    # 0.1 · 1000, less 0.1 % of 6100 and of 6200
    assert (scenario["difference"], scenario["from_books"]) == ("87.7", 1)
    assert scenario["figures"]["net"] == "175.6"
    [rejected] = found["decisions"]
    assert (rejected["code"], rejected["alone"], rejected["together"]) == (
        "rejected",
        "-87.7",
        "-87.7",
    )
    assert rejected["words"] == "1 entry, rejected: that cost 87.7 USDT."


async def test_each_alarm_says_who_decided_it_and_what_it_brought(morning: Morning) -> None:
    await morning.keep()

    lines = (await morning.front.post(PATH, {}))["by_alarm"]

    assert [(one["fate"], one["code"], one["real"], one["alone"]) for one in lines] == [
        ("taken", "taken", "87.9", None),
        ("taken", "taken", None, None),
        ("rejected", "rejected", None, "87.7"),
        ("ignored", "nothing_to_close", None, None),
    ]
    assert lines[0]["decided_by"] == "rule:auto"
    assert lines[2]["decided_by"] == morning.front.desk.user.username
    assert lines[2]["reason"] == "rejected: too late"


async def test_a_stop_that_is_not_reached_leaves_everything_as_the_books_have_it(
    morning: Morning,
) -> None:
    await morning.keep()
    stop = {"name": "stop at 1 %", "stop_loss": {"kind": "percent", "value": "1"}}

    found = await morning.front.post(PATH, {"scenarios": [stop]})

    [scenario] = found["scenarios"]
    assert (scenario["difference"], scenario["from_books"], scenario["changes"]) == ("0", 1, [])


async def test_the_same_question_has_the_same_answer_twice(morning: Morning) -> None:
    await morning.keep()

    first = await morning.front.post(PATH, {"scenarios": [APPROVE_ALL]})
    second = await morning.front.post(PATH, {"scenarios": [APPROVE_ALL]})

    assert first == second
    assert first["candles"] == [
        {"exchange": "paper", "symbol": LINEAR, "timeframe": "1m", "count": 4, "missing": 0}
    ]


async def test_a_range_takes_only_its_own_alarms(morning: Morning) -> None:
    await morning.keep()
    middle = (await morning.front.desk.alarms())[2].received_at

    found = await morning.front.post(PATH, {"from": middle.isoformat()})

    assert (found["alarms"], found["baseline"]["net"], found["others"]["net"]) == (2, "0", "0")
    assert found["decisions"][0]["alone"] == "-87.7"


async def test_candles_that_are_missing_are_named_and_not_fetched(morning: Morning) -> None:
    answer = await morning.front.post(PATH, {}, expect=422)

    assert answer["code"] == "candles_missing"
    assert "python -m app candles fetch BTCUSDT.P --exchange paper" in answer["detail"]
    assert await morning.front.get("/candles", symbol="BTCUSDT.P", timeframe="1m") == {
        "items": [],
        "next_cursor": None,
    }


async def test_an_open_position_is_told_apart_from_what_is_booked(front: Front) -> None:
    walk = Morning(front)
    await front.desk.change_strategy(approval=Approval.AUTO)
    await walk.minute("60000")
    await front.desk.alert(quantity="0.1")
    await walk.minute("60500")
    await walk.keep()

    found = (await front.post(PATH, {}))["baseline"]

    assert (found["net"], found["open_result"], found["open_trades"]) == ("0", "50", 1)


async def test_paper_and_live_are_never_added_up(morning: Morning) -> None:
    desk = morning.front.desk
    live = an_account(desk.user.id, desk.clock.now(), is_paper=False)
    desk.town.open_account(live)
    await desk.keep(live)
    strategy = a_strategy(desk.user.id, live.id, desk.clock.now())
    await desk.keep(strategy)
    await desk.alert(strategy=strategy)
    await morning.keep()

    both = await morning.front.post(PATH, {}, expect=422)
    one = await morning.front.post(PATH, {"strategy_ids": [str(desk.strategy.id)]})

    assert both["code"] == "several_scopes"
    assert one["baseline"]["net"] == "87.9"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"from": "2030-01-01T00:00:00Z"}, 400, "future_range"),
        (
            {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"},
            400,
            "reversed_range",
        ),
        ({"to": "2026-01-01T00:00:00Z"}, 422, "no_alarms"),
        ({"scenarios": [{"name": "x"}]}, 400, "bad_scenario"),
        ({"scenarios": [APPROVE_ALL, APPROVE_ALL]}, 400, "bad_scenario"),
        ({"scenarios": [{"name": "x", "sizing": {"mode": "from_alert"}}]}, 400, "invalid"),
        ({"strategy_ids": ["019c1f6e-4a52-7c31-9d0e-3f0f5b1b6a11"]}, 404, "not_found"),
    ],
)
async def test_what_cannot_be_answered_says_why(
    morning: Morning, body: dict[str, Any], status: int, code: str
) -> None:
    await morning.keep()

    answer = await morning.front.post(PATH, body, expect=status)

    assert answer["code"] == code


async def test_security_02_nobody_replays_what_is_somebody_elses(morning: Morning) -> None:
    await morning.keep()
    front = morning.front
    stranger = a_user(front.desk.clock.now())
    named = {"strategy_ids": [str(front.desk.strategy.id)]}

    answer = await front.post(PATH, named, expect=404, user=stranger)
    none = await front.post(PATH, {}, expect=422, user=stranger)

    assert (answer["code"], none["code"]) == ("not_found", "no_alarms")


async def test_too_many_alarms_say_how_to_narrow(front: Front) -> None:
    desk, now = front.desk, front.desk.clock.now()
    async with desk.database.transaction() as session:
        session.add_all(
            Alarm(
                user_id=desk.user.id,
                strategy_id=desk.strategy.id,
                status=AlarmStatus.REFUSED,
                reason="unknown_format: no known format",
                body=b"{}",
                source="::1",
                received_at=now + timedelta(milliseconds=number),
                problems=[],
            )
            for number in range(MOST_ALARMS + 1)
        )
    desk.clock.advance(60)

    answer = await front.post(PATH, {}, expect=422)

    assert answer["code"] == "too_many_alarms"
    assert "set `to` to 2026-03-02T12:00:00.500000Z or earlier" in answer["detail"]
