"""A random walk that is the same for the same seed, whenever and however often it is replayed."""

from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Protocol

_PPM = Decimal("0.000001")
_STEP_PPM = 100


@dataclass(frozen=True, slots=True)
class Tick:
    """One move of the market: quote per base, and base units traded at it."""

    price: Decimal
    volume: Decimal


class Source(Protocol):
    """Where the next price comes from."""

    def next_tick(self, symbol: str, price: Decimal, step: int) -> Tick:
        """The tick of a step, given the price before it (which a recording ignores)."""
        ...


@dataclass(frozen=True, slots=True)
class Walk:
    """At most 0.01 % per step, which at two steps a second is some 2 % a day.

    Each step has its own generator, made of seed, symbol and step number: the walk continues
    after a restart without any generator state being stored.
    """

    seed: int

    def next_tick(self, symbol: str, price: Decimal, step: int) -> Tick:
        """The price moved by a few parts per million; not rounded to any tick size."""
        dice = Random(f"{self.seed}:{symbol}:{step}")  # noqa: S311 (a market, not a secret)
        moved = price * (1 + dice.randint(-_STEP_PPM, _STEP_PPM) * _PPM)
        volume = Decimal(dice.randint(1, 50_000)) / price
        return Tick(moved.quantize(Decimal("0.00000001")), volume.quantize(Decimal("0.001")))
