"""Wrong guesses slow down whoever guesses, in every process alike; nobody is ever locked out.

A guess is counted before it is looked at, so that a thousand at once are not a thousand chances.
The right password takes its count back.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import GuessCount
from app.core.errors import TooMany
from app.db.insert import Rows
from app.db.session import Database
from app.http.sender import network_of

FORGOTTEN_AFTER: Final = timedelta(days=1)
KNOWN_FOR: Final = timedelta(days=30)

_NEW: Final = Rows(GuessCount, unless_taken=True)


@dataclass(frozen=True, slots=True)
class Patience:
    """How many guesses are free, and how long the pause between two grows.

    Attributes:
        free: guesses without a pause.
        longest: seconds; the pause doubles from one second up to this.
    """

    free: int
    longest: int

    def pause_after(self, attempts: int) -> timedelta:
        """How long after so many guesses the next one has to wait."""
        beyond = attempts - self.free
        if beyond < 0:
            return timedelta(0)
        return timedelta(seconds=min(2 ** min(beyond, 30), self.longest))


OF_NAME: Final = Patience(free=10, longest=30)
# Many people may sit behind one address.
OF_NETWORK: Final = Patience(free=50, longest=30)


@dataclass(frozen=True, slots=True)
class Guess:
    """One attempt to log in: what it is counted under.

    Attributes:
        name: of the user, in any case, existing or not.
        source: the sender's address; None when there is none.
    """

    name: str
    source: str | None

    @property
    def by_name(self) -> str:
        """Whoever guesses this user's password, from wherever."""
        return _digest("name", self.name.strip().lower())

    @property
    def by_network(self) -> str:
        """Whoever guesses from there, whichever user's."""
        return _digest("network", network_of(self.source))

    @property
    def by_both(self) -> str:
        """This user from there: counted apart once it was them, so strangers cannot slow them."""
        return _digest("both", self.name.strip().lower(), network_of(self.source))


class Guesses:
    """Counts guesses in the database, which all processes share."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def admit(self, guess: Guess, *, now: datetime) -> None:
        """Count a guess that is about to be looked at.

        Raises:
            TooMany: `too_many_attempts`, with the seconds to wait; it is not looked at.
        """
        async with self._database.transaction() as session:
            counts = await _counts(session, guess, now)
            wait = max((count.next_at - now for count, _ in counts), default=timedelta(0))
            if wait <= timedelta(0):
                for count, patience in counts:
                    _count(count, patience, now)
        if wait > timedelta(0):
            raise TooMany(
                "Too many attempts: wait a moment, then try again.",
                code="too_many_attempts",
                retry_after_seconds=math.ceil(wait.total_seconds()),
            )

    async def succeeded(self, session: AsyncSession, guess: Guess, *, now: datetime) -> None:
        """It was right: forget what was counted of this user; the address keeps its own."""
        known = guess.by_both
        await _make_sure(session, [known], now)
        for count in await _locked(session, [guess.by_name, guess.by_network, known]):
            if count.subject == guess.by_network:
                count.attempts = max(0, count.attempts - 1)
            else:
                count.attempts = 0
            count.last_at, count.next_at = now, now


async def forget_old(session: AsyncSession, *, now: datetime) -> None:
    """Drop counts that slow nobody down any more."""
    await session.execute(delete(GuessCount).where(GuessCount.last_at < now - KNOWN_FOR))


async def _counts(
    session: AsyncSession, guess: Guess, now: datetime
) -> Sequence[tuple[GuessCount, Patience]]:
    """What the guess counts under: the network, and the name or who is known from there."""
    known = await session.get(GuessCount, guess.by_both)
    is_known = known is not None and now - known.last_at < KNOWN_FOR
    patience = {
        guess.by_network: OF_NETWORK,
        (guess.by_both if is_known else guess.by_name): OF_NAME,
    }
    await _make_sure(session, list(patience), now)
    return [(count, patience[count.subject]) for count in await _locked(session, list(patience))]


async def _make_sure(session: AsyncSession, subjects: Sequence[str], now: datetime) -> None:
    rows = [
        {"subject": subject, "attempts": 0, "last_at": now, "next_at": now}
        for subject in sorted(subjects)
    ]
    connection = await session.connection()
    await connection.run_sync(_NEW.insert, rows)


async def _locked(session: AsyncSession, subjects: Sequence[str]) -> Sequence[GuessCount]:
    # In one order everywhere, so that two never wait for each other.
    query = select(GuessCount).where(GuessCount.subject.in_(subjects))
    ordered = query.order_by(GuessCount.subject).with_for_update()
    refreshed = ordered.execution_options(populate_existing=True)
    return (await session.scalars(refreshed)).all()


def _count(count: GuessCount, patience: Patience, now: datetime) -> None:
    fresh = now - count.last_at < FORGOTTEN_AFTER
    count.attempts = count.attempts + 1 if fresh else 1
    count.last_at = now
    count.next_at = now + patience.pause_after(count.attempts)


def _digest(*parts: str) -> str:
    return hashlib.sha256("|".join(parts).encode()).hexdigest()
