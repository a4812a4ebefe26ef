"""Bots over candles: what they ask for, what they catch up with, and what is too late."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NoReturn

import pytest

from app.algorithms.algorithm import Definition, Parameters
from app.algorithms.bars import Bar
from app.algorithms.intents import Account
from app.audit.models import AuditEntry
from app.bots.alerts import Moment
from app.bots.lateness import Sorted
from app.bots.running import holding
from app.bots.running.holding import Hold, Lost
from app.bots.running.taking import take_in
from app.bots.status import BotStatus
from app.core.errors import Invalid, Retryable
from app.db.session import Database
from app.notifications.models import Notice
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.status import AlarmStatus
from app.pipeline.positions.status import PositionStatus
from app.strategies.words import Approval, LevelKind, SizingMode
from app.trading.words import CloseReason, PositionSide
from tests.builders import LINEAR, d
from tests.integration.bots.yard import BASE, LENGTH, PAST, WARM_UP, Yard, open_yard

UP, DOWN = 60_400, 59_600
LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
# Up, on, down, on, up again: a turn at the first, the third and the fifth.
DAY = (UP, UP + 100, DOWN, DOWN - 100, UP + 200)


def body(alarm: Alarm) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(alarm.body)
    return found


def asked(alarms: list[Alarm]) -> list[tuple[str, str]]:
    """What was asked for, and for which close."""
    return [(body(one)["action"], body(one)["time"]) for one in alarms]


def at(yard: Yard, candles_ago: int = 0) -> str:
    moment = BASE.open_of(yard.desk.clock.now()) - candles_ago * LENGTH
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def raise_it() -> NoReturn:
    raise ZeroDivisionError("1/0")


def say_nonsense() -> list[str]:
    return ["buy"]


def refuse() -> NoReturn:
    raise Invalid("It sees no trend.", code="no_trend")


class Own:
    """An algorithm of somebody's own."""

    def __init__(self, says: Callable[[], Any]) -> None:
        self._says = says
        self.lines: dict[str, float | None] = {}
        self.outlook = None

    def on_close(self, bar: Bar, account: Account) -> Any:
        del bar, account
        return self._says()


async def held(yard: Yard) -> list[tuple[PositionSide, PositionStatus]]:
    return [(one.position_side, one.status) for one in await yard.desk.positions()]


async def told(yard: Yard) -> list[str]:
    return [one.code for one in await yard.desk.rows(Notice)]


async def test_a_turn_becomes_an_alarm_and_a_position_like_any_other(yard: Yard) -> None:
    bot_id = await yard.running()

    [alarm] = await yard.closes_at(bot_id, UP)

    assert (alarm.source, alarm.status) == (f"bot:{bot_id}", AlarmStatus.ACCEPTED)
    assert asked([alarm]) == [("long", at(yard))]
    assert body(alarm)["price"] == str(UP)
    assert await held(yard) == [(LONG, PositionStatus.OPEN)]
    assert await yard.closes_at(bot_id, UP + 100) == []


async def test_the_other_turn_is_one_flip(yard: Yard) -> None:
    bot_id = await yard.running()
    await yard.closes_at(bot_id, UP)

    [alarm] = await yard.closes_at(bot_id, DOWN)

    assert asked([alarm]) == [("flip", at(yard))]
    assert await held(yard) == [(LONG, PositionStatus.CLOSED), (SHORT, PositionStatus.OPEN)]


async def test_a_bot_that_is_restarted_after_each_candle_asks_for_the_same(
    database: Database,
) -> None:
    async with open_yard(database) as yard:
        bot_id = await yard.running()
        for close in DAY:
            await yard.close()
            yard.pass_by(close)
            yard.open()
            await yard.gets_to(bot_id)
        found = asked(await yard.desk.alarms())
        trades = [(one.position_side, one.close_reason) for one in await yard.desk.trades()]

        assert found == [("long", at(yard, 4)), ("flip", at(yard, 2)), ("flip", at(yard))]
        assert trades == [(LONG, CloseReason.SIGNAL), (SHORT, CloseReason.SIGNAL)]


async def test_candles_of_before_the_start_are_not_acted_on(yard: Yard) -> None:
    yard.pass_by(UP)
    bot_id = await yard.running()

    market = await yard.gets_to(bot_id)

    assert market.last_closed_at == BASE.open_of(yard.desk.clock.now())
    assert await yard.desk.alarms() == []
    # It knows which way it looks: only the next turn counts.
    assert await yard.closes_at(bot_id, UP + 100) == []
    assert asked(await yard.closes_at(bot_id, DOWN)) == [("short", at(yard))]


async def test_an_entry_that_was_missed_is_not_made_up_for(yard: Yard) -> None:
    bot_id = await yard.running()
    await yard.close()
    yard.pass_by(UP, UP + 100, UP + 200)
    yard.open()
    await yard.gets_to(bot_id)

    assert await yard.desk.alarms() == []
    assert await told(yard) == ["bot_entry_missed"]
    assert asked(await yard.closes_at(bot_id, DOWN)) == [("short", at(yard))]


async def test_what_is_young_enough_after_an_outage_is_sent_in_order(database: Database) -> None:
    limits = {"max_alarm_age_seconds": 86_400, "exit_max_age_seconds": 86_400}
    async with open_yard(database, **limits) as yard:
        bot_id = await yard.running()
        await yard.close()
        yard.pass_by(*DAY)
        yard.open()
        await yard.gets_to(bot_id)

        found = asked(await yard.desk.alarms())
        assert found == [("long", at(yard, 4)), ("flip", at(yard, 2)), ("flip", at(yard))]
        assert [one.position_side for one in await yard.desk.trades()] == [LONG, SHORT]


async def test_an_exit_that_was_missed_is_made_up_for_at_once(yard: Yard) -> None:
    bot_id = await yard.running()
    await yard.closes_at(bot_id, UP)
    await yard.close()
    yard.pass_by(DOWN, DOWN - 100, DOWN - 200)
    yard.open()
    await yard.gets_to(bot_id)

    # The entry of the turn came too late, the exit did not.
    assert asked((await yard.desk.alarms())[1:]) == [("close", at(yard))]
    assert await held(yard) == [(LONG, PositionStatus.CLOSED)]
    assert await told(yard) == ["bot_entry_missed"]


async def test_an_exit_whose_reason_is_gone_by_now_is_told_and_not_sent(yard: Yard) -> None:
    bot_id = await yard.running()
    await yard.closes_at(bot_id, UP)
    await yard.close()
    yard.pass_by(DOWN, UP + 100, UP + 300)
    yard.open()
    await yard.gets_to(bot_id)

    assert len(await yard.desk.alarms()) == 1
    assert await held(yard) == [(LONG, PositionStatus.OPEN)]
    assert "bot_exit_missed" in await told(yard)
    assert (await yard.now(bot_id)).markets[0].owed is None


async def test_a_scheduled_sell_that_was_missed_is_asked_for_when_it_has_caught_up(
    database: Database,
) -> None:
    edges = {"base": "59000", "top": "70000", "capital_percent": "20"}
    async with open_yard(database, algorithm="channel", sizing_mode=SizingMode.FROM_ALERT) as yard:
        bot_id = await yard.running(parameters=edges)
        entered = await yard.closes_at(bot_id, 61_000)
        await yard.close()
        yard.pass_by(61_010, 61_020, 61_030)
        yard.open()
        await yard.gets_to(bot_id)

        [sell] = (await yard.desk.alarms())[1:]
        assert asked(entered) == [("long", at(yard, 3))]
        assert (body(sell)["action"], body(sell)["order_type"]) == ("close", "limit")
        assert (body(sell)["price"], body(sell)["time"]) == ("68600", at(yard))


async def test_a_bot_that_is_stopped_asks_for_nothing_and_keeps_what_it_holds(yard: Yard) -> None:
    bot_id = await yard.running()
    await yard.closes_at(bot_id, UP)

    await yard.stop(bot_id)
    yard.pass_by(DOWN)
    await yard.start(bot_id)
    yard.pass_by(DOWN - 100)
    await yard.gets_to(bot_id)

    # What closed while it was stopped was not missed; the exit is repeated at the next close.
    assert asked((await yard.desk.alarms())[1:]) == [("close", at(yard))]


async def test_several_workers_run_a_bot_once(yard: Yard) -> None:
    bot_id = await yard.running()
    for _ in range(2):
        yard.open()

    for close in DAY[:3]:
        await yard.closes_at(bot_id, close)

    assert [word for word, _ in asked(await yard.desk.alarms())] == ["long", "flip"]
    assert {one.deliveries for one in await yard.desk.alarms()} == {1}


async def test_who_has_lost_a_bot_takes_nothing_in_for_it(yard: Yard) -> None:
    bot = await yard.bot()
    await yard.start(bot.id)
    first = await taken(yard)
    yard.desk.clock.advance(holding.HELD_FOR.total_seconds() + 1)
    second = await taken(yard)
    wishes = Sorted()
    moment = Moment(bot.id, LINEAR, yard.desk.clock.now(), d("60000"))

    with pytest.raises(Lost):
        await take_in(yard.desk.tools, first, moment, wishes)
    await yard.stop(bot.id)
    with pytest.raises(Lost):
        await take_in(yard.desk.tools, second, moment, wishes)

    assert (await yard.now(bot.id)).markets[0].last_closed_at != moment.closed_at


async def test_a_worker_that_was_killed_is_replaced_when_its_time_is_over(yard: Yard) -> None:
    bot = await yard.bot()
    await yard.start(bot.id)
    dead = await taken(yard)

    await yard.keeper().look()
    too_early = await yard.now(bot.id)
    yard.desk.clock.advance(holding.HELD_FOR.total_seconds() + 1)
    yard.open()
    alive = await yard.comes_to(bot.id, BotStatus.RUNNING)

    assert too_early.holder == dead.holder
    assert alive.holder not in {None, dead.holder}


async def test_too_young_a_market_ends_the_bot_with_a_reason(yard: Yard) -> None:
    del yard.closes[:10]
    yard.publish()
    bot = await yard.bot()
    await yard.start(bot.id)
    yard.open()

    failed = await yard.comes_to(bot.id, BotStatus.FAILED)

    assert failed.reason == (
        f"too_few_candles: {LINEAR} has {len(PAST) - 10} closed candles of 15m, and the algorithm "
        f"has to have seen {WARM_UP} before it decides."
    )
    assert failed.holder is None
    assert await told(yard) == ["bot_failed"]
    entries = [(one.action, one.actor) for one in await yard.desk.rows(AuditEntry)]
    assert ("bot.failed", "system") in entries


async def test_another_algorithm_of_the_strategy_ends_the_bot(yard: Yard) -> None:
    bot_id = await yard.running()
    await yard.desk.change_strategy(algorithm="ema_rsi")

    yard.pass_by(UP)
    failed = await yard.comes_to(bot_id, BotStatus.FAILED)

    assert (failed.reason or "").startswith("algorithm_changed: ")
    assert await yard.desk.alarms() == []


async def test_one_that_fails_leaves_the_others_at_work(yard: Yard) -> None:
    bot_id = await yard.running()
    other = await yard.desk.another_strategy(algorithm="macd")
    broken = await yard.bot(parameters={"fast": 2, "slow": 100, "signal": 2}, strategy=other)

    await yard.start(broken.id)
    await yard.comes_to(broken.id, BotStatus.FAILED)

    assert asked(await yard.closes_at(bot_id, UP)) == [("long", at(yard))]


@pytest.mark.parametrize(
    ("says", "code"),
    [(raise_it, "algorithm_broke"), (say_nonsense, "algorithm_broke"), (refuse, "no_trend")],
)
async def test_an_algorithm_that_breaks_ends_its_own_bot_alone(
    yard: Yard, says: Callable[[], Any], code: str
) -> None:
    bot_id = await yard.running()
    yard.own["own"] = Definition("own", 1, "Breaks.", Parameters, lambda _: Own(says), lambda _: 3)
    other = await yard.desk.another_strategy(algorithm="own")
    broken = await yard.bot(parameters={}, strategy=other)

    await yard.start(broken.id)
    failed = await yard.comes_to(broken.id, BotStatus.FAILED)

    assert (failed.reason or "").startswith(f"{code}: ")
    assert asked(await yard.closes_at(bot_id, UP)) == [("long", at(yard))]


async def test_a_venue_that_is_away_is_waited_for_and_told(yard: Yard) -> None:
    bot_id = await yard.running(limits={"max_alarm_age_seconds": 3_600})
    market = yard.desk.town.market_of(LINEAR)
    market.failure = Retryable("away")
    yard.pass_by(UP)
    await waits_for(yard, bot_id, "exchange_unavailable: away")
    silent = await told(yard)
    yard.desk.clock.advance(timedelta(minutes=6).total_seconds())
    await told_of(yard, "bot_behind")

    market.failure = None
    found = await yard.gets_to(bot_id)

    assert silent == []
    assert found.waits_for is None
    assert asked(await yard.desk.alarms()) == [("long", at(yard))]


async def test_an_exit_that_waits_for_its_trader_is_not_asked_for_again(
    database: Database,
) -> None:
    async with open_yard(database, approve_exits=Approval.MANUAL) as yard:
        bot_id = await yard.running()
        await yard.closes_at(bot_id, UP)

        asked_once = await yard.closes_at(bot_id, DOWN, DOWN - 100, DOWN - 200)

        assert [word for word, _ in asked(asked_once)] == ["flip"]


async def test_a_turn_right_after_its_stop_needs_no_human(database: Database) -> None:
    stop = {"default_stop_loss_kind": LevelKind.PERCENT, "default_stop_loss_value": d("1")}
    async with open_yard(database, **stop) as yard:
        bot_id = await yard.running()
        await yard.closes_at(bot_id, UP)
        await yard.desk.price_at_venue(str(DOWN))
        await yard.desk.reconcile()
        stopped = await held(yard)

        await yard.closes_at(bot_id, DOWN)

        assert stopped == [(LONG, PositionStatus.CLOSED)]
        assert await held(yard) == [*stopped, (SHORT, PositionStatus.OPEN)]


async def taken(yard: Yard) -> Hold:
    """The one bot, in somebody's hands."""
    now = yard.desk.clock.now()
    async with yard.database.transaction() as session:
        [free] = await holding.free_ones(session, now=now, limit=2)
        hold = await holding.take(session, free, now=now)
    assert hold is not None
    return hold


async def waits_for(yard: Yard, bot_id: Any, reason: str) -> None:
    await yard.until(lambda: _reason(yard, bot_id), reason)


async def told_of(yard: Yard, code: str) -> None:
    await yard.until(lambda: told(yard), [code])


async def _reason(yard: Yard, bot_id: Any) -> str | None:
    return (await yard.now(bot_id)).markets[0].waits_for
