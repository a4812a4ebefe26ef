"""Exits that waited for their price are never worse than it (TRADING 32)."""

from app.commands.doctor.checks.advice import BOOKS, ITSELF
from app.commands.doctor.finding import Difference, Finding
from app.commands.doctor.rows import Rows
from app.core.decimals import plain
from app.pipeline.orders.models import Fill, Order
from app.pipeline.positions.exits import is_worse, scheduled_price
from app.pipeline.positions.models import Position
from app.pipeline.positions.repository import HELD
from app.pipeline.positions.service import book_of
from app.trading.words import PositionSide, Side


def scheduled_exits_keep_their_floor(rows: Rows) -> Finding:
    """What waits does so at its floor or above, and what was filled was filled at its limit."""
    sent = {one.id: one for one in rows.orders if one.is_scheduled}
    fills = [one for one in rows.fills if one.order_id in sent]
    waiting = [one for one in rows.positions if one.status in HELD and one.scheduled is not None]
    differences = [
        *(one for fill in fills if (one := _filled_worse(rows, sent[fill.order_id], fill))),
        *(one for book in waiting if (one := _waits_lower(rows, book))),
    ]
    looked_at = len(fills) + len(waiting)
    return Finding("scheduled exits keep their floor", looked_at, tuple(differences))


def _filled_worse(rows: Rows, order: Order, fill: Fill) -> Difference | None:
    closes = PositionSide.LONG if order.side is Side.SELL else PositionSide.SHORT
    limit = order.limit_price
    if limit is None or not is_worse(closes, fill.price, than=limit):
        return None
    return Difference(
        where=rows.order_name(order),
        what="a scheduled exit was filled beyond its limit",
        expected=f"{plain(limit)} or better",
        found=plain(fill.price),
        todo=BOOKS,
        subject_id=str(order.id),
    )


def _waits_lower(rows: Rows, position: Position) -> Difference | None:
    instrument, scheduled = rows.instrument(position), position.scheduled
    if instrument is None or scheduled is None or position.quantity == 0:
        return None
    floor = scheduled_price(book_of(position, instrument), scheduled)
    if not is_worse(position.position_side, scheduled.price, than=floor):
        return None
    return Difference(
        where=rows.position_name(position),
        what="its scheduled exit waits for too little",
        expected=f"{plain(floor)} or better",
        found=plain(scheduled.price),
        todo=ITSELF,
        subject_id=str(position.id),
    )
