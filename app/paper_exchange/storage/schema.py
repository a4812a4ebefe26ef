"""The tables of the venue's own database file. Money is text: SQLite has no decimals."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    api_key TEXT NOT NULL UNIQUE,
    api_secret TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS balances (
    account_id INTEGER NOT NULL, market TEXT NOT NULL, asset TEXT NOT NULL,
    free TEXT NOT NULL, locked TEXT NOT NULL,
    PRIMARY KEY (account_id, market, asset)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS positions (
    account_id INTEGER NOT NULL, symbol TEXT NOT NULL, quantity TEXT NOT NULL,
    cost TEXT NOT NULL, leverage INTEGER NOT NULL, margin_mode TEXT NOT NULL,
    isolated_wallet TEXT NOT NULL, updated_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, symbol)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, market TEXT NOT NULL,
    symbol TEXT NOT NULL, client_order_id TEXT NOT NULL, side TEXT NOT NULL,
    order_type TEXT NOT NULL, time_in_force TEXT NOT NULL, quantity TEXT NOT NULL,
    quote_quantity TEXT NOT NULL, limit_price TEXT NOT NULL, reduce_only INTEGER NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, status TEXT NOT NULL,
    executed_quantity TEXT NOT NULL, executed_quote TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS orders_by_client_id
    ON orders (account_id, market, client_order_id);
CREATE INDEX IF NOT EXISTS orders_by_symbol ON orders (account_id, market, symbol, id);
CREATE INDEX IF NOT EXISTS orders_open ON orders (id)
    WHERE status IN ('NEW', 'PARTIALLY_FILLED');
CREATE TABLE IF NOT EXISTS trades (
    id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL, account_id INTEGER NOT NULL,
    market TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL, price TEXT NOT NULL,
    quantity TEXT NOT NULL, fee TEXT NOT NULL, fee_asset TEXT NOT NULL,
    is_maker INTEGER NOT NULL, realized_pnl TEXT NOT NULL, at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS trades_by_order ON trades (order_id);
CREATE INDEX IF NOT EXISTS trades_by_symbol ON trades (account_id, market, symbol, id);
CREATE TABLE IF NOT EXISTS tracks (
    symbol TEXT PRIMARY KEY, price TEXT NOT NULL, step INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS candles (
    market TEXT NOT NULL, symbol TEXT NOT NULL, interval TEXT NOT NULL,
    opened_at INTEGER NOT NULL, open TEXT NOT NULL, high TEXT NOT NULL, low TEXT NOT NULL,
    close TEXT NOT NULL, volume TEXT NOT NULL,
    PRIMARY KEY (market, symbol, interval, opened_at)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS held_prices (
    market TEXT NOT NULL, symbol TEXT NOT NULL, price TEXT NOT NULL,
    PRIMARY KEY (market, symbol)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS order_terms (
    order_id INTEGER PRIMARY KEY, stop_price TEXT NOT NULL, order_list_id INTEGER NOT NULL,
    is_working INTEGER NOT NULL, shares_lock INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS order_terms_by_list ON order_terms (order_list_id);
CREATE VIEW IF NOT EXISTS whole_orders AS
    SELECT o.*, t.stop_price, t.order_list_id, t.is_working, t.shares_lock
    FROM orders o LEFT JOIN order_terms t ON t.order_id = o.id;
CREATE TABLE IF NOT EXISTS order_lists (
    id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, symbol TEXT NOT NULL,
    list_client_order_id TEXT NOT NULL, created_at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS algo_orders (
    id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, symbol TEXT NOT NULL,
    client_algo_id TEXT NOT NULL, side TEXT NOT NULL, algo_type TEXT NOT NULL,
    time_in_force TEXT NOT NULL, quantity TEXT NOT NULL, limit_price TEXT NOT NULL,
    trigger_price TEXT NOT NULL, working_type TEXT NOT NULL, reduce_only INTEGER NOT NULL,
    close_position INTEGER NOT NULL, activate_price TEXT NOT NULL,
    callback_percent TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    status TEXT NOT NULL, extreme TEXT NOT NULL, triggered_at INTEGER NOT NULL,
    actual_order_id INTEGER NOT NULL, reason TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS algo_orders_by_client_id
    ON algo_orders (account_id, client_algo_id);
CREATE INDEX IF NOT EXISTS algo_orders_by_symbol ON algo_orders (account_id, symbol, id);
CREATE INDEX IF NOT EXISTS algo_orders_open ON algo_orders (account_id)
    WHERE status IN ('NEW', 'TRIGGERING', 'TRIGGERED');
CREATE TABLE IF NOT EXISTS incomes (
    id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, symbol TEXT NOT NULL,
    income_type TEXT NOT NULL, asset TEXT NOT NULL, amount TEXT NOT NULL, at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS incomes_by_account ON incomes (account_id, at);
CREATE TABLE IF NOT EXISTS key_rights (
    account_id INTEGER PRIMARY KEY, rights TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS ledger (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, kind TEXT NOT NULL,
    body TEXT NOT NULL
);
"""
