"""Orders and trades of the past, read from the file: it is complete before any answer leaves."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.paper_exchange.engine.algo import AlgoOrder
from app.paper_exchange.engine.journal import Income
from app.paper_exchange.engine.models import Account, Order, Trade
from app.paper_exchange.engine.stops import OrderList
from app.paper_exchange.storage.database import Database
from app.paper_exchange.storage.rows import Cell, to_algo, to_income, to_list, to_order, to_trade
from app.trading.words import MarketType


@dataclass(frozen=True, slots=True)
class Window:
    """Which rows of a list are wanted; times in milliseconds, both ends included.

    Attributes:
        from_id: rows with this number or a higher one, oldest first; None for the newest rows.
    """

    limit: int
    from_id: int | None = None
    start_at: int | None = None
    end_at: int | None = None
    order_id: int | None = None


def find_order(
    database: Database,
    account: Account,
    market: MarketType,
    *,
    order_id: int | None,
    client_order_id: str | None,
) -> Order | None:
    """An order by the venue's number or by the client's; the latest when an id was used again."""
    sql = "SELECT * FROM whole_orders WHERE account_id = ? AND market = ?"
    cells: list[Cell] = [account.id, market.value]
    if order_id is not None:
        sql, cells = sql + " AND id = ?", [*cells, order_id]
    if client_order_id is not None:
        sql, cells = sql + " AND client_order_id = ?", [*cells, client_order_id]
    row = database.connection.execute(sql + " ORDER BY id DESC LIMIT 1", cells).fetchone()
    return None if row is None else to_order(row)


def list_orders(
    database: Database, account: Account, market: MarketType, symbol: str, window: Window
) -> list[Order]:
    """Orders of a symbol, oldest first."""
    whose: dict[str, Cell] = {"account_id": account.id, "market": market.value, "symbol": symbol}
    sql, cells = _query("whole_orders", "created_at", whose, window)
    return _in_order([to_order(row) for row in database.connection.execute(sql, cells)])


def list_trades(
    database: Database, account: Account, market: MarketType, symbol: str, window: Window
) -> list[Trade]:
    """Trades of a symbol, oldest first."""
    whose: dict[str, Cell] = {"account_id": account.id, "market": market.value, "symbol": symbol}
    sql, cells = _query("trades", "at", whose, window)
    if window.order_id is not None:
        sql = sql.replace(" ORDER BY", " AND order_id = ? ORDER BY")
        cells.insert(-1, window.order_id)
    rows = [to_trade(row) for row in database.connection.execute(sql, cells)]
    return sorted(rows, key=lambda trade: trade.id)


def find_algo(
    database: Database, account: Account, *, number: int | None, client_algo_id: str | None
) -> AlgoOrder | None:
    """A conditional order by either id; the latest when a client id was used again."""
    sql = "SELECT * FROM algo_orders WHERE account_id = ?"
    cells: list[Cell] = [account.id]
    if number is not None:
        sql, cells = sql + " AND id = ?", [*cells, number]
    if client_algo_id is not None:
        sql, cells = sql + " AND client_algo_id = ?", [*cells, client_algo_id]
    row = database.connection.execute(sql + " ORDER BY id DESC LIMIT 1", cells).fetchone()
    return None if row is None else to_algo(row)


def list_algos(
    database: Database, account: Account, symbol: str, window: Window
) -> list[AlgoOrder]:
    """Conditional orders of a symbol, oldest first."""
    whose: dict[str, Cell] = {"account_id": account.id, "symbol": symbol}
    sql, cells = _query("algo_orders", "created_at", whose, window)
    algos = [to_algo(row) for row in database.connection.execute(sql, cells)]
    return sorted(algos, key=lambda algo: algo.id)


def find_pair(
    database: Database, account: Account, *, number: int | None, name: str | None
) -> OrderList | None:
    """An order list by either id; the latest when a name was used again."""
    sql = "SELECT * FROM order_lists WHERE account_id = ?"
    cells: list[Cell] = [account.id]
    if number is not None:
        sql, cells = sql + " AND id = ?", [*cells, number]
    if name is not None:
        sql, cells = sql + " AND list_client_order_id = ?", [*cells, name]
    row = database.connection.execute(sql + " ORDER BY id DESC LIMIT 1", cells).fetchone()
    return None if row is None else to_list(row)


def list_pairs(database: Database, account: Account, limit: int) -> list[OrderList]:
    """The newest order lists, oldest first."""
    sql = "SELECT * FROM order_lists WHERE account_id = ? ORDER BY id DESC LIMIT ?"
    return [to_list(row) for row in database.connection.execute(sql, (account.id, limit))][::-1]


def orders_of_list(database: Database, number: int) -> list[Order]:
    """The two orders of a list."""
    sql = (
        "SELECT o.* FROM order_terms t JOIN whole_orders o ON o.id = t.order_id"
        " WHERE t.order_list_id = ? ORDER BY o.id"
    )
    return [to_order(row) for row in database.connection.execute(sql, (number,))]


def list_incomes(
    database: Database, account: Account, symbol: str | None, income_type: str, window: Window
) -> list[Income]:
    """Payments of an account, oldest first; of every symbol and kind when none is named."""
    whose: dict[str, Cell] = {"account_id": account.id}
    if symbol is not None:
        whose["symbol"] = symbol
    if income_type:
        whose["income_type"] = income_type
    sql, cells = _query("incomes", "at", whose, window)
    incomes = [to_income(row) for row in database.connection.execute(sql, cells)]
    return sorted(incomes, key=lambda income: income.id)


def trades_of_order(database: Database, order: Order) -> list[Trade]:
    """The executions of one order, oldest first."""
    sql = "SELECT * FROM trades WHERE order_id = ? ORDER BY id"
    return [to_trade(row) for row in database.connection.execute(sql, (order.id,))]


def _query(
    table: str, time_column: str, whose: Mapping[str, Cell], window: Window
) -> tuple[str, list[Cell]]:
    sql = f"SELECT * FROM {table} WHERE "  # noqa: S608 (our names)
    sql += " AND ".join(f"{name} = ?" for name in whose)
    cells = list(whose.values())
    for condition, value in (
        ("id >= ?", window.from_id),
        (f"{time_column} >= ?", window.start_at),
        (f"{time_column} <= ?", window.end_at),
    ):
        if value is not None:
            sql += f" AND {condition}"
            cells.append(value)
    oldest_first = window.from_id is not None or window.start_at is not None
    sql += f" ORDER BY id {'ASC' if oldest_first else 'DESC'} LIMIT ?"
    return sql, [*cells, window.limit]


def _in_order(orders: list[Order]) -> list[Order]:
    return sorted(orders, key=lambda order: order.id)
