"""WebSockets and event streams: so many for each user, and none longer than its login."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from uuid import UUID

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send
from loguru import logger

from app.accounts import repository
from app.accounts.models import ApiKey, Login, User
from app.accounts.sessions import may_use
from app.accounts.tokens import Access
from app.core.clock import Clock
from app.core.errors import TooMany
from app.core.origin import current_origin
from app.db.session import Database
from app.http.event_streams import Answer, ends_with_server
from app.http.sockets import CloseCode

CHECK_SECONDS: Final = 2.0
# A peer that reads nothing does not hear it either.
GOODBYE_SECONDS: Final = 1.0
# So often in a row the database may be silent before nobody is believed any more.
MOST_BLIND_CHECKS: Final = 2
LOGINS_AT_ONCE: Final = 500

Ending = tuple[CloseCode, str]


def goes_on(
    access: Access, login: Login, user: User, key: ApiKey | None, *, source: str | None
) -> bool:
    """Whether a login still allows what an access token or a ticket of it says."""
    if login.ended_at is not None or not user.is_active or user.token_epoch != access.epoch:
        return False
    return user.id == access.user_id and may_use(key, source)


@dataclass(eq=False, slots=True)
class _Socket:
    access: Access
    source: str | None
    ending: asyncio.Future[Ending] = field(default_factory=asyncio.Future)

    def end(self, code: CloseCode, reason: str) -> None:
        if not self.ending.done():
            self.ending.set_result((code, reason))


class OpenSockets:
    """Serves what stays open in this process, and looks every two seconds whether it may go on.

    That is WebSockets and event streams; both are called sockets here, and counted together.

    One look at the database serves them all. While it does not answer, they stay open for some
    seconds; after that a login that has ended could not be told from one that has not.

    Args:
        database: where the logins are.
        clock: by which access tokens end.
        per_user: how many a user may have open here.
    """

    def __init__(self, database: Database, clock: Clock, *, per_user: int) -> None:
        self._database = database
        self._clock = clock
        self._per_user = per_user
        self._open: set[_Socket] = set()
        self._of_user: Counter[UUID] = Counter()
        self._blind_checks = 0
        self._watching: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._open)

    def check_room(self, user_id: UUID) -> None:
        """See whether the user may open one more.

        Raises:
            TooMany: `too_many_sockets`.
        """
        if self._of_user[user_id] >= self._per_user:
            raise TooMany(
                f"You have {self._per_user} WebSockets and streams open here; close one first.",
                code="too_many_sockets",
            )

    async def serve(
        self, access: Access, app: ASGIApp, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Run the application for one socket until it returns or the login behind it has ended.

        An event stream ends with the server, too; of a WebSocket the server itself sees to that.
        """
        socket = _Socket(access, current_origin().source)
        self._enter(socket)
        answer = Answer(send)
        is_stream = scope["type"] == ScopeType.HTTP
        if is_stream:
            ends_with_server(scope, partial(socket.end, CloseCode.RESTARTING, "restarting"))
        serving = asyncio.ensure_future(app(scope, receive, answer.send if is_stream else send))
        either: set[asyncio.Future[Any]] = {serving, socket.ending}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                await serving
            else:
                await _stop(serving)
                code, reason = socket.ending.result()
                goodbye = answer.say_end(reason) if is_stream else _close(send, code, reason)
                await _say(goodbye, reason)
        finally:
            serving.cancel()
            self._leave(socket)

    def _enter(self, socket: _Socket) -> None:
        self._open.add(socket)
        self._of_user[socket.access.user_id] += 1
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch(), name="open sockets")

    def _leave(self, socket: _Socket) -> None:
        self._open.discard(socket)
        self._of_user[socket.access.user_id] -= 1
        self._of_user = +self._of_user

    async def _watch(self) -> None:
        while self._open:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                await self.check()
            except Exception:  # noqa: BLE001 nobody would be looked at any more
                logger.exception("sockets.not_checked")

    async def check(self) -> None:
        """End those whose login has ended, or whose access token is past its time."""
        now = self._clock.now()
        for socket in self._open:
            if socket.access.expires_at <= now:
                socket.end(CloseCode.LOGIN_ENDED, "token_expired")
        sockets = [socket for socket in self._open if not socket.ending.done()]
        try:
            logins = await self._logins({socket.access.login_id for socket in sockets})
        except Exception:  # noqa: BLE001 whatever is wrong, nobody can be believed for long
            self._be_blind(sockets)
            return
        self._blind_checks = 0
        for socket in sockets:
            found = logins.get(socket.access.login_id)
            if found is None or not goes_on(socket.access, *found, source=socket.source):
                socket.end(CloseCode.LOGIN_ENDED, "login_ended")

    def _be_blind(self, sockets: Sequence[_Socket]) -> None:
        self._blind_checks += 1
        logger.bind(times=self._blind_checks).exception("sockets.logins_unknown")
        if self._blind_checks >= MOST_BLIND_CHECKS:
            for socket in sockets:
                socket.end(CloseCode.TRY_AGAIN, "database_down")

    async def _logins(self, ids: set[UUID]) -> dict[UUID, tuple[Login, User, ApiKey | None]]:
        async with asyncio.timeout(CHECK_SECONDS), self._database.read() as session:
            return {
                login.id: (login, user, key)
                for part in _parts(sorted(ids))
                for login, user, key in await repository.logins(session, part)
            }


def _parts(ids: Sequence[UUID]) -> list[Sequence[UUID]]:
    return [ids[start : start + LOGINS_AT_ONCE] for start in range(0, len(ids), LOGINS_AT_ONCE)]


async def _stop(serving: asyncio.Future[None]) -> None:
    serving.cancel()
    await asyncio.wait({serving})


async def _close(send: Send, code: CloseCode, reason: str) -> None:
    await send({"type": "websocket.close", "code": code, "reason": reason})


async def _say(goodbye: Awaitable[None], reason: str) -> None:
    try:
        async with asyncio.timeout(GOODBYE_SECONDS):
            await goodbye
    except (TimeoutError, OSError, RuntimeError):
        # It has left meanwhile, or was closed by whoever served it.
        logger.bind(reason=reason).debug("socket.goodbye_unheard")
