"""Ledger entries of the spot market in the JSON of its user data stream."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.paper_exchange.engine.models import Account
from app.paper_exchange.protocol.shapes import Json, eight
from app.trading.words import MarketType

Body = Mapping[str, Any]

_EXECUTIONS = {"accepted": "NEW", "triggered": "NEW"}


def order_event(body: Body, at: int) -> Json:
    """An executionReport about an order that was accepted or ended."""
    execution = _EXECUTIONS.get(str(body["event"]), str(body["event"]).upper())
    quantity, quote = Decimal(body["executed_quantity"]), Decimal(body["executed_quote"])
    return _report(body, at) | {
        "x": execution,
        "X": body["status"],
        "q": eight(Decimal(body["quantity"])),
        "l": "0.00000000",
        "z": eight(quantity),
        "L": "0.00000000",
        "n": "0",
        "N": None,
        "t": -1,
        "m": False,
        "Z": eight(quote),
        "Y": "0.00000000",
    }


def fill_event(body: Body, at: int) -> Json:
    """An executionReport about one execution."""
    quantity, price = Decimal(body["quantity"]), Decimal(body["price"])
    return _report(body, at) | {
        "x": "TRADE",
        "X": body["order_status"],
        "q": eight(Decimal(body["order_quantity"])),
        "l": eight(quantity),
        "z": eight(Decimal(body["executed_quantity"])),
        "L": eight(price),
        "n": eight(Decimal(body["fee"])),
        "N": body["fee_asset"],
        "t": body["trade_id"],
        "m": body["is_maker"],
        "Z": eight(Decimal(body["executed_quote"])),
        "Y": eight(quantity * price),
    }


def balance_event(account: Account, assets: set[str], at: int) -> Json:
    """An outboundAccountPosition: every coin that changed in a step, as it is after it."""
    rows = []
    for asset in sorted(assets):
        balance = account.balance(MarketType.SPOT, asset)
        rows.append({"a": asset, "f": eight(balance.free), "l": eight(balance.locked)})
    return {"e": "outboundAccountPosition", "E": at, "u": at, "B": rows}


def _report(body: Body, at: int) -> Json:
    is_canceled = body.get("event") == "canceled"
    name = body["client_order_id"]
    return {
        "e": "executionReport",
        "E": at,
        "s": body["symbol"],
        "c": f"cancel-{body['order_id']}" if is_canceled else name,
        "S": str(body["side"]).upper(),
        "o": body["order_type"],
        "f": body["time_in_force"],
        "p": eight(Decimal(body["limit_price"])),
        "P": eight(Decimal(body["stop_price"])),
        "F": "0.00000000",
        "g": body["order_list_id"],
        "C": name if is_canceled else "",
        "r": "NONE",
        "i": body["order_id"],
        "T": body["updated_at"],
        "v": 0,
        "I": body["order_id"],
        "w": body.get("event") not in {"canceled", "expired"},
        "M": False,
        "O": body["created_at"],
        "Q": "0.00000000",
        "W": body["created_at"],
        "V": "EXPIRE_MAKER",
    }
