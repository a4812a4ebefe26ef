"""Accounts: opened here, and brought back whole after a restart."""

import json
import secrets
import string
from collections.abc import Mapping
from decimal import Decimal

from app.paper_exchange.engine.journal import Counters
from app.paper_exchange.engine.models import Account, Balance
from app.paper_exchange.prices.board import Key, Track
from app.paper_exchange.storage.database import Database
from app.paper_exchange.storage.rows import market_of, to_algo, to_order, to_position

_KEY_CHARACTERS = string.ascii_letters + string.digits
KEY_LENGTH = 64


def insert_account(database: Database, at: str) -> Account:
    """A new account with Binance-shaped credentials and empty purses."""
    key, secret = _credential(), _credential()
    sql = "INSERT INTO accounts (api_key, api_secret, created_at) VALUES (?, ?, ?)"
    row_id = database.connection.execute(sql, (key, secret, at)).lastrowid
    if row_id is None:
        raise RuntimeError("SQLite gave no row id for a new account")
    return Account(row_id, key, secret)


def load_accounts(database: Database, *, api_key: str | None = None) -> list[Account]:
    """Every account, or the one with a key, with balances, positions and open orders."""
    sql = "SELECT * FROM accounts"
    rows = database.connection.execute(
        sql if api_key is None else sql + " WHERE api_key = ?",
        () if api_key is None else (api_key,),
    )
    accounts = [Account(row["id"], row["api_key"], row["api_secret"]) for row in rows]
    for account in accounts:
        _load_holdings(database, account)
    return accounts


def save_rights(database: Database, account_id: int, rights: Mapping[str, object]) -> None:
    """What the account's key may do that is not as usual; replaces what was said before."""
    sql = "INSERT OR REPLACE INTO key_rights (account_id, rights) VALUES (?, ?)"
    database.connection.execute(sql, (account_id, json.dumps(rights, default=str)))


def load_rights(database: Database, account_id: int) -> dict[str, object]:
    """What the account's key may do that is not as usual, by Binance's names."""
    sql = "SELECT rights FROM key_rights WHERE account_id = ?"
    row = database.connection.execute(sql, (account_id,)).fetchone()
    rights: dict[str, object] = {} if row is None else json.loads(row["rights"])
    return rights


def load_counters(database: Database) -> Counters:
    """The last numbers given out."""
    tables = ("orders", "trades", "algo_orders", "order_lists", "incomes")
    highest = ", ".join(
        f"(SELECT max(id) FROM {table})"  # noqa: S608 (our names)
        for table in tables
    )
    row = database.connection.execute(f"SELECT {highest}").fetchone()
    return Counters(*(number or 0 for number in row))


def load_tracks(database: Database) -> dict[str, Track]:
    """How far the price sources had come."""
    rows = database.connection.execute("SELECT * FROM tracks")
    return {row["symbol"]: Track(Decimal(row["price"]), row["step"]) for row in rows}


def load_held(database: Database) -> dict[Key, Decimal]:
    """The prices that are being held."""
    rows = database.connection.execute("SELECT * FROM held_prices")
    return {(market_of(row), row["symbol"]): Decimal(row["price"]) for row in rows}


def _load_holdings(database: Database, account: Account) -> None:
    execute = database.connection.execute
    mine = (account.id,)
    for row in execute("SELECT * FROM balances WHERE account_id = ?", mine):
        purse = account.purses.setdefault(market_of(row), {})
        purse[row["asset"]] = Balance(Decimal(row["free"]), Decimal(row["locked"]))
    for row in execute("SELECT * FROM positions WHERE account_id = ?", mine):
        account.positions[row["symbol"]] = to_position(row)
    sql = (
        "SELECT * FROM whole_orders WHERE status IN ('NEW', 'PARTIALLY_FILLED')"
        " AND account_id = ? ORDER BY id"
    )
    account.orders = {row["id"]: to_order(row) for row in execute(sql, mine)}
    sql = (
        "SELECT * FROM algo_orders WHERE status IN ('NEW', 'TRIGGERING', 'TRIGGERED')"
        " AND account_id = ? ORDER BY id"
    )
    account.algos = {row["id"]: to_algo(row) for row in execute(sql, mine)}


def _credential() -> str:
    return "".join(secrets.choice(_KEY_CHARACTERS) for _ in range(KEY_LENGTH))
