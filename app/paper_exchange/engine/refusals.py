"""Binance's error codes: every way this venue says no, with the words clients look for."""

from decimal import Decimal

from app.core.decimals import plain


class Refusal(Exception):
    """A request the venue declines; nothing has changed.

    Args:
        code: Binance's negative number.
        message: Binance's words; ccxt matches some of them letter for letter.
        status: HTTP status of the answer.
    """

    def __init__(self, code: int, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def missing(name: str) -> Refusal:
    """A mandatory parameter is absent, empty or unreadable."""
    text = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    return Refusal(-1102, text)


def illegal(name: str) -> Refusal:
    """A parameter has characters it must not have."""
    return Refusal(-1100, f"Illegal characters found in parameter '{name}'.")


def filter_failure(name: str) -> Refusal:
    """A spot filter refuses quantity or price."""
    return Refusal(-1013, f"Filter failure: {name}")


def below_min_notional(notional: Decimal) -> Refusal:
    """A futures order is too small and does not reduce."""
    floor = plain(notional)
    text = f"Order's notional must be no smaller than {floor} (unless you choose reduce only)."
    return Refusal(-4164, text)


def price_too_high(limit: Decimal) -> Refusal:
    """A futures buy is priced too far above the mark."""
    return Refusal(-4016, f"Limit price can't be higher than {plain(limit)}.")


def price_too_low(limit: Decimal) -> Refusal:
    """A futures sell is priced too far below the mark."""
    return Refusal(-4024, f"Limit price can't be lower than {plain(limit)}.")


def unknown_path(method: str, path: str) -> Refusal:
    """Nothing is served there."""
    return Refusal(-5000, f"Path {path}, Method {method} is invalid", status=404)


INVALID_SYMBOL = (-1121, "Invalid symbol.")
BAD_PRECISION = (-1111, "Precision is over the maximum defined for this asset.")
INVALID_TYPE = (-1116, "Invalid orderType.")
INVALID_SIDE = (-1117, "Invalid side.")
INVALID_TIME_IN_FORCE = (-1115, "Invalid timeInForce.")
INVALID_INTERVAL = (-1120, "Invalid interval.")
KEY_FORMAT = (-2014, "API-key format invalid.")
KEY_UNKNOWN = (-2015, "Invalid API-key, IP, or permissions for action.")
BAD_SIGNATURE = (-1022, "Signature for this request is not valid.")
TOO_LATE = (-1021, "Timestamp for this request is outside of the recvWindow.")
TOO_EARLY = (-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
NO_FUNDS = (-2010, "Account has insufficient balance for requested action.")
WOULD_TAKE = (-2010, "Order would immediately match and take.")
DUPLICATE_SPOT = (-2010, "Duplicate order sent.")
DUPLICATE_LINEAR = (-4116, "ClientOrderId is duplicated.")
STOP_AT_ONCE = (-2010, "Stop price would trigger immediately.")
PRICE_RELATION = (-2010, "The relationship of the prices for the orders is not correct.")
TRIGGER_AT_ONCE = (-2021, "Order would immediately trigger.")
TOO_MANY_STOPS = (-4045, "Reach max stop order limit.")
NO_TRIGGER = (-4006, "Stop price less than zero.")
BAD_CALLBACK = (-2007, "Callback rate is not valid.")
SECOND_CLOSE = (
    -4130,
    "An open stop or take profit order with GTE and closePosition in the direction is existing.",
)
CLOSE_AND_QUANTITY = (-4136, "Target strategy invalid for orderType and closePosition.")
NO_LISTEN_KEY = (-1125, "This listenKey does not exist.")
UNKNOWN_ORDER = (-2011, "Unknown order sent.")
NO_ORDER = (-2013, "Order does not exist.")
NO_MARGIN = (-2019, "Margin is insufficient.")
NOT_REDUCING = (-2022, "ReduceOnly Order is rejected.")
POST_ONLY = (
    -5022,
    "Due to the order could not be executed as maker, the Post Only order will be rejected.",
)
USE_ALGO = (
    -4120,
    "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.",
)
ZERO_QUANTITY = (-4003, "Quantity less than or equal to zero.")
TOO_MUCH = (-4005, "Quantity greater than max quantity.")
BAD_STEP = (-4023, "Qty not increased by step size.")
ZERO_PRICE = (-4001, "Price less than 0.")
BAD_TICK = (-4014, "Price not increased by tick size.")
BAD_CLIENT_ID = (-4015, "Client order id is not valid.")
BAD_LEVERAGE = (-4028, "Leverage is not valid.")
SAME_MARGIN_MODE = (-4046, "No need to change margin type.")
MARGIN_MODE_ORDERS = (-4047, "Margin type cannot be changed if there exists open orders.")
MARGIN_MODE_POSITION = (-4048, "Margin type cannot be changed if there exists position.")
SAME_POSITION_MODE = (-4059, "No need to change position side.")
WRONG_POSITION_SIDE = (-4061, "Order's position side does not match user's setting.")
ONE_WAY_ONLY = (-4084, "Method is not allowed currently. This paper exchange is one-way only.")
OVER_LEVERAGE = (-2027, "Exceeded the maximum allowable position at current leverage.")
LESS_LEVERAGE = (
    -4161,
    "Leverage reduction is not supported in Isolated Margin Mode with open positions.",
)


def refuse(reason: tuple[int, str], *, status: int = 400) -> Refusal:
    """A refusal from one of the pairs of this module."""
    return Refusal(*reason, status=status)
