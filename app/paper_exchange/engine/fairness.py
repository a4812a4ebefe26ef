"""How the venue treats an order; a fault puts something less fair in its place."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from app.paper_exchange.engine.algo import AlgoOrder
from app.paper_exchange.engine.models import Order
from app.trading.words import MarketType


class Portion(StrEnum):
    """What becomes of an order that is filled in part only."""

    REST_WAITS = "rest_waits"
    REST_CANCELED = "rest_canceled"


class Fate(StrEnum):
    """What happens to a conditional order when its price is reached."""

    TRIGGER = "trigger"
    REJECT = "reject"
    STICK = "stick"


@dataclass(frozen=True, slots=True)
class Share:
    """Part of an order: `fraction` of what is left, and what becomes of the rest."""

    fraction: Decimal
    rest: Portion


@dataclass(frozen=True, slots=True)
class FeeTerms:
    """A fee that is not the listing's.

    Attributes:
        rate: fraction of the value; negative for a rebate.
        asset: the coin that pays it, None for the usual one.
        price: quote per unit of that coin, 1 for the usual one.
    """

    rate: Decimal
    asset: str | None
    price: Decimal


class Treatment(Protocol):
    """What matching asks before it acts."""

    def is_halted(self, market: MarketType, symbol: str) -> bool: ...

    def share(self, order: Order) -> Share | None:
        """None for all of it."""
        ...

    def fee(self, order: Order) -> FeeTerms | None:
        """None for the listing's own."""
        ...

    def fate(self, algo: AlgoOrder) -> Fate: ...


class Fair:
    """Everybody gets what the rules say."""

    def is_halted(self, market: MarketType, symbol: str) -> bool:  # noqa: ARG002 (Treatment)
        """Never."""
        return False

    def share(self, order: Order) -> Share | None:  # noqa: ARG002 (Treatment)
        """All of it."""
        return None

    def fee(self, order: Order) -> FeeTerms | None:  # noqa: ARG002 (Treatment)
        """The listing's own."""
        return None

    def fate(self, algo: AlgoOrder) -> Fate:  # noqa: ARG002 (Treatment)
        """It triggers."""
        return Fate.TRIGGER
