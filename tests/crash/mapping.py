"""Where the words of the invariants stand in the server's SQLite file: the one place that knows."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import NoneType
from typing import Any, Final, TypeVar, get_args, get_type_hints

from tests.crash import facts
from tests.crash.facts import Rows

RowT = TypeVar("RowT")

# relation: attribute of Rows, class, table, order. A field is the column of the same name.
RELATIONS: Final = (
    ("traders", facts.Trader, "users", "id"),
    ("accounts", facts.Account, "exchange_accounts", "id"),
    ("strategies", facts.Strategy, "strategies", "id"),
    ("instruments", facts.Instrument, "instruments", "symbol"),
    ("alarms", facts.Alarm, "alarms", "id"),
    ("signals", facts.Signal, "signals", "id"),
    ("orders", facts.Order, "orders", "id"),
    ("fills", facts.Fill, "fills", "id"),
    ("positions", facts.Position, "positions", "id"),
    ("trades", facts.Trade, "trades", "id"),
    ("bookings", facts.Booking, "bookings", "id"),
    ("days", facts.Day, "daily_pnl", "day"),
    ("notices", facts.Notice, "notices", "id"),
    ("audit", facts.Audit, "audit_entries", "id"),
    ("external", facts.External, "external_holdings", "symbol"),
)
# What is written although nothing happens: who logged in, and when somebody last looked.
HEARTBEATS: Final = {
    "account_states": {"reconciled_at"},
    "external_holdings": {"seen_at"},
    "positions": {"day_start_on", "day_start_unrealized"},
}
NO_FACTS: Final = frozenset(
    {"alembic_version", "instruments", "refresh_tokens", "wakeups", "alarm_claims"}
)
# Nothing is opened on a symbol while the fate of an order there is unknown, and ten seconds are the
# least that proves one: what waits for that is left out here, as the order itself is.
WAITING: Final = {
    "alarm {0} is not decided": "SELECT id FROM alarms WHERE status = 'received'",
    "signal {0} is {1}": """
        SELECT s.id, s.status FROM signals s WHERE s.status IN ('approved', 'executing')
        AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.signal_id = s.id
                        AND o.status IN ('open', 'partially_filled', 'unknown', 'submitted'))
        AND NOT (s.status = 'approved' AND EXISTS (
            SELECT 1 FROM orders u WHERE u.status = 'unknown'
            AND (u.account_id, u.symbol) = (s.account_id, s.symbol)))""",
    "order {0} is {1}": """
        SELECT client_order_id, status FROM orders o WHERE status = 'created'
        AND NOT EXISTS (SELECT 1 FROM orders u WHERE u.status = 'unknown'
                        AND (u.account_id, u.symbol) = (o.account_id, o.symbol))""",
    "order {0} is to be cancelled": """
        SELECT client_order_id FROM orders WHERE cancel_requested_at IS NOT NULL
        AND status IN ('open', 'partially_filled')""",
    "position {0} is {1}, {2}": """
        SELECT id, status, close_reason FROM positions WHERE status <> 'closed'
        AND (status = 'closing' OR close_reason IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.position_id = positions.id
                        AND o.status IN ('unknown', 'submitted'))""",
    "account {0} cannot be reconciled: {1}": """
        SELECT account_id, reason FROM account_states WHERE failing_since IS NOT NULL""",
}
UNRESOLVED: Final = {
    "order {0} is {1}": """
        SELECT client_order_id, status FROM orders WHERE status IN ('submitted', 'unknown')""",
}
# What ends by itself at a moment that is known.
ENDING: Final = {
    "signal {0} is {1} until {2}": """
        SELECT id, status, expires_at FROM signals
        WHERE status IN ('pending', 'approved') AND expires_at < ?""",
    "order {0} is {1} until {2}": """
        SELECT client_order_id, status, expires_at FROM orders
        WHERE status IN ('created', 'submitted', 'unknown', 'open', 'partially_filled')
        AND expires_at < ?""",
}
UNSEALED: Final = {
    "audit entry {0} is not sealed": """
        SELECT id FROM audit_entries e
        WHERE NOT EXISTS (SELECT 1 FROM audit_seals s WHERE s.entry_id = e.id)""",
}
NAKED: Final = {
    "position {0} has no protection": """
        SELECT id FROM positions WHERE status = 'open' AND quantity <> '0'
        AND (stop_loss IS NOT NULL OR trailing_percent IS NOT NULL) AND protection = 'none'""",
}


@contextmanager
def reading(file: Path) -> Iterator[sqlite3.Connection]:
    """The file, read-only; the server may be writing it meanwhile."""
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=5)
    connection.row_factory = sqlite3.Row
    try:
        yield connection
    finally:
        connection.close()


def read_rows(file: Path) -> Rows:
    """Everything the invariants ask about, of one moment."""
    with reading(file) as connection:
        connection.execute("BEGIN")
        found: dict[str, Any] = {
            name: tuple(_read(connection, kind, table, order))
            for name, kind, table, order in RELATIONS
        }
    return Rows(**found)


def waiting(file: Path) -> list[str]:
    """What the server has yet to do; orders whose fate the venue has to prove are not in it."""
    with reading(file) as connection:
        return _sentences(connection, WAITING)


def unresolved(file: Path) -> list[str]:
    """Orders whose fate is not known."""
    with reading(file) as connection:
        return _sentences(connection, UNRESOLVED)


def ending(file: Path, within: timedelta) -> list[str]:
    """What ends by itself in that time, if nothing happens before."""
    until = datetime.now(UTC) + within  # noqa: TID251 the server's clock is the machine's
    moment = until.replace(tzinfo=None).isoformat(sep=" ")
    with reading(file) as connection:
        return _sentences(connection, ENDING, moment)


def unsealed(file: Path) -> list[str]:
    """Entries of the audit trail that have no seal yet."""
    with reading(file) as connection:
        return _sentences(connection, UNSEALED)


def naked(file: Path) -> list[str]:
    """Positions with a stop that nobody carries."""
    with reading(file) as connection:
        return _sentences(connection, NAKED)


def every_row(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, without what beats like a heart; two moments can be compared."""
    found = {}
    with reading(file) as connection:
        connection.execute("BEGIN")
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            if table in NO_FACTS or table.startswith("sqlite_"):
                continue
            cursor = connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608 a table's own name
            names = [column[0] for column in cursor.description]
            kept = [i for i, name in enumerate(names) if name not in HEARTBEATS.get(table, ())]
            rows = [tuple(row[i] for i in kept) for row in cursor]
            found[table] = sorted(rows, key=repr)
    return found


def _sentences(connection: sqlite3.Connection, queries: dict[str, str], *values: str) -> list[str]:
    found = []
    for sentence, query in queries.items():
        found += [sentence.format(*tuple(row)) for row in connection.execute(query, values)]
    return found


def _read(
    connection: sqlite3.Connection, kind: type[RowT], table: str, order: str
) -> Iterator[RowT]:
    hints = get_type_hints(kind)
    readers = {field.name: _reader(hints[field.name]) for field in fields(kind)}  # type: ignore[arg-type]
    columns = ", ".join(f'"{name}"' for name in readers)
    for row in connection.execute(f"SELECT {columns} FROM {table} ORDER BY {order}"):  # noqa: S608 our own words
        yield kind(**{name: _value(readers[name], row[name]) for name in readers})


def _value(read: Callable[[Any], Any], raw: Any) -> Any:
    return None if raw is None else read(raw)


def _reader(hint: Any) -> Callable[[Any], Any]:
    kinds = [kind for kind in get_args(hint) or (hint,) if kind is not NoneType]
    return READERS.get(kinds[0], _text)


def _moment(raw: str) -> datetime:
    return datetime.fromisoformat(raw).replace(tzinfo=UTC)


def _text(raw: Any) -> str:
    text = str(raw)
    # The audit writes an id with dashes, the tables without.
    is_id = len(text) == 36 and text.count("-") == 4
    return text.replace("-", "") if is_id else text


READERS: Final[dict[Any, Callable[[Any], Any]]] = {
    Decimal: Decimal,
    datetime: _moment,
    date: date.fromisoformat,
    bytes: bytes,
    bool: bool,
    int: int,
}
