"""Alerts that never arrived, through the real flow: found once, told once, closed by themselves."""

from datetime import timedelta
from typing import Any

import pytest

from app.audit.models import AuditEntry
from app.db.session import Database
from app.notifications.models import Notice
from app.pipeline.alarms.gaps.models import Gap, Twin
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.status import AlarmStatus, GapKind, GapStatus
from app.strategies.words import SizingMode
from app.trading.words import PositionSide
from tests.builders import ETHER, LINEAR, d
from tests.integration.flow.desk import Desk, open_desk
from tests.integration.flow.strategy_alerts import heartbeat, order

LONG = PositionSide.LONG
GRACE_SECONDS = 4


async def hear(desk: Desk, before: str, after: str, **fields: Any) -> Alarm:
    """The strategy's next alert, a minute after the last one."""
    desk.clock.advance(60)
    return await desk.deliver(order(before, after, desk.clock.now(), **fields))


async def gaps(desk: Desk) -> list[Gap]:
    return await desk.rows(Gap)


async def notices(desk: Desk) -> list[str]:
    return [one.text for one in await desk.rows(Notice) if one.code == "alert_missed"]


async def audited(desk: Desk) -> list[str]:
    return [one.action for one in await desk.rows(AuditEntry) if one.subject_kind == "gap"]


async def twin(desk: Desk, symbol: str = LINEAR) -> Twin:
    return await desk.one(Twin, (desk.strategy.id, symbol))


async def a_gap(desk: Desk) -> Gap:
    """TradingView closed 0.1, and the entry of 0.3 after it never came."""
    await hear(desk, "0", "0.1")
    await hear(desk, "0.1", "0")
    await hear(desk, "0.3", "0.2")
    [gap] = await gaps(desk)
    return gap


async def test_a_whole_chain_has_no_gap(desk: Desk) -> None:
    for before, after in (("0", "0.1"), ("0.1", "0.2"), ("0.2", "-0.1"), ("-0.1", "0")):
        await hear(desk, before, after)

    assert await gaps(desk) == []
    known = await twin(desk)
    assert (known.position_side, known.size) == (None, d("0"))
    assert known.alarm_id == (await desk.alarms())[-1].id


async def test_a_missing_alert_is_found_by_the_next_one(desk: Desk) -> None:
    gap = await a_gap(desk)

    first, second, third = await desk.alarms()
    assert (gap.kind, gap.status) == (GapKind.CHAIN, GapStatus.OPEN)
    assert (gap.expected_side, gap.expected_size) == (None, d("0"))
    assert (gap.reported_side, gap.reported_size) == (LONG, d("0.3"))
    assert (gap.before_alarm_id, gap.alarm_id) == (second.id, third.id)
    assert (gap.expected_at, gap.reported_at) == (second.alert_at, third.alert_at)
    assert (gap.ticker, gap.symbol) == ("BTCUSDT.P", LINEAR)
    assert gap.sentence.startswith(
        f"TradingView says {desk.strategy.name} was long 0.3 BTCUSDT.P before its last alert; "
        "the last we had left it flat."
    )
    # The chain goes on from what TradingView says now.
    assert (await twin(desk)).size == d("0.2")
    await hear(desk, "0.2", "0")
    assert len(await gaps(desk)) == 1
    assert first.status is AlarmStatus.ACCEPTED


async def test_the_first_alert_begins_the_chain_even_in_a_position(desk: Desk) -> None:
    await hear(desk, "1", "0.5")

    assert await gaps(desk) == []
    assert (await twin(desk)).size == d("0.5")


async def test_a_gap_is_told_once_when_it_stays_open(desk: Desk) -> None:
    gap = await a_gap(desk)
    await desk.sweep()
    assert await notices(desk) == []

    for _ in range(3):
        await desk.sweep(after_seconds=GRACE_SECONDS)
    await desk.restart()
    await desk.sweep(after_seconds=3600)

    [text] = await notices(desk)
    assert text.startswith(gap.sentence)
    assert await audited(desk) == ["gap.opened"]
    assert [one.times for one in await desk.rows(Notice) if one.code == "alert_missed"] == [1]


async def test_alerts_that_cross_close_the_gap_and_wake_nobody(desk: Desk) -> None:
    await hear(desk, "0", "0.1")
    desk.clock.advance(60)
    now = desk.clock.now()

    await desk.deliver(order("0", "-0.1", now))
    await desk.deliver(order("0.1", "0", now - timedelta(seconds=1)))
    await desk.sweep(after_seconds=GRACE_SECONDS)

    [gap] = await gaps(desk)
    assert (gap.status, gap.decided_by) == (GapStatus.ARRIVED_LATE, "system")
    assert (await twin(desk)).position_side is PositionSide.SHORT
    assert await notices(desk) == []
    assert await audited(desk) == ["gap.opened", "gap.arrived_late"]


async def test_one_of_two_missing_alerts_narrows_the_gap(desk: Desk) -> None:
    await hear(desk, "0", "0.1")
    lost = [desk.clock.now() + timedelta(seconds=second) for second in (10, 20)]
    await hear(desk, "0.3", "0.4")

    await desk.deliver(order("0.1", "0.2", lost[0]))
    [gap] = await gaps(desk)
    assert (gap.status, gap.expected_size) == (GapStatus.OPEN, d("0.2"))
    assert "the last we had left it long 0.2." in gap.sentence
    assert gap.before_alarm_id == (await desk.alarms())[-1].id
    await desk.deliver(order("0.2", "0.3", lost[1]))

    [gap] = await gaps(desk)
    assert gap.status is GapStatus.ARRIVED_LATE


async def test_a_duplicate_changes_nothing(desk: Desk) -> None:
    await a_gap(desk)
    alarm = (await desk.alarms())[-1]

    await desk.deliver(alarm.body)
    desk.clock.advance(30)
    await desk.deliver(alarm.body)

    assert len(await gaps(desk)) == 1
    assert (await desk.alarms())[-1].deliveries == 3


async def test_what_became_of_an_alert_plays_no_part(database: Database) -> None:
    async with open_desk(database, max_alarm_age_seconds=5) as desk:
        await hear(desk, "0", "0.1")
        desk.clock.advance(120)

        stale = await desk.deliver(
            order("0.1", "0.3", desk.clock.now() - timedelta(seconds=50), action="long")
        )
        await desk.change_strategy(is_active=False)
        refused = await hear(desk, "0.3", "0.5", action="long")
        closed = await hear(desk, "0.5", "0")
        again = await hear(desk, "0", "0.4")
        ignored = await hear(desk, "0.4", "0.2")

        assert (stale.status, closed.status) == (AlarmStatus.STALE, AlarmStatus.ACCEPTED)
        assert (refused.status, again.status) == (AlarmStatus.REFUSED, AlarmStatus.REFUSED)
        assert ignored.status is AlarmStatus.IGNORED
        assert await gaps(desk) == []


async def test_alerts_without_placeholders_leave_the_chain_alone(desk: Desk) -> None:
    await hear(desk, "0", "0.1")

    await desk.alert(action="close")
    await desk.deliver(b"not an alert")
    await hear(desk, "0.1", "0.2")

    assert await gaps(desk) == []


async def test_markets_and_strategies_have_chains_of_their_own(desk: Desk) -> None:
    other = await desk.another_strategy()
    await hear(desk, "0", "0.1")

    await hear(desk, "0", "1", symbol="ETHUSDT.P")
    await desk.deliver(order("0", "0.2", desk.clock.now(), id="other"), strategy=other)

    assert await gaps(desk) == []
    assert (await twin(desk, ETHER)).size == d("1")


async def test_two_spellings_of_a_market_are_one_chain(desk: Desk) -> None:
    await hear(desk, "0", "0.1", symbol="BINANCE:BTCUSDT.P")

    await hear(desk, "0", "0.2", symbol="BTCUSDT.P")

    [gap] = await gaps(desk)
    assert gap.expected_size == d("0.1")


async def test_a_market_that_the_account_does_not_have_has_no_chain(desk: Desk) -> None:
    await hear(desk, "0", "1", symbol="NOSUCHCOIN")
    await hear(desk, "5", "6", symbol="NOSUCHCOIN")

    assert await gaps(desk) == []
    assert await desk.rows(Twin) == []


async def test_tradingviews_own_sentence_is_a_chain_too(desk: Desk) -> None:
    said = "order {} @ {} filled on BTCUSDT.P. New strategy position is {}"
    await desk.deliver(said.format("buy", "0.1", "0.1").encode())
    desk.clock.advance(100)
    await desk.deliver(said.format("sell", "0.2", "-0.1").encode())
    assert await gaps(desk) == []
    desk.clock.advance(100)

    await desk.deliver(said.format("sell", "0.3", "0").encode())

    [gap] = await gaps(desk)
    assert (gap.reported_side, gap.reported_size) == (LONG, d("0.3"))


async def test_a_crash_between_store_and_decision_makes_no_gap(desk: Desk) -> None:
    await hear(desk, "0", "0.1")
    desk.clock.advance(60)
    await desk.store(order("0.1", "0.2", desk.clock.now()))
    desk.clock.advance(1)
    await desk.restart()
    desk.clock.advance(60)

    await desk.deliver(order("0.2", "0", desk.clock.now()))

    assert await gaps(desk) == []
    assert len(await desk.alarms()) == 3


async def test_an_undecided_alert_that_the_next_one_overtakes_closes_its_gap(desk: Desk) -> None:
    await hear(desk, "0", "0.1")
    desk.clock.advance(60)
    await desk.store(order("0.1", "0.2", desk.clock.now()))
    desk.clock.advance(60)
    await desk.deliver(order("0.2", "0", desk.clock.now()))

    await desk.sweep(after_seconds=GRACE_SECONDS)

    [gap] = await gaps(desk)
    assert gap.status is GapStatus.ARRIVED_LATE
    assert await notices(desk) == []


async def test_an_alert_of_several_markets_takes_part_in_each_chain(desk: Desk) -> None:
    said = (
        "order buy @ 0.1 filled on BTCUSDT.P. New strategy position is 0.1\n"
        "order buy @ 1 filled on ETHUSDT.P. New strategy position is 1"
    )
    await desk.deliver(said.encode())
    desk.clock.advance(100)

    await desk.deliver(said.encode())

    assert {gap.symbol for gap in await gaps(desk)} == {LINEAR, ETHER}
    assert (await twin(desk, ETHER)).size == d("1")


async def test_a_heartbeat_confirms_the_position_and_trades_nothing(desk: Desk) -> None:
    await hear(desk, "0", "0.1")
    desk.clock.advance(60)

    alarm = await desk.deliver(heartbeat("0.1", desk.clock.now()))

    assert alarm.status is AlarmStatus.IGNORED
    assert alarm.reason == (
        "heartbeat: TradingView says long 0.1 BTCUSDT.P, as its last alert left it."
    )
    assert len(await desk.signals()) == 1
    assert await gaps(desk) == []


async def test_a_heartbeat_reveals_what_no_alert_led_to(desk: Desk) -> None:
    await hear(desk, "0", "0.1")
    desk.clock.advance(60)

    alarm = await desk.deliver(heartbeat("0", desk.clock.now()))
    desk.clock.advance(60)
    await desk.deliver(heartbeat("0", desk.clock.now()))

    [gap] = await gaps(desk)
    assert gap.alarm_id == alarm.id
    assert "is flat in BTCUSDT.P; the last we had left it long 0.1." in gap.sentence
    assert "which no alert led to" in str(alarm.reason)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"market_position": None, "market_position_size": None}, "says no position"),
        ({"symbol": "NOSUCHCOIN"}, "lists no market for NOSUCHCOIN"),
        ({}, "the first that is known of it"),
    ],
)
async def test_a_heartbeat_that_cannot_be_compared_says_why(
    desk: Desk, fields: dict[str, Any], said: str
) -> None:
    alarm = await desk.deliver(heartbeat("0", desk.clock.now(), **fields))

    assert alarm.status is AlarmStatus.IGNORED
    assert said in str(alarm.reason)


async def test_a_silence_is_opened_once_and_ends_with_the_next_alert(database: Database) -> None:
    async with open_desk(database, heartbeat_seconds=60) as desk:
        await desk.sweep(after_seconds=119)
        assert await gaps(desk) == []

        for _ in range(3):
            await desk.sweep(after_seconds=GRACE_SECONDS)
        await desk.restart()

        [gap] = await gaps(desk)
        assert (gap.kind, gap.status, gap.symbol) == (GapKind.SILENCE, GapStatus.OPEN, None)
        assert "and one is due every 60 s." in gap.sentence
        assert len(await notices(desk)) == 1

        await desk.deliver(heartbeat("0", desk.clock.now()))
        await desk.sweep()
        await desk.sweep(after_seconds=60)

        [gap] = await gaps(desk)
        assert (gap.status, gap.decided_by) == (GapStatus.ENDED, "system")
        assert gap.reason == "ended: An alert came."


async def test_each_silence_is_a_gap_of_its_own(database: Database) -> None:
    async with open_desk(database, heartbeat_seconds=60) as desk:
        for _ in range(2):
            await desk.alert(quantity="0.1")
            await desk.sweep(after_seconds=121)
            await desk.sweep(after_seconds=121)
        last = (await desk.alarms())[-1]

        first, second = await gaps(desk)

        assert (first.status, second.status) == (GapStatus.ENDED, GapStatus.OPEN)
        assert (second.before_alarm_id, second.expected_at) == (last.id, last.received_at)


async def test_an_ignored_silence_is_not_opened_again(database: Database) -> None:
    async with open_desk(database, heartbeat_seconds=60) as desk:
        await desk.sweep(after_seconds=121)
        [gap] = await gaps(desk)
        async with desk.database.transaction() as session:
            row = await session.get_one(Gap, gap.id)
            row.status = GapStatus.IGNORED

        await desk.sweep(after_seconds=500)

        assert len(await gaps(desk)) == 1


@pytest.mark.parametrize("changes", [{"is_active": False}, {"heartbeat_seconds": None}])
async def test_nothing_is_silent_when_nothing_is_awaited(
    database: Database, changes: dict[str, Any]
) -> None:
    async with open_desk(database, heartbeat_seconds=60) as desk:
        await desk.sweep(after_seconds=121)
        await desk.change_strategy(**changes)

        await desk.sweep(after_seconds=121)
        await desk.sweep(after_seconds=121)

        [gap] = await gaps(desk)
        assert gap.status is GapStatus.ENDED


async def test_an_alert_by_hand_is_no_sign_of_life(database: Database) -> None:
    async with open_desk(database, heartbeat_seconds=60) as desk:
        await desk.sweep(after_seconds=121)
        await desk.keep(
            Alarm(
                user_id=desk.user.id,
                strategy_id=desk.strategy.id,
                status=AlarmStatus.IGNORED,
                body=b"-",
                source="user:somebody",
                received_at=desk.clock.now(),
                problems=[],
            )
        )

        await desk.sweep(after_seconds=1)

        [gap] = await gaps(desk)
        assert gap.status is GapStatus.OPEN


async def test_sizing_of_ones_own_makes_no_difference_to_the_chain(database: Database) -> None:
    async with open_desk(database, sizing_mode=SizingMode.QUANTITY, sizing_value=d("0.01")) as desk:
        await hear(desk, "0", "3")
        await hear(desk, "3", "0")

        assert await gaps(desk) == []
