"""What positions realised, computed anew from their executions."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

from app.commands.doctor.checks.advice import BOOKS
from app.commands.doctor.finding import Difference, Finding
from app.commands.doctor.rows import Rows
from app.core.decimals import plain
from app.core.errors import AppError
from app.pipeline.orders.models import Fill
from app.pipeline.pnl.models import Trade
from app.pipeline.positions.book import Book, BookFill, apply_fill, with_funding
from app.pipeline.positions.dust import close_dust
from app.pipeline.positions.models import Position
from app.trading.instrument import Instrument

# The notice of coins that were withdrawn or moved.
MOVED_AWAY: Final = "moved_away"
FIGURES: Final = {
    "cost": "cost",
    "open_fees": "entry fees not booked yet",
    "sold_quantity": "sold quantity",
    "fees": "booked fees",
    "net": "realised result",
}
TRADE_FIGURES: Final = {
    "gross_pnl": "gross result",
    "fees": "fees",
    "funding": "funding",
    "realized_pnl": "net result",
}


@dataclass(frozen=True, slots=True)
class Replay:
    """A book made anew.

    Attributes:
        dust_cost: what the dust that was put aside had cost, settle currency.
    """

    book: Book
    dust_cost: Decimal


def replay(position: Position, fills: Sequence[Fill], instrument: Instrument) -> Replay:
    """Apply a position's executions in the order in which they were booked.

    Raises:
        Invalid: an execution that is none.
        Conflict: they close more than they opened.
    """
    book = Book(instrument, position.position_side)
    for fill in fills:
        book, _ = apply_fill(
            book,
            BookFill(
                side=fill.side,
                quantity=fill.quantity,
                price=fill.price,
                fee=fill.fee,
                fee_asset=fill.fee_asset,
                at=fill.executed_at,
            ),
        )
    book, dust_cost = with_funding(book, position.funding), Decimal(0)
    if position.dust_quantity and book.last_fill_at is not None:
        dust_cost = book.cost
        book, _ = close_dust(book, at=book.last_fill_at)
    return Replay(book, dust_cost)


def fills_by_position(rows: Rows) -> dict[UUID, list[Fill]]:
    """Each position's executions, in the order in which they were booked."""
    found: dict[UUID, list[Fill]] = defaultdict(list)
    for fill in rows.fills:
        if fill.position_id is not None:
            found[fill.position_id].append(fill)
    return found


def can_be_replayed(
    rows: Rows, position: Position, fills: Sequence[Fill], instrument: Instrument
) -> bool:
    """Whether the executions say everything.

    They do not where a fee was paid in a third coin, whose rate only the booking remembers, nor
    where coins left without a sale.
    """
    own = {instrument.base, instrument.settle}
    has_other_fees = any(fill.fee and fill.fee_asset not in own for fill in fills)
    return not has_other_fees and (str(position.id), MOVED_AWAY) not in rows.told


def results_follow_from_fills(rows: Rows) -> Finding:
    """Realised = exits less cost of what was sold less fees, plus funding (I24)."""
    fills = fills_by_position(rows)
    differences: list[Difference] = []
    looked_at = 0
    for position in rows.positions:
        instrument = rows.instrument(position)
        its_fills = fills[position.id]
        if instrument is None or not can_be_replayed(rows, position, its_fills, instrument):
            continue
        looked_at += 1
        differences += _other_figures(rows, position, its_fills, instrument)
    return Finding("results follow from the fills", looked_at, tuple(differences))


def _other_figures(
    rows: Rows, position: Position, fills: Sequence[Fill], instrument: Instrument
) -> list[Difference]:
    try:
        book = replay(position, fills, instrument).book
    except AppError as refusal:
        return [
            Difference(
                where=rows.position_name(position),
                what="its fills make no position",
                expected="entries before exits, never more closed than opened",
                found=refusal.detail,
                todo=BOOKS,
                subject_id=str(position.id),
            )
        ]
    stored = {name: getattr(position, name) for name in FIGURES if name != "net"}
    stored["net"] = position.realized_pnl
    return [
        Difference(
            where=rows.position_name(position),
            what=f"its {words} is not what its fills give",
            expected=plain(getattr(book, name)),
            found=plain(stored[name]),
            todo=BOOKS,
            subject_id=str(position.id),
        )
        for name, words in FIGURES.items()
        if getattr(book, name) != stored[name]
    ]


def closed_positions_are_trades(rows: Rows) -> Finding:
    """Each closed position is one trade with the same figures, and no other one is."""
    by_position = {trade.position_id: trade for trade in rows.trades}
    differences: list[Difference] = []
    for position in rows.positions:
        trade = by_position.get(position.id)
        if trade is not None and position.is_closed:
            differences += _other_trade(rows, position, trade)
        elif position.is_closed or trade is not None:
            differences.append(
                Difference(
                    where=rows.position_name(position),
                    what="it is closed and no trade" if trade is None else "it is a trade too soon",
                    expected="one trade for each closed position",
                    found="none" if trade is None else f"{position.status.value} with a trade",
                    todo=BOOKS,
                    subject_id=str(position.id),
                )
            )
    return Finding("each closed position is one trade", len(rows.positions), tuple(differences))


def _other_trade(rows: Rows, position: Position, trade: Trade) -> list[Difference]:
    expected = {
        "gross_pnl": position.realized_pnl + position.fees - position.funding,
        "fees": position.fees,
        "funding": position.funding,
        "realized_pnl": position.realized_pnl,
    }
    return [
        Difference(
            where=rows.position_name(position),
            what=f"its trade has another {words}",
            expected=plain(expected[name]),
            found=plain(getattr(trade, name)),
            todo=BOOKS,
            subject_id=str(position.id),
        )
        for name, words in TRADE_FIGURES.items()
        if getattr(trade, name) != expected[name]
    ]
