"""What one stream has not told yet: of each row its newest change, never a queue."""

import asyncio
from dataclasses import dataclass
from typing import Final

from app.core.words import Word

# Different rows that wait for one stream; one more, and it is told to load everything anew.
MOST_WAITING: Final = 1_000

Subject = tuple[str, str]


class Why(Word):
    """Why everything has to be loaded anew."""

    NEW = "new"
    TOO_OLD = "too_old"
    TOO_SLOW = "too_slow"
    UNKNOWN_ID = "unknown_id"


@dataclass(frozen=True, slots=True)
class Reset:
    """From here on everything is told; what was before has to be loaded.

    Attributes:
        number: what to resume after.
    """

    why: Why
    number: int


class Listener:
    """Changes that wait to be told by one stream, by kind and subject.

    Args:
        newest: everything up to that number is there to be loaded.
        most_waiting: how many rows may wait.
    """

    def __init__(self, newest: int, *, most_waiting: int = MOST_WAITING) -> None:
        self._newest = newest
        self._told = 0
        self._most_waiting = most_waiting
        self._waiting: dict[Subject, int] = {}
        self._reset: Reset | None = None
        self._news = asyncio.Event()

    def put(self, subject: Subject, number: int) -> None:
        """A row has changed.

        Args:
            subject: its kind and what identifies it there.
            number: of the change; 0 for one that came after later ones were told.
        """
        if 0 < number <= self._told:
            return
        self._newest = max(self._newest, number)
        if subject not in self._waiting and len(self._waiting) >= self._most_waiting:
            self.start_anew(Why.TOO_SLOW)
            return
        self._waiting[subject] = max(number, self._waiting.get(subject, 0))
        self._news.set()

    def skip(self, last: int) -> None:
        """Changes up to that number were told already, by whichever process."""
        self._told = last
        self._waiting = {
            subject: number
            for subject, number in self._waiting.items()
            if number == 0 or number > last
        }

    def start_anew(self, why: Why) -> None:
        """Forget what waits: everything has to be loaded anew."""
        self._waiting.clear()
        self._reset = Reset(why, self._newest)
        self._news.set()

    async def news(self) -> None:
        """Wait until there is something to tell."""
        await self._news.wait()

    def take_reset(self) -> Reset | None:
        """What comes before all else, if everything has to be loaded anew."""
        reset, self._reset = self._reset, None
        return reset

    def take(self, most: int) -> list[tuple[Subject, int]]:
        """So many of those that wait, the lowest numbers first.

        So whoever was told of one has been told of everything before it.
        """
        waiting = sorted(self._waiting.items(), key=lambda one: one[1])
        taken = waiting[:most]
        self._waiting = dict(waiting[most:])
        if not self._waiting and self._reset is None:
            self._news.clear()
        return taken
