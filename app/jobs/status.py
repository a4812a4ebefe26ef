"""Where a job is, and where it may go."""

from typing import Final

from app.core.state import Transitions
from app.core.words import Word


class JobStatus(Word):
    """How far a job has come.

    Attributes:
        QUEUED: waits for a free hand; also one whose process has ended in the middle of it.
        RUNNING: somebody works on it, and says so every few seconds.
        DONE: it has its result.
        FAILED: its reason says why; what it had written by then stays.
        CANCELED: its owner has called it off; what it had written by then stays.
    """

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELED = "canceled"


JOB_MOVES: Final[Transitions[JobStatus]] = {
    JobStatus.QUEUED: frozenset({JobStatus.RUNNING, JobStatus.CANCELED}),
    JobStatus.RUNNING: frozenset(
        {JobStatus.QUEUED, JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELED}
    ),
    JobStatus.DONE: frozenset(),
    JobStatus.FAILED: frozenset(),
    JobStatus.CANCELED: frozenset(),
}
UNFINISHED: Final = tuple(status for status in JobStatus if JOB_MOVES[status])
