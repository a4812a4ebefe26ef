"""A trader's own address for notices: who may set it, what is kept of it, and where it may lead."""

import json
from typing import Any

import pytest
from sqlalchemy import text

from app.accounts.keys import KeyRing
from app.accounts.notice_address import destination_of
from app.accounts.sealing.rewrapping import rewrap_all
from app.core.addresses import Policy
from app.core.errors import Unavailable
from app.core.scrub import scrub
from app.http.caller import Role
from app.http.outgoing import Outgoing
from app.notifications.models import NoticeAddress
from tests.builders import a_user
from tests.integration.desk.front import NOBODY_THERE, Front
from tests.integration.outgoing.servers import INSIDE, Trap, serving

PATH = "/notices/address"
RING = KeyRing.of(b"k" * 32)


async def put(front: Front, url: str, **options: Any) -> Any:
    return await front.call("PUT", PATH, {"url": url}, **options)


async def test_the_host_is_shown_and_the_secret_once(sqlite_front: Front) -> None:
    missing = await sqlite_front.get(PATH, expect=404)
    made = (await put(sqlite_front, f"http://{NOBODY_THERE}/hidden-part")).json()

    shown = await sqlite_front.get(PATH)

    assert missing["code"] == "not_found"
    assert len(made.pop("secret")) == 43
    assert made == shown
    assert shown["host"] == "127.0.0.1"
    assert "hidden-part" not in json.dumps(shown)


async def test_an_address_is_replaced_with_its_secret_and_removed(front: Front) -> None:
    first = (await put(front, f"http://{NOBODY_THERE}/a")).json()["secret"]
    second = (await put(front, f"http://{NOBODY_THERE}/b")).json()["secret"]

    removed = await front.call("DELETE", PATH)
    again = await front.call("DELETE", PATH)

    assert first != second
    assert (removed.status_code, again.status_code) == (204, 404)
    assert await front.desk.rows(NoticeAddress) == []


@pytest.mark.parametrize(
    ("method", "body"), [("PUT", {"url": f"http://{NOBODY_THERE}/"}), ("DELETE", None)]
)
async def test_security_29_where_notices_go_takes_a_proof(
    sqlite_front: Front, method: str, body: Any
) -> None:
    await put(sqlite_front, f"http://{NOBODY_THERE}/")

    answer = await sqlite_front.call(method, PATH, body, is_proven=False)

    assert (answer.status_code, answer.json()["code"]) == (401, "step_up_required")


async def test_security_02_nobody_else_sees_or_uses_an_address(sqlite_front: Front) -> None:
    await put(sqlite_front, f"http://{NOBODY_THERE}/")
    other = a_user(sqlite_front.desk.clock.now(), role=Role.ADMIN)
    await sqlite_front.desk.keep(other)

    seen = await sqlite_front.call("GET", PATH, user=other)
    tried = await sqlite_front.call("POST", f"{PATH}/test", user=other)
    removed = await sqlite_front.call("DELETE", PATH, user=other)

    assert [one.status_code for one in (seen, tried, removed)] == [404, 404, 404]
    assert len(await sqlite_front.desk.rows(NoticeAddress)) == 1


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://hooks.example.org/", "address_malformed"),
        ("https://ada:secret@hooks.example.org/", "address_malformed"),
        ("https://127.1/", "address_malformed"),
        ("https://127.0.0.1/", "address_refused"),
        ("https://169.254.169.254/latest/meta-data/", "address_refused"),
        ("https://localhost/", "address_refused"),
        ("http://127.0.0.1:2/", "address_malformed"),
    ],
)
async def test_security_34_an_inner_address_is_not_saved(
    sqlite_front: Front, url: str, code: str
) -> None:
    answer = await put(sqlite_front, url)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert await sqlite_front.desk.rows(NoticeAddress) == []


async def test_security_34_a_name_that_leads_inside_is_not_saved(sqlite_front: Front) -> None:
    class Inside:
        async def addresses(self, host: str) -> list[str]:
            return ["127.0.0.1" if host == "hooks.example.org" else "8.8.8.8"]

    sqlite_front.app.state.outgoing = Outgoing(Policy(), names=Inside())

    inner = await put(sqlite_front, "https://hooks.example.org/")
    outer = await put(sqlite_front, "https://other.example.org/")

    assert (inner.status_code, inner.json()["code"]) == (400, "address_refused")
    assert outer.status_code == 200


async def test_security_31_the_address_and_its_secret_are_sealed_in_their_place(
    sqlite_front: Front,
) -> None:
    secret = (await put(sqlite_front, f"http://{NOBODY_THERE}/token-in-the-path")).json()["secret"]
    desk = sqlite_front.desk
    other = a_user(desk.clock.now())
    await desk.keep(other)
    stored = await desk.one(NoticeAddress, desk.user.id)

    await desk.keep(
        NoticeAddress(id=other.id, host="x", sealed=stored.sealed, set_at=desk.clock.now())
    )

    assert "token-in-the-path" not in stored.sealed
    assert secret not in stored.sealed
    async with desk.database.read() as session:
        destination = await destination_of(session, RING, desk.user.id)
        assert destination is not None
        assert (destination.url, destination.secret) == (
            f"http://{NOBODY_THERE}/token-in-the-path",
            secret,
        )
        assert secret not in repr(destination)
        assert "token" not in repr(destination)
        with pytest.raises(Unavailable):
            await destination_of(session, RING, other.id)
    assert secret not in scrub(f"it is {secret}")


async def test_security_31_rotating_keys_brings_addresses_along(front: Front) -> None:
    secret = (await put(front, f"http://{NOBODY_THERE}/")).json()["secret"]
    desk = front.desk
    newer = KeyRing.of(b"n" * 32, b"k" * 32)

    unreadable = await rewrap_all(desk.database, newer, on_progress=lambda _: None)

    async with desk.database.read() as session:
        destination = await destination_of(session, KeyRing.of(b"n" * 32), desk.user.id)
    assert unreadable == []
    assert destination is not None
    assert destination.secret == secret


async def test_security_32_the_trail_has_the_host_and_no_more(sqlite_front: Front) -> None:
    await put(sqlite_front, f"http://{NOBODY_THERE}/token-in-the-path")

    async with sqlite_front.desk.database.read() as session:
        details = (await session.scalars(text("SELECT detail FROM audit_entries"))).all()

    assert any("127.0.0.1" in str(one) for one in details)
    assert not any("token-in-the-path" in str(one) for one in details)


@pytest.mark.parametrize(
    ("says", "delivered"),
    [(b"200 OK", True), (b"204 No Content", True), (b"301 Moved", False), (b"500 Oh", False)],
)
async def test_a_test_says_what_the_server_answered(
    sqlite_front: Front, says: bytes, *, delivered: bool
) -> None:
    server = Trap(says=b"HTTP/1.1 " + says + b"\r\nContent-Length: 0\r\n\r\n")
    async with serving(server, INSIDE) as port:
        listed = frozenset({f"{INSIDE}:{port}"})
        sqlite_front.app.state.outgoing = Outgoing(Policy(listed=listed))
        await put(sqlite_front, f"http://{INSIDE}:{port}/")

        answer = await sqlite_front.post(f"{PATH}/test")

    [request] = server.heard
    sent = json.loads(request.partition(b"\r\n\r\n")[2])
    assert (answer["delivered"], answer["status"]) == (delivered, int(says[:3]))
    assert (sent["code"], sent["subject_id"]) == ("test", str(sqlite_front.desk.user.id))


async def test_a_test_that_nobody_answers_is_no_error(sqlite_front: Front) -> None:
    await put(sqlite_front, f"http://{NOBODY_THERE}/")

    answer = await sqlite_front.post(f"{PATH}/test")

    assert answer == {
        "delivered": False,
        "status": None,
        "detail": "The server could not be reached, or answered nonsense.",
    }


async def test_security_25_tests_are_not_sent_faster_than_every_ten_seconds(
    sqlite_front: Front,
) -> None:
    await put(sqlite_front, f"http://{NOBODY_THERE}/")
    await sqlite_front.post(f"{PATH}/test")

    early = await sqlite_front.call("POST", f"{PATH}/test")
    sqlite_front.desk.clock.advance(10)
    later = await sqlite_front.call("POST", f"{PATH}/test")

    assert (early.status_code, early.headers["retry-after"]) == (429, "10")
    assert later.status_code == 200
