"""`Idempotency-Key`: the same request again does nothing again, whatever happened in between."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from httpx import Response

from app.accounts.models import User
from app.audit.models import AuditEntry
from app.core.errors import Retryable
from app.core.failpoints import arm
from app.exchanges.venue import BalanceReport
from app.http.request_keys import RequestKey
from app.pipeline.flow import sweeps
from app.pipeline.signals.status import SignalStatus
from app.strategies.words import Approval
from tests.builders import a_user
from tests.integration.desk.front import USER, Front
from tests.integration.desk.test_manual_orders import an_order
from tests.integration.desk.test_update_active import a_wish
from tests.integration.flow.desk import Process, Town, Venues

Sent = tuple[str, str, Any]
REPLAYED = "Idempotent-Replayed"
MANY = 8
DAY = 24 * 3600


async def send(
    front: Front, request: Sent, key: str | bytes, *, user: User | None = None, settle: bool = True
) -> Response:
    method, path, body = request
    caller = user or front.desk.user
    front.users[caller.username] = caller
    headers = {USER: caller.username, "Idempotency-Key": key}
    answer = await front.client.request(method, path, json=body, headers=headers)  # type: ignore[arg-type]  # httpx takes bytes too
    if settle:
        await front.desk.process.settle()
    return answer


async def an_entry(front: Front) -> Sent:
    return "POST", "/orders", an_order(front)


async def an_exit(front: Front) -> Sent:
    await front.post("/orders", an_order(front), expect=201)
    return "POST", "/orders", an_order(front, side="sell", quantity="0.04")


async def a_cancel(front: Front) -> Sent:
    resting = an_order(front, order_type="limit", limit_price="59000")
    order = await front.post("/orders", resting, expect=201)
    return "DELETE", f"/orders/{order['id']}", None


async def a_position(front: Front) -> str:
    await front.post("/orders", an_order(front), expect=201)
    [position] = await front.desk.positions()
    return f"/positions/{position.id}"


async def a_close(front: Front) -> Sent:
    return "POST", f"{await a_position(front)}/close", {"quantity": "0.04"}


async def a_stop(front: Front) -> Sent:
    return "PATCH", await a_position(front), {"stop_loss": "58000"}


async def a_pending_signal(front: Front) -> str:
    await front.desk.change_strategy(approval=Approval.MANUAL)
    await front.desk.alert()
    return f"/signals/{(await front.desk.signals())[-1].id}"


async def an_approval(front: Front) -> Sent:
    return "POST", f"{await a_pending_signal(front)}/approve", {"fraction": "0.5"}


async def a_rejection(front: Front) -> Sent:
    return "POST", f"{await a_pending_signal(front)}/reject", {"reason": "no"}


async def a_switch(front: Front) -> Sent:
    del front
    return "POST", "/risk/kill-switch", {"is_on": True}


async def limits(front: Front) -> Sent:
    del front
    return "PUT", "/risk", {"max_open_positions": 3}


async def wishes(front: Front) -> Sent:
    return "POST", "/signals/update_active", {"signals": [a_wish(front)]}


ROUTES = (
    an_entry,
    an_exit,
    a_cancel,
    a_close,
    a_stop,
    an_approval,
    a_rejection,
    a_switch,
    limits,
    wishes,
)


@pytest.mark.parametrize("prepare", ROUTES)
async def test_security_40_the_same_request_again_gets_the_same_answer_and_does_nothing(
    front: Front, prepare: Callable[[Front], Awaitable[Sent]]
) -> None:
    request = await prepare(front)

    first = await send(front, request, "k")
    done = [entry.id for entry in await front.desk.rows(AuditEntry)]
    again = await send(front, request, "k")

    assert first.is_success, first.text
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert (REPLAYED in first.headers, again.headers[REPLAYED]) == (False, "true")
    assert again.headers["content-type"] == first.headers["content-type"]
    assert [entry.id for entry in await front.desk.rows(AuditEntry)] == done


async def test_security_40_a_key_with_another_body_or_route_is_refused(front: Front) -> None:
    method, path, body = await an_entry(front)
    await send(front, (method, path, body), "k")

    answers = [
        await send(front, (method, path, {**body, "quantity": "0.2"}), "k"),
        await send(front, await a_switch(front), "k"),
    ]

    assert [one.status_code for one in answers] == [422, 422]
    assert {one.json()["code"] for one in answers} == {"idempotency_key_reused"}
    assert len(await front.desk.orders()) == 1


@pytest.mark.parametrize("prepare", [an_entry, an_exit, an_approval])
async def test_security_40_many_at_once_have_one_effect(
    front: Front, prepare: Callable[[Front], Awaitable[Sent]]
) -> None:
    request = await prepare(front)
    before = len(front.desk.sent)

    answers = await asyncio.gather(*(send(front, request, "k", settle=False) for _ in range(MANY)))
    await front.desk.process.settle()
    later = await send(front, request, "k")

    assert len(front.desk.sent) == before + 1
    done = [one for one in answers if one.is_success]
    assert len([one for one in done if REPLAYED not in one.headers]) == 1
    assert all(one.json() == later.json() for one in done)
    waiting = [one for one in answers if not one.is_success]
    assert {one.json()["code"] for one in waiting} <= {"idempotency_key_in_use"}
    assert all((one.status_code, one.headers["Retry-After"]) == (409, "1") for one in waiting)


async def test_security_40_a_restart_forgets_no_key(front: Front) -> None:
    request = await an_entry(front)
    first = await send(front, request, "k")

    await front.restart()
    again = await send(front, request, "k")

    assert (again.status_code, again.json()) == (201, first.json())
    assert len(front.desk.sent) == 1


async def test_security_40_the_same_key_of_another_user_is_another_key(front: Front) -> None:
    other = a_user(front.desk.clock.now())
    await front.desk.keep(other)

    mine = await send(front, ("PUT", "/risk", {"max_open_positions": 3}), "k")
    theirs = await send(front, ("PUT", "/risk", {"max_open_positions": 4}), "k", user=other)

    assert (mine.status_code, theirs.status_code) == (200, 200)
    assert theirs.json()["max_open_positions"] == 4


class SilentVenues(Venues):
    """The venue does not answer: whoever asks it waits."""

    def __init__(self, town: Town) -> None:
        super().__init__(town)
        self.is_asked = asyncio.Event()

    async def balances(self, account_id: UUID) -> Sequence[BalanceReport]:
        del account_id
        self.is_asked.set()
        await asyncio.Event().wait()
        raise AssertionError


async def without_worker(front: Front) -> None:
    """Let a process answer that only answers, until it is started."""
    await front.desk.process.end()
    front.desk.process = Process(front.desk.database, front.desk.town)
    await front.desk.process.instruments.restore()
    front.work_with(front.desk.tools)


async def cut_off(front: Front, request: Sent) -> Response:
    """A first request that dies while it asks the venue; what the second is told meanwhile."""
    tools, silent = front.desk.tools, SilentVenues(front.desk.town)
    front.work_with(replace(tools, venues=silent))
    first = asyncio.create_task(send(front, request, "k", settle=False))
    await silent.is_asked.wait()
    meanwhile = await send(front, request, "k", settle=False)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    front.work_with(tools)
    return meanwhile


async def test_security_40_a_crash_before_the_answer_neither_blocks_nor_repeats(
    front: Front,
) -> None:
    request = await an_entry(front)
    await without_worker(front)

    meanwhile = await cut_off(front, request)
    front.desk.clock.advance(16)
    again = await send(front, request, "k", settle=False)
    later = await send(front, request, "k", settle=False)
    await front.desk.process.start()

    assert (meanwhile.status_code, meanwhile.json()["code"]) == (409, "idempotency_key_in_use")
    assert meanwhile.headers["Retry-After"] == "1"
    assert again.status_code == 201, again.text
    [order] = await front.desk.orders()
    assert again.json()["id"] == str(order.id)
    assert (later.headers[REPLAYED], later.json()) == ("true", again.json())
    assert len(await front.desk.signals()) == 1


async def test_security_40_a_crash_after_which_the_worker_went_on_gives_the_workers_order(
    front: Front,
) -> None:
    request = await an_entry(front)

    await cut_off(front, request)
    await front.restart()
    [order] = await front.desk.orders()
    front.desk.clock.advance(16)
    again = await send(front, request, "k")

    assert (again.status_code, again.json()["id"]) == (201, str(order.id))
    assert len(front.desk.sent) == 1


@pytest.fixture
def disarmed() -> Iterator[None]:
    yield
    arm("")


@pytest.mark.usefixtures("disarmed")
@pytest.mark.parametrize(("point", "is_done"), [("C11", False), ("C12", True)])
async def test_security_40_a_crash_leaves_the_effect_and_its_answer_or_neither(
    front: Front, point: str, *, is_done: bool
) -> None:
    request = await an_approval(front)
    arm(f"{point}:1:error")

    # Before the commit, and between the commit and the answer.
    crashed = await send(front, request, "k")
    done, kept = len(front.desk.sent), len(await front.desk.rows(RequestKey))
    again = await send(front, request, "k")

    assert (crashed.status_code, done, kept) == (500, is_done, is_done)
    assert (again.status_code, again.json()["status"]) == (200, "approved")
    assert (REPLAYED in again.headers) == is_done
    assert len(front.desk.sent) == 1


async def test_security_40_a_refusal_that_left_a_record_is_kept(front: Front) -> None:
    await front.post("/risk/kill-switch", {"is_on": True})
    request = await an_entry(front)

    first = await send(front, request, "k")
    await front.post("/risk/kill-switch", {"is_on": False})
    again = await send(front, request, "k")

    assert (first.status_code, first.json()["code"]) == (422, "kill_switch")
    assert (again.status_code, again.json()) == (422, first.json())
    assert [signal.status for signal in await front.desk.signals()] == [SignalStatus.DENIED]


async def test_security_40_a_refusal_that_left_nothing_is_not_kept(front: Front) -> None:
    request = ("POST", "/orders", an_order(front, side="sell", quantity="0.04", reduce_only=True))
    refused = await send(front, request, "k")

    await front.post("/orders", an_order(front), expect=201)
    again = await send(front, request, "k")

    assert (refused.status_code, refused.json()["code"]) == (422, "nothing_to_close")
    assert (again.status_code, again.json()["purpose"]) == (201, "exit")
    assert REPLAYED not in again.headers


async def test_security_40_not_now_is_not_kept(front: Front) -> None:
    request = await an_entry(front)
    front.desk.venue.failure = Retryable("asking the venue: no answer")
    not_now = await send(front, request, "k")

    front.desk.venue.failure = None
    again = await send(front, request, "k")

    assert not_now.status_code == 503
    assert again.status_code == 201
    assert len(front.desk.sent) == 1


async def test_security_40_a_key_is_free_again_after_a_day(front: Front) -> None:
    request = await limits(front)
    await send(front, request, "k")

    front.desk.clock.advance(DAY)
    again = await send(front, request, "k")
    kept = await front.desk.rows(RequestKey)
    front.desk.clock.advance(DAY + 1)
    await sweeps.tidy(front.desk.tools)

    assert (again.status_code, REPLAYED in again.headers, len(kept)) == (200, False, 1)
    assert await front.desk.rows(RequestKey) == []


async def test_security_40_what_is_no_key_is_refused(front: Front) -> None:
    request = await limits(front)
    answers = [await send(front, request, key) for key in ("", "k" * 121, "a\tb", "ключ".encode())]
    two = [(USER, front.desk.user.username), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answers.append(await front.client.put("/risk", json={}, headers=two))

    assert {one.status_code for one in answers} == {400}
    assert {one.json()["code"] for one in answers} == {"bad_idempotency_key"}
    assert await front.desk.rows(RequestKey) == []


async def test_security_40_keys_that_differ_in_case_are_two(front: Front) -> None:
    first = await send(front, ("PUT", "/risk", {"max_open_positions": 3}), "Key")
    other = await send(front, ("PUT", "/risk", {"max_open_positions": 4}), "kEY")

    assert (first.status_code, other.status_code) == (200, 200)
