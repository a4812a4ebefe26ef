"""What a look-up shows that is not so: nothing, noise, wrong prices, another symbol state."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from app.core.decimals import plain
from app.paper_exchange.faults.fault import Fault

Change = Callable[[Fault, Any], Any]

_PRICES = {
    "price",
    "lastPrice",
    "bidPrice",
    "askPrice",
    "markPrice",
    "indexPrice",
    "c",
    "b",
    "a",
    "p",
    "i",
}
_NOT_NUMBERS = {"clientOrderId", "clientAlgoId", "actualOrderId", "tradeId", "accountAlias"}


def _no_positions(_fault: Fault, _body: Any) -> Any:
    return []


def _no_balances(_fault: Fault, body: Any) -> Any:
    if isinstance(body, list):
        return []
    emptied: dict[str, object] = {
        name: [] for name in ("balances", "assets", "positions") if name in body
    }
    totals = {name: "0" for name in body if name.startswith(("total", "available", "max"))}
    return {**body, **emptied, **totals}


def _noise(_fault: Fault, body: Any) -> Any:
    return _walked(body, lambda name, text: text if name in _NOT_NUMBERS else _noisy(text))


def _noisy(text: str) -> str:
    if not text.lstrip("-").replace(".", "", 1).isdigit() or ("." not in text and text != "0"):
        return text
    value = Decimal(text)
    if value == 0:
        return "0E-10"
    if abs(value) < Decimal("0.001"):
        return f"{value.normalize():E}"
    return text + ("0" * 10 if "." in text else ".0000000000")


def _priced(change: Callable[[Fault, str], str]) -> Change:
    def apply(fault: Fault, body: Any) -> Any:
        return _for_symbol(
            fault,
            body,
            lambda name, text: change(fault, text) if name in _PRICES and text else text,
        )

    return apply


def _spiked(fault: Fault, text: str) -> str:
    return plain(Decimal(text) * fault.number("factor", "10"))


def _for_symbol(fault: Fault, body: Any, change: Callable[[str, str], str]) -> Any:
    if isinstance(body, list):
        return [_for_symbol(fault, row, change) for row in body]
    symbol = body.get("symbol", body.get("s")) if isinstance(body, dict) else None
    if fault.symbol and symbol not in {None, fault.symbol}:
        return body
    return _walked(body, change)


def _walked(body: Any, change: Callable[[str, str], str], name: str = "") -> Any:
    if isinstance(body, dict):
        return {key: _walked(value, change, key) for key, value in body.items()}
    if isinstance(body, list):
        return [_walked(value, change, name) for value in body]
    return change(name, body) if isinstance(body, str) else body


PRICES: dict[str, Change] = {
    "price_zero": _priced(lambda _fault, _text: "0"),
    "price_nan": _priced(lambda _fault, _text: "NaN"),
    "price_negative": _priced(lambda _fault, text: f"-{text}"),
    "price_spike": _priced(_spiked),
}
VIEWS: dict[str, Change] = {
    **PRICES,
    "positions_empty": _no_positions,
    "balances_empty": _no_balances,
    "decimal_noise": _noise,
}
