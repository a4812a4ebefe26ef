"""Several take-profit levels of one position, nearest first."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Target:
    """One level and its share.

    Attributes:
        price: quote per base.
        fraction: of the position, between 0 and 1; the shares of a position add up to at most 1.
    """

    price: Decimal
    fraction: Decimal
