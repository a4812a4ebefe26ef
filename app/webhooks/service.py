"""Whose alert it is, by its token; those who ask at one moment are looked up together."""

from collections.abc import Sequence

from app.core.errors import NotFound
from app.core.sharing import Shared
from app.http.errors import NOTHING_HERE
from app.pipeline.alarms.keeping import Delivery
from app.pipeline.alarms.service import Reading
from app.pipeline.flow.intake import Taken, take_delivery
from app.pipeline.flow.tools import Tools
from app.strategies import repository as strategies
from app.strategies.repository import TokenOwner
from app.strategies.service import token_digest


class Door:
    """Takes deliveries in for whoever has the right token."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._owners: Shared[str, TokenOwner | None] = Shared(
            self._look_up, patience_seconds=tools.settings.inbox_patience_seconds
        )

    async def owner_of(self, token: str) -> TokenOwner:
        """Whose strategy a token belongs to; looked up anew each time, for it may be rotated.

        Args:
            token: as it came, in the path or in the body.

        Raises:
            NotFound: nobody has that token; it looks like any path that does not exist.
            Unavailable: it could not be looked up now; the sender should send it again.
        """
        owner = await self._owners.ask(token_digest(token))
        if owner is None:
            raise NotFound(NOTHING_HERE)
        return owner

    async def take(self, owner: TokenOwner, body: bytes, *, source: str) -> Taken:
        """Keep one delivery and say what became of it.

        Args:
            owner: whose token came with it.
            body: the bytes as they arrived.
            source: the sender's address.

        Raises:
            Unavailable: it could not be kept now; the sender should send it again.
        """
        return await take_delivery(
            self._tools,
            Delivery(
                user_id=owner.user_id,
                strategy_id=owner.strategy_id,
                body=body,
                source=source,
                received_at=self._tools.now(),
                reading=Reading.of(body),
            ),
        )

    async def _look_up(self, digests: Sequence[str]) -> Sequence[TokenOwner | None]:
        async with self._tools.database.read() as session:
            found = await strategies.by_token_digests(session, digests)
        return [found.get(digest) for digest in digests]
