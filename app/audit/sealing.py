"""Seal the audit trail: what was committed gets its place in the chain, a moment later.

Whoever writes an entry takes no part in it. A digest over the entry before would make all writers
stand in one line, and they are the ones that trade.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from loguru import logger
from sqlalchemy.exc import IntegrityError

from app.audit import repository
from app.audit.chain import digest_after
from app.audit.models import AuditSeal
from app.core.clock import Clock
from app.db.insert import Rows
from app.db.session import Database, Writing

AT_ONCE: Final = 200
# A long backlog, as after an upgrade, leaves the database to the others nearly all of the time.
PAUSE_SECONDS: Final = 0.1
# An entry is committed later than a younger one at times, though hardly ever by more than this.
SETTLED_AFTER: Final = timedelta(minutes=1)
# What was committed later than that is found then: the whole trail is looked through.
WHOLE_EVERY: Final = timedelta(minutes=10)
FIRST: Final = UUID(int=0)
_SEALS: Final = Rows(AuditSeal)


class Sealer:
    """Seals entries as they come; several processes may do so at once.

    Args:
        database: whose trail.
        clock: says when to look further back.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._turn = asyncio.Lock()
        # Where the look at hand goes on, and up to where nothing is expected any more.
        self._after = FIRST
        self._settled = FIRST
        # The newest entry at a moment: it is settled a while later.
        self._mark = FIRST
        self._marked_at: datetime | None = None
        self._whole_at: datetime | None = None

    async def seal(self) -> None:
        """Seal all there is; at once when somebody is at it already."""
        if self._turn.locked():
            return
        async with self._turn:
            while await self.seal_some() == AT_ONCE:  # noqa: ASYNC110 it is a pause, not a wait
                await asyncio.sleep(PAUSE_SECONDS)

    async def seal_some(self) -> int:
        """Seal at most `AT_ONCE` entries, in one transaction; none when there are none.

        Returns:
            How many; 0 also when another sealer was faster.
        """
        now = self._clock.now()
        if self._whole_at is None or now - self._whole_at >= WHOLE_EVERY:
            self._after, self._whole_at = FIRST, now
        async with self._database.read() as session:
            newest = await repository.newest_id(session)
            query = repository.unsealed(after=self._after, limit=AT_ONCE)
            entries = (await session.execute(query)).mappings().all()
        if entries and not await self._append(entries):
            return 0
        if len(entries) == AT_ONCE:
            self._after = entries[-1]["id"]
        else:
            self._settle(newest or FIRST, now)
        return len(entries)

    async def _append(self, entries: Sequence[Mapping[Any, Any]]) -> bool:
        """Put them at the end of the chain, all or none."""

        def append(writing: Writing) -> None:
            links = _links(repository.head_in(writing.connection), entries)
            _SEALS.insert(writing.connection, links)

        try:
            await self._database.together(append)
        except IntegrityError:
            # Another sealer has taken the number or the entry: it did the work.
            logger.debug("audit.sealed_by_another")
            return False
        return True

    def _settle(self, newest: UUID, now: datetime) -> None:
        """Look no further back than is needed, the next time."""
        if self._marked_at is None or now - self._marked_at >= SETTLED_AFTER:
            self._settled, self._mark, self._marked_at = self._mark, newest, now
        self._after = self._settled


def _links(head: repository.Head, entries: Sequence[Mapping[Any, Any]]) -> list[dict[str, Any]]:
    """The seals that follow the head, one for each entry."""
    links = []
    digest = head.digest
    for number, entry in enumerate(entries, start=head.number + 1):
        digest = digest_after(digest, entry)
        links.append({"number": number, "entry_id": entry["id"], "digest": digest})
    return links
