"""Who may ask a venue, and when: one budget for everybody who uses its address in this process.

Exits go before entries and entries before data; a part of every limit is the exits' alone; and
when the venue says that it was too much, nobody asks until it wants to be asked again.
"""

import asyncio
import time
from bisect import insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from app.core.clock import Clock, iso
from app.core.errors import ExchangeError, RateLimited, Retryable
from app.exchanges.priority import Priority
from app.exchanges.windows import NEVER, Gate, Refusal, Use, Window, WindowStatus


@dataclass(frozen=True, slots=True)
class BudgetStatus:
    """How much of a venue's limits is used, and whether it may be asked at all.

    Attributes:
        closed_until: None while it may be asked; entries and data may have to wait longer than
            exits, so this is theirs.
        reason: why it was closed last, until a good answer came.
        waiting: requests that wait for their turn.
    """

    venue: str
    windows: Sequence[WindowStatus]
    closed_until: datetime | None
    reason: Refusal | None
    waiting: int


@dataclass(frozen=True, slots=True)
class Claim:
    """What one request uses of one limit."""

    window: Window
    amount: float


@dataclass(slots=True, eq=False)
class Turn:
    """One request's place in the line; `async with` it around the request.

    Entering it raises `RateLimited` (in maintenance `Retryable`) when the request would have to
    wait longer than it can; then nothing was sent.

    Attributes:
        sent_at: monotonic seconds at which it was let go.
        status: of the answer; 0 without one.
        headers: of the answer, names in lower case.
    """

    budget: "Budget"
    claims: Sequence[Claim]
    priority: Priority
    patience_seconds: float
    number: int
    sent_at: float = -NEVER
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    give_up_at: float = NEVER
    uses: list[Use] = field(default_factory=list)
    woken: asyncio.Future[None] | None = None
    refused: ExchangeError | None = None

    @property
    def is_urgent(self) -> bool:
        """Whether it may use what is reserved for exits."""
        return self.priority is Priority.PROTECT

    async def __aenter__(self) -> Self:
        await self.budget.enter(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.budget.leave(self)


class Budget:
    """The line in front of one venue, for every client of this process.

    Args:
        venue: its name, for messages.
        clock: for the moments that people read.
        monotonic: seconds that only go forward.
        reserve: the part of every limit that only exits may use, as a fraction.
        is_limited: False where the venue has no limits; it may still refuse.
    """

    def __init__(
        self,
        venue: str,
        *,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
        reserve: float = 0.2,
        is_limited: bool = True,
    ) -> None:
        self.is_limited = is_limited
        self._venue = venue
        self._clock = clock
        self._monotonic = monotonic
        self._reserve = reserve
        self._windows: dict[tuple[str, str], Window] = {}
        self._gate = Gate()
        self._line: list[Turn] = []
        # Windows without room, each kept for the first in line that needs it.
        self._held: dict[Window, tuple[int, int]] = {}
        # After a refusal one request goes ahead, and the rest once it is answered.
        self._scout: Turn | None = None
        self._turns = 0
        self._wake_at = NEVER
        self._timer: asyncio.TimerHandle | None = None

    def window(self, name: str, limit: float, seconds: float, *, account: str = "") -> Window:
        """The limit of that name, the same one for everybody who asks.

        Args:
            name: for the status.
            limit: see `Window`.
            seconds: see `Window`.
            account: whose limit it is, in a word of the caller's; empty for everybody's. Limits of
                accounts are not in the status.
        """
        if (name, account) not in self._windows:
            self._windows[name, account] = Window(limit, seconds, reserve=self._reserve)
        return self._windows[name, account]

    def turn(self, claims: Sequence[Claim], *, priority: Priority, patience_seconds: float) -> Turn:
        """A place in the line; it is taken by entering it.

        Args:
            claims: what the request uses.
            priority: who is served first; the same priority in order of arrival.
            patience_seconds: how long it can wait.
        """
        self._turns += 1
        return Turn(self, claims, priority, patience_seconds, self._turns)

    async def enter(self, turn: Turn) -> None:
        """Come back when the request may be sent; see `Turn`."""
        now = self._monotonic()
        if self._wake_at <= now:
            self.serve()
        turn.give_up_at = now + turn.patience_seconds
        if self._gate.opens_at(is_urgent=turn.is_urgent) > turn.give_up_at:
            raise self._closed(turn)
        ready_at = self._ready_at(turn, now)
        if ready_at <= now:
            self._let_go(turn, now)
            return
        insort(self._line, turn, key=_rank)
        self._hold(turn, now)
        self._wake(ready_at, now)
        await self._wait(turn)

    def leave(self, turn: Turn) -> None:
        """The request is over, with an answer or without one."""
        if self._scout is turn:
            self._scout = None
            self.serve()

    def learn(self, window: Window, told: float) -> None:
        """What the venue says is used of a limit."""
        window.learn(self._monotonic(), told)

    def answered(self, turn: Turn) -> None:
        """The venue gave an answer that does not tell us to stay away."""
        was_refused = self._gate.reason is not None
        self._gate.answered(turn.sent_at, is_urgent=turn.is_urgent)
        if was_refused and self._gate.reason is None:
            self.serve()

    def refuse(self, turn: Turn, refusal: Refusal, *, seconds: float | None = None) -> None:
        """The venue does not want to be asked: nobody asks, not even for an exit.

        Whoever cannot wait that long is told at once. An overload leaves exits alone.

        Args:
            turn: of the request that met it.
            refusal: what the venue said.
            seconds: how long it says; None where it does not.
        """
        now = self._monotonic()
        self._gate.shut(now, refusal, sent_at=turn.sent_at, seconds=seconds)
        for waiting in tuple(self._line):
            if self._gate.opens_at(is_urgent=waiting.is_urgent) > waiting.give_up_at:
                waiting.refused = self._closed(waiting)
                self._line.remove(waiting)
                _wake_up(waiting)
        self.serve()

    def serve(self) -> None:
        """Let go whoever may go now; its own timer calls it too."""
        now = self._monotonic()
        self._wake_at = NEVER
        self._held.clear()
        wake_at = NEVER
        for turn in tuple(self._line):
            ready_at = self._ready_at(turn, now)
            if ready_at <= now:
                self._line.remove(turn)
                self._let_go(turn, now)
                _wake_up(turn)
            else:
                self._hold(turn, now)
                wake_at = min(wake_at, ready_at)
        self._wake(wake_at, now)

    def status(self) -> BudgetStatus:
        """What is used, what is reserved, and until when it is closed."""
        now = self._monotonic()
        opens_at = self._gate.opens_at(is_urgent=False)
        windows = [
            window.status(name, now)
            for (name, account), window in self._windows.items()
            if not account
        ]
        closed_until = self._at(opens_at) if opens_at > now else None
        return BudgetStatus(self._venue, windows, closed_until, self._gate.reason, len(self._line))

    def _ready_at(self, turn: Turn, now: float) -> float:
        """When it may go if nobody else goes before it; never, while somebody has to."""
        if self._gate.reason is not None and self._scout is not None and not turn.is_urgent:
            return NEVER
        at = self._gate.opens_at(is_urgent=turn.is_urgent)
        for claim in turn.claims:
            if self._held.get(claim.window, _rank(turn)) < _rank(turn):
                return NEVER
            room_at = claim.window.room_at(now, claim.amount, is_urgent=turn.is_urgent)
            at = max(at, room_at)
        return at

    def _hold(self, turn: Turn, now: float) -> None:
        """Keep what it lacks for it: nobody behind it may use that up."""
        if self._gate.opens_at(is_urgent=turn.is_urgent) > now:
            return
        for claim in turn.claims:
            if claim.window.room_at(now, claim.amount, is_urgent=turn.is_urgent) > now:
                rank = _rank(turn)
                self._held[claim.window] = min(self._held.get(claim.window, rank), rank)

    def _let_go(self, turn: Turn, now: float) -> None:
        turn.uses = [claim.window.take(now, claim.amount) for claim in turn.claims]
        turn.sent_at = now
        if self._gate.reason is not None and self._scout is None:
            self._scout = turn

    async def _wait(self, turn: Turn) -> None:
        turn.woken = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(turn.patience_seconds):
                await turn.woken
        except TimeoutError:
            self._withdraw(turn)
            raise RateLimited(
                f"{self._venue} had no room for this request within"
                f" {turn.patience_seconds:g} s; nothing was sent"
            ) from None
        except asyncio.CancelledError:
            self._withdraw(turn)
            raise
        if turn.refused is not None:
            raise turn.refused

    def _withdraw(self, turn: Turn) -> None:
        """Leave the line, or give back what was taken a moment before it was called off."""
        if turn in self._line:
            self._line.remove(turn)
        for claim, use in zip(turn.claims, turn.uses, strict=False):
            claim.window.give_back(use)
        if self._scout is turn:
            self._scout = None
        # Soon, not now: when many give up at once, the line is gone through once.
        now = self._monotonic()
        self._wake(now, now)

    def _closed(self, turn: Turn) -> ExchangeError:
        until = iso(self._at(self._gate.opens_at(is_urgent=turn.is_urgent)))
        family = Retryable if self._gate.reason is Refusal.MAINTENANCE else RateLimited
        return family(
            f"{self._venue} takes no requests until {until} ({self._gate.reason}); nothing was sent"
        )

    def _at(self, moment: float) -> datetime:
        return self._clock.now() + timedelta(seconds=moment - self._monotonic())

    def _wake(self, at: float, now: float) -> None:
        if at >= self._wake_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._wake_at = at
        self._timer = asyncio.get_running_loop().call_later(at - now, self.serve)


def _rank(turn: Turn) -> tuple[int, int]:
    return (turn.priority, turn.number)


def _wake_up(turn: Turn) -> None:
    if turn.woken is not None and not turn.woken.done():
        turn.woken.set_result(None)
