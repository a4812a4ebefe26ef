"""Whose alert it is, by its token; those who ask at one moment are looked up together."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from app.core.allowance import Allowance
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

# Strategies are never as many, and what is guessed must not fill the memory.
MOST_REMEMBERED: Final = 10_000

Remembered = TypeVar("Remembered")


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
    """Takes deliveries in for whoever has the right token.

    What it counts and remembers is of this process; nothing of it costs a question.

    Args:
        tools: the database, the clock and the inbox.
        most_remembered: tokens that were right, and as many that were wrong.
    """

    def __init__(self, tools: Tools, *, most_remembered: int = MOST_REMEMBERED) -> None:
        settings = tools.settings
        self._tools = tools
        self._most_remembered = most_remembered
        self._known: dict[str, TokenOwner] = {}
        # What is no token never becomes one: tokens are made here, of 256 random bits. So an alert
        # with a token that has ended is looked up once, however often it comes.
        self._unknown: dict[str, None] = {}
        self._by_address = Allowance(
            settings.webhook_address_per_minute, "Too many alerts come from your address."
        )
        self._by_token = Allowance(
            settings.webhook_token_per_minute,
            "Too many alerts come with this token.",
            most_keys=most_remembered,
        )
        self._guesses = Allowance(
            settings.webhook_guesses_per_minute, "Too many unknown tokens come from your address."
        )
        self._owners: Shared[str, TokenOwner | None] = Shared(
            self._look_up, patience_seconds=tools.settings.inbox_patience_seconds
        )

    @property
    def remembered(self) -> int:
        """How many tokens it knows something about."""
        return len(self._known) + len(self._unknown)

    def greet(self, sender: str) -> None:
        """Count a request of that address, before anything of it is read.

        Raises:
            TooMany: it sends more than one address may.
        """
        self._by_address.take(sender)

    async def admit(self, token: str, *, sender: str) -> Admitted:
        """Let in an alert with a strategy's token, or a test with a pass of this process.

        A token that was right once is let in to be read. The transaction that keeps the alert
        looks it up again, for it may have been rotated: it costs a crowd one question, not two.

        Args:
            token: as it came, in the path or in the body.
            sender: the address it came from.

        Raises:
            NotFound: it is neither; that looks like any path that does not exist.
            TooMany: too much comes with it, or too many unknown ones come from there.
            Unavailable: it could not be looked up now; the sender should send it again.
        """
        test = self._tools.passes.take(token, now=self._tools.now())
        if test is not None:
            return await self._tester(test)
        digest = token_digest(token)
        owner = self._known.get(digest) or await self._find(digest, sender)
        self._by_token.take(digest)
        return Admitted(owner, sender, digest)

    async def take(self, admitted: Admitted, body: bytes) -> Receipt:
        """Keep one delivery and say what became of it.

        Args:
            admitted: whose it is.
            body: the bytes as they arrived.

        Raises:
            NotFound: its token has ended since it was let in.
            Unavailable: it could not be kept now; the sender should send it again.
        """
        delivery = Delivery(
            user_id=admitted.owner.user_id,
            strategy_id=admitted.owner.strategy_id,
            body=body,
            source=admitted.source,
            received_at=self._tools.now(),
            reading=Reading.of(body, hiding={admitted.token_digest or ""}),
            token_digest=admitted.token_digest,
            token_hint=admitted.owner.token_hint,
            actor=admitted.tester,
        )
        try:
            return await take_delivery(self._tools, delivery)
        except TokenGone:
            self._known.pop(admitted.token_digest or "", None)
            raise NotFound(NOTHING_HERE) from None

    async def _find(self, digest: str, sender: str) -> TokenOwner:
        """Ask the database, unless the answer is known or that address has guessed too often."""
        if digest in self._unknown:
            raise NotFound(NOTHING_HERE)
        self._guesses.check(sender)
        owner = await self._owners.ask(digest)
        if owner is None:
            self._guesses.use(sender)
            self._remember(self._unknown, digest, None)
            raise NotFound(NOTHING_HERE)
        self._remember(self._known, digest, owner)
        return owner

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

    def _remember(self, rows: dict[str, Remembered], digest: str, value: Remembered) -> None:
        rows[digest] = value
        if len(rows) > self._most_remembered:
            del rows[next(iter(rows))]
