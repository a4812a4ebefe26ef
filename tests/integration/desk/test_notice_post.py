"""Notices reach their users' own addresses: each at least once, whatever breaks in between."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from app.accounts.keys import KeyRing
from app.accounts.models import User
from app.accounts.notice_address import set_address
from app.core.addresses import Policy
from app.core.clock import iso
from app.http.outgoing import Outgoing
from app.notifications.deliveries import MOST_TRIES, PAUSES, claim_oldest
from app.notifications.models import Delivery, Notice, Severity
from app.notifications.service import tell
from app.worker.notice_post import NoticePost
from tests.builders import a_user
from tests.integration.desk.front import Front
from tests.integration.outgoing.servers import INSIDE, OK, Trap, redirect_to, serving

RING = KeyRing.of(b"k" * 32)
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
PATIENCE_SECONDS = 0.3


@dataclass
class Office:
    """A trader's server, and the post that sends to it."""

    front: Front
    server: Trap
    url: str
    listed: set[str]
    secrets: dict[str, str] = field(default_factory=dict)

    def post(self) -> NoticePost:
        """A new one, as after a restart."""
        desk = self.front.desk
        policy = Policy(listed=frozenset(self.listed))
        outgoing = Outgoing(policy, patience_seconds=PATIENCE_SECONDS)
        return NoticePost(desk.database, desk.clock, RING, outgoing)

    async def deliver(self, *, after: timedelta = timedelta(0)) -> None:
        """Send what is due then."""
        self.front.desk.clock.advance(after.total_seconds())
        post = self.post()
        await post.look()
        await post.idle()

    async def say(self, code: str, user: User | None = None, **changes: Any) -> None:
        desk = self.front.desk
        async with desk.database.transaction() as session:
            await tell(
                session,
                user_id=(user or desk.user).id,
                severity=Severity.URGENT,
                code=code,
                subject_kind="position",
                subject_id=changes.get("subject_id", "p1"),
                text=f"{code} happened.",
                now=desk.clock.now(),
            )

    async def address(self, user: User, url: str) -> None:
        desk = self.front.desk
        async with desk.database.transaction() as session:
            _, secret = await set_address(
                session,
                RING,
                user.id,
                url=url,
                host="x",
                actor=user.username,
                now=desk.clock.now(),
            )
        self.secrets[user.username] = secret

    async def states(self) -> list[tuple[str, Delivery | None, int]]:
        rows = await self.front.desk.rows(Notice)
        return [(one.code, one.delivery, one.tries) for one in rows]

    def codes(self, server: Trap | None = None) -> list[str]:
        return [body_of(one)["code"] for one in (server or self.server).heard]


def body_of(request: bytes) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(request.partition(b"\r\n\r\n")[2])
    return body


def header(request: bytes, name: str) -> str:
    lines = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    return next(line.partition(": ")[2] for line in lines if line.startswith(f"{name}: "))


@pytest.fixture
async def office(front: Front) -> AsyncIterator[Office]:
    """On each database."""
    async with an_office(front) as opened:
        yield opened


@pytest.fixture
async def small_office(sqlite_front: Front) -> AsyncIterator[Office]:
    """For what depends on no database."""
    async with an_office(sqlite_front) as opened:
        yield opened


@asynccontextmanager
async def an_office(front: Front) -> AsyncIterator[Office]:
    server = Trap()
    async with serving(server, INSIDE) as port:
        made = Office(front, server, f"http://{INSIDE}:{port}/hook", {f"{INSIDE}:{port}"})
        await made.address(front.desk.user, made.url)
        yield made


async def test_a_notice_is_sent_signed_and_once(office: Office) -> None:
    desk = office.front.desk
    await office.say("unprotected")

    await office.deliver()
    await office.deliver(after=timedelta(days=1))

    [request] = office.server.heard
    [notice] = await desk.rows(Notice)
    assert body_of(request) == {
        "id": str(notice.id),
        "severity": "urgent",
        "code": "unprotected",
        "subject_kind": "position",
        "subject_id": "p1",
        "text": "unprotected happened.",
        "created_at": iso(notice.created_at),
    }
    assert header(request, "Signalbox-Notice-Id") == str(notice.id)
    assert await office.states() == [("unprotected", Delivery.DELIVERED, 1)]


async def test_security_the_signature_is_of_the_moment_and_the_body(
    small_office: Office,
) -> None:
    """Checked as a receiver does, from the documentation alone."""
    await small_office.say("unprotected")

    await small_office.deliver()

    [request] = small_office.server.heard
    parts = dict(one.split("=") for one in header(request, "Signalbox-Signature").split(","))
    signed = parts["t"].encode() + b"." + request.partition(b"\r\n\r\n")[2]
    key = small_office.secrets[small_office.front.desk.user.username].encode()
    assert parts["v1"] == hmac.new(key, signed, hashlib.sha256).hexdigest()
    assert int(parts["t"]) == int(small_office.front.desk.clock.now().timestamp())


async def test_the_oldest_goes_first(small_office: Office) -> None:
    for number in range(4):
        await small_office.say(f"n{number}")

    await small_office.deliver()

    assert small_office.codes() == ["n0", "n1", "n2", "n3"]


async def test_a_failed_try_is_repeated_after_pauses_that_grow(small_office: Office) -> None:
    small_office.server.says = BUSY
    await small_office.say("unprotected")

    await small_office.deliver()
    for pause in PAUSES[:3]:
        await small_office.deliver(after=pause - timedelta(seconds=1))
        await small_office.deliver(after=timedelta(seconds=1))
    small_office.server.says = OK
    await small_office.deliver(after=PAUSES[3])

    ids = {body_of(one)["id"] for one in small_office.server.heard}
    assert len(small_office.server.heard) == 5
    assert len(ids) == 1
    assert await small_office.states() == [("unprotected", Delivery.DELIVERED, 5)]
    assert list(PAUSES) == sorted(PAUSES)


async def test_after_the_last_try_it_is_given_up_and_the_list_says_so(small_office: Office) -> None:
    small_office.server.says = BUSY
    await small_office.say("unprotected")

    await small_office.deliver()
    for pause in PAUSES:
        await small_office.deliver(after=pause)
    await small_office.deliver(after=timedelta(days=1))

    [item] = (await small_office.front.get("/notices"))["items"]
    assert len(small_office.server.heard) == MOST_TRIES
    assert (item["delivery"], item["tries"]) == ("given_up", MOST_TRIES)


async def test_one_that_is_not_taken_does_not_hold_up_the_others(small_office: Office) -> None:
    small_office.server.says = BUSY
    await small_office.say("first")
    await small_office.deliver()
    small_office.server.says = OK

    await small_office.say("second")
    await small_office.deliver()

    assert small_office.codes() == ["first", "second"]
    assert await small_office.states() == [
        ("first", Delivery.WAITING, 1),
        ("second", Delivery.DELIVERED, 1),
    ]


async def test_killed_between_sending_and_noting_it_is_sent_again_with_the_same_id(
    office: Office,
) -> None:
    office.server.says, office.server.drip = b"", b"H"
    office.server.pause_seconds = 60
    await office.say("unprotected")
    post = office.post()
    keeping = asyncio.create_task(post.keep())
    await asyncio.wait_for(office.server.was_heard.wait(), 5)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    cut_off = await office.states()
    office.server.says, office.server.drip = OK, b""

    await office.deliver(after=PAUSES[0] - timedelta(seconds=1))
    early = len(office.server.heard)
    await office.deliver(after=timedelta(seconds=1))

    first, second = (header(one, "Signalbox-Notice-Id") for one in office.server.heard)
    assert (cut_off, early) == ([("unprotected", Delivery.WAITING, 1)], 1)
    assert first == second
    assert await office.states() == [("unprotected", Delivery.DELIVERED, 2)]


async def test_a_last_try_that_was_cut_off_is_given_up_without_another(
    small_office: Office,
) -> None:
    await small_office.say("unprotected")
    async with small_office.front.desk.database.transaction() as session:
        [notice] = await small_office.front.desk.rows(Notice)
        row = await session.get_one(Notice, notice.id)
        row.tries = MOST_TRIES

    await small_office.deliver()

    assert small_office.server.heard == []
    assert await small_office.states() == [("unprotected", Delivery.GIVEN_UP, MOST_TRIES + 1)]


async def test_two_processes_send_a_notice_once(office: Office) -> None:
    """The second one has read the row before the first one's claim is committed."""
    desk = office.front.desk
    await office.say("unprotected")

    async def claim_too() -> Notice | None:
        async with desk.database.transaction() as session:
            return await claim_oldest(session, desk.user.id, now=desk.clock.now())

    async with desk.database.transaction() as session:
        first = await claim_oldest(session, desk.user.id, now=desk.clock.now())
        rival = asyncio.create_task(claim_too())
        await asyncio.sleep(0.2)
    second = await rival

    assert first is not None
    assert second is None
    assert await office.states() == [("unprotected", Delivery.WAITING, 1)]


async def test_a_slow_address_holds_up_nobody_else(small_office: Office) -> None:
    slow, other = (
        Trap(says=b"", drip=b"H", pause_seconds=60),
        a_user(small_office.front.desk.clock.now()),
    )
    await small_office.front.desk.keep(other)
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(serving(slow, INSIDE))
        small_office.listed.add(f"{INSIDE}:{port}")
        await small_office.address(other, f"http://{INSIDE}:{port}/")
        for number in range(3):
            await small_office.say(f"theirs{number}", other, subject_id=f"q{number}")
        await small_office.say("ours")
        post = small_office.post()

        begun = asyncio.get_running_loop().time()
        await post.look()
        await asyncio.wait_for(small_office.server.was_heard.wait(), 5)
        passed = asyncio.get_running_loop().time() - begun
        served = len(slow.heard)
        await post.idle()

    assert small_office.codes() == ["ours"]
    assert served <= 1
    assert passed < PATIENCE_SECONDS * 3
    assert small_office.codes(slow) == ["theirs0", "theirs1", "theirs2"]


async def test_nobody_is_sent_what_is_somebody_elses(small_office: Office) -> None:
    other = a_user(small_office.front.desk.clock.now())
    await small_office.front.desk.keep(other)

    await small_office.say("theirs", other)
    await small_office.deliver()

    assert small_office.server.knocks == 0
    assert await small_office.states() == [("theirs", None, 0)]


async def test_what_was_said_before_there_was_an_address_is_not_sent(
    sqlite_front: Front,
) -> None:
    async with an_office(sqlite_front) as office:
        await sqlite_front.call("DELETE", "/notices/address")
        await office.say("old")
        await office.address(sqlite_front.desk.user, office.url)

        await office.deliver()

        assert office.server.knocks == 0


async def test_what_waits_goes_to_a_new_address_and_nowhere_once_it_is_removed(
    office: Office,
) -> None:
    office.server.says = BUSY
    await office.say("unprotected")
    await office.deliver()
    office.server.says = OK

    await office.address(office.front.desk.user, f"{office.url}/new")
    await office.deliver()
    office.server.says = BUSY
    await office.say("order_unknown")
    await office.deliver()
    await office.front.call("DELETE", "/notices/address")
    await office.deliver(after=timedelta(days=1))

    assert office.server.heard[1].startswith(b"POST /hook/new ")
    assert office.codes() == ["unprotected", "unprotected", "order_unknown"]
    assert await office.states() == [
        ("unprotected", Delivery.DELIVERED, 1),
        ("order_unknown", None, 1),
    ]


async def test_security_somebody_who_was_switched_off_is_told_nothing(small_office: Office) -> None:
    desk = small_office.front.desk
    await small_office.say("unprotected")
    async with desk.database.transaction() as session:
        (await session.get_one(User, desk.user.id)).is_active = False

    await small_office.deliver()

    assert small_office.server.knocks == 0
    assert await small_office.states() == [("unprotected", None, 1)]


async def test_security_34_an_address_that_is_not_allowed_any_more_is_not_knocked_at(
    small_office: Office,
) -> None:
    await small_office.say("unprotected")
    small_office.listed.clear()

    await small_office.deliver()

    assert small_office.server.knocks == 0
    assert await small_office.states() == [("unprotected", Delivery.WAITING, 1)]


async def test_security_34_a_redirect_is_not_delivery_and_not_followed(
    small_office: Office,
) -> None:
    trap = Trap()
    async with serving(trap, INSIDE) as port:
        small_office.server.says = redirect_to(f"http://{INSIDE}:{port}/")
        await small_office.say("unprotected")

        await small_office.deliver()

    assert (small_office.server.knocks, trap.knocks) == (1, 0)
    assert await small_office.states() == [("unprotected", Delivery.WAITING, 1)]


async def test_it_looks_by_itself_and_stops_when_it_is_told(small_office: Office) -> None:
    await small_office.say("unprotected")
    keeping = asyncio.create_task(small_office.post().keep())

    await asyncio.wait_for(small_office.server.was_heard.wait(), 5)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)

    assert keeping.cancelled()
    assert small_office.codes() == ["unprotected"]


async def test_with_nothing_due_nothing_is_written(small_office: Office) -> None:
    await small_office.say("unprotected")
    await small_office.deliver()
    [before] = await small_office.front.desk.rows(Notice)

    for _ in range(3):
        await small_office.deliver(after=timedelta(hours=1))

    [after] = await small_office.front.desk.rows(Notice)
    assert (after.tries, after.delivery, after.next_try_at) == (1, Delivery.DELIVERED, None)
    assert before.last_at == after.last_at
