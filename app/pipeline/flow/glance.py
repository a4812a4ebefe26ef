"""What a strategy has on a symbol, in one question, so that most alerts need no other."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import String, Uuid, bindparam, func, select
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
        latest_alert_at: time of the newest alert that became a signal; tests do not count.
        has_entries: whether an entry is undecided, unsent or resting; a test's is none.
    """

    symbol: str
    book_id: UUID | None
    latest_alert_at: datetime | None
    has_entries: bool


# Statements of the way from an alert to its order are built once: building one costs as much as
# asking it (docs/decisions/0018).
_STRATEGY: Final = bindparam("strategy_id", type_=Uuid())
_SYMBOL: Final = bindparam("symbol", type_=String())
_BOOK: Final = (
    select(Position.id)
    .where(
        Position.strategy_id == _STRATEGY,
        Position.symbol == _SYMBOL,
        Position.status.in_(HELD),
    )
    .order_by(Position.id)
    .limit(1)
)
_NEWEST: Final = select(func.max(Signal.alert_at)).where(
    Signal.strategy_id == _STRATEGY, Signal.symbol == _SYMBOL, Signal.is_test.is_(False)
)
_UNSENT: Final = select(func.count()).where(
    Signal.strategy_id == _STRATEGY,
    Signal.symbol == _SYMBOL,
    Signal.status.in_(UNSENT),
    Signal.action.in_(OPENING),
    Signal.is_test.is_(False),
)
_RESTING: Final = select(func.count()).where(
    Order.strategy_id == _STRATEGY,
    Order.symbol == _SYMBOL,
    Order.status.in_(LIVE),
    Order.purpose == Purpose.ENTRY,
)
_GLANCE: Final = select(
    _BOOK.scalar_subquery(),
    _NEWEST.scalar_subquery(),
    _UNSENT.scalar_subquery() + _RESTING.scalar_subquery(),
)


async def newest_entry_alert(session: AsyncSession, book: Position) -> datetime | None:
    """When the sender made its newest entry alert of the book's symbol, by its own clock.

    None when that says nothing about the book: one of its entries came without a time.
    """
    timeless = (
        select(func.count())
        .select_from(Order)
        .join(Signal, Signal.id == Order.signal_id, isouter=True)
        .where(
            Order.position_id == book.id,
            Order.purpose == Purpose.ENTRY,
            Signal.alert_at.is_(None),
        )
    )
    if await session.scalar(timeless):
        return None
    newest: datetime | None = await session.scalar(
        select(func.max(Signal.alert_at)).where(
            Signal.strategy_id == book.strategy_id,
            Signal.symbol == book.symbol,
            Signal.action.in_(OPENING),
        )
    )
    return newest


async def look(session: AsyncSession, strategy_id: UUID, symbol: str) -> Glance:
    """Look at a strategy's book, signals and entries of one symbol."""
    asked = {"strategy_id": strategy_id, "symbol": symbol}
    book_id, latest_alert_at, entries = (await session.execute(_GLANCE, asked)).one()
    return Glance(symbol, book_id, latest_alert_at, has_entries=entries > 0)
