"""Decimals in and out: plain notation on the wire, no float on the way."""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, localcontext

# Decimal places that the database keeps of every amount.
PLACES = 18
# … and digits before the point.
DIGITS = 20
_QUANTUM = Decimal(1).scaleb(-PLACES)

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


def to_places(value: Decimal) -> Decimal:
    """The number as the database can keep it: what lies beyond 18 decimal places is rounded."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or exponent >= -PLACES:
        return value
    with localcontext(EXACT):
        return value.quantize(_QUANTUM, rounding=ROUND_HALF_EVEN)


def can_be_kept(value: Decimal) -> bool:
    """Whether the database keeps this number as it is: finite, 20 digits, 18 decimal places."""
    if not value.is_finite():
        return False
    return value.adjusted() < DIGITS and to_places(value) == value


def percent_of(part: Decimal, whole: Decimal) -> Decimal:
    """What percentage `part` is of `whole`, to 18 places: a third has more than can be kept.

    Args:
        part: in any unit.
        whole: in the same unit; not zero.
    """
    with localcontext(EXACT):
        return to_places(part / whole * 100)


def _to_step(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    if step == 0:
        return value
    with localcontext(EXACT):
        return (value / step).to_integral_value(rounding=rounding) * step
