"""A whole story against one venue: steps, kills, restarts, and the checker after each of them."""

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from tests.crash import mapping
from tests.crash.acting import Actor
from tests.crash.checker import Evidence, Violation, check
from tests.crash.checker.restarts import Still, unchanged
from tests.crash.facts import Rows
from tests.crash.history import History, Start, now_ns
from tests.crash.ledger import Ledger
from tests.crash.points import BY_NAME
from tests.crash.server import Server, StartFailed
from tests.crash.story import FIRST_PRICES, Cycle, Story
from tests.crash.venue import PaperVenue
from tests.programs.starting import Launcher

# A story's server has to be quiet again this long after its port is open and nothing is harmed.
CONVERGES_SECONDS: Final = 60.0
# A dozen restarts within a minute, which no trader makes, use up what the venue allows in it: then
# the server's minute begins with the venue's next one.
USED_UP: Final = "exchange_rate_limited"
# So long nothing may move before the server counts as quiet.
STILL_SECONDS: Final = 0.4
POLL_SECONDS: Final = 0.05
POINT_SECONDS: Final = 2.5
GAP_SECONDS: Final = 0.03
# Restarts of a quiet server are watched longer than one sweep takes.
WATCH_SECONDS: Final = 2.6
EVENT_LAG_SECONDS: Final = 1.0
# So long a restart with its watch takes at most.
PEACE_SECONDS: Final = 10
# What the venue did by itself is heard of by a stream, or by the next look: then all has to agree.
NEWS_SECONDS: Final = 15.0


@dataclass
class Outcome:
    """What a story came to.

    Attributes:
        checks: how often the checker ran.
        rows: of the last check; `ledger` and `until` likewise.
    """

    story: Story
    history: History
    violations: list[Violation] = field(default_factory=list)
    checks: int = 0
    rows: Rows = field(default_factory=Rows)
    ledger: Ledger = field(default_factory=Ledger)
    until: int = 0


class Driver:
    """Plays one story.

    Args:
        folder: empty; holds the data and logs of both processes.
        launcher: of the server.
        on_kill: hears of every kill.
    """

    def __init__(
        self,
        story: Story,
        folder: Path,
        *,
        servers: Launcher,
        venues: Launcher,
        on_kill: Callable[[], None] = lambda: None,
    ) -> None:
        self.story = story
        self.history = History(story.seed)
        self.venue = PaperVenue(folder, venues)
        self.server = Server(folder, self.venue.base, servers, self.history)
        self.actor = Actor(self.server, self.venue, self.history)
        self.outcome = Outcome(story, self.history, ledger=self.venue.ledger)
        self._previous: Rows | None = None
        self._on_kill = on_kill

    async def play(self) -> Outcome:
        """Play it to its end, or to the first violation."""
        try:
            await self._begin()
            for number, cycle in enumerate(self.story.cycles):
                coming = self.story.cycles[number + 1 :]
                failpoint = coming[0].failpoint if coming else ""
                await self._run(cycle)
                await self._come_back(failpoint)
                if self.outcome.violations:
                    break
            else:
                await self._restart_in_peace()
        except StartFailed as failed:
            self.outcome.violations.append(Violation("start", "server", str(failed)))
        finally:
            await self.server.stop()
            await self.venue.stop()
        return self.outcome

    async def _begin(self) -> None:
        await self.venue.start()
        for symbol, price in FIRST_PRICES.items():
            await self.venue.hold(symbol, Decimal(price))
        await self.server.start()
        await self.server.log_in()
        await self.actor.settle_in()
        first = self.story.cycles[0].failpoint if self.story.cycles else ""
        if first:
            await self.server.kill("setup", how="setup", is_hit=True)
            await self.server.start(first)

    async def _run(self, cycle: Cycle) -> None:
        """Steps until their end, or the server's."""
        assert self.server.child is not None
        steps = asyncio.create_task(self._steps(cycle))
        try:
            match cycle.end.how:
                case "random":
                    await asyncio.wait([steps], timeout=cycle.end.after)
                    await self.server.kill("random", how="random", is_hit=True)
                case "drain":
                    await steps
                    self.server.child.send(signal.SIGTERM)
                    await asyncio.sleep(cycle.end.after)
                    await self.server.kill(cycle.end.point, how="drain", is_hit=True)
                case "venue":
                    await self._kill_while_held(cycle, steps)
                case _:
                    await self._kill_at_point(cycle, steps)
        finally:
            steps.cancel()
            await asyncio.gather(steps, return_exceptions=True)
        self._on_kill()

    async def _steps(self, cycle: Cycle) -> None:
        assert self.server.child is not None
        for step in cycle.steps:
            if not self.server.child.is_alive:
                return
            await self.actor.act(step)
            await asyncio.sleep(GAP_SECONDS)

    async def _kill_at_point(self, cycle: Cycle, steps: asyncio.Task[None]) -> None:
        """It ends itself at the point; where it does not come past, it is killed anyway."""
        assert self.server.child is not None
        await asyncio.wait([steps])
        if not self._is_armed(cycle):
            # The point killed it at its start already, and nothing is armed now.
            await self.server.kill("random", how="random", is_hit=True)
            return
        is_hit = await self.server.child.ended(POINT_SECONDS)
        await self.server.kill(cycle.end.point, how="point", is_hit=is_hit)

    async def _kill_while_held(self, cycle: Cycle, steps: asyncio.Task[None]) -> None:
        """The venue holds its reply to the next order, and the server dies meanwhile."""
        assert self.server.child is not None
        verb = BY_NAME[cycle.end.point].verb
        is_hit = False
        for step in cycle.steps[:-1]:
            await self.actor.act(step)
        steps.cancel()
        fault = await self.venue.arm({"verb": verb, **_aim(verb)})
        last = asyncio.create_task(self.actor.act(cycle.steps[-1]))
        is_hit = await self.venue.has_bitten(fault["id"], POINT_SECONDS, self.server.child)
        await self.server.kill(cycle.end.point, how="venue", is_hit=is_hit)
        await asyncio.gather(last, return_exceptions=True)

    def _is_armed(self, cycle: Cycle) -> bool:
        return bool(cycle.failpoint) and self.history.starts[-1].failpoint == cycle.failpoint

    async def _come_back(self, failpoint: str) -> None:
        """Start it again, let it come to rest, and check."""
        await self.venue.clear_faults()
        if not await self.server.start(failpoint):
            self._on_kill()
            await self.server.start()
        if not await self._comes_to_rest():
            if not failpoint:
                raise StartFailed("it ended by itself, and nothing was armed")
            # The point that was armed lies on the way of the recovery.
            self.server.note_kill(failpoint.partition(":")[0], how="point", is_hit=True)
            self._on_kill()
            await self.server.start()
            if not await self._comes_to_rest():
                raise StartFailed("it ended by itself while it recovered")

    async def _comes_to_rest(self) -> bool:
        """Let it come to rest, and check; False when it has ended before all was well."""
        is_quiet, left = await self._settle(is_recovery=True)
        if not self._is_alive:
            return False
        if not is_quiet:
            text = f"not at rest {CONVERGES_SECONDS:.0f} s after the port was open: {left}"
            self.outcome.violations.append(Violation("I32", "server", text))
        return await self._check(is_quiet=is_quiet)

    @property
    def _is_alive(self) -> bool:
        return self.server.child is not None and self.server.child.is_alive

    async def _settle(self, *, is_recovery: bool = False) -> tuple[bool, list[str]]:
        """Wait until nothing is left to do; what is left otherwise.

        Args:
            is_recovery: it has just been started: when which of it was done is remembered.
        """
        start = self.history.starts[-1]
        still_since, left = 0.0, ["nothing was looked at"]
        began, patience = time.monotonic(), CONVERGES_SECONDS
        while time.monotonic() < began + patience:
            assert self.server.child is not None
            if not self.server.child.is_alive:
                return False, ["the server has ended"]
            left = await self._left(start, is_recovery=is_recovery)
            if any(USED_UP in one for one in left):
                patience = 2 * CONVERGES_SECONDS
            if left or self.actor.sending:
                still_since = 0.0
            elif not still_since:
                still_since = time.monotonic()
                if is_recovery:
                    start.settled = now_ns()
            elif time.monotonic() - still_since >= STILL_SECONDS:
                return True, []
            await asyncio.sleep(POLL_SECONDS)
        return False, left

    async def _left(self, start: Start, *, is_recovery: bool) -> list[str]:
        known = await self._waiting(start.opened)
        unknown = mapping.unresolved(self.server.database)
        if is_recovery:
            start.note(now_ns(), known, unknown)
        return known + unknown

    async def _waiting(self, since: int) -> list[str]:
        """What is left to do; an account whose venue was not asked anything yet is not at rest."""
        file = self.server.database
        left = mapping.waiting(file) + mapping.naked(file)
        ledger = await self.venue.read()
        asked = {one.account_id for one in ledger.requests if one.at >= since}
        for market in ("linear", "spot"):
            if ledger.account_of(market) not in asked:
                left.append(f"the {market} account was not looked at")
        return left

    async def _check(self, *, is_quiet: bool) -> bool:
        """What is wrong and stays wrong: the venue's news may still be on its way to the server.

        Returns:
            False when something is wrong and the server has ended: it cannot hear of it any more.
        """
        deadline = time.monotonic() + NEWS_SECONDS
        while True:
            evidence = await self._evidence(is_quiet=is_quiet)
            found = check(evidence)
            if not found or not is_quiet or time.monotonic() > deadline:
                break
            if not self._is_alive:
                return False
            self.history.starts[-1].settled = now_ns()
            await asyncio.sleep(STILL_SECONDS)
        self.outcome.violations += found
        self.outcome.checks += 1
        self.outcome.rows = self._previous = evidence.rows
        self.outcome.until = evidence.until
        return True

    async def _evidence(self, *, is_quiet: bool) -> Evidence:
        # The server first: what it has booked then, the venue knows.
        rows = mapping.read_rows(self.server.database)
        return Evidence(
            rows=rows,
            ledger=await self.venue.read(),
            history=self.history,
            strategies=self.actor.strategies,
            previous=self._previous,
            is_quiet=is_quiet,
            until=now_ns(),
        )

    async def _restart_in_peace(self) -> None:
        """Restarts of a quiet server change nothing, here and at the venue (I34)."""
        if not self.story.restarts:
            return
        await self._nothing_ends(timedelta(seconds=PEACE_SECONDS * self.story.restarts))
        before = await self._still()
        for number in range(self.story.restarts):
            how = "kill" if number % 2 else "stop"
            assert self.server.child is not None
            if how == "stop":
                self.server.child.send(signal.SIGTERM)
                await self.server.child.ended(10)
            await self.server.kill("peace", how="peace", is_hit=True)
            await self.server.start()
            await asyncio.sleep(WATCH_SECONDS)
        self.outcome.violations += unchanged(before, await self._still())

    async def _nothing_ends(self, within: timedelta) -> None:
        """Wait until nothing is left that ends by itself in that time, and for what follows it."""
        deadline = time.monotonic() + CONVERGES_SECONDS
        file = self.server.database
        while mapping.ending(file, within) or mapping.unsealed(file):
            if time.monotonic() > deadline:
                raise StartFailed("what was due to end, or to be sealed, has not been")
            await asyncio.sleep(POLL_SECONDS)
        await self._settle()

    async def _still(self) -> Still:
        await asyncio.sleep(EVENT_LAG_SECONDS)
        ledger = await self.venue.read()
        mutations = [one for one in ledger.requests if one.mutates]
        return Still(mapping.every_row(self.server.database), tuple(mutations))


def _aim(verb: str) -> dict[str, object]:
    if verb == "partial_fill":
        return {"fraction": "0.5"}
    return {"route": "order.create"}
