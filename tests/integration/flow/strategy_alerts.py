"""Alerts as a TradingView strategy sends them, with its position before and after."""

import json
from datetime import datetime
from typing import Any

from app.core.clock import iso
from tests.builders import an_alert, d


def order(before: str, after: str, at: datetime, **fields: Any) -> bytes:
    """A strategy's alert that takes TradingView's position from one signed size to another."""
    change = d(after) - d(before)
    return an_alert(
        **{
            "action": "buy" if change > 0 else "sell",
            "quantity": str(abs(change)),
            **position("prev_market_position", before),
            **position("market_position", after),
            "time": iso(at),
            **fields,
        }
    )


def position(name: str, signed: str) -> dict[str, str]:
    size = d(signed)
    side = "flat" if size == 0 else "long" if size > 0 else "short"
    return {name: side, f"{name}_size": str(abs(size))}


def heartbeat(now: str, at: datetime, **fields: Any) -> bytes:
    said = {"action": "heartbeat", **position("market_position", now), "time": iso(at), **fields}
    return json.dumps({"symbol": "BTCUSDT.P", **said}).encode()
