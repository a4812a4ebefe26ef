"""What a strategy has on a symbol, in one question, so that most alerts need no other."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.pipeline.orders.models import Order
from app.pipeline.orders.repository import LIVE
from app.pipeline.positions.models import Position
from app.pipeline.positions.repository import HELD
from app.pipeline.signals.models import Signal
from app.pipeline.signals.repository import OPENING, UNSENT
from app.trading.words import Purpose


@dataclass(frozen=True, slots=True)
class Glance:
    """Which rows there are to look at.

    Attributes:
        book_id: the open book; None when flat.
        latest_alert_at: time of the newest alert that became a signal.
        has_entries: whether an entry is undecided, unsent or resting.
    """

    symbol: str
    book_id: UUID | None
    latest_alert_at: datetime | None
    has_entries: bool


async def look(session: AsyncSession, strategy_id: UUID, symbol: str) -> Glance:
    """Look at a strategy's book, signals and entries of one symbol."""
    book = select(Position.id).where(
        Position.strategy_id == strategy_id, Position.symbol == symbol, Position.status.in_(HELD)
    )
    newest = select(func.max(Signal.alert_at)).where(
        Signal.strategy_id == strategy_id, Signal.symbol == symbol
    )
    unsent = select(func.count()).where(
        Signal.strategy_id == strategy_id,
        Signal.symbol == symbol,
        Signal.status.in_(UNSENT),
        Signal.action.in_(OPENING),
    )
    resting = select(func.count()).where(
        Order.strategy_id == strategy_id,
        Order.symbol == symbol,
        Order.status.in_(LIVE),
        Order.purpose == Purpose.ENTRY,
    )
    row = await session.execute(
        select(
            book.order_by(Position.id).limit(1).scalar_subquery(),
            newest.scalar_subquery(),
            unsent.scalar_subquery() + resting.scalar_subquery(),
        )
    )
    book_id, latest_alert_at, entries = row.one()
    return Glance(symbol, book_id, latest_alert_at, has_entries=entries > 0)
