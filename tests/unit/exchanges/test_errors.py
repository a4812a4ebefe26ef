import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import ccxt
import pytest

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
from app.exchanges.errors import Call, UnreadableReply, translate, words

# class of ccxt: what it proves of a request that places an order, and of one that asks.
PROOFS: dict[str, tuple[type[ExchangeError], type[ExchangeError]]] = {
    "BaseError": (OutcomeUnknown, Retryable),
    "ExchangeError": (OutcomeUnknown, Retryable),
    "AuthenticationError": (AuthRefused, AuthRefused),
    "PermissionDenied": (AuthRefused, AuthRefused),
    "AccountNotEnabled": (AuthRefused, AuthRefused),
    "AccountSuspended": (AuthRefused, AuthRefused),
    "ArgumentsRequired": (OrderRefused, OrderRefused),
    "BadRequest": (OrderRefused, OrderRefused),
    "BadSymbol": (OrderRefused, OrderRefused),
    "OperationRejected": (OrderRefused, OrderRefused),
    "NoChange": (OrderRefused, OrderRefused),
    "MarginModeAlreadySet": (OrderRefused, OrderRefused),
    "MarketClosed": (OrderRefused, OrderRefused),
    "ManualInteractionNeeded": (OrderRefused, OrderRefused),
    "RestrictedLocation": (OrderRefused, OrderRefused),
    "InsufficientFunds": (InsufficientFunds, InsufficientFunds),
    "InvalidAddress": (OrderRefused, OrderRefused),
    "AddressPending": (OrderRefused, OrderRefused),
    "InvalidOrder": (OrderRefused, OrderRefused),
    "OrderNotFound": (OrderRefused, OrderNotFound),
    "OrderNotCached": (OrderRefused, OrderRefused),
    "OrderImmediatelyFillable": (OrderRefused, OrderRefused),
    "OrderNotFillable": (OrderRefused, OrderRefused),
    "DuplicateOrderId": (OutcomeUnknown, Retryable),
    "ContractUnavailable": (OrderRefused, OrderRefused),
    "NotSupported": (OrderRefused, OrderRefused),
    "InvalidProxySettings": (Retryable, Retryable),
    "ExchangeClosedByUser": (OutcomeUnknown, Retryable),
    "OperationFailed": (OutcomeUnknown, Retryable),
    "NetworkError": (OutcomeUnknown, Retryable),
    "DDoSProtection": (RateLimited, RateLimited),
    "RateLimitExceeded": (RateLimited, RateLimited),
    "ExchangeNotAvailable": (OutcomeUnknown, Retryable),
    "OnMaintenance": (OutcomeUnknown, Retryable),
    "InvalidNonce": (Retryable, Retryable),
    "ChecksumError": (Retryable, Retryable),
    "RequestTimeout": (OutcomeUnknown, Retryable),
    "BadResponse": (OutcomeUnknown, Retryable),
    "NullResponse": (OutcomeUnknown, Retryable),
    "CancelPending": (OutcomeUnknown, Retryable),
    "UnsubscribeError": (OutcomeUnknown, Retryable),
}


def _every_class(tree: dict[str, Any]) -> set[str]:
    return set(tree).union(*(_every_class(branch) for branch in tree.values()))


def test_every_class_of_this_ccxt_has_a_proof_in_this_table() -> None:
    from ccxt.base.errors import error_hierarchy  # noqa: PLC0415 only this test reads the tree

    assert _every_class(error_hierarchy) == set(PROOFS)


@pytest.mark.parametrize("name", PROOFS)
def test_translate_when_an_order_was_placed_then_says_what_is_proved(name: str) -> None:
    error = getattr(ccxt, name)("binance said no")

    assert type(translate(error, Call.PLACE)) is PROOFS[name][0]


@pytest.mark.parametrize("name", PROOFS)
def test_translate_when_something_was_asked_then_never_says_unknown(name: str) -> None:
    error = getattr(ccxt, name)("binance said no")

    assert type(translate(error, Call.READ)) is PROOFS[name][1]


@pytest.mark.parametrize(
    "error",
    [KeyError("orderId"), ValueError("not JSON"), AssertionError(), UnreadableReply("no id")],
)
def test_translate_when_the_reply_could_not_be_read_then_the_order_is_unknown(
    error: Exception,
) -> None:
    assert type(translate(error, Call.PLACE)) is OutcomeUnknown
    assert type(translate(error, Call.CANCEL)) is OutcomeUnknown
    assert type(translate(error, Call.READ)) is Retryable


@pytest.mark.parametrize(
    "error",
    [
        ccxt.InvalidOrder('binance {"code":-2010,"msg":"Duplicate order sent."}'),
        ccxt.InvalidOrder('binanceusdm {"code":-4116,"msg":"ClientOrderId is duplicated."}'),
        ccxt.DuplicateOrderId("bingx 80014"),
    ],
)
def test_translate_when_our_id_is_taken_then_the_order_must_be_looked_up(error: Exception) -> None:
    found = translate(error, Call.PLACE)

    assert type(found) is OutcomeUnknown
    assert found.code == "duplicate_client_order_id"


def test_translate_when_a_key_is_revoked_after_a_success_then_it_is_no_rate_limit() -> None:
    error = ccxt.DDoSProtection('binance {"code":-2015,"msg":"Invalid API-key, IP"}')

    assert type(translate(error, Call.PLACE)) is AuthRefused


def test_translate_when_bingx_is_busy_then_it_is_no_refusal() -> None:
    error = ccxt.BadSymbol('bingx {"code":100421,"msg":"system busy"}')

    assert type(translate(error, Call.PLACE)) is OutcomeUnknown


def test_translate_when_a_setting_is_refused_with_an_unmapped_code_then_it_is_a_refusal() -> None:
    error = ccxt.ExchangeError('binanceusdm {"code":-4999,"msg":"no"}')

    assert type(translate(error, Call.SETTING)) is OrderRefused
    assert type(translate(ccxt.RequestTimeout("x"), Call.SETTING)) is Retryable


def test_words_keeps_what_the_venue_said_and_hides_addresses_signatures_and_keys() -> None:
    error = ccxt.RequestTimeout(
        "binance POST https://api.binance.com/api/v3/order?signature=abc123 apiKey=KEY-1"
        ' {"msg":"too slow", "secret": "S3"} SECRET-2'
    )

    said = words(error, ["SECRET-2"])

    assert said.startswith("RequestTimeout: binance POST")
    assert "too slow" in said
    for hidden in ("https://", "abc123", "KEY-1", "S3", "SECRET-2"):
        assert hidden not in said


@pytest.mark.parametrize(
    "form", [str, quote, quote_plus, json.dumps, lambda one: one.encode().hex()]
)
def test_security_32_words_hide_a_key_that_the_venue_repeats(form: Callable[[str], str]) -> None:
    # Cut out piece by piece, half of it would stay.
    secret = 'left-half-of-it&",=%right-half-of-it'

    said = words(ccxt.BadRequest(f'binance {{"apiKey": {form(secret)}, "msg": "no"}}'), [secret])

    assert "half" not in said
    assert form("half") not in said
    assert '"msg": "no"' in said


@pytest.mark.parametrize("before", ["", "a", "ab"])
def test_security_32_words_hide_a_key_inside_of_base64(before: str) -> None:
    text = base64.b64encode(f"{before}a-key-of-some-length ".encode()).decode()

    said = words(ccxt.BadRequest(f"binance {text}"), ["a-key-of-some-length"])

    assert text[4:-4] not in said


def test_words_when_the_venue_said_nothing_then_names_the_failure() -> None:
    assert words(ccxt.RequestTimeout("")) == "RequestTimeout"


NAMED_REFUSALS = [
    ("conditional_not_taken", ccxt.InvalidOrder, 'binanceusdm {"code":-4120,"msg":"Order type"}'),
    ("conditional_not_taken", ccxt.BadRequest, "binance Stop loss orders are not supported for"),
    ("conditional_not_taken", ccxt.BadRequest, "binance OCO orders are not supported for this"),
    (
        "conditional_not_taken",
        ccxt.InvalidOrder,
        "binance triggerPrice parameter is not allowed for BTC/USDT market orders",
    ),
    ("conditional_not_taken", ccxt.ExchangeError, 'okx {"sMsg":"Parameter tdMode error "}'),
    (
        "would_trigger_at_once",
        ccxt.OrderImmediatelyFillable,
        'binanceusdm {"code":-2021,"msg":"Order would immediately trigger."}',
    ),
    (
        "would_trigger_at_once",
        ccxt.InvalidOrder,
        'binance {"code":-2010,"msg":"Stop price would trigger immediately."}',
    ),
    (
        "would_trigger_at_once",
        ccxt.ExchangeError,
        "binance The relationship of the prices for the orders is not correct.",
    ),
    ("would_trigger_at_once", ccxt.InvalidOrder, 'okx {"data":[{"sCode":"51280"}]}'),
    ("would_trigger_at_once", ccxt.InvalidOrder, 'bybit {"retCode":110093,"retMsg":"expect"}'),
    ("reduce_only_rejected", ccxt.InvalidOrder, 'binanceusdm {"code":-2022,"msg":"ReduceOnly"}'),
    ("reduce_only_rejected", ccxt.BadResponse, 'binance {"code":-2022,"msg":"ReduceOnly"}'),
    ("reduce_only_rejected", ccxt.InvalidOrder, 'okx {"data":[{"sCode":"51205"}]}'),
    ("reduce_only_rejected", ccxt.InvalidOrder, 'bybit {"retCode":110017,"retMsg":"x"}'),
    ("reduce_only_rejected", ccxt.InvalidOrder, 'bingx {"code":101205,"msg":"No position"}'),
]


@pytest.mark.parametrize(("code", "kind", "text"), NAMED_REFUSALS)
def test_translate_when_something_else_has_to_be_done_then_the_refusal_has_a_name(
    code: str, kind: type[Exception], text: str
) -> None:
    found = translate(kind(text), Call.PLACE)

    assert (type(found), found.code) == (OrderRefused, code)
    assert translate(kind(text), Call.CANCEL).code != code


@pytest.mark.parametrize(
    "error",
    [
        ccxt.InvalidOrder('binance {"code":-1013,"msg":"Filter failure: LOT_SIZE"}'),
        ccxt.BadRequest("binance Market orders are not supported for this symbol."),
    ],
)
def test_translate_when_the_refusal_is_of_any_other_kind_then_it_has_no_name(
    error: Exception,
) -> None:
    assert translate(error, Call.PLACE).code == "order_refused"
