"""Which parameters a sweep tries: every combination of the values that are given for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal, localcontext
from itertools import product
from typing import Any, Final

from app.algorithms.algorithm import Definition
from app.core.decimals import EXACT, plain
from app.core.errors import Invalid

MOST_COMBINATIONS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Range:
    """Values from `since` to `until`, both of them if the steps meet it; `step` is above 0."""

    since: Decimal
    until: Decimal
    step: Decimal

    @property
    def count(self) -> int:
        """How many values it has; 0 or less when it ends before it begins."""
        with localcontext(EXACT):
            steps = (self.until - self.since) / self.step
            return int(steps.to_integral_value(ROUND_FLOOR)) + 1

    def values(self) -> list[int | str]:
        """Each of them as JSON writes a parameter: a whole number, or a decimal in plain text."""
        with localcontext(EXACT):
            found = [self.since + number * self.step for number in range(self.count)]
        return [int(one) if one == one.to_integral_value() else plain(one) for one in found]


Values = Sequence[Any] | Range


def combinations(fixed: Mapping[str, Any], grid: Mapping[str, Values]) -> list[dict[str, Any]]:
    """All combinations, the last parameter changing first.

    Args:
        fixed: parameters that are the same in all of them.
        grid: values of the others.

    Raises:
        Invalid: `empty_grid`; `fixed_and_swept`; `too_many_combinations`.
    """
    both = sorted(fixed.keys() & grid.keys())
    if both:
        detail = f"{', '.join(both)}: give it once, in parameters or in grid."
        raise Invalid(detail, code="fixed_and_swept")
    count = 1
    for name, values in grid.items():
        several = values.count if isinstance(values, Range) else len(values)
        if several < 1:
            raise Invalid(f"grid: {name} has no value.", code="empty_grid")
        count *= several
        # Asked before the values are made: a range can have more of them than there is memory.
        if count > MOST_COMBINATIONS:
            raise Invalid(
                f"These are more than {MOST_COMBINATIONS} combinations: take larger steps, or "
                "several sweeps.",
                code="too_many_combinations",
            )
    if not grid:
        raise Invalid("grid: name the parameters that change.", code="empty_grid")
    columns = [one.values() if isinstance(one, Range) else list(one) for one in grid.values()]
    return [{**fixed, **dict(zip(grid, row, strict=True))} for row in product(*columns)]


def first_that_fits(
    definition: Definition[Any], found: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    """The first combination that the algorithm takes; others may be refused when they are run.

    Args:
        definition: which algorithm.
        found: one combination at least.

    Raises:
        Invalid: `bad_parameters`, as the algorithm says of the first one, when it takes none.
    """
    refusals: list[Invalid] = []
    for settings in found:
        try:
            definition.validated(settings)
        except Invalid as refused:
            refusals.append(refused)
        else:
            return settings
    raise refusals[0]
