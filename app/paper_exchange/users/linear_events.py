"""Ledger entries of the futures market in the JSON of its user data stream."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from app.paper_exchange.engine import margin
from app.paper_exchange.engine.models import Account
from app.paper_exchange.protocol.shapes import Json, short
from app.paper_exchange.symbols import QUOTE
from app.trading.words import MarginMode, MarketType

Body = Mapping[str, Any]

_EXECUTIONS = {"accepted": "NEW", "triggered": "NEW"}


def order_event(body: Body, at: int) -> Json:
    """An ORDER_TRADE_UPDATE about an order that was accepted or ended."""
    execution = _EXECUTIONS.get(str(body["event"]), str(body["event"]).upper())
    order = _order(body) | {
        "x": execution,
        "X": body["status"],
        "q": body["quantity"],
        "l": "0",
        "L": "0",
        "t": 0,
        "m": False,
        "rp": "0",
    }
    return _wrapped(order, at)


def fill_event(body: Body, at: int) -> Json:
    """An ORDER_TRADE_UPDATE about one execution."""
    order = _order(body) | {
        "x": "TRADE",
        "X": body["order_status"],
        "q": body["order_quantity"],
        "l": body["quantity"],
        "L": body["price"],
        "n": body["fee"],
        "N": body["fee_asset"],
        "t": body["trade_id"],
        "m": body["is_maker"],
        "rp": body["realized_pnl"],
    }
    return _wrapped(order, at)


def algo_event(body: Body, at: int) -> Json:
    """An ALGO_UPDATE: a conditional order changed its state."""
    number = body["actual_order_id"]
    algo: Json = {
        "caid": body["client_algo_id"],
        "aid": body["algo_id"],
        "at": "CONDITIONAL",
        "o": body["algo_type"],
        "s": body["symbol"],
        "S": str(body["side"]).upper(),
        "ps": "BOTH",
        "f": body["time_in_force"],
        "q": body["quantity"],
        "X": body["status"],
        "ai": str(number) if number else "",
        "ap": "0.00000",
        "aq": "0.00000",
        "act": "0",
        "tp": body["trigger_price"],
        "p": body["limit_price"],
        "V": "EXPIRE_MAKER",
        "wt": body["working_type"],
        "pm": "NONE",
        "cp": body["close_position"],
        "pP": False,
        "R": body["reduce_only"],
        "tt": body["triggered_at"],
        "gtd": 0,
        "rm": body["reason"],
    }
    return {"e": "ALGO_UPDATE", "T": at, "E": at, "o": algo}


def account_event(
    account: Account, symbols: Iterable[str], reason: str, marks: Mapping[str, Decimal], at: int
) -> Json:
    """An ACCOUNT_UPDATE: the wallet, and the positions that changed in a step."""
    wallet = account.balance(MarketType.LINEAR, QUOTE).total
    positions = []
    for symbol in sorted(symbols):
        position = account.position(symbol)
        is_isolated = position.margin_mode is MarginMode.ISOLATED
        positions.append(
            {
                "s": symbol,
                "pa": short(position.quantity),
                "ep": short(position.entry_price),
                "bep": short(position.entry_price),
                "cr": "0",
                "up": short(position.unrealized_pnl(marks[symbol])),
                "mt": "isolated" if is_isolated else "cross",
                "iw": short(position.isolated_wallet),
                "ps": "BOTH",
                "ma": QUOTE,
            }
        )
    cross = short(margin.cross_wallet(account))
    balances = [{"a": QUOTE, "wb": short(wallet), "cw": cross, "bc": "0"}]
    update = {"m": reason, "B": balances, "P": positions}
    return {"e": "ACCOUNT_UPDATE", "T": at, "E": at, "a": update}


def config_event(body: Body, at: int) -> Json:
    """An ACCOUNT_CONFIG_UPDATE: the leverage of a symbol was changed."""
    setting = {"s": body["symbol"], "l": body["leverage"]}
    return {"e": "ACCOUNT_CONFIG_UPDATE", "T": at, "E": at, "ac": setting}


def _wrapped(order: Json, at: int) -> Json:
    return {"e": "ORDER_TRADE_UPDATE", "T": order["T"], "E": at, "o": order}


def _order(body: Body) -> Json:
    executed, quote = Decimal(body["executed_quantity"]), Decimal(body["executed_quote"])
    average = short(quote / executed) if executed else "0"
    return {
        "s": body["symbol"],
        "c": body["client_order_id"],
        "S": str(body["side"]).upper(),
        "o": body["order_type"],
        "f": body["time_in_force"],
        "p": body["limit_price"],
        "ap": average,
        "sp": "0",
        "i": body["order_id"],
        "z": body["executed_quantity"],
        "T": body["updated_at"],
        "b": "0",
        "a": "0",
        "R": body["reduce_only"],
        "wt": "CONTRACT_PRICE",
        "ot": body["order_type"],
        "ps": "BOTH",
        "cp": False,
        "pP": False,
        "si": 0,
        "ss": 0,
        "V": "EXPIRE_MAKER",
        "pm": "NONE",
        "gtd": 0,
    }
