"""One job as the program that does it sees it."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.core.clock import Clock
from app.core.words import Word
from app.db.session import Database
from app.jobs import holding
from app.jobs.models import Job

# A bar that moves twice a second is smooth enough, and costs a commit each time.
NOTED_EVERY_SECONDS: Final = 0.5


class Ending(Word):
    """Why a job was stopped in the middle."""

    CANCELED = "canceled"
    LOST = "lost"


class Lost(Exception):
    """Somebody else has the job by now; whatever its program does is not wanted any more."""


@dataclass(slots=True)
class Run:
    """A job in hand.

    Attributes:
        job: as it was taken; its columns do not follow what is reported.
        ending: set when it is being stopped.
    """

    job: Job
    database: Database
    clock: Clock
    ending: Ending | None = None
    _noted_at: float = field(default=float("-inf"))

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What was asked for."""
        return self.job.parameters

    @property
    def checkpoint(self) -> Mapping[str, Any]:
        """Where the last program that worked on it had come to; empty at the beginning."""
        return self.job.checkpoint

    async def report(
        self, done: int, total: int | None, checkpoint: Mapping[str, Any], *, is_last: bool = False
    ) -> None:
        """Say how far it is; written down a few times a second at most.

        What is lost of it by an end in the middle is done again, so a program may only repeat what
        may be repeated.

        Args:
            done: of `total`, in the job's unit.
            total: None while nobody knows.
            checkpoint: where to go on from here, as JSON takes it.
            is_last: written down in any case.

        Raises:
            Lost: somebody else has it.
        """
        moment = time.monotonic()
        if not is_last and moment < self._noted_at + NOTED_EVERY_SECONDS:
            return
        async with self.database.transaction() as session:
            is_ours = await holding.note(
                session, self.job, done=done, total=total, checkpoint=checkpoint
            )
        if not is_ours:
            raise Lost
        self._noted_at = time.monotonic()


Program = Callable[[Run], Awaitable[Mapping[str, Any]]]
