"""What a test shows at the webhook's door in place of the token, of which we keep a digest only."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final
from uuid import UUID

from app.core.errors import TooMany
from app.core.ids import new_token
from app.strategies.service import token_digest

LIFETIME: Final = timedelta(seconds=10)
MINUTE: Final = timedelta(minutes=1)
MOST_A_MINUTE: Final = 10


@dataclass(frozen=True, slots=True)
class DoorPass:
    """For which strategy somebody tests, and until when."""

    strategy_id: UUID
    username: str
    expires_at: datetime


class DoorPasses:
    """The passes of the tests that this process is in the middle of.

    They are in memory only: a pass opens the door once, in the process that made it, and only for
    as long as its test runs. Nothing that is stored, logged or sent could be used as one.
    """

    def __init__(self) -> None:
        self._held: dict[str, DoorPass] = {}
        self._issued: dict[UUID, list[datetime]] = {}

    @contextmanager
    def issued(
        self, strategy_id: UUID, *, user_id: UUID, username: str, now: datetime
    ) -> Iterator[str]:
        """A pass for one knock within the block.

        Raises:
            TooMany: this user has tested often enough for a minute.
        """
        self._keep_pace(user_id, now)
        text = new_token()
        self._held[token_digest(text)] = DoorPass(strategy_id, username, now + LIFETIME)
        try:
            yield text
        finally:
            self._held.pop(token_digest(text), None)

    def take(self, text: str, *, now: datetime) -> DoorPass | None:
        """The pass that this is, which is used up by that; None for anything else."""
        if not self._held:
            return None
        found = self._held.pop(token_digest(text), None)
        return found if found is not None and now < found.expires_at else None

    def is_unused(self, text: str) -> bool:
        """Whether nobody has shown it: whoever knocked was turned away before it was looked at."""
        return token_digest(text) in self._held

    def _keep_pace(self, user_id: UUID, now: datetime) -> None:
        recent = [at for at in self._issued.get(user_id, ()) if now - at < MINUTE]
        if len(recent) >= MOST_A_MINUTE:
            wait = ceil((recent[0] + MINUTE - now).total_seconds())
            raise TooMany(
                f"{MOST_A_MINUTE} tests in a minute are enough: wait {wait} s.",
                retry_after_seconds=wait,
            )
        self._issued[user_id] = [*recent, now]
