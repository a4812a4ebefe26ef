"""Which limits a change would loosen: a thief's first step, or a gambler's."""

from decimal import Decimal

from app.pipeline.risk.exposure import Limits

# More of it allows more; None allows everything.
CAPS = (
    "max_daily_loss",
    "max_open_positions",
    "max_notional_per_symbol",
    "max_notional_total",
    "max_leverage",
    "max_orders_per_minute",
    "max_price_drift",
)


def loosened(before: Limits, after: Limits) -> tuple[str, ...]:
    """Names of the limits that allow more than they did; none when all are as tight or tighter.

    `min_notional` is none of them: it spares the trader fees, not losses.
    """
    names = [name for name in CAPS if _allows_more(getattr(before, name), getattr(after, name))]
    if before.allowed_symbols is not None and (
        after.allowed_symbols is None or after.allowed_symbols - before.allowed_symbols
    ):
        names.append("allowed_symbols")
    return tuple(names)


def _allows_more(before: Decimal | int | None, after: Decimal | int | None) -> bool:
    if before is None:
        return False
    return after is None or after > before
