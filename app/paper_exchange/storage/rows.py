"""Engine objects to database rows and back."""

import sqlite3
from dataclasses import fields
from decimal import Decimal
from enum import Enum
from typing import Any, get_type_hints

from app.core.decimals import plain
from app.paper_exchange.engine.models import Order, Position, Trade
from app.trading.words import MarketType

Cell = str | int

Kind = type[Order] | type[Position] | type[Trade]
_HINTS: dict[Kind, dict[str, Any]] = {
    kind: get_type_hints(kind) for kind in (Order, Position, Trade)
}


def columns(kind: Kind) -> tuple[str, ...]:
    """The fields of an engine object, which are its columns."""
    return tuple(field.name for field in fields(kind))


def to_cells(value: Order | Position | Trade) -> tuple[Cell, ...]:
    """One cell per column."""
    return tuple(_cell(getattr(value, name)) for name in columns(type(value)))


def to_order(row: sqlite3.Row) -> Order:
    """An order as it was written."""
    return Order(**_values(Order, row))


def to_trade(row: sqlite3.Row) -> Trade:
    """A trade as it was written."""
    return Trade(**_values(Trade, row))


def to_position(row: sqlite3.Row) -> Position:
    """A position as it was written."""
    return Position(**_values(Position, row))


def market_of(row: sqlite3.Row) -> MarketType:
    """The market a row belongs to."""
    return MarketType(row["market"])


def _cell(value: object) -> Cell:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool | int):
        return int(value)
    return str(value)


def _values(kind: Kind, row: sqlite3.Row) -> dict[str, Any]:
    hints = _HINTS[kind]
    return {name: hints[name](row[name]) for name in row.keys()}  # noqa: SIM118 (not a dict)
