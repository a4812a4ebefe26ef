"""Figures of a run: what was tried, what did not hold, how long things took; they add up."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from statistics import median
from typing import Any, Self

from tests.crash.checker import INVARIANTS, Evidence, Violation
from tests.crash.checker.protection import naked_times, reactions
from tests.crash.driver import Outcome
from tests.crash.history import SECOND, Start

NOT_COUNTED = {"setup", "peace"}
COUNTERS = ("counts", "kills", "missed", "faults", "violations", "slow")
SLOW_SECONDS = 5


@dataclass
class Figures:
    """Sums over stories; `seconds` are samples, so that two runs can be put together.

    Attributes:
        stories: those that were played, by seed: what a resumed run skips.
        kills: by point; `missed` were aimed at a point that was not come past in time.
        seconds: samples by name.
        slow: what recoveries of more than five seconds waited for.
    """

    seed: int = 1
    stories: list[int] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    slow: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    wall_seconds: float = 0.0

    def take(self, outcome: Outcome) -> None:
        """Add one story."""
        history, ledger = outcome.history, outcome.ledger
        self.stories.append(outcome.story.seed)
        for kill in history.kills:
            if kill.how in NOT_COUNTED:
                continue
            (self.kills if kill.is_hit else self.missed)[kill.point] += 1
        self.faults.update(history.faults)
        self.violations.update({one.invariant for one in outcome.violations})
        self.counts.update(
            {
                "starts": len(history.starts),
                "alerts": len(outcome.rows.alarms),
                "deliveries": len(history.deliveries),
                "commands": len(history.commands),
                "signals": len(outcome.rows.signals),
                "orders": len(outcome.rows.orders),
                "positions": len(outcome.rows.positions),
                "fills": len(ledger.fills),
                "checks": outcome.checks,
            }
        )
        self._take_starts(history.starts)
        self._take_times(outcome)

    def add(self, other: Self) -> None:
        """Put another run's figures in."""
        self.stories += other.stories
        for name in COUNTERS:
            getattr(self, name).update(getattr(other, name))
        for name, samples in other.seconds.items():
            self.seconds.setdefault(name, []).extend(samples)
        self.wall_seconds += other.wall_seconds

    @property
    def all_kills(self) -> int:
        """Every SIGKILL, at a point or not."""
        return self.kills.total() + self.missed.total()

    def shown(self) -> dict[str, Any]:
        """As JSON: what is published."""
        return {
            "seed": self.seed,
            "stories": len(self.stories),
            "kills": self.all_kills,
            "kills_by_point": dict(sorted(self.kills.items())),
            "points_not_come_past": dict(sorted(self.missed.items())),
            **dict(sorted(self.counts.items())),
            "faults": sum(self.faults.values()),
            "faults_by_verb": dict(sorted(self.faults.items())),
            "violations": {name: self.violations.get(name, 0) for name in _names(self.violations)},
            "seconds": {name: spread(samples) for name, samples in sorted(self.seconds.items())},
            "recoveries_over_5_s_waited_for": dict(self.slow.most_common()),
            "wall_seconds": round(self.wall_seconds, 1),
        }

    def kept(self) -> dict[str, Any]:
        """Everything, samples too, as JSON."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        """What was kept."""
        body = dict(kept)
        for name in COUNTERS:
            body[name] = Counter(body[name])
        return cls(**body)

    def _take_starts(self, starts: Sequence[Start]) -> None:
        """The first start of all prepares the database: it is no recovery."""
        for number, start in enumerate(starts):
            if not start.opened:
                continue
            self._sample("cold start to open port", start.opened - start.began)
            if number and start.settled:
                self._sample("open port to all at rest", start.settled - start.opened)
            if number and start.recovered:
                self._sample("open port to recovered", start.recovered - start.opened)
            if number and start.caught_up:
                self._sample("proof to caught up", start.caught_up - start.proving)
            if number and start.recovered > start.opened + SLOW_SECONDS * SECOND:
                self.slow[start.waited_for] += 1

    def _take_times(self, outcome: Outcome) -> None:
        evidence = Evidence(
            rows=outcome.rows,
            ledger=outcome.ledger,
            history=outcome.history,
            until=outcome.until,
        )
        for naked in naked_times(evidence):
            self._sample(f"naked, {naked.kind}", naked.end - naked.begin)
        for _, begin, acted in reactions(evidence):
            if acted < outcome.until:
                is_down = any(
                    down < acted and up > begin for down, up in outcome.history.downtimes()
                )
                name = "level reached to exit, " + ("crash" if is_down else "no crash")
                self._sample(name, max(0, acted - begin))

    def _sample(self, name: str, nanoseconds: int) -> None:
        self.seconds.setdefault(name, []).append(round(nanoseconds / SECOND, 4))


def spread(samples: Sequence[float]) -> dict[str, float]:
    """Count, median, 99th percentile and most."""
    ordered = sorted(samples)
    last = len(ordered) - 1
    return {
        "count": len(ordered),
        "median": median(ordered),
        "p99": ordered[min(last, round(0.99 * last))],
        "max": ordered[-1],
    }


def violation_lines(violations: Sequence[Violation]) -> list[str]:
    """Each once, at most twenty."""
    return list(dict.fromkeys(str(one) for one in violations))[:20]


def _names(violations: Mapping[str, int]) -> list[str]:
    return [*INVARIANTS, "I34", *sorted(set(violations) - set(INVARIANTS) - {"I34"})]
