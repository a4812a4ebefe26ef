"""How much of a venue's limits is used, counted by the moments at which we used it."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from app.core.words import Word

NEVER: Final = float("inf")


@dataclass(slots=True, eq=False)
class Use:
    """An amount that was used at a moment, in monotonic seconds."""

    at: float
    amount: float


@dataclass(frozen=True, slots=True)
class WindowStatus:
    """One limit of a venue, in the venue's units.

    Attributes:
        reserved: the part of the limit that only exits may use.
    """

    name: str
    used: float
    limit: float
    reserved: float


class Window:
    """At most `limit` in any stretch of `seconds`.

    The venue counts in windows that begin when it likes; one that rolls with us is never used
    more than any of them allows.

    Args:
        limit: what may be used, in the venue's own units: weight, or orders.
        seconds: how long a use counts.
        reserve: the part of the limit that only the most urgent may use, as a fraction.
    """

    def __init__(self, limit: float, seconds: float, *, reserve: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self.reserved = limit * reserve
        self._uses: deque[Use] = deque()
        self._used = 0.0

    def status(self, name: str, now: float) -> WindowStatus:
        """What is used of it, under a name."""
        return WindowStatus(name, self.used(now), self.limit, self.reserved)

    def used(self, now: float) -> float:
        """What counts at a moment; moments never go back."""
        while self._uses and self._uses[0].at + self.seconds <= now:
            self._used -= self._uses.popleft().amount
        if not self._uses:
            # Sums of fractions leave crumbs, which would keep the largest request out.
            self._used = 0.0
        return self._used

    def take(self, now: float, amount: float) -> Use:
        """Count it, whether there was room or not."""
        use = Use(now, amount)
        self._uses.append(use)
        self._used += amount
        return use

    def give_back(self, use: Use) -> None:
        """Undo a use of something that was never sent."""
        if use in self._uses:
            self._used -= use.amount
            use.amount = 0.0

    def learn(self, now: float, told: float) -> None:
        """Believe the venue when it counts more than we do: others use this address too.

        When it counts less, it has begun a new window of its own, or ours was too careful a
        guess; ours stays, and forgets in time.
        """
        surplus = told - self.used(now)
        if surplus > 0:
            self.take(now, surplus)

    def room_at(self, now: float, amount: float, *, is_urgent: bool) -> float:
        """The first moment with room for an amount, when nobody uses anything until then.

        An amount larger than all that is allowed has room once nothing at all is used.
        """
        allowed = self.limit if is_urgent else self.limit - self.reserved
        too_much = self.used(now) + min(amount, allowed) - allowed
        if too_much <= 0:
            return now
        for use in self._uses:
            too_much -= use.amount
            if too_much <= 0:
                return use.at + self.seconds
        return self._uses[-1].at + self.seconds


class Refusal(Word):
    """Why a venue does not want to be asked for a while."""

    TOO_MANY = "too_many"
    BANNED = "banned"
    OVERLOADED = "overloaded"
    MAINTENANCE = "maintenance"


# Seconds to stay away when the venue does not say how long: the first time, and at most. Each
# refusal after the gate was open again doubles it. After maintenance stops have to be back at the
# venue within five seconds, so we look often.
PAUSES: Final = {
    Refusal.TOO_MANY: (1.0, 60.0),
    Refusal.BANNED: (120.0, 120.0),
    Refusal.OVERLOADED: (1.0, 60.0),
    Refusal.MAINTENANCE: (1.0, 2.0),
}


class Gate:
    """Whether a venue may be asked at all.

    Attributes:
        reason: of the last refusal, as long as no good answer followed it.
    """

    def __init__(self) -> None:
        self.reason: Refusal | None = None
        self._opens_at = -NEVER
        self._opens_for_others_at = -NEVER
        self._shut_at = -NEVER
        self._refusals = 0

    def opens_at(self, *, is_urgent: bool) -> float:
        """When it opens, or opened."""
        return self._opens_at if is_urgent else max(self._opens_at, self._opens_for_others_at)

    def shut(
        self, now: float, refusal: Refusal, *, sent_at: float, seconds: float | None = None
    ) -> None:
        """Close, or stay closed longer.

        Args:
            now: the moment of the refusal.
            refusal: what the venue said; an overload leaves the most urgent alone.
            sent_at: when the refused request left. One that left before the gate was shut says
                nothing about how long it should have been.
            seconds: how long the venue says; None where it does not.
        """
        if sent_at >= self._shut_at:
            self._refusals += 1
            self._shut_at = now
        if seconds is None:
            first, longest = PAUSES[refusal]
            seconds = min(first * 2.0 ** min(self._refusals - 1, 10), longest)
        self.reason = refusal
        self._opens_for_others_at = max(self._opens_for_others_at, now + seconds)
        if refusal is not Refusal.OVERLOADED:
            self._opens_at = max(self._opens_at, now + seconds)

    def answered(self, sent_at: float, *, is_urgent: bool) -> None:
        """A good answer to a request that left since: the venue has forgiven us."""
        if self.reason is Refusal.OVERLOADED and is_urgent:
            return
        if self.reason is not None and sent_at >= self._shut_at:
            self.reason = None
            self._refusals = 0
