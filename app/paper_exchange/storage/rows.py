"""Engine objects to database rows and back."""

import sqlite3
from dataclasses import fields
from decimal import Decimal
from enum import Enum
from typing import Any, get_type_hints

from app.core.decimals import plain
from app.paper_exchange.engine.algo import AlgoOrder
from app.paper_exchange.engine.journal import Income
from app.paper_exchange.engine.models import Order, Position, Trade
from app.paper_exchange.engine.stops import OrderList
from app.trading.words import MarketType

Cell = str | int

Stored = Order | Position | Trade | AlgoOrder | OrderList | Income
Kind = type[Stored]
_KINDS: tuple[Kind, ...] = (Order, Position, Trade, AlgoOrder, OrderList, Income)
_HINTS: dict[Kind, dict[str, Any]] = {kind: get_type_hints(kind) for kind in _KINDS}


def columns(kind: Kind) -> tuple[str, ...]:
    """The fields of an engine object, which are its columns."""
    return _COLUMNS[kind]


def to_cells(value: Stored) -> tuple[Cell, ...]:
    """One cell per column."""
    return tuple(_cell(getattr(value, name)) for name in _COLUMNS[type(value)])


def to_algo(row: sqlite3.Row) -> AlgoOrder:
    """A conditional order as it was written."""
    return AlgoOrder(**_values(AlgoOrder, row))


def to_list(row: sqlite3.Row) -> OrderList:
    """A pair of orders as it was written."""
    return OrderList(**_values(OrderList, row))


def to_income(row: sqlite3.Row) -> Income:
    """A payment as it was written."""
    return Income(**_values(Income, row))


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
    cells = zip(row.keys(), row, strict=True)
    # A row of `whole_orders` has nulls where an order has no terms.
    return {name: hints[name](cell) for name, cell in cells if cell is not None}


_COLUMNS: dict[Kind, tuple[str, ...]] = {
    kind: tuple(each.name for each in fields(kind) if each.metadata.get("stored", True))
    for kind in _KINDS
}
