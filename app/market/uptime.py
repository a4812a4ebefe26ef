"""How well the prices of one symbol have come in: seconds in each state, drops and recoveries."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final

MOST_RECOVERIES: Final = 1_000
NOTHING: Final = timedelta(0)


@dataclass(frozen=True, slots=True)
class Figures:
    """Since the start of this process, while somebody watched; before the first price not at all.

    Attributes:
        live_seconds: the newest price had come by stream and was young.
        polling_seconds: it had been asked for by REST and was young.
        stale_seconds: it was old.
        drops: how often a stream that had worked was cut off or found dead.
        recovery_seconds_median: from the last that was told before a drop, or from the cut, to the
            next price by stream; None without a recovery. Of the last thousand.
        recovery_seconds_max: the longest of all.
    """

    live_seconds: float
    polling_seconds: float
    stale_seconds: float
    drops: int
    recovery_seconds_median: float | None
    recovery_seconds_max: float | None

    @property
    def live_fraction(self) -> float | None:
        """The part of the time in which the stream did its work; None before the first price."""
        whole = self.live_seconds + self.polling_seconds + self.stale_seconds
        return self.live_seconds / whole if whole else None


class Uptime:
    """Counts for one symbol. Every moment comes in, none is read from a clock.

    Args:
        fresh_for: how long after its own moment a price is young.
    """

    def __init__(self, fresh_for: timedelta) -> None:
        self._fresh_for = fresh_for
        self._counted_to: datetime | None = None
        self._fresh_until: datetime | None = None
        self._is_polled = False
        self._has_streamed = False
        self._lost_at: datetime | None = None
        self._live = self._polling = self._stale = NOTHING
        self._drops = 0
        self._recoveries: deque[timedelta] = deque(maxlen=MOST_RECOVERIES)
        self._longest: timedelta | None = None

    def begin(self, now: datetime) -> None:
        """Somebody watches from now on."""
        self._counted_to = now

    def rest(self, now: datetime) -> None:
        """Nobody watches any more; what was lost then is no recovery later."""
        self._count(now)
        self._counted_to = self._fresh_until = self._lost_at = None
        self._is_polled = self._has_streamed = False

    def heard(self, held_at: datetime, now: datetime) -> None:
        """A price came in, by whatever way."""
        self._count(now)
        self._fresh_until = held_at + self._fresh_for

    def streamed(self, now: datetime) -> None:
        """The newest price has come by stream."""
        self._count(now)
        self._is_polled, self._has_streamed = False, True
        if self._lost_at is not None:
            recovery = max(now - self._lost_at, NOTHING)
            self._recoveries.append(recovery)
            self._longest = max(self._longest or NOTHING, recovery)
            self._lost_at = None

    def polled(self, now: datetime) -> None:
        """The newest price had to be asked for."""
        self._count(now)
        self._is_polled = True

    def dropped(self, since: datetime) -> None:
        """The stream was lost; one that is lost already, or never worked, is not lost again.

        Args:
            since: the cut, or the last price told by a stream that is found dead.
        """
        if self._has_streamed and self._lost_at is None:
            self._lost_at = since
            self._drops += 1

    def figures(self, now: datetime) -> Figures:
        """What was counted until now."""
        self._count(now)
        return Figures(
            live_seconds=self._live.total_seconds(),
            polling_seconds=self._polling.total_seconds(),
            stale_seconds=self._stale.total_seconds(),
            drops=self._drops,
            recovery_seconds_median=(
                median(one.total_seconds() for one in self._recoveries)
                if self._recoveries
                else None
            ),
            recovery_seconds_max=(None if self._longest is None else self._longest.total_seconds()),
        )

    def _count(self, now: datetime) -> None:
        """Add the time since the last count: young until some moment, old after it."""
        begun, fresh_until = self._counted_to, self._fresh_until
        if begun is None or now <= begun:
            return
        self._counted_to = now
        if fresh_until is None:
            return
        aged_at = min(max(fresh_until, begun), now)
        if self._is_polled:
            self._polling += aged_at - begun
        else:
            self._live += aged_at - begun
        self._stale += now - aged_at
