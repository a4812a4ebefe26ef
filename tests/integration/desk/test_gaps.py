"""`/alarms/gaps`: what never arrived, and the trader's one decision about it."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.audit.models import AuditEntry
from app.core.clock import iso
from app.core.ids import new_id
from app.db.session import Database
from app.http.caller import Role
from app.pipeline.alarms.gaps.models import Gap
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.status import AlarmStatus
from app.pipeline.signals.models import Signal
from app.pipeline.signals.status import SignalStatus
from app.pipeline.signals.words import SignalAction
from app.strategies.words import Approval, SizingMode
from app.trading.words import MarketType, PositionSide
from tests.builders import a_user, d
from tests.integration.desk.front import Front, new_webhook, open_front
from tests.integration.flow.power import Mains, armed
from tests.integration.flow.strategy_alerts import heartbeat, order

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


async def hear(front: Front, before: str, after: str, **fields: Any) -> Alarm:
    """The strategy's next alert, a minute after the last one."""
    front.desk.clock.advance(60)
    return await front.desk.deliver(order(before, after, front.desk.clock.now(), **fields))


async def a_gap(front: Front, reported: str, *, left: str = "0") -> str:
    """TradingView was left somewhere, and its heartbeat says that it is elsewhere."""
    await hear(front, "0.7", left)
    front.desk.clock.advance(60)
    await front.desk.deliver(heartbeat(reported, front.desk.clock.now()))
    page = await front.get("/alarms/gaps", status="open")
    gap_id: str = page["items"][0]["id"]
    return gap_id


async def act(front: Front, gap_id: str, verb: str, body: Any = None, *, expect: int = 200) -> Any:
    return await front.post(f"/alarms/gaps/{gap_id}/{verb}", body, expect=expect)


async def made(front: Front, gap: dict[str, Any]) -> Signal:
    """The signal that adopting a gap made."""
    return await front.desk.one(Signal, UUID(gap["signal_id"]))


async def held(front: Front) -> list[tuple[PositionSide, str]]:
    return [
        (one.position_side, str(one.quantity.normalize()))
        for one in await front.desk.positions()
        if not one.is_closed
    ]


async def test_gaps_are_listed_newest_first_with_what_is_missing(front: Front) -> None:
    gap_id = await a_gap(front, "0.3")
    first = await front.get(f"/alarms/gaps/{gap_id}")
    await act(front, gap_id, "ignore")
    newest = await a_gap(front, "0.2", left="0.1")

    everything = await front.get("/alarms/gaps", strategy_id=str(front.desk.strategy.id))
    ignored = await front.get("/alarms/gaps", status="IGNORED")

    assert everything["items"][0]["id"] == newest
    assert [one["id"] for one in ignored["items"]] == [gap_id]
    assert (await front.get("/alarms/gaps", strategy_id=str(new_id())))["items"] == []
    assert (first["kind"], first["status"], first["symbol"]) == ("chain", "open", "BTC/USDT:USDT")
    assert (first["expected"]["position_side"], first["expected"]["size"]) == (None, "0")
    assert (first["reported"]["position_side"], first["reported"]["size"]) == ("long", "0.3")
    assert first["since"] == first["expected"]["at"]
    await front.get("/alarms/gaps", expect=400, status="closed")


async def test_a_list_of_gaps_pages(front: Front) -> None:
    ids = []
    for _ in range(3):
        ids.append(await a_gap(front, "0.3"))
        await act(front, ids[-1], "ignore")

    first = await front.get("/alarms/gaps", limit=2)
    rest = await front.get("/alarms/gaps", limit=50, cursor=first["next_cursor"])

    assert [one["id"] for one in first["items"]] == [ids[2], first["items"][1]["id"]]
    assert ids[0] in [one["id"] for one in rest["items"]]


async def test_the_alarm_names_the_gap_it_revealed(front: Front) -> None:
    gap_id = await a_gap(front, "0.3")
    first, second = await front.desk.alarms()

    revealing = await front.get(f"/alarms/{second.id}")

    assert revealing["gap_id"] == gap_id
    assert "alarm.revealed_gap" in [step["step"] for step in revealing["timeline"]]
    assert (await front.get(f"/alarms/{first.id}"))["gap_id"] is None


async def test_ignoring_trades_nothing_and_says_why(front: Front) -> None:
    gap_id = await a_gap(front, "0.3")

    gap = await act(front, gap_id, "ignore", {"reason": "Closed it by hand."})

    assert (gap["status"], gap["reason"]) == ("ignored", "ignored: Closed it by hand.")
    assert gap["decided_by"] == front.desk.user.username
    assert await front.desk.signals() == []
    audit = [one for one in await front.desk.rows(AuditEntry) if one.subject_id == gap_id]
    assert [(one.action, one.actor) for one in audit] == [
        ("gap.opened", "system"),
        ("gap.ignored", front.desk.user.username),
    ]


@pytest.mark.parametrize("verb", ["ignore", "adopt", "repair"])
async def test_a_gap_is_decided_once(front: Front, verb: str) -> None:
    gap_id = await a_gap(front, "0.3")
    await act(front, gap_id, "ignore")
    body = {"body": order("0", "0.3", front.desk.clock.now()).decode()}

    refusal = await act(front, gap_id, verb, body if verb == "repair" else None, expect=409)

    assert refusal["code"] == "already_decided"
    assert await front.desk.signals() == []


async def test_of_decisions_at_the_same_moment_one_wins(front: Front) -> None:
    gap_id = await a_gap(front, "0.3")
    verbs = ["adopt", "ignore", "adopt", "ignore"]

    answers = await asyncio.gather(
        *(front.call("POST", f"/alarms/gaps/{gap_id}/{verb}") for verb in verbs)
    )

    assert sorted(one.status_code for one in answers) == [200, 409, 409, 409]
    [winner] = [one.json() for one in answers if one.status_code == 200]
    assert len(await front.desk.signals()) == (1 if winner["status"] == "adopted" else 0)


async def test_adopting_an_entry_waits_for_a_person_even_under_auto(database: Database) -> None:
    async with open_front(database) as front:
        gap_id = await a_gap(front, "0.3")

        gap = await act(front, gap_id, "adopt")

        signal = await made(front, gap)
        assert gap["status"] == "adopted"
        assert (signal.action, signal.position_side) == (SignalAction.OPEN, LONG)
        assert (signal.status, signal.size_value) == (SignalStatus.PENDING, d("0.3"))
        assert signal.expires_at > front.desk.clock.now()
        await front.post(f"/signals/{signal.id}/approve")
        assert await held(front) == [(LONG, "0.3")]


async def test_adopting_follows_what_tradingview_says_now(database: Database) -> None:
    async with open_front(database) as front:
        gap_id = await a_gap(front, "0.3")
        await hear(front, "0.3", "0.2")

        signal = await made(front, await act(front, gap_id, "adopt"))

        assert signal.size_value == d("0.2")


async def test_adopting_flat_closes_at_once(database: Database) -> None:
    async with open_front(database) as front:
        await hear(front, "0", "0.3")
        front.desk.clock.advance(60)
        await front.desk.deliver(heartbeat("0", front.desk.clock.now()))
        [gap] = await front.desk.rows(Gap)
        assert await held(front) == [(LONG, "0.3")]

        signal = await made(front, await act(front, str(gap.id), "adopt"))

        assert (signal.action, signal.status) == (SignalAction.CLOSE, SignalStatus.EXECUTED)
        assert await held(front) == []


async def test_adopting_the_other_side_closes_at_once_and_asks_before_it_opens(
    database: Database,
) -> None:
    async with open_front(database) as front:
        await hear(front, "0", "0.3")
        front.desk.clock.advance(60)
        await front.desk.deliver(heartbeat("-0.2", front.desk.clock.now()))
        [gap] = await front.desk.rows(Gap)

        entry = await made(front, await act(front, str(gap.id), "adopt"))

        assert await held(front) == []
        assert (entry.action, entry.position_side) == (SignalAction.OPEN, SHORT)
        assert entry.status is SignalStatus.PENDING
        await front.post(f"/signals/{entry.id}/approve")
        assert await held(front) == [(SHORT, "0.2")]


async def test_adopting_takes_the_ratio_where_the_strategy_has_its_own_size(
    database: Database,
) -> None:
    sizing: dict[str, Any] = {"sizing_mode": SizingMode.QUANTITY, "sizing_value": d("0.08")}
    async with open_front(database, **sizing) as front:
        await hear(front, "0", "4")
        await hear(front, "3", "1.5")
        [gap] = await front.desk.rows(Gap)
        assert await held(front) == [(LONG, "0.04")]

        signal = await made(front, await act(front, str(gap.id), "adopt"))

        assert (signal.action, signal.size_value) == (SignalAction.REDUCE, d("25"))
        assert await held(front) == [(LONG, "0.03")]


async def test_adopting_when_the_book_is_there_already_does_nothing(front: Front) -> None:
    await hear(front, "0", "0.1")
    await hear(front, "0.3", "0")
    [gap] = await front.desk.rows(Gap)

    refusal = await act(front, str(gap.id), "adopt", expect=409)

    assert refusal["code"] == "already_there"
    assert refusal["detail"].startswith("TradingView is flat in BTCUSDT.P and our book is flat")
    assert (await front.get(f"/alarms/gaps/{gap.id}"))["status"] == "open"


async def test_adopting_supersedes_what_waits_there(front: Front) -> None:
    await hear(front, "0", "0.1")
    [waiting] = await front.desk.signals()
    await hear(front, "0.3", "0.2")
    [gap] = await front.desk.rows(Gap)

    signal = await made(front, await act(front, str(gap.id), "adopt"))

    assert (await front.desk.one(Signal, waiting.id)).status is SignalStatus.SUPERSEDED
    assert signal.status is SignalStatus.PENDING


async def test_a_strategy_that_is_switched_off_adopts_no_entry(front: Front) -> None:
    gap_id = await a_gap(front, "0.3")
    await front.desk.change_strategy(is_active=False)

    refusal = await act(front, gap_id, "adopt", expect=422)

    assert refusal["code"] == "strategy_inactive"
    assert (await front.get(f"/alarms/gaps/{gap_id}"))["status"] == "open"


async def test_a_short_on_spot_is_as_good_as_flat(database: Database) -> None:
    async with open_front(database, market_type=MarketType.SPOT) as front:
        await hear(front, "0.7", "0", symbol="BTCUSDT")
        front.desk.clock.advance(60)
        await front.desk.deliver(heartbeat("-1", front.desk.clock.now(), symbol="BTCUSDT"))
        [gap] = await front.desk.rows(Gap)

        assert (await act(front, str(gap.id), "adopt", expect=409))["code"] == "already_there"


async def test_repairing_carries_the_missed_alert_out(database: Database) -> None:
    async with open_front(database) as front:
        gap_id = await a_gap(front, "0.3")
        lost = order("0", "0.3", front.desk.clock.now() - timedelta(seconds=30))

        gap = await act(front, gap_id, "repair", {"body": lost.decode()})

        assert gap["status"] == "repaired"
        alarm = await front.desk.one(Alarm, UUID(gap["repair_alarm_id"]))
        assert alarm.body == lost
        assert (alarm.status, alarm.source) == (
            AlarmStatus.ACCEPTED,
            f"user:{front.desk.user.username}",
        )
        assert await held(front) == [(LONG, "0.3")]
        assert len(await front.desk.rows(Gap)) == 1


async def test_repairing_without_a_time_counts_from_now(database: Database) -> None:
    async with open_front(database) as front:
        gap_id = await a_gap(front, "0.3")
        lost = order("0", "0.3", front.desk.clock.now(), time=None)

        gap = await act(front, gap_id, "repair", {"body": lost.decode()})

        assert gap["status"] == "repaired"
        assert len(await front.desk.rows(Gap)) == 1
        assert await held(front) == [(LONG, "0.3")]


async def test_repairing_with_what_is_too_old_leaves_the_gap_open(front: Front) -> None:
    gap_id = await a_gap(front, "0.3")
    lost = order("0", "0.3", front.desk.clock.now() - timedelta(hours=1))

    refusal = await act(front, gap_id, "repair", {"body": lost.decode()}, expect=409)

    assert refusal["code"] == "too_old"
    assert "The gap stays open" in refusal["detail"]
    gap = await front.get(f"/alarms/gaps/{gap_id}")
    assert (gap["status"], gap["decided_by"]) == ("open", None)
    assert (await front.get(f"/alarms/{gap['repair_alarm_id']}"))["status"] == "stale"
    assert await front.desk.signals() == []
    assert (await act(front, gap_id, "adopt"))["status"] == "adopted"


async def test_repairing_with_what_cannot_be_read_stores_nothing(front: Front) -> None:
    gap_id = await a_gap(front, "0.3")
    future = order("0", "0.3", front.desk.clock.now() + timedelta(hours=1))

    unreadable = await act(front, gap_id, "repair", {"body": "good morning"}, expect=400)
    too_early = await act(front, gap_id, "repair", {"body": future.decode()}, expect=400)
    too_large = await act(front, gap_id, "repair", {"body": "x" * 70_000}, expect=413)

    codes = [one["code"] for one in (unreadable, too_early, too_large)]
    assert codes == ["unknown_format", "from_the_future", "too_large"]
    assert len(await front.desk.alarms()) == 2
    assert (await front.get(f"/alarms/gaps/{gap_id}"))["status"] == "open"


@pytest.mark.parametrize("field", ["symbol", "comment"])
async def test_security_32_a_token_in_a_repairs_text_is_repeated_nowhere(
    front: Front, field: str
) -> None:
    token = (await new_webhook(front)).rpartition("/")[2]
    gap_id = await a_gap(front, "0.3")
    lost = order("0", "0.3", front.desk.clock.now(), **{field: token}).decode()

    answer = await front.call("POST", f"/alarms/gaps/{gap_id}/repair", {"body": lost})

    said = [answer.text.lower(), (await front.call("GET", f"/alarms/gaps/{gap_id}")).text.lower()]
    rows = [*await front.desk.alarms(), *await front.desk.signals(), *await front.desk.rows(Gap)]
    said += [
        str(value).lower()
        for row in [*rows, *await front.desk.rows(AuditEntry)]
        for name, value in vars(row).items()
        if name != "body"  # kept byte by byte, for its owner
    ]
    assert [text for text in said if token.lower() in text] == []
    assert any(f"xxx{token[-4:].lower()}" in text for text in said), "or it was never read"


async def test_repairing_with_an_alert_that_had_arrived_is_refused(front: Front) -> None:
    gap_id = await a_gap(front, "0.3")
    known = (await front.desk.alarms())[0]

    refusal = await act(front, gap_id, "repair", {"body": known.body.decode()}, expect=409)

    assert refusal["code"] == "duplicate"
    assert iso(known.received_at) in refusal["detail"]
    assert (await front.desk.one(Alarm, known.id)).deliveries == 1


async def test_a_repair_that_a_crash_cut_short_is_finished_by_the_sweep(front: Front) -> None:
    gap_id = await a_gap(front, "0.3")
    lost = order("0", "0.3", front.desk.clock.now())
    with armed("C08", Mains()):
        answer = await front.call("POST", f"/alarms/gaps/{gap_id}/repair", {"body": lost.decode()})
    assert answer.status_code == 500
    assert (await front.get(f"/alarms/gaps/{gap_id}"))["status"] == "repairing"
    assert (await act(front, gap_id, "ignore", expect=409))["code"] == "already_decided"

    await front.desk.sweep(after_seconds=3)

    assert (await front.get(f"/alarms/gaps/{gap_id}"))["status"] == "repaired"
    assert len(await front.desk.signals()) == 1


async def test_a_silence_can_be_ignored_and_not_adopted(database: Database) -> None:
    async with open_front(database, heartbeat_seconds=60) as front:
        await front.desk.sweep(after_seconds=121)
        [gap] = (await front.get("/alarms/gaps"))["items"]
        assert (gap["kind"], gap["expected"], gap["reported"]) == ("silence", None, None)

        refusal = await act(front, gap["id"], "adopt", expect=409)

        assert refusal["code"] == "no_position_known"
        assert (await act(front, gap["id"], "ignore"))["status"] == "ignored"


async def test_somebody_elses_gap_is_not_there_and_a_viewer_only_looks(front: Front) -> None:
    gap_id = await a_gap(front, "0.3")
    now = front.desk.clock.now()
    stranger, viewer = a_user(now), a_user(now, role=Role.VIEWER)
    body = {"body": order("0", "0.3", now).decode()}

    for verb in ("ignore", "adopt", "repair"):
        path = f"/alarms/gaps/{gap_id}/{verb}"
        given = body if verb == "repair" else None
        assert (await front.call("POST", path, given, user=stranger)).status_code == 404
        assert (await front.call("POST", path, given, user=viewer)).status_code == 403
    await front.get(f"/alarms/gaps/{gap_id}", expect=404, user=stranger)
    assert (await front.get("/alarms/gaps", user=stranger))["items"] == []
    assert len(await front.desk.alarms()) == 2


async def test_a_heartbeat_is_a_setting_of_the_strategy(front: Front) -> None:
    path = f"/strategies/{front.desk.strategy.id}"
    assert (await front.get(path))["heartbeat_seconds"] is None

    answer = await front.call("PATCH", path, {"heartbeat_seconds": 300})

    assert answer.json()["heartbeat_seconds"] == 300
    assert (await front.call("PATCH", path, {"heartbeat_seconds": 0})).status_code == 400
    # What was silent before anybody listened is no silence.
    front.desk.clock.advance(599)
    await front.desk.sweep()
    assert (await front.get("/alarms/gaps"))["items"] == []
    await front.desk.sweep(after_seconds=2)
    assert len((await front.get("/alarms/gaps"))["items"]) == 1
    assert front.desk.strategy.approval is Approval.MANUAL
