"""Deliveries that arrive while a commit runs share the next one; each is answered after its own.

A commit that is safe against a power cut costs milliseconds, whether it keeps one alert or two
hundred: at the close of a bar, when everybody's alerts arrive at once, they cost about one.
"""

import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import compress
from typing import Final
from uuid import UUID

from loguru import logger
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from app.core.clock import Clock
from app.core.errors import NotFound, Unavailable
from app.core.failpoints import failpoint
from app.core.sharing import Shared
from app.db.down import database_down, is_down
from app.db.session import Database, Writing
from app.pipeline.alarms import crowds
from app.pipeline.alarms.keeping import Delivery, Receipt, TokenGone, keep
from app.pipeline.wakeups import Work, wake_in
from app.strategies import repository as strategies

# So many are decided by their own requests before they are answered; a larger crowd is answered
# first, and the worker decides. A crowd shares a commit, or a moment.
COMPANY: Final = 8
MOMENT_SECONDS: Final = 0.05
SAID_EVERY_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of one delivery.

    Attributes:
        in_crowd: it came with many others, or just before them; a worker is woken to decide all.
    """

    receipt: Receipt
    in_crowd: bool


class Inbox:
    """Keeps deliveries, many in one transaction.

    Args:
        database: where they are kept.
        clock: for the moment in which they are.
        window: how long an equal body without an id of its own is the same alert.
        max_future: how far an alert's clock may be ahead of ours.
        most_waiting: more than that are told to come again.
        patience_seconds: how long a sender waits at most; TradingView gives up after three.
        moment_seconds: more than a few within that time are a crowd, in however many commits.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        window: timedelta,
        max_future: timedelta,
        most_waiting: int,
        patience_seconds: float,
        moment_seconds: float = MOMENT_SECONDS,
    ) -> None:
        self._database = database
        self._clock = clock
        self._window = window
        self._max_future = max_future
        self._most_waiting = most_waiting
        self._moment_seconds = moment_seconds
        self._shared: Shared[Delivery, Kept] = Shared(
            self._keep_all, most_waiting=most_waiting, patience_seconds=patience_seconds
        )
        # The moments of the last arrivals, the oldest first.
        self._arrival_seconds: deque[float] = deque(maxlen=COMPANY + 1)
        # By their owners' ids as numbers, for a UUID is hashed in Python.
        self._inside: Counter[int] = Counter()
        self._total = 0
        self._unsaid: Counter[str] = Counter()
        self._said_at = 0.0

    async def put(self, delivery: Delivery) -> Kept:
        """Keep one delivery; it is on disk when this returns.

        A caller that gives up takes nothing back: the delivery is kept with those beside it.

        Raises:
            Unavailable: too many wait, or it took too long; the sender should send it again.
            TokenGone: its token is not valid any more.
            NotFound: its strategy is gone.
        """
        owner = delivery.user_id.int
        self._refuse_flood(owner)
        self._arrival_seconds.append(time.monotonic())
        self._inside[owner] += 1
        self._total += 1
        try:
            kept = await self._shared.ask(delivery)
            if kept.in_crowd or self._shared.waiting <= COMPANY:
                return kept
            # Those who wait by now are a crowd, and wake the worker for this one, too.
            return Kept(kept.receipt, in_crowd=True)
        finally:
            self._total -= 1
            self._inside[owner] -= 1
            if not self._inside[owner]:
                del self._inside[owner]

    def keep_in(self, connection: Connection, deliveries: Sequence[Delivery]) -> Sequence[Receipt]:
        """Keep deliveries together with what else the caller's transaction does."""
        return keep(
            connection,
            deliveries,
            window=self._window,
            max_future=self._max_future,
            now=self._clock.now(),
        )

    async def lull(self, at_most_seconds: float) -> None:
        """Let deliveries that wait go first, for at most that long."""
        await self._shared.lull(at_most_seconds)

    def _is_rush(self) -> bool:
        """Whether more than a few have come within a moment, in however many commits."""
        is_full = len(self._arrival_seconds) > COMPANY
        return (
            is_full and self._arrival_seconds[-1] - self._arrival_seconds[0] < self._moment_seconds
        )

    def _refuse_flood(self, owner: int) -> None:
        """One trader's flood leaves half of the room to the others."""
        others = self._total - self._inside[owner]
        if others and self._inside[owner] >= self._most_waiting // 2:
            raise Unavailable(
                "Too many of your alerts are waiting already; send it again.", code="busy"
            )

    async def _keep_all(self, deliveries: Sequence[Delivery]) -> Sequence[Kept | Exception]:
        is_crowd = len(deliveries) > COMPANY or self._is_rush()
        new: dict[UUID, Receipt] = {}
        if is_crowd and self._database.is_postgresql and crowds.takes(deliveries):
            try:
                new = await self._keep_new(deliveries)
            except Exception as failed:  # noqa: BLE001 each sender hears of it
                if is_down(failed):
                    return [_said(failed)] * len(deliveries)
        rest = [one for one in deliveries if one.alarm_id not in new]
        others = iter(await self._keep_in_steps(rest, is_crowd=is_crowd) if rest else ())
        kept = [
            Kept(new[one.alarm_id], is_crowd) if one.alarm_id in new else next(others)
            for one in deliveries
        ]
        if is_crowd:
            self._note([one.receipt for one in kept if isinstance(one, Kept)])
        return kept

    async def _keep_new(self, deliveries: Sequence[Delivery]) -> dict[UUID, Receipt]:
        """All that is new, in one statement."""
        keeping = partial(
            crowds.keep_crowd,
            deliveries=deliveries,
            window=self._window,
            max_future=self._max_future,
            now=self._clock.now(),
        )
        return await self._database.together(keeping, is_one_statement=True)

    async def _keep_in_steps(
        self, deliveries: Sequence[Delivery], *, is_crowd: bool
    ) -> Sequence[Kept | Exception]:
        try:
            keeping = partial(self._keep, deliveries, is_crowd=is_crowd)
            receipts = await self._database.together(keeping)
        except Exception as failed:  # noqa: BLE001 each sender hears of it
            if len(deliveries) == 1 or is_down(failed):
                return [_said(failed)] * len(deliveries)
        else:
            return [_gone() if one is None else Kept(one, is_crowd) for one in receipts]
        # One of them cannot be kept; the others must not suffer for it.
        kept: list[Kept | Exception] = []
        for one in deliveries:
            kept += await self._keep_in_steps([one], is_crowd=is_crowd)
        return kept

    def _note(self, receipts: Sequence[Receipt]) -> None:
        """One line for a rush, or one a second: a line each would cost more than keeping them."""
        self._unsaid.update(
            "duplicate" if one.is_duplicate else one.status.value for one in receipts
        )
        now = time.monotonic()
        goes_on = self._shared.waiting > COMPANY
        if goes_on and now < self._said_at + SAID_EVERY_SECONDS:
            return
        logger.bind(count=self._unsaid.total(), **self._unsaid).info("alarms.received")
        self._said_at = now
        self._unsaid.clear()

    def _keep(
        self, deliveries: Sequence[Delivery], writing: Writing, *, is_crowd: bool
    ) -> list[Receipt | None]:
        """What became of each; None for one whose token is not valid any more."""
        valid = _have_valid_tokens(writing.connection, deliveries)
        known = list(compress(deliveries, valid))
        receipts = self.keep_in(writing.connection, known) if known else []
        if is_crowd:
            _wake(writing, receipts, now=deliveries[-1].received_at)
        failpoint("C04")
        kept = iter(receipts)
        return [next(kept) if is_valid else None for is_valid in valid]


def _gone() -> Exception:
    return TokenGone("The token of this alert is not valid any more.")


def _have_valid_tokens(connection: Connection, deliveries: Sequence[Delivery]) -> list[bool]:
    """Whose token is still its strategy's, as the transaction sees it that keeps them."""
    asked = {one.token_digest: one.strategy_id for one in deliveries if one.token_digest}
    tokens = strategies.tokens_of(connection, asked.values())
    return [
        one.token_digest is None
        or (
            one.token_digest in tokens
            and tokens[one.token_digest].opens(one.strategy_id, one.received_at)
        )
        for one in deliveries
    ]


def _wake(writing: Writing, receipts: Sequence[Receipt], *, now: datetime) -> None:
    undecided = [one for one in receipts if not one.is_decided]
    if undecided:
        wake_in(writing, Work.ALARMS, undecided[0].alarm_id, now=now)


def _said(failed: Exception) -> Exception:
    if isinstance(failed, IntegrityError):
        return NotFound("The strategy of this alert is gone.")
    if not is_down(failed):
        return failed
    logger.bind(reason=type(failed).__name__).warning("alarms.not_kept")
    return database_down()
