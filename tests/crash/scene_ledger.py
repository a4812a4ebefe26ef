# ruff: noqa: PLR0917  rows of a table, read by their columns
"""What the venue saw and did in the hand-made scene, as its ledger says it."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.crash.history import SECOND

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
# The monotonic clock read 1,000 s at noon.
OFFSET = int(NOON.timestamp()) * SECOND - 1_000 * SECOND
SPOT, LINEAR = 1, 2


def at(seconds: float) -> datetime:
    """That long after noon."""
    return NOON + timedelta(seconds=seconds)


def ns(seconds: float) -> int:
    """The same moment on the monotonic clock."""
    return int((1_000 + seconds) * SECOND)


def ledger_items() -> list[dict[str, Any]]:
    """What the venue saw and did."""
    items = [
        *_spot_money(),
        venue_event(0.6, "position", symbol="BTCUSDT", leverage=3, margin_mode="isolated"),
        venue_event(0.6, "position", symbol="ETHUSDT", leverage=3, margin_mode="isolated"),
        venue_event(0.6, "price_held", market="linear", symbol="BTCUSDT", price="60000"),
        venue_event(0.6, "price_held", market="linear", symbol="ETHUSDT", price="3000"),
        a_request("sbe1", 0.9, "BTCUSDT", "BUY", "0.01"),
        an_accept("sbe1", 1, 1, "linear", "BTCUSDT", "buy", "0.01"),
        an_execution("sbe1", 1, 1, 1, "linear", "BTCUSDT", "buy", "60000", "0.01", "0.3"),
        a_request("sbx1", 1.2, "BTCUSDT", "SELL", "0.01", algo=True, triggerPrice="58000"),
        an_algo("sbx1", 1.3, 1, "BTCUSDT", "0.01", "58000"),
        a_request("sbe2", 1.9, "ETHUSDT", "BUY", "0.1"),
        an_accept("sbe2", 2, 2, "linear", "ETHUSDT", "buy", "0.1"),
        an_execution("sbe2", 2, 3, 2, "linear", "ETHUSDT", "buy", "3000", "0.1", "0.15"),
        a_request("sbx2", 2.2, "ETHUSDT", "SELL", "0.1", algo=True, triggerPrice="2900"),
        an_algo("sbx2", 2.3, 2, "ETHUSDT", "0.1", "2900"),
        a_request("sbx3", 2.4, "ETHUSDT", "SELL", "0.1", algo=True, triggerPrice="3300"),
        an_algo("sbx3", 2.5, 3, "ETHUSDT", "0.1", "3300"),
        a_request("sbe3", 2.9, "BTCUSDT", "BUY", "0.01", market="spot"),
        an_accept("sbe3", 3, 11, "spot", "BTCUSDT", "buy", "0.01"),
        an_execution("sbe3", 3, 4, 11, "spot", "BTCUSDT", "buy", "60000", "0.01", "0.00001", "BTC"),
        venue_event(20, "price_held", market="linear", symbol="BTCUSDT", price="58000"),
        an_algo("sbx1", 20, 1, "BTCUSDT", "0.01", "58000", status="TRIGGERED", actual=3),
        an_accept("sbx1", 20, 3, "linear", "BTCUSDT", "sell", "0.01"),
        an_execution(
            "sbx1", 20, 2, 3, "linear", "BTCUSDT", "sell", "58000", "0.01", "0.29", pnl="-20"
        ),
        an_algo("sbx1", 20, 1, "BTCUSDT", "0.01", "58000", status="FINISHED", actual=3),
        a_request("sbx4", 29.9, "BTCUSDT", "SELL", "0.00999", market="spot"),
        an_accept("sbx4", 30, 12, "spot", "BTCUSDT", "sell", "0.00999"),
        an_execution("sbx4", 30, 5, 12, "spot", "BTCUSDT", "sell", "61000", "0.00999", "0.60939"),
    ]  # fmt: skip
    return [{**one, "seq": number + 1} for number, one in enumerate(items)]


def _spot_money() -> Iterable[dict[str, Any]]:
    for asset, change, reason in (
        ("USDT", "10000", "deposit"),
        ("USDT", "-600", "trade"),
        ("BTC", "0.00999", "trade"),
        # 0.00999 · 61,000 - 0.60939
        ("USDT", "608.78061", "trade"),
        ("BTC", "-0.00999", "trade"),
    ):
        yield {
            "kind": "balance",
            "monotonic_ns": ns(0),
            "account_id": SPOT,
            "market": "spot",
            "asset": asset,
            "change": change,
            "reason": reason,
        }


def venue_event(seconds: float, name: str, **body: Any) -> dict[str, Any]:
    """A held price, a setting, a fault."""
    return {"seq": 0, "kind": "event", "event": name, "monotonic_ns": ns(seconds), **body}


def a_request(
    client_id: str,
    seconds: float,
    symbol: str,
    side: str,
    quantity: str,
    *,
    market: str = "linear",
    algo: bool = False,
    **params: str,
) -> dict[str, Any]:
    """A request for an order; a sell on futures is reduce-only."""
    path = {"spot": "/api/v3/order", "linear": "/fapi/v1/order"}[market]
    name = "clientAlgoId" if algo else "newClientOrderId"
    if side == "SELL" and market == "linear":
        params["reduceOnly"] = "true"
    return {
        "seq": 0,
        "kind": "request",
        "monotonic_ns": ns(seconds),
        "arrived_monotonic_ns": ns(seconds),
        "account_id": SPOT if market == "spot" else LINEAR,
        "method": "POST",
        "path": "/fapi/v1/algoOrder" if algo else path,
        "params": {name: client_id, "symbol": symbol, "side": side, "quantity": quantity, **params},
        "status": 200,
    }


def an_accept(
    client_id: str, seconds: float, number: int, market: str, symbol: str, side: str, quantity: str
) -> dict[str, Any]:
    """An order came to be."""
    return {
        **_order(client_id, seconds, market, symbol, side, quantity, "NEW"),
        "kind": "order",
        "event": "accepted",
        "order_id": number,
        "client_order_id": client_id,
        "order_type": "MARKET",
        "stop_price": "0",
        "order_list_id": -1,
        "executed_quantity": "0",
    }


def an_algo(
    client_id: str,
    seconds: float,
    number: int,
    symbol: str,
    quantity: str,
    trigger: str,
    *,
    status: str = "NEW",
    actual: int = 0,
) -> dict[str, Any]:
    """A conditional order to sell changed its state."""
    return {
        **_order(client_id, seconds, "linear", symbol, "sell", quantity, status),
        "kind": "algo",
        "event": status.lower(),
        "algo_id": number,
        "client_algo_id": client_id,
        "algo_type": "STOP_MARKET",
        "trigger_price": trigger,
        "actual_order_id": actual,
    }


def an_execution(
    client_id: str,
    seconds: float,
    trade: int,
    number: int,
    market: str,
    symbol: str,
    side: str,
    price: str,
    quantity: str,
    fee: str,
    coin: str = "USDT",
    pnl: str = "0",
) -> dict[str, Any]:
    """An order was filled."""
    return {
        **_order(client_id, seconds, market, symbol, side, quantity, "FILLED"),
        "kind": "fill",
        "trade_id": trade,
        "order_id": number,
        "client_order_id": client_id,
        "price": price,
        "fee": fee,
        "fee_asset": coin,
        "realized_pnl": pnl,
        "opened": "0",
        "order_status": "FILLED",
    }


def _order(
    client_id: str,  # noqa: ARG001 so that a call reads like the others
    seconds: float,
    market: str,
    symbol: str,
    side: str,
    quantity: str,
    status: str,
) -> dict[str, Any]:
    return {
        "seq": 0,
        "monotonic_ns": ns(seconds),
        "account_id": SPOT if market == "spot" else LINEAR,
        "market": market,
        "symbol": symbol,
        "side": side,
        "quantity": quantity,
        "limit_price": "0",
        "reduce_only": side == "sell" and market == "linear",
        "status": status,
    }
