"""Whose alert it is, by its token; those who ask at one moment are looked up together."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from app.core.errors import NotFound
from app.core.sharing import Shared
from app.http.errors import NOTHING_HERE
from app.pipeline.alarms.keeping import Delivery, Receipt, TokenGone
from app.pipeline.alarms.models import TEST_SOURCE, source_of
from app.pipeline.alarms.service import Reading
from app.pipeline.flow.intake import take_delivery
from app.pipeline.flow.tools import Tools
from app.strategies import repository as strategies
from app.strategies.passes import DoorPass
from app.strategies.repository import TokenOwner
from app.strategies.service import token_digest


@dataclass(frozen=True, slots=True)
class Admitted:
    """Whose alert it is, and what is kept as its source.

    Attributes:
        token_digest: of its token, which has to be valid still when it is kept; None for a test.
        tester: the user whose test it is; None for an alert.
    """

    owner: TokenOwner
    source: str
    token_digest: str | None = None
    tester: str | None = None


class Door:
    """Takes deliveries in for whoever has the right token."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._known: dict[str, TokenOwner] = {}
        self._owners: Shared[str, TokenOwner | None] = Shared(
            self._look_up, patience_seconds=tools.settings.inbox_patience_seconds
        )

    async def admit(self, token: str, *, sender: str) -> Admitted:
        """Let in an alert with a strategy's token, or a test with a pass of this process.

        A token that was right once is let in to be read. The transaction that keeps the alert
        looks it up again, for it may have been rotated: it costs a crowd one question, not two.

        Args:
            token: as it came, in the path or in the body.
            sender: the address it came from.

        Raises:
            NotFound: it is neither; that looks like any path that does not exist.
            Unavailable: it could not be looked up now; the sender should send it again.
        """
        test = self._tools.passes.take(token, now=self._tools.now())
        if test is not None:
            return await self._tester(test)
        digest = token_digest(token)
        owner = self._known.get(digest)
        if owner is None:
            owner = await self._owners.ask(digest)
            if owner is None:
                raise NotFound(NOTHING_HERE)
            self._known[digest] = owner
        return Admitted(owner, sender, digest)

    async def take(self, admitted: Admitted, body: bytes) -> Receipt:
        """Keep one delivery and say what became of it.

        Args:
            admitted: whose it is.
            body: the bytes as they arrived.

        Raises:
            NotFound: its token was rotated since it was let in.
            Unavailable: it could not be kept now; the sender should send it again.
        """
        delivery = Delivery(
            user_id=admitted.owner.user_id,
            strategy_id=admitted.owner.strategy_id,
            body=body,
            source=admitted.source,
            received_at=self._tools.now(),
            reading=Reading.of(body),
            token_digest=admitted.token_digest,
            token_hint=admitted.owner.token_hint,
            actor=admitted.tester,
        )
        try:
            return await take_delivery(self._tools, delivery)
        except TokenGone:
            self._known.pop(admitted.token_digest or "", None)
            raise NotFound(NOTHING_HERE) from None

    async def _tester(self, test: DoorPass) -> Admitted:
        async with self._tools.database.read() as session:
            strategy = await strategies.get(session, test.strategy_id)
        owner = TokenOwner(strategy.id, strategy.user_id)
        return Admitted(owner, source_of(TEST_SOURCE, test.username), tester=test.username)

    async def _look_up(self, digests: Sequence[str]) -> Sequence[TokenOwner | None]:
        async with self._tools.database.read() as session:
            connection = await session.connection()
            found = await connection.run_sync(
                partial(strategies.by_token_digests, digests=set(digests), now=self._tools.now())
            )
        return [found.get(digest) for digest in digests]
