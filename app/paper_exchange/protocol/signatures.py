"""Who is calling, and whether the call is theirs and fresh: Binance's HMAC rules."""

import hashlib
import hmac
import re

from app.paper_exchange.engine import refusals
from app.paper_exchange.engine.models import Account
from app.paper_exchange.engine.refusals import missing, refuse
from app.paper_exchange.protocol.call import Call
from app.paper_exchange.venue import Venue

_KEY = re.compile(r"[A-Za-z0-9]{64}")
_AHEAD_MILLISECONDS = 1000
_DEFAULT_WINDOW = 5000
_LARGEST_WINDOW = 60_000


def identify(venue: Venue, call: Call) -> Account:
    """The account whose key came along.

    Raises:
        Refusal: -2014 when the key is absent or misshapen, -2015 when nobody has it.
    """
    key = call.headers.get("x-mbx-apikey", "")
    if not _KEY.fullmatch(key):
        raise refuse(refusals.KEY_FORMAT, status=401)
    account = venue.account(key)
    if account is None:
        raise refuse(refusals.KEY_UNKNOWN, status=401)
    return account


def check_signature(account: Account, call: Call) -> None:
    """The HMAC-SHA256 of query and body, and the time it was made.

    Raises:
        Refusal: -1102 when timestamp or signature is missing, -1021 when the timestamp is out of
            the window, -1022 when the signature is another one.
    """
    timestamp = call.integer("timestamp")
    if timestamp is None:
        raise missing("timestamp")
    signature = call.text("signature")
    _check_window(call, timestamp)
    payload = _unsigned(call.query) + _unsigned(call.body)
    expected = hmac.new(account.api_secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), signature.lower().encode()):
        raise refuse(refusals.BAD_SIGNATURE)


def _check_window(call: Call, timestamp: int) -> None:
    window = call.integer("recvWindow")
    window = _DEFAULT_WINDOW if window is None else min(window, _LARGEST_WINDOW)
    if timestamp >= call.at + _AHEAD_MILLISECONDS:
        raise refuse(refusals.TOO_EARLY)
    if call.at - timestamp > window:
        raise refuse(refusals.TOO_LATE)


def _unsigned(text: str) -> str:
    return "&".join(part for part in text.split("&") if not part.startswith("signature="))
