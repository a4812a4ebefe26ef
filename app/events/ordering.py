"""The notes of the outbox in the order of their numbers, although they are committed in another.

A writer takes a number, and its note is there when it has committed. With several writers a later
number may be there first. Whoever was told of it resumes after it, and would never hear of the
earlier one. So a reader that finds a number missing waits for it. Most are there milliseconds
later; a number that was taken and never committed is given up after a while. Nobody who writes has
to wait for anybody because of that.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from app.db.outbox import Noted

PATIENCE_SECONDS: Final = 2.0
# What was given up is still looked for: a writer may have stood still for minutes.
LOOKED_FOR_SECONDS: Final = 600.0
MOST_LOOKED_FOR: Final = 500


class InOrder:
    """Gives notes out in the order of their numbers, each once.

    Args:
        last: the number that everything was given out up to.
        patience_seconds: how long a missing number is waited for; 0 where numbers are committed in
            their order, so that a missing one never comes.
        given_up: earlier numbers that are not there, and may yet come.
        seconds: when that was, by a clock that never goes back.
    """

    def __init__(
        self,
        last: int,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        given_up: Iterable[int] = (),
        seconds: float = 0.0,
    ) -> None:
        self.last = last
        self._patience_seconds = patience_seconds
        # By the first number of each hole: when it was first seen.
        self._holes: dict[int, float] = {}
        self._given_up = dict.fromkeys(given_up, seconds)

    @property
    def is_waiting(self) -> bool:
        """Whether something is held back because an earlier number is missing."""
        return bool(self._holes)

    @property
    def given_up(self) -> Collection[int]:
        """Numbers that are not waited for any more, and may yet come."""
        return self._given_up.keys()

    def take(self, notes: Sequence[Noted], *, seconds: float) -> list[Noted]:
        """Those that may be given out now.

        Args:
            notes: the next ones after `last`, by their numbers, all that there are.
            seconds: by a clock that never goes back.
        """
        self._see_holes(notes, seconds)
        taken: list[Noted] = []
        for note in notes:
            hole = self.last + 1
            if note.id > hole:
                if seconds < self._holes[hole] + self._patience_seconds:
                    break
                del self._holes[hole]
                self._give_up(hole, note.id, seconds)
            taken.append(note)
            self.last = note.id
        return taken

    def take_late(self, notes: Sequence[Noted], *, seconds: float) -> list[Noted]:
        """Those that were given up and have come after all.

        Args:
            notes: as far as `given_up` are there.
            seconds: by the same clock.
        """
        late = [note for note in notes if self._given_up.pop(note.id, None) is not None]
        oldest = seconds - LOOKED_FOR_SECONDS
        self._given_up = {one: at for one, at in self._given_up.items() if at > oldest}
        return late

    def _see_holes(self, notes: Sequence[Noted], seconds: float) -> None:
        seen: dict[int, float] = {}
        next_one = self.last + 1
        for note in notes:
            if note.id > next_one:
                seen[next_one] = self._holes.get(next_one, seconds)
            next_one = note.id + 1
        self._holes = seen

    def _give_up(self, first: int, end: int, seconds: float) -> None:
        if not self._patience_seconds:
            return
        for number in range(first, min(end, first + MOST_LOOKED_FOR)):
            self._given_up[number] = seconds
        while len(self._given_up) > MOST_LOOKED_FOR:
            del self._given_up[next(iter(self._given_up))]
