"""An exit that waits with us until the market pays its price."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledExit:
    """A sell of a long, or a buy of a short, at a limit that pays its cost (TRADING 32).

    Attributes:
        id: its own; an order that is sent for it has another.
        min_profit_percent: earned on the break-even price at least, 2 = 2 %; 0 or more.
        quantity: base units that it has still to close; None for all that is held.
        limit_price: the limit that was asked for, quote per base; None without one.
        price: the limit it has now, quote per base, on the tick: that of the floor and the one
            asked for which pays more.
        scheduled_by: who or what asked for it.
        scheduled_at: when.
    """

    id: UUID
    min_profit_percent: Decimal
    quantity: Decimal | None
    limit_price: Decimal | None
    price: Decimal
    scheduled_by: str
    scheduled_at: datetime
