"""Quantities as amounts of the settle currency, their averages and their shares."""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import Final

from app.core.decimals import EXACT, floor_to
from app.trading.instrument import Instrument
from app.trading.words import MarketType

ZERO: Final = Decimal(0)
# Shares of a cost or a fee are rounded to this; the last closing fill takes the rest (TRADING 29).
SHARE: Final = Decimal("1e-12")
_FINEST: Final = Decimal("1e-18")


def amount_of(instrument: Instrument, quantity: Decimal, *, price: Decimal) -> Decimal:
    """Worth of a quantity in settle currency: rounded to 1e-12 on inverse, else exact."""
    with localcontext(EXACT):
        if instrument.market_type is MarketType.INVERSE:
            return (quantity * instrument.contract_size / price).quantize(SHARE)
        return storable(quantity * price)


def average(instrument: Instrument, quantity: Decimal, *, amount: Decimal) -> Decimal | None:
    """Mean price of a quantity and its amount, harmonic on inverse; None for nothing.

    Returns:
        Quote per base, rounded half-even to 1e-12.
    """
    if quantity == 0 or amount == 0:
        return None
    with localcontext(EXACT):
        if instrument.market_type is MarketType.INVERSE:
            return (quantity * instrument.contract_size / amount).quantize(SHARE)
        return (amount / quantity).quantize(SHARE)


def pro_rata(total: Decimal, weights: Sequence[Decimal], *, step: Decimal) -> list[Decimal]:
    """Shares of a total by weight that add up to it exactly (TRADING 26, 31).

    Args:
        total: what is shared: a lost quantity, a funding payment; any sign.
        weights: one per book, 0 or more, at least one above 0.
        step: shares are multiples of it; the heaviest weight takes the rest.
    """
    with localcontext(EXACT):
        whole = sum(weights, ZERO)
        shares = [floor_to(total * weight / whole, step) for weight in weights]
        heaviest = max(range(len(weights)), key=lambda index: weights[index])
        shares[heaviest] += total - sum(shares, ZERO)
    return shares


def storable(value: Decimal) -> Decimal:
    """The value with the 18 decimal places that a money column keeps; most have fewer anyway."""
    exponent = value.as_tuple().exponent
    is_fine = isinstance(exponent, int) and exponent >= -18
    return value if is_fine else value.quantize(_FINEST, context=EXACT)
