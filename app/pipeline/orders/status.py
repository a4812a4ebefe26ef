"""Where an order is, and where it may go."""

from typing import Final

from app.core.state import Transitions
from app.core.words import Word


class OrderStatus(Word):
    """What is proven about an order.

    A cancel that was asked for changes no status: the order may still end in `FILLED`.

    Attributes:
        CREATED: the intent is committed, nothing was sent.
        SUBMITTED: it is on its way, or the answer is not recorded yet.
        UNKNOWN: the venue may or may not have it; left only with evidence from the venue.
        DENIED: our own rules stopped it before it was sent.
        REJECTED: the venue refused it.
    """

    CREATED = "created"
    SUBMITTED = "submitted"
    UNKNOWN = "unknown"
    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    DENIED = "denied"


_ENDS: Final = frozenset(
    {OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED}
)
_PROVABLE: Final = _ENDS | {OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED}

# It may have arrived at the venue, or not.
UNPROVEN: Final = frozenset({OrderStatus.SUBMITTED, OrderStatus.UNKNOWN})

ORDER_MOVES: Final[Transitions[OrderStatus]] = {
    OrderStatus.CREATED: frozenset({OrderStatus.SUBMITTED, OrderStatus.DENIED}),
    OrderStatus.SUBMITTED: _PROVABLE | {OrderStatus.UNKNOWN},
    OrderStatus.UNKNOWN: _PROVABLE,
    OrderStatus.OPEN: _ENDS | {OrderStatus.PARTIALLY_FILLED},
    OrderStatus.PARTIALLY_FILLED: _ENDS | {OrderStatus.OPEN},
    OrderStatus.FILLED: frozenset(),
    OrderStatus.CANCELED: frozenset(),
    OrderStatus.REJECTED: frozenset(),
    OrderStatus.EXPIRED: frozenset(),
    OrderStatus.DENIED: frozenset(),
}
