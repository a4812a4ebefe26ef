"""What has to be right about a sweep before it is written down."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from app.backtests.runs.plan import Plan
from app.backtests.sweeps.combining import combinations, first_that_fits
from app.backtests.sweeps.schemas import values_of
from app.core.errors import Invalid

# Of all runs together: an hour or so of two processors.
MOST_CANDLES: Final = 500_000_000


def check_sweep(
    plan: Plan, parameters: Mapping[str, Any], grid: Mapping[str, Any], *, now: datetime
) -> None:
    """See that it can be run.

    Args:
        plan: of each run.
        parameters: those that do not change.
        grid: values of the others, as they are stored.
        now: nothing after it is known.

    Raises:
        Invalid: as `combinations`, `first_that_fits` and `Plan.check`; `sweep_too_long`.
    """
    found = combinations(parameters, values_of(grid))
    plan.check(first_that_fits(plan.definition, found), now=now)
    if plan.count * len(found) > MOST_CANDLES:
        raise Invalid(
            f"{len(found)} runs over {plan.count} candles are more than {MOST_CANDLES} together: "
            "take a shorter range or fewer values.",
            code="sweep_too_long",
        )
