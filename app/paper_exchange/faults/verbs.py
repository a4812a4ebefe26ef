"""Every fault there is, as a table: what it does and what it is aimed at unless told otherwise."""

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """Where a fault bites."""

    REFUSE = "instead of doing it"
    SPOIL = "after doing it, to the answer"
    DELAY = "time"
    CUT = "the connection"
    VIEW = "what a look-up shows"
    STATE = "the venue, while it stands"
    NOW = "at once, or after the matching request"
    ORDER = "a fill or a trigger"
    EVENT = "user events and streams"


@dataclass(frozen=True, slots=True)
class Verb:
    """One kind of fault.

    Attributes:
        route: what it is aimed at by default; None with no request to aim at.
        count: bites by default, None until it is cleared.
        seconds: by default; None for none.
        lasts: whether `seconds` is how long it stands; otherwise `says` tells.
        options: further fields it reads.
        needs: fields it cannot do without.
    """

    stage: Stage
    says: str
    route: str | None = "create"
    count: int | None = 1
    seconds: str | None = None
    lasts: bool = False
    options: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


def _refuse(says: str, route: str = "create", **changes: object) -> Verb:
    verb = {"stage": Stage.REFUSE, "says": says, "route": route, "options": _ANSWER} | changes
    return Verb(**verb)  # type: ignore[arg-type]  # the fields of Verb, by name


def _spoil(says: str, **changes: object) -> Verb:
    verb = {"stage": Stage.SPOIL, "says": says, "options": _ANSWER} | changes
    return Verb(**verb)  # type: ignore[arg-type]  # the fields of Verb, by name


def _standing(stage: Stage, says: str, route: str | None = None, **changes: object) -> Verb:
    verb = {"stage": stage, "says": says, "route": route, "count": None, "lasts": True}
    return Verb(**verb | changes)  # type: ignore[arg-type]  # the fields of Verb, by name


def _hand(says: str, *options: str, needs: tuple[str, ...] = ("symbol",)) -> Verb:
    return Verb(Stage.NOW, says, route=None, options=options, needs=needs)


def _event(says: str, *, route: str = "event", **changes: object) -> Verb:
    verb = {"stage": Stage.EVENT, "says": says, "route": route, "options": ("event",)} | changes
    return Verb(**verb)  # type: ignore[arg-type]  # the fields of Verb, by name


_ANSWER = ("status", "code", "message")
_CUT = "closed after `seconds`"

VERBS: dict[str, Verb] = {
    "drop_before_accept": Verb(
        Stage.CUT, f"never executed, no reply; the connection is {_CUT}", seconds="0"
    ),
    "drop_after_accept": Verb(
        Stage.CUT, f"executed, no reply; the connection is {_CUT}", seconds="0"
    ),
    "hang_before_accept": Verb(Stage.CUT, "never executed, silence until the client leaves"),
    "hang_after_accept": Verb(Stage.CUT, "executed, silence until the client leaves"),
    "reset_before": Verb(Stage.CUT, "never executed, TCP reset"),
    "reset_after": Verb(Stage.CUT, "executed, TCP reset"),
    "half_reply": Verb(
        Stage.CUT,
        "executed; `fraction` (0.5) of the reply's bytes, then the end",
        options=("fraction",),
    ),
    "delay_before": Verb(
        Stage.DELAY, "executed `seconds` late, even when the client has left", seconds="1"
    ),
    "delay_after": Verb(Stage.DELAY, "executed at once, the reply `seconds` late", seconds="1"),
    "fill_before_ack": Verb(
        Stage.DELAY, "events go out at once, the reply `seconds` later", seconds="0.5"
    ),
    "malformed_json": _spoil("executed; the reply is JSON cut off in the middle, status 200"),
    "empty_reply": _spoil("executed; status 200 and an empty body"),
    "html_502": _refuse("not executed; a 502 page"),
    "html_502_accepted": _spoil("executed; a 502 page"),
    "http_500": _refuse("not executed; 500 with -1000"),
    "http_500_accepted": _spoil("executed; 500 with -1000"),
    "http_503": _refuse("not executed; 503 `Service Unavailable.`"),
    "http_503_internal": _refuse("not executed; 503 `Internal error`, -1001"),
    "http_503_unknown": _refuse("not executed; 503 `Unknown error`, which means nobody knows"),
    "http_503_accepted": _spoil("executed; 503 `Unknown error`"),
    "http_504": _refuse("not executed; a 504 page"),
    "http_504_accepted": _spoil("executed; a 504 page"),
    "http_408": _refuse("not executed; 408 with -1007"),
    "http_408_accepted": _spoil("executed; 408 with -1007"),
    "timeout_1007": _refuse("not executed; 400 with -1007, status unknown"),
    "timeout_1007_accepted": _spoil("executed; 400 with -1007, status unknown"),
    "throttled_1008": _refuse("not executed; 503 with -1008; reduce-only orders pass"),
    "rate_429": _refuse(
        "not executed; 429 with -1003; `retry_after` seconds, or no such header",
        "any",
        options=(*_ANSWER, "retry_after"),
    ),
    "order_count_429": _refuse("not executed; 429 with -1015", options=(*_ANSWER, "retry_after")),
    "ban_418": _refuse(
        "nothing but 418 with -1003 and Retry-After",
        "any",
        count=None,
        seconds="120",
        lasts=True,
    ),
    "waf_403": _refuse("not executed; a 403 page", "any"),
    "timestamp_1021": _refuse("not executed; -1021", "private"),
    "insufficient_2010": _refuse("not executed; -2010 on spot, -2019 on futures"),
    "maintenance": _refuse(
        "503 `System is under maintenance.` for everything, and so says the status",
        "any",
        count=None,
        lasts=True,
    ),
    "revoke_key": _refuse("-2015 for every private request", "private", count=None, lasts=True),
    "ip_not_allowed": _refuse(
        "-2015 with the caller's address, for every private request",
        "private",
        count=None,
        lasts=True,
    ),
    "no_trade_permission": _refuse(
        "-2015 for orders and cancels; the key's permissions and `canTrade` say so",
        "trade",
        count=None,
        lasts=True,
    ),
    "conditional_4120": _refuse(
        "every conditional order: -4120 on futures, -1013 on spot",
        "create",
        count=None,
        lasts=True,
    ),
    "positions_fail": _refuse("500 with -1000 for positions", "positions"),
    "halt_symbol": _standing(
        Stage.STATE,
        "no trading: orders refused (-1013 `Market is closed.`, -4140), nothing fills or "
        "triggers, exchangeInfo says BREAK or SETTLING",
        needs=("symbol",),
    ),
    "delist": _standing(
        Stage.STATE,
        "open orders expire, positions are settled at the mark, then -1121 and gone from "
        "exchangeInfo",
        needs=("symbol",),
    ),
    "change_filters": _standing(
        Stage.STATE,
        "other filters: `price_tick`, `quantity_step`, `min_notional`, `max_quantity`",
        options=("price_tick", "quantity_step", "min_notional", "max_quantity"),
        needs=("symbol",),
    ),
    "hedge_mode": _standing(
        Stage.STATE, "the account says it is in hedge mode, and every order gets -4061"
    ),
    "clock_jump": Verb(
        Stage.STATE,
        "the venue's clock jumps by `seconds` (negative: back) until it is cleared",
        route=None,
        count=None,
        needs=("seconds",),
    ),
    "lag": _standing(
        Stage.VIEW,
        "look-ups of `route` show what was true `seconds` ago",
        "private",
        seconds="5",
        lasts=False,
    ),
    "not_found_2013": _standing(
        Stage.VIEW,
        "-2013 for `seconds` after an order was accepted",
        "find",
        seconds="5",
        lasts=False,
    ),
    "positions_empty": _standing(Stage.VIEW, "no positions, status 200", "positions", count=1),
    "balances_empty": _standing(Stage.VIEW, "no balances, status 200", "balances", count=1),
    "decimal_noise": _standing(
        Stage.VIEW, "numbers as `1E-8`, `0E-10` or with trailing zeros", "private"
    ),
    "price_zero": _standing(Stage.VIEW, "tickers and streams say 0", "prices"),
    "price_nan": _standing(Stage.VIEW, "tickers and streams say NaN", "prices"),
    "price_negative": _standing(Stage.VIEW, "tickers and streams say a negative price", "prices"),
    "price_spike": _standing(
        Stage.VIEW,
        "tickers and streams say `factor` (10) times the price; trading is not touched",
        "prices",
        options=("factor",),
    ),
    "price_gap": _hand(
        "the price jumps to `price`, or by `percent`, and stays; what it passes fills there",
        "price",
        "percent",
    ),
    "user_close": _hand("the account's owner closes the position by hand, at market"),
    "user_reduce": _hand("the owner closes `quantity`, or half of it", "quantity"),
    "user_add": _hand("the owner buys or sells `quantity` more", "quantity", "side"),
    "user_cancel_stop": _hand("the owner cancels the conditional orders, or all with the prefix"),
    "user_cancel_orders": _hand("the owner cancels every open order"),
    "liquidate": _hand("the position is liquidated at the mark, as `autoclose-…`"),
    "adl": _hand("`fraction` (1) of it is closed as `adl_autoclose`", "fraction"),
    "leverage_changed": _hand("the owner sets another `leverage`", "leverage"),
    "margin_mode_changed": _hand("the owner sets `mode` (isolated or cross)", "mode"),
    "fill_rest": _hand("what a partial fill left over is filled now", needs=()),
    "partial_fill": Verb(
        Stage.ORDER,
        "an order fills `fraction` (0.5) only; the rest waits for `fill_rest`",
        route="fill",
        options=("fraction",),
    ),
    "partial_then_cancel": Verb(
        Stage.ORDER,
        "an order fills `fraction` (0.5) only; the rest is canceled or expires",
        route="fill",
        options=("fraction",),
    ),
    "third_coin_fee": Verb(
        Stage.ORDER,
        "the fee is taken in `asset` (BNB), which the account is given if it has none",
        route="fill",
        options=("asset", "rate"),
    ),
    "rebate": Verb(Stage.ORDER, "a fee of `rate` (-0.0001)", route="fill", options=("rate",)),
    "zero_fee": Verb(Stage.ORDER, "no fee", route="fill"),
    "stop_rejected_at_trigger": Verb(
        Stage.ORDER, "a conditional order is REJECTED when its price is reached", route="trigger"
    ),
    "stop_stuck_triggering": Verb(
        Stage.ORDER, "a conditional order stays TRIGGERING and nothing happens", route="trigger"
    ),
    "duplicate_event": _event("a user event arrives twice"),
    "out_of_order_events": _event("a user event arrives after the next one"),
    "missing_event": _event("a user event never arrives; REST knows"),
    "late_event": _event("a user event arrives `seconds` late", seconds="1"),
    "stale_event": _event("an older user event arrives once more, before this one"),
    "silent_stream": _event(
        "connections stay open and say nothing", route="stream.*", count=None, lasts=True
    ),
    "stale_stream": _event(
        "market streams repeat the prices and times of the moment it was armed",
        route="stream.*",
        count=None,
        lasts=True,
    ),
    "half_open_stream": _event(
        "nothing is sent and nothing that arrives is answered, on old connections and new ones",
        route="stream.*",
        count=None,
        lasts=True,
    ),
    "drop_stream": _event("connections are cut off; they may come back", route="stream.*"),
    "refuse_stream": _event(
        "connections are cut off and new ones are refused", route="stream.*", count=None, lasts=True
    ),
    "expire_listen_key": _event("the futures listen key expires", route="stream.*"),
}
