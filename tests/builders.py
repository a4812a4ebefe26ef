"""Rows that are valid by default; a test names only what it is about."""

import json
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

from app.accounts.models import ExchangeAccount, User
from app.core.ids import new_id
from app.http.caller import Role
from app.strategies.models import Strategy
from app.strategies.words import Approval
from app.trading.scheduled import ScheduledExit
from app.trading.words import MarketType

LINEAR = "BTC/USDT:USDT"
ETHER = "ETH/USDT:USDT"
SPOT = "BTC/USDT"

_numbers = count(1)


def d(text: str) -> Decimal:
    """A number, exactly."""
    return Decimal(text)


def a_user(now: datetime, **changes: Any) -> User:
    """A trader in UTC."""
    values: dict[str, Any] = {
        "id": new_id(),
        "username": f"trader{next(_numbers)}",
        "password_hash": "-",
        "role": Role.TRADER,
        "timezone": "UTC",
        "created_at": now,
    }
    return User(**{**values, **changes})


def an_account(user_id: UUID, now: datetime, **changes: Any) -> ExchangeAccount:
    """A linear paper account."""
    values: dict[str, Any] = {
        "id": new_id(),
        "user_id": user_id,
        "name": f"account{next(_numbers)}",
        "exchange": "paper",
        "market_type": MarketType.LINEAR,
        "is_paper": True,
        "is_active": True,
        "created_at": now,
    }
    return ExchangeAccount(**{**values, **changes})


def a_strategy(user_id: UUID, account_id: UUID, now: datetime, **changes: Any) -> Strategy:
    """A strategy that approves by itself and takes the alert's size."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "id": new_id(),
        "user_id": user_id,
        "account_id": account_id,
        "name": f"strategy{number}",
        "token_digest": f"{number:064x}",
        "token_hint": "hint",
        "approval": Approval.AUTO,
        "ticker_map": {},
        "created_at": now,
    }
    return Strategy(**{**values, **changes})


def an_alert(**fields: Any) -> bytes:
    """The body of a native alert: 0.1 BTC bought at market, unlike every other one."""
    values = {"symbol": "BTCUSDT.P", "action": "buy", "id": f"a{next(_numbers)}", **fields}
    if values["action"] in {"buy", "sell", "long", "short", "add"} and not _sized(values):
        values["quantity"] = "0.1"
    return json.dumps({name: value for name, value in values.items() if value is not None}).encode()


def _sized(values: dict[str, Any]) -> bool:
    sizes = {"quantity", "notional", "equity_percent", "risk_percent"}
    return not sizes.isdisjoint(values)


def a_scheduled_exit(now: datetime, **changes: Any) -> ScheduledExit:
    """Everything, for cost and fees alone."""
    values: dict[str, Any] = {
        "id": new_id(),
        "min_profit_percent": Decimal(0),
        "quantity": None,
        "limit_price": None,
        "price": Decimal(0),
        "scheduled_by": "trader",
        "scheduled_at": now,
    }
    return ScheduledExit(**{**values, **changes})
