"""How many bots are at work, and whether one has ended by itself."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.health.status import Check, Health
from app.http.caller import Caller

# How many there are in each status: of a user, or of all.
Counts = Callable[[AsyncSession, UUID | None], Awaitable[Mapping[str, int]]]
FAILED: Final = "failed"


@dataclass(frozen=True, slots=True)
class BotsHealth:
    """The bots of whoever asks; an admin hears of all.

    Attributes:
        counts: asks the bots' own room, which stands beside this one.
    """

    counts: Counts
    name: str = "bots"

    async def check(self, session: AsyncSession, caller: Caller | None) -> Check | None:
        """Amber while one has failed, for its owner and for admins alone."""
        if caller is None:
            return None
        found = await self.counts(session, None if caller.is_admin else caller.user_id)
        return Check(Health.DEGRADED if found[FAILED] else Health.OK, dict(found))
