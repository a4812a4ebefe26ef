"""`Idempotency-Key`: the same request again gets the same answer, and does nothing again."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from litestar import Request
from litestar.openapi.spec import Example
from litestar.params import HeaderParameter
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import AppError, Invalid, KeyInUse, KeyReused
from app.http import request_keys
from app.http.errors import ErrorOut, Replay, status_of
from app.http.request_id import request_id_of
from app.http.request_keys import Name, RequestKey
from app.http.schemas import Out

HEADER: Final = "Idempotency-Key"
MAX_LENGTH: Final = 120
# Longer than asking a venue takes: what has no answer by then was cut off, and is gone on with.
UNDER_WAY: Final = timedelta(seconds=15)
RETRY_AFTER_SECONDS: Final = 1

OutT = TypeVar("OutT", bound=Out)


@dataclass(slots=True)
class Once:
    """The key of one request; without one, everything here does nothing.

    A route that is one transaction claims the key first in it and keeps the answer last, so that
    key, effect and answer are committed together or not at all.

    Attributes:
        keys: as they were sent; one at most is right.
        read_request: what the key stands for; read already, so nobody is waited for.
        status: that the route answers with when it succeeds.
    """

    user_id: UUID
    keys: Sequence[str]
    read_request: Callable[[], Awaitable[bytes]]
    status: int
    request_id: str
    now: Callable[[], datetime]
    is_ours: bool = False

    async def look(self, session: AsyncSession) -> UUID | None:
        """What an earlier request with this key has begun and was cut off from finishing.

        Raises:
            Invalid: it is no key.
            Replay: it was answered.
            KeyInUse: it is under way.
            KeyReused: it was another request.
        """
        name = self._name()
        if name is None:
            return None
        found = await request_keys.find(session, name, now=self.now())
        if found is None:
            return None
        self._refuse(found, await self._fingerprint())
        self.is_ours = True
        return found.subject_id

    async def claim(self, session: AsyncSession) -> None:
        """Take the key, first thing in the transaction that has the effect.

        Raises:
            Invalid: it is no key.
            Replay: an earlier request was answered.
            KeyInUse: an earlier request is under way.
            KeyReused: the key was sent with another request.
        """
        name = self._name()
        if name is None:
            return
        fingerprint = await self._fingerprint()
        if await request_keys.take(session, name, fingerprint, now=self.now()):
            self.is_ours = True
            return
        found = await request_keys.find(session, name, now=self.now())
        if found is not None:
            self._refuse(found, fingerprint)
        raise _in_use()

    async def begin(self, session: AsyncSession, subject_id: UUID) -> None:
        """Say what was made, in the same transaction, where the answer needs further ones."""
        name = self._held()
        if name is not None:
            await request_keys.begin(session, name, subject_id)

    async def keep(self, session: AsyncSession, answer: OutT) -> OutT:
        """Keep what the route answers, and return it."""
        await self._keep(session, self.status, answer.model_dump_json())
        return answer

    async def keep_refusal(self, session: AsyncSession, error: AppError) -> None:
        """Keep a refusal that is final: one that has left something behind."""
        body = ErrorOut(code=error.code, detail=error.detail, request_id=self.request_id)
        await self._keep(session, status_of(error), body.model_dump_json())

    async def free(self, session: AsyncSession) -> None:
        """Let the key be tried again: nothing came of it."""
        name = self._held()
        if name is not None:
            await request_keys.free(session, name)

    async def _keep(self, session: AsyncSession, status: int, body: str) -> None:
        name = self._held()
        if name is not None:
            await request_keys.answer(session, name, status=status, body=body)

    def _held(self) -> Name | None:
        return self._name() if self.is_ours else None

    def _name(self) -> Name | None:
        if not self.keys:
            return None
        [key, *others] = self.keys
        is_key = 1 <= len(key) <= MAX_LENGTH and key.isascii() and key.isprintable()
        if others or not is_key:
            raise Invalid(
                f"{HEADER}: send one, of 1 to {MAX_LENGTH} printable characters.",
                code="bad_idempotency_key",
            )
        return Name(self.user_id, _digest(key.encode()))

    async def _fingerprint(self) -> str:
        return _digest(await self.read_request())

    def _refuse(self, found: RequestKey, fingerprint: str) -> None:
        if found.fingerprint != fingerprint:
            raise KeyReused(
                f"This {HEADER} was sent with another request: take a new one for each."
            )
        if found.status is not None:
            raise Replay(found.status, found.body or "")
        if found.claimed_at > self.now() - UNDER_WAY:
            raise _in_use()


def provide_once(
    request: Request[Any, Any, Any],
    key: Annotated[
        str | None,
        HeaderParameter(
            name=HEADER,
            description=(
                "Any 1 to 120 printable characters, new for each thing you want done. The same "
                "request with the same key again, within 24 hours, gets the same answer and does "
                "nothing again."
            ),
            examples=[Example(value="5f1c6f9e-close-btc")],
        ),
    ] = None,
) -> Once:
    """The key of the request, unread: beside an open session nothing may fail or wait here.

    Litestar provides both at once, and would leave the session open until it is collected.
    """
    handler = request.route_handler
    takes_body = "data" in handler.parsed_fn_signature.parameters

    async def read() -> bytes:
        address = f"{request.method} {request.scope['path'].rstrip('/')}"
        body = await request.body() if takes_body else b""
        return b"\n".join((address.encode(), request.scope["query_string"], body))

    return Once(
        user_id=request.user.user_id,
        keys=() if key is None else request.headers.getall(HEADER),
        read_request=read,
        status=handler.status_code,
        request_id=request_id_of(request.scope),
        now=request.app.state.clock.now,
    )


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _in_use() -> KeyInUse:
    return KeyInUse(
        f"The first request with this {HEADER} is under way: ask again for its answer.",
        retry_after_seconds=RETRY_AFTER_SECONDS,
    )
