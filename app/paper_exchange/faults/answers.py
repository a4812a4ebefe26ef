"""Answers that take the place of the right one, before or after the request was carried out."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from app.paper_exchange.engine import refusals
from app.paper_exchange.faults.fault import Fault
from app.paper_exchange.protocol.call import Answer, Call
from app.paper_exchange.venue import Venue
from app.trading.words import MarketType

_PAGE = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"
_UNKNOWN = "An unknown error occurred while processing the request."
_TIMEOUT = (
    "Timeout waiting for response from backend server. "
    "Send status unknown; execution status unknown."
)
_STOPS = {"STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"}


@dataclass(frozen=True, slots=True)
class Form:
    """An answer without its particulars; `code` 0 makes a page of it."""

    status: int
    code: int
    message: str


_FORMS = {
    "html_502": Form(502, 0, "502 Bad Gateway"),
    "http_500": Form(500, -1000, _UNKNOWN),
    "http_503": Form(503, -1000, "Service Unavailable."),
    "http_503_internal": Form(
        503, -1001, "Internal error; unable to process your request. Please try again."
    ),
    "http_503_unknown": Form(
        503, -1000, "Unknown error, please check your request or try again later."
    ),
    "http_504": Form(504, 0, "504 Gateway Time-out"),
    "http_408": Form(408, -1007, _TIMEOUT),
    "timeout_1007": Form(400, -1007, _TIMEOUT),
    "throttled_1008": Form(
        503,
        -1008,
        "Request throttled by system-level protection. "
        "Reduce-only/close-position orders are exempt. Please try again.",
    ),
    "rate_429": Form(429, -1003, "Too many requests; please use the websocket for live updates."),
    "order_count_429": Form(
        429, -1015, "Too many new orders; current limit is 300 orders per 10 SECOND."
    ),
    "ban_418": Form(418, -1003, "Way too many requests; IP banned until {until}."),
    "waf_403": Form(403, 0, "403 Forbidden"),
    "timestamp_1021": Form(400, *refusals.TOO_LATE),
    "maintenance": Form(503, 1, "System is under maintenance."),
    "revoke_key": Form(401, *refusals.KEY_UNKNOWN),
    "ip_not_allowed": Form(
        401, -2015, "Invalid API-key, IP, or permissions for action, request ip: 203.0.113.9"
    ),
    "no_trade_permission": Form(401, *refusals.KEY_UNKNOWN),
    "positions_fail": Form(500, -1000, _UNKNOWN),
}
_FORMS |= {
    f"{name}_accepted": _FORMS[name]
    for name in ("html_502", "http_500", "http_504", "http_408", "timeout_1007")
}
_FORMS["http_503_accepted"] = _FORMS["http_503_unknown"]


def refusal(fault: Fault, call: Call, venue: Venue) -> Answer | None:
    """The answer instead of carrying a request out; None when it does not concern this one."""
    if fault.verb in _SPECIAL:
        return _SPECIAL[fault.verb](fault, call, venue)
    if fault.verb == "throttled_1008" and call.flag("reduceOnly"):
        return None
    return _filled(fault, _FORMS[fault.verb], venue)


def spoiled(fault: Fault, answer: Answer, venue: Venue) -> Answer:
    """The answer to a request that was carried out, made useless."""
    if fault.verb == "malformed_json":
        text = msgspec.json.encode(answer.body).decode()
        return replace(answer, body=text[: max(1, len(text) // 2)], content_type="application/json")
    if fault.verb == "empty_reply":
        return replace(answer, body="", content_type="application/json")
    return _filled(fault, _FORMS[fault.verb], venue)


def _filled(fault: Fault, form: Form, venue: Venue) -> Answer:
    status = int(fault.number("status", str(form.status)))
    code = int(fault.number("code", str(form.code)))
    until = venue.now() + int(fault.seconds * 1000)
    message = fault.option("message", form.message).replace("{until}", str(until))
    headers: tuple[tuple[str, str], ...] = ()
    wait = fault.options.get("retry_after", fault.seconds if fault.verb == "ban_418" else None)
    if wait is not None:
        headers = (("retry-after", str(wait)),)
    if code == 0:
        return Answer(status, _PAGE.format(message), None, headers)
    return Answer(status, {"code": code, "msg": message}, code, headers)


def _insufficient(fault: Fault, call: Call, venue: Venue) -> Answer:
    is_linear = call.path.startswith("/fapi/")
    return _filled(
        fault, Form(400, *(refusals.NO_MARGIN if is_linear else refusals.NO_FUNDS)), venue
    )


def _conditional(fault: Fault, call: Call, venue: Venue) -> Answer | None:
    if call.path == "/fapi/v1/algoOrder":
        return _filled(fault, Form(400, *refusals.USE_ALGO), venue)
    is_stop = call.params.get("type", "") in _STOPS or call.path.endswith("/oco")
    if call.path.startswith("/api/") and is_stop:
        message = "Stop loss orders are not supported for this symbol."
        return _filled(fault, Form(400, -1013, message), venue)
    return None


def halted(market: MarketType | None) -> Answer:
    """The answer to an order of a symbol that does not trade."""
    if market is MarketType.SPOT:
        return Answer(400, {"code": -1013, "msg": "Market is closed."}, -1013)
    message = "Invalid symbol status for opening position."
    return Answer(400, {"code": -4140, "msg": message}, -4140)


def unlisted() -> Answer:
    """The answer about a symbol that is gone."""
    code, message = refusals.INVALID_SYMBOL
    return Answer(400, {"code": code, "msg": message}, code)


def wrong_side() -> Answer:
    """The answer to an order without a position side in hedge mode."""
    code, message = refusals.WRONG_POSITION_SIDE
    return Answer(400, {"code": code, "msg": message}, code)


_SPECIAL: dict[str, Callable[[Fault, Call, Venue], Answer | None]] = {
    "insufficient_2010": _insufficient,
    "conditional_4120": _conditional,
}
REFUSING = {*_FORMS, *_SPECIAL} - {name for name in _FORMS if name.endswith("_accepted")}
SPOILING = {name for name in _FORMS if name.endswith("_accepted")} | {
    "malformed_json",
    "empty_reply",
}
