"""ccxt's exceptions, by what they prove about the request that met them.

ccxt's classes are known here by name and nearest ancestor, so that this table loads without ccxt.
Only an answer that proves refusal may say "refused": whatever is not in the table below is unknown
for a request that changes something, and worth another try for one that does not.
"""

import re
from collections.abc import Iterable
from enum import StrEnum

from app.core.errors import (
    AuthRefused,
    ExchangeError,
    InsufficientFunds,
    OrderNotFound,
    OrderRefused,
    OutcomeUnknown,
    RateLimited,
    Retryable,
)
from app.core.scrub import mask, mask_known

MAX_WORDS = 300

NOT_TAKEN = "conditional_not_taken"
AT_ONCE = "would_trigger_at_once"
NOTHING_TO_REDUCE = "reduce_only_rejected"


class Call(StrEnum):
    """What a failed request would have done."""

    PLACE = "place"
    CANCEL = "cancel"
    SETTING = "setting"
    READ = "read"


class UnreadableReply(Exception):
    """The venue answered with something that is not what it promises to answer with."""


FAMILIES: dict[str, type[ExchangeError]] = {
    "InsufficientFunds": InsufficientFunds,
    "InvalidOrder": OrderRefused,
    "BadRequest": OrderRefused,
    "OperationRejected": OrderRefused,
    "InvalidAddress": OrderRefused,
    # Raised by ccxt itself, before anything is sent.
    "ArgumentsRequired": OrderRefused,
    "NotSupported": OrderRefused,
    "InvalidProxySettings": Retryable,
    "AuthenticationError": AuthRefused,
    "OrderNotFound": OrderNotFound,
    "DDoSProtection": RateLimited,
    "RateLimitExceeded": RateLimited,
    # The venue refuses the time stamp: nothing was accepted, the next attempt carries a new one.
    "InvalidNonce": Retryable,
    # Our id is taken: some order of this intent was accepted, and only a look-up tells which.
    "DuplicateOrderId": OutcomeUnknown,
    "OperationFailed": OutcomeUnknown,
    "ExchangeError": OutcomeUnknown,
    "BaseError": OutcomeUnknown,
}

# ccxt knows Binance's refusal of a repeated client id only as InvalidOrder.
_ID_IS_TAKEN = re.compile(r"duplicate order sent|\"code\":\s*-4116\b", re.IGNORECASE)

# Where ccxt's class says less, or something else, than the venue's own words.
WORDS: tuple[tuple[re.Pattern[str], type[ExchangeError]], ...] = (
    # Binance answers a revoked key with -2015, which ccxt calls DDoSProtection after one success.
    (re.compile(r'"code":\s*"?-2015\b'), AuthRefused),
    (_ID_IS_TAKEN, OutcomeUnknown),
    # BingX documents 100421 as "system busy"; ccxt calls it BadSymbol.
    (re.compile(r'"code":\s*"?100421\b'), OutcomeUnknown),
)

# Refusals after which something else has to be done than giving up, by the venues' own words.
REFUSALS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), code)
    for pattern, code in (
        # This venue takes no such order: Binance's contracts and spot; ccxt's own look at what
        # the symbol offers; OKX in an account mode without stops on spot.
        (r'"code":\s*-4120\b|order type not supported', NOT_TAKEN),
        (r"\b(?:stop loss|take profit|oco)[a-z ]* orders are not supported", NOT_TAKEN),
        (r"triggerPrice parameter is not allowed|parameter tdMode error", NOT_TAKEN),
        # The trigger price is behind the market already: Binance, its pairs, OKX, Bybit.
        (r'"code":\s*-2021\b|trigger immediately|immediately trigger', AT_ONCE),
        (r"relationship of the prices for the orders is not correct", AT_ONCE),
        (r'"sCode":\s*"512(?:77|78|79|80)"|"retCode":\s*11009[23]\b', AT_ONCE),
        # Nothing is left to reduce: Binance, OKX, Bybit, BingX.
        (r'"code":\s*-2022\b|"sCode":\s*"51205"', NOTHING_TO_REDUCE),
        (r'"retCode":\s*110017\b|"code":\s*"?101205\b', NOTHING_TO_REDUCE),
    )
)

_URL = re.compile(r"(?:https?|wss?)://\S+")
_SIGNED = re.compile(
    r"\b(signature|apikey|api_key|secret|listenkey|passphrase)(\"?\s*[=:]\s*\"?)[^\s&\",}]+",
    re.IGNORECASE,
)


def translate(error: BaseException, call: Call, *, secrets: Iterable[str] = ()) -> ExchangeError:
    """The member of our families that says what this failure proves.

    Args:
        error: what ccxt raised, or what its parsing of the reply ran into.
        call: what the request would have done.
        secrets: words that must not appear in the detail: the key and the secret.
    """
    code = _refusal(error) if call is Call.PLACE else None
    if code is not None:
        return OrderRefused(f"{_SAYS[call]}: {words(error, secrets)}", code=code)
    family = _family(error, call)
    return family(f"{_SAYS[call]}: {words(error, secrets)}", code=_code(error, family))


_SAYS = {
    Call.PLACE: "placing the order",
    Call.CANCEL: "cancelling the order",
    Call.SETTING: "changing the setting",
    Call.READ: "asking the venue",
}


def words(error: BaseException, secrets: Iterable[str] = ()) -> str:
    """The venue's words without addresses, signatures and secrets.

    A venue may repeat what it was sent, and these words are stored, logged and shown.
    """
    # Whole secrets first: what is cut out of an address may be a part of one.
    text = mask_known(mask(str(error), secrets))
    text = _SIGNED.sub(r"\1\2…", _URL.sub("", text))
    text = " ".join(text.split())[:MAX_WORDS]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _family(error: BaseException, call: Call) -> type[ExchangeError]:
    family = _by_words(error) or _by_class(error)
    if family is OutcomeUnknown and call in {Call.SETTING, Call.READ}:
        is_answer = type(error).__name__ in {"ExchangeError", "DuplicateOrderId"}
        return OrderRefused if is_answer and call is Call.SETTING else Retryable
    if family is OrderNotFound and call is Call.PLACE:
        return OrderRefused
    return family


def _by_words(error: BaseException) -> type[ExchangeError] | None:
    text = str(error)
    return next((family for pattern, family in WORDS if pattern.search(text)), None)


def _refusal(error: BaseException) -> str | None:
    text = str(error)
    return next((code for pattern, code in REFUSALS if pattern.search(text)), None)


def _by_class(error: BaseException) -> type[ExchangeError]:
    names = (kind.__name__ for kind in type(error).__mro__)
    return next((FAMILIES[name] for name in names if name in FAMILIES), OutcomeUnknown)


def _code(error: BaseException, family: type[ExchangeError]) -> str | None:
    is_taken = type(error).__name__ == "DuplicateOrderId" or _ID_IS_TAKEN.search(str(error))
    return "duplicate_client_order_id" if family is OutcomeUnknown and is_taken else None
