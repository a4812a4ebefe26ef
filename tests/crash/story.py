"""Stories: what a driver does between two kills, as data that can be replayed and shortened."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final, Self

from tests.crash.points import BY_NAME, Point, Reach
from tests.crash.points import Story as Kind

Step = Mapping[str, Any]

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "LTCUSDT")
FIRST_PRICES: Final = {"BTCUSDT": "60000", "ETHUSDT": "3000", "SOLUSDT": "150", "LTCUSDT": "80"}
STRATEGIES: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "linear-auto": ("linear", {"approval": "auto", "leverage": 3}),
    "linear-manual": ("linear", {"approval": "manual"}),
    "linear-trail": ("linear", {"approval": "auto", "on_opposite": "flip"}),
    "linear-limit": ("linear", {"approval": "auto", "signal_ttl_seconds": 6}),
    "spot-auto": ("spot", {"approval": "auto"}),
    "spot-manual": ("spot", {"approval": "manual", "max_price_drift_percent": "1"}),
}
# Faults of one request or a few seconds, and how often each is drawn.
FAULTS: Final[Mapping[str, int]] = {
    "drop_before_accept": 3,
    "drop_after_accept": 6,
    "reset_before": 2,
    "reset_after": 4,
    "half_reply": 4,
    "malformed_json": 4,
    "empty_reply": 3,
    "delay_before": 3,
    "delay_after": 4,
    "fill_before_ack": 4,
    "http_500": 2,
    "http_503_unknown": 2,
    "http_503_accepted": 4,
    "html_502_accepted": 3,
    "http_504_accepted": 3,
    "timeout_1007": 2,
    "timeout_1007_accepted": 3,
    "throttled_1008": 1,
    "rate_429": 2,
    "order_count_429": 1,
    "timestamp_1021": 2,
    "insufficient_2010": 1,
    "conditional_4120": 2,
    "positions_fail": 2,
    "positions_empty": 2,
    "balances_empty": 1,
    "not_found_2013": 4,
    "lag": 3,
    "decimal_noise": 2,
    "partial_fill": 3,
    "partial_then_cancel": 3,
    "rebate": 1,
    "zero_fee": 1,
    "duplicate_event": 2,
    "missing_event": 3,
    "out_of_order_events": 2,
    "late_event": 2,
    "silent_stream": 2,
    "drop_stream": 2,
    "expire_listen_key": 1,
    "stop_rejected_at_trigger": 1,
}
SHORT: Final = {"delay_before": "0.3", "delay_after": "0.5", "fill_before_ack": "0.3"}
LASTING: Final = {"not_found_2013": "2", "lag": "2", "decimal_noise": "3", "silent_stream": "3"}
# Leverage is set on contracts, and a stop outlives its position there; on spot it is in the way.
ONLY_THERE: Final = {"C16": "linear-auto", "C33": "spot-auto", "C37": "linear-auto"}
HANDS: Final[Mapping[str, int]] = {
    "user_close": 4,
    "user_reduce": 3,
    "user_add": 2,
    "user_cancel_stop": 4,
    "liquidate": 2,
    "leverage_changed": 1,
}


@dataclass(frozen=True, slots=True)
class End:
    """How a run ends: at a named point, at a moment of the steps, or while it drains.

    Attributes:
        after: seconds from the first step (random), or from SIGTERM (drain).
    """

    how: str
    point: str = ""
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Cycle:
    """One run of the server: a point armed at its start or none, steps, and its end."""

    end: End
    steps: tuple[Step, ...]
    nth: int = 1

    @property
    def failpoint(self) -> str:
        """What `FAILPOINT` says at its start."""
        point = BY_NAME.get(self.end.point)
        is_armed = self.end.how == "point" and point is not None and point.reach is Reach.CODE
        return f"{self.end.point}:{self.nth}:kill" if is_armed else ""


@dataclass(frozen=True, slots=True)
class Story:
    """Everything against one venue, from an empty database to the last check."""

    seed: int
    cycles: tuple[Cycle, ...]
    restarts: int = 2

    def saved(self, file: Path) -> Path:
        """Write it as JSON."""
        cycles = [
            {
                "end": {"how": one.end.how, "point": one.end.point, "after": one.end.after},
                "nth": one.nth,
                "steps": [dict(step) for step in one.steps],
            }
            for one in self.cycles
        ]
        body = {"seed": self.seed, "restarts": self.restarts, "cycles": cycles}
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(body, indent=1))
        return file

    @classmethod
    def loaded(cls, file: Path) -> Self:
        """Read it back."""
        body = json.loads(file.read_text())
        cycles = [
            Cycle(End(**one["end"]), tuple(one["steps"]), one["nth"]) for one in body["cycles"]
        ]
        return cls(body["seed"], tuple(cycles), body["restarts"])


@dataclass
class Author:
    """Writes stories from a seed: the same seed, the same story.

    Attributes:
        is_calm: no faults and nothing else than what leads to each point.
    """

    seed: int
    is_calm: bool = False
    dice: Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = Random(f"story {self.seed}")

    def story(self, points: tuple[str, ...], *, restarts: int = 2) -> Story:
        """A cycle for each name; `random` is a kill at any moment."""
        return Story(self.seed, tuple(self._cycle(name) for name in points), restarts)

    def _cycle(self, name: str) -> Cycle:
        point = BY_NAME.get(name)
        if point is None:
            end = End("random", "random", round(self.dice.uniform(0.02, 1.6), 3))
            return Cycle(end, tuple(self._some_steps(self.dice.randint(4, 9))))
        steps = self._leading_to(point)
        if not self.is_calm:
            steps = [*self._some_steps(self.dice.randint(0, 3)), *steps]
        if point.reach is Reach.DRAIN:
            end = End("drain", name, round(self.dice.uniform(0.0, 0.3), 3))
        else:
            end = End("venue" if point.reach is Reach.VENUE else "point", name)
        return Cycle(end, tuple(steps), 1 if self.is_calm else self.dice.choice((1, 1, 1, 2)))

    def _some_steps(self, count: int) -> Iterator[Step]:
        if self.dice.random() < 0.6:
            yield self._fault()
        for _ in range(count):
            yield self._any_step()

    def _any_step(self) -> Step:
        writers = {
            self._alert: 10,
            self._repeat: 2,
            self._decide: 4,
            self._hit: 4,
            self._move: 3,
            self._close: 2,
            self._levels: 2,
            self._schedule: 2,
            self._hands: 2,
            self._fault: 2,
            self._cancel: 1,
            self._fund: 1,
        }
        return self.dice.choices(list(writers), list(writers.values()))[0]()

    def _leading_to(self, point: Point) -> list[Step]:
        """What brings a process past the point, whatever else is going on."""
        drawn = self.dice.choice(("linear-auto", "spot-auto"))
        strategy = ONLY_THERE.get(point.name, drawn)
        symbol = self.dice.choice(SYMBOLS)
        plain = {"action": "buy", "age": 0, "secret": False}
        entry = {**self._alert(strategy, symbol), **plain}
        match point.story:
            case Kind.SECRET:
                return [{**entry, "secret": True}]
            case Kind.APPROVE:
                manual = {**self._alert("linear-manual", symbol), **plain}
                decide = {"do": "decide", "verdict": "approve", "pick": 0}
                return [{**manual, "do": "ensure_flat"}, manual, decide]
            case Kind.TRIGGER:
                return [{**entry, "do": "ensure_open"}, self._hit()]
            case Kind.EXIT:
                leave = {"do": "close", "pick": 0, "part": None, "strategy": strategy}
                return [{**entry, "do": "ensure_open"}, leave]
            case Kind.CANCEL:
                rest = {**self._alert("linear-limit", symbol), **plain, "limit": -3}
                first = {**rest, "do": "ensure_flat"}
                return [first, rest, {"do": "wait", "seconds": 0.3}, self._cancel()]
            case _:
                return [{"do": "ensure_flat", "strategy": strategy, "symbol": symbol}, entry]

    def _alert(self, strategy: str = "", symbol: str = "") -> Step:
        dice = self.dice
        strategy = strategy or dice.choice(list(STRATEGIES))
        step: dict[str, Any] = {
            "do": "alert",
            "strategy": strategy,
            "symbol": symbol or dice.choice(SYMBOLS),
            "action": "buy" if strategy.startswith("spot") else dice.choice(("buy", "buy", "sell")),
            "notional": dice.choice(("60", "90", "150", "240")),
            "stop": dice.choice(("1", "2", "3")),
            "target": dice.choice((None, "2", "4")),
            "age": dice.choices((0, 20), (9, 1))[0],
        }
        if dice.random() < 0.15:
            step["action"] = dice.choice(("close", "sell"))
        if strategy == "linear-trail":
            step["trailing"] = dice.choice(("1", "2"))
        if strategy == "linear-limit":
            step["limit"] = dice.choice((-2, -1, 1))
        if dice.random() < 0.1:
            step["secret"] = True
        return step

    def _repeat(self) -> Step:
        return {"do": "repeat", "back": self.dice.randint(1, 4)}

    def _decide(self) -> Step:
        verdict = self.dice.choices(("approve", "reject"), (4, 1))[0]
        return {"do": "decide", "verdict": verdict, "pick": self.dice.randint(0, 9)}

    def _hit(self) -> Step:
        level = self.dice.choices(("stop", "target"), (3, 2))[0]
        return {"do": "hit", "pick": 0, "level": level, "past": self.dice.choice(("0", "0.1", "4"))}

    def _move(self) -> Step:
        percent = self.dice.choice(("-6", "-1", "-0.4", "0.4", "1", "6"))
        return {"do": "move", "symbol": self.dice.choice(SYMBOLS), "percent": percent}

    def _close(self) -> Step:
        part = self.dice.choice((None, None, "0.5"))
        return {"do": "close", "pick": self.dice.randint(0, 9), "part": part}

    def _levels(self) -> Step:
        level = self.dice.choice(("stop", "target", "trailing", "none"))
        return {"do": "levels", "pick": self.dice.randint(0, 9), "level": level}

    def _schedule(self) -> Step:
        profit = self.dice.choice(("0", "0.2", "0.7"))
        return {"do": "schedule", "pick": self.dice.randint(0, 9), "profit": profit}

    def _hands(self) -> Step:
        verb = self.dice.choices(list(HANDS), list(HANDS.values()))[0]
        return {"do": "hands", "verb": verb, "pick": self.dice.randint(0, 9)}

    def _cancel(self) -> Step:
        return {"do": "cancel", "pick": self.dice.randint(0, 9)}

    def _fund(self) -> Step:
        rate = self.dice.choice(("0.0001", "-0.0001", "0.001"))
        return {"do": "fund", "symbol": self.dice.choice(SYMBOLS), "rate": rate}

    def _fault(self) -> Step:
        verb = self.dice.choices(list(FAULTS), list(FAULTS.values()))[0]
        fault: dict[str, Any] = {"do": "fault", "verb": verb}
        seconds = SHORT.get(verb) or LASTING.get(verb)
        if seconds:
            fault["seconds"] = seconds
        return fault
