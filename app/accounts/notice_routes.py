"""/notices/address: where your notices are sent, so that you are told at three in the morning."""

from datetime import datetime

from litestar import Router, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import notice_address
from app.accounts.keys import KeyRing
from app.core.errors import AppError, Conflict, NotFound, TooMany
from app.core.ids import new_id
from app.db.session import Database
from app.http.caller import Caller, require_proof, require_trader
from app.http.outgoing import Outgoing
from app.http.schemas import In, Moment, Out
from app.notifications.letters import body_of_test, headers_of


class NoticeAddressIn(In):
    """An https address of yours."""

    url: str = Field(max_length=2_000, examples=["https://hooks.example.org/signalbox"])


class NoticeAddressOut(Out):
    """Where notices go: the host only, for the rest of an address may be a secret."""

    host: str
    set_at: Moment


class NewNoticeAddressOut(NoticeAddressOut):
    """With the secret that signs what is sent; it is shown this once."""

    secret: str


class NoticeTestOut(Out):
    """Whether a test arrived; `status` is what your server answered, null when it did not."""

    delivered: bool
    status: int | None
    detail: str


@get(
    "/",
    operation_id="getNoticeAddress",
    opt={"raises": [NotFound]},
    summary="Where your notices are sent",
)
async def get_address(
    session: NamedDependency[AsyncSession], caller: NamedDependency[Caller]
) -> NoticeAddressOut:
    """Show the host."""
    return NoticeAddressOut.model_validate(await notice_address.owned(session, caller.user_id))


@put(
    "/",
    guards=[require_trader, require_proof],
    operation_id="setNoticeAddress",
    opt={"raises": [Conflict]},
    summary="Have your notices sent to an address of yours; its secret is shown this once",
)
async def set_address(
    data: JSONBody[NoticeAddressIn],
    database: NamedDependency[Database],
    ring: NamedDependency[KeyRing],
    outgoing: NamedDependency[Outgoing],
    caller: NamedDependency[Caller],
    now: NamedDependency[datetime],
) -> NewNoticeAddressOut:
    """Set it, or replace it and its secret. It has to lead to a server on the internet."""
    target = await outgoing.check(data.url)
    async with database.transaction() as session:
        address, secret = await notice_address.set_address(
            session,
            ring,
            caller.user_id,
            url=data.url,
            host=target.host,
            actor=caller.username,
            now=now,
        )
    return NewNoticeAddressOut(host=address.host, set_at=address.set_at, secret=secret)


@delete(
    "/",
    guards=[require_trader, require_proof],
    operation_id="removeNoticeAddress",
    opt={"raises": [NotFound]},
    summary="Have your notices sent nowhere",
)
async def remove_address(
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
    now: NamedDependency[datetime],
) -> None:
    """Remove it; a thief who trades would begin with that, so it takes a proof."""
    await notice_address.remove_address(session, caller.user_id, actor=caller.username, now=now)


@post(
    "/test",
    status_code=200,
    guards=[require_trader],
    operation_id="testNoticeAddress",
    opt={"raises": [NotFound, TooMany]},
    summary="Send a test to your address",
)
async def test_address(
    database: NamedDependency[Database],
    ring: NamedDependency[KeyRing],
    outgoing: NamedDependency[Outgoing],
    caller: NamedDependency[Caller],
    now: NamedDependency[datetime],
) -> NoticeTestOut:
    """Send it now, once. What fails is said, and is no error."""
    async with database.transaction() as session:
        destination = await notice_address.begin_test(
            session, ring, caller.user_id, actor=caller.username, now=now
        )
    notice_id = new_id()
    body = body_of_test(notice_id, caller.user_id, now)
    headers = headers_of(notice_id, body, destination.secret, now=now)
    try:
        answer = await outgoing.post(destination.url, body, headers)
    except AppError as failure:
        return NoticeTestOut(delivered=False, status=None, detail=failure.detail)
    words = "It arrived." if answer.is_success else "Your server did not take it: answer with 2xx."
    return NoticeTestOut(delivered=answer.is_success, status=answer.status, detail=words)


router = Router(
    path="/notices/address",
    tags=["notices"],
    route_handlers=[get_address, set_address, remove_address, test_address],
)
