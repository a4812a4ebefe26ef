"""Understand an alert: find its format by what is in it, then what it means."""

import re
from dataclasses import replace
from typing import Final

from app.core.decimals import plain
from app.pipeline.alarms.decoding import Message, decode
from app.pipeline.alarms.dialects import (
    alertatron,
    autoview,
    cornix,
    frostybot,
    generic,
    native,
    octobot,
    okx,
    openalgo,
    pineconnector,
    poabot,
    threecommas,
    traderspost,
    tradingview_text,
    tv_alerts_processor,
    whook,
    wundertrading,
)
from app.pipeline.alarms.dialects.fields import Dialect
from app.pipeline.alarms.meaning import Meaning, Problem, Unreadable

# The most specific first: the first that matches reads it.
DIALECTS: Final[tuple[Dialect, ...]] = (
    threecommas.DIALECT,
    wundertrading.DIALECT,
    okx.DIALECT,
    poabot.DIALECT,
    openalgo.DIALECT,
    native.DIALECT,
    traderspost.DIALECT,
    tv_alerts_processor.DIALECT,
    tradingview_text.DIALECT,
    octobot.DIALECT,
    frostybot.DIALECT,
    alertatron.DIALECT,
    pineconnector.DIALECT,
    autoview.DIALECT,
    whook.DIALECT,
    cornix.DIALECT,
    generic.DIALECT,
)

MAX_TARGETS: Final = 20
MAX_LEVERAGE: Final = 1_000

_SECRET = re.compile(
    r"""(?:^|[\s;,{"'])(secret|passphrase|token)["']?\s*[=:]\s*["']?([^\s;,"'}]+)""",
    re.IGNORECASE,
)
_SECRETS: Final = ("secret", "passphrase", "token")
_SECRET_BYTES: Final = tuple(name.encode() for name in _SECRETS)


def understand(body: bytes) -> Meaning:
    """What an alert asks for, by its content alone.

    Args:
        body: as received; headers play no part.

    Returns:
        Its meaning; `problems` holds what was odd but has one reading only.

    Raises:
        Unreadable: it makes no sense, or more than one; `problem` says where and what to do.
    """
    message = decode(body)
    dialect = dialect_of(message)
    try:
        meaning = dialect.read(message)
        _refuse_excess(meaning)
    except Unreadable as error:
        raise Unreadable(error.problem, dialect=dialect.name) from None
    secret = find_secret(body)
    return meaning if secret is None else replace(meaning, secret=secret)


def _refuse_excess(meaning: Meaning) -> None:
    """More than one alert can be meant to ask for is a mistake, and costly to carry out."""
    for intent in meaning.intents:
        if len(intent.take_profits) > MAX_TARGETS:
            detail = f"over {MAX_TARGETS} targets of one position; name fewer"
            raise Unreadable(Problem("too_many_targets", detail))
        if intent.leverage is not None and intent.leverage > MAX_LEVERAGE:
            detail = f"a leverage of {plain(intent.leverage)} exists nowhere; 3 is three times"
            raise Unreadable(Problem("invalid_leverage", detail))


def dialect_of(message: Message) -> Dialect:
    """The format of a message.

    Raises:
        Unreadable: no format matches.
    """
    for dialect in DIALECTS:
        if dialect.matches(message):
            return dialect
    detail = 'no known format; the shortest one is {"symbol":"BTCUSDT","action":"buy"}'
    raise Unreadable(Problem("unknown_format", detail))


def find_secret(body: bytes) -> str | None:
    """What the body offers as proof of its sender, as `secret`, `passphrase` or `token`.

    It is found in text that is otherwise refused too, so that a trader sees why their alert was.

    Args:
        body: as received.
    """
    folded = body.lower()
    if not any(name in folded for name in _SECRET_BYTES):
        return None
    given: dict[str, str] = {}
    for name, value in _SECRET.findall(body.decode("utf-8", errors="replace")):
        given.setdefault(name.lower(), value)
    return next((given[name] for name in _SECRETS if name in given), None)
