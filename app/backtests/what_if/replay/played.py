"""What a replay hands back: trips, and what did not become one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from app.backtests.engine.facts import Fill, Trade
from app.backtests.engine.simulator import Simulator
from app.backtests.what_if.past import Fate, Key, Trip
from app.pipeline.positions.book import Book, BookFill, Realised, apply_fill
from app.trading.instrument import Instrument
from app.trading.words import MarketType, Purpose

ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An entry that was asked for and not made.

    Attributes:
        at: when it came up.
        fate: why not: as it was in reality, or `denied` by the rules of the replay.
        code: of the decision, or of the rule.
        detail: the rule's sentence; None where a decision stood.
    """

    key: Key
    strategy_id: UUID
    symbol: str
    at: datetime
    fate: Fate
    code: str
    words: str
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Played:
    """All that came of a replay; both in the order of their time."""

    trips: tuple[Trip, ...]
    left_out: tuple[LeftOut, ...]

    def trip(self, key: Key) -> Trip | None:
        """The trip that this signal opened."""
        return next((one for one in self.trips if one.key == key), None)


def trips_of(simulator: Simulator, strategy_id: UUID, instrument: Instrument) -> list[Trip]:
    """The closed trades of a book, and what is still open of it."""
    closed = [_closed(one, strategy_id, instrument.symbol) for one in simulator.trades]
    if simulator.holding is None:
        return closed
    fills = fills_of_holding(simulator.fills, simulator.holding.quantity, instrument)
    return [*closed, _open(fills, strategy_id, instrument)]


def _closed(trade: Trade, strategy_id: UUID, symbol: str) -> Trip:
    summary = trade.summary
    return Trip(
        key=Key.of(trade.tag),
        strategy_id=strategy_id,
        symbol=symbol,
        position_side=summary.position_side,
        quantity=summary.quantity,
        entry_price=summary.entry_price,
        exit_price=summary.exit_price,
        opened_at=summary.opened_at,
        closed_at=summary.closed_at,
        close_reason=trade.close_reason,
        booked_at=summary.closed_at,
        gross=summary.gross,
        fees=summary.fees,
        funding=summary.funding,
    )


def _open(fills: Sequence[Fill], strategy_id: UUID, instrument: Instrument) -> Trip:
    """Booked as the corridor books it, so far."""
    book = Book(instrument, fills[0].position_side)
    booked: list[Realised] = []
    for fill in fills:
        book, realised = apply_fill(book, _book_fill(fill))
        booked += [] if realised is None else [realised]
    return Trip(
        key=Key.of(fills[0].tag),
        strategy_id=strategy_id,
        symbol=instrument.symbol,
        position_side=book.position_side,
        quantity=book.sold_quantity,
        entry_price=book.entry_price,
        exit_price=book.exit_price,
        opened_at=book.opened_at,
        closed_at=None,
        close_reason=None,
        booked_at=booked[-1].at if booked else None,
        gross=book.gross,
        fees=book.fees,
        held=book,
    )


def fills_of_holding(
    fills: Sequence[Fill], quantity: Decimal, instrument: Instrument
) -> Sequence[Fill]:
    """Those that made what is held now: from its first entry on.

    Args:
        fills: all of the book, oldest first.
        quantity: what is held, above 0.
        instrument: of the book.
    """
    for index in range(len(fills) - 1, -1, -1):
        fill = fills[index]
        quantity -= _held(fill, instrument) if fill.purpose is Purpose.ENTRY else -fill.quantity
        if quantity <= 0:
            return fills[index:]
    return fills


def _held(fill: Fill, instrument: Instrument) -> Decimal:
    """What an entry adds: on spot its fee may be taken out of the coins that were bought."""
    is_spot = instrument.market_type is MarketType.SPOT
    return fill.quantity - (fill.fee if is_spot and fill.fee_asset == instrument.base else ZERO)


def _book_fill(fill: Fill) -> BookFill:
    return BookFill(fill.side, fill.quantity, fill.price, fill.fee, fill.fee_asset, fill.at)
