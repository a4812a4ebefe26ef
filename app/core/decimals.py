"""Decimals in and out: plain notation on the wire, no float on the way."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, localcontext

# ccxt changes the rounding of the thread's context; arithmetic that must not care uses this one.
EXACT = Context(prec=50)


def plain(value: Decimal) -> str:
    """Plain notation: no exponent, no trailing zeros, `0` and never `-0`."""
    if value == 0:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of `step` that is not above `value`; `value` itself for step 0."""
    return _to_step(value, step, ROUND_FLOOR)


def ceil_to(value: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of `step` that is not below `value`; `value` itself for step 0."""
    return _to_step(value, step, ROUND_CEILING)


def _to_step(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    if step == 0:
        return value
    with localcontext(EXACT):
        return (value / step).to_integral_value(rounding=rounding) * step
