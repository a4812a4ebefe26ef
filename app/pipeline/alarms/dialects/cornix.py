"""Signal-channel prose as Cornix reads it: pair, side, entry, targets, stop; or a notice."""

import re
from decimal import Decimal
from typing import Final

from app.pipeline.alarms.deciding import Draft, Verb, decide
from app.pipeline.alarms.decoding import Message
from app.pipeline.alarms.dialects.fields import Dialect, Field, Fields
from app.pipeline.alarms.meaning import (
    Action,
    Intent,
    Level,
    LevelKind,
    Meaning,
    Problem,
    TakeProfit,
)

NAME: Final = "cornix"
FIELDS: Final = (
    Field(("pair",), "APEUSDT, #APE/USDT, Pair: XRP", "the market", "often without its quote"),
    Field(("side",), "LONG, SHORT, BUY, SELL, ЛОНГ, ШОРТ", "side of the entry"),
    Field(("Entry", "@", "Вход"), "quote", "the price the signal saw", "a zone's first price"),
    Field(("Target", "TP", "Take Profit", "ТП"), "quote; - 30% is a share", "targets"),
    Field(("Stoploss", "SL", "Stop Loss", "СЛ"), "quote", "stop"),
    Field(("Leverage", "x10", "Плечо"), "three times", "leverage", "Cross 40x: the mode is ours"),
)
_SIDE: Final = re.compile(r"\b(LONG|SHORT|BUY|SELL|ЛОНГ|ШОРТ)\b")
_PAIR: Final = re.compile(
    r"#?\b(?!(?:LONG|SHORT|BUY|SELL|SIGNAL|SL|TP)\b)([A-Z0-9]{2,12}(?:/[A-Z]{3,5})?)\b"
)
_NAMED: Final = re.compile(r"\bPair:\s{0,5}#?([A-Z0-9/]{2,20})")
_STOP: Final = re.compile(
    r"(?:stop\s?-?loss|\bSL|СЛ)\s{0,3}:?\s{0,3}(\d[\d.]{0,30})", re.IGNORECASE
)
_ENTRY: Final = re.compile(r"(?:\bentry|вход|@)\s{0,3}:?\s{0,3}(\d[\d.]{0,30})", re.IGNORECASE)
_TARGET: Final = re.compile(
    r"(?:take profit|targets?|\bTP|ТП)\s?(?:\d{1,2}(?=\s?:))?\s{0,3}:?\s{0,3}"
    r"(\d[\d.]{0,30}[^\n:]{0,200})",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(r"\d[\d.]{0,30}(?!\d{0,10}\s{0,2}%)")
_SHARE: Final = re.compile(r"\s-\s{0,3}(\d{1,3})\s{0,2}%")
_LEVERAGE: Final = re.compile(r"(?:\bx(\d{1,3})\b|\b(\d{1,3})x\b)", re.IGNORECASE)
_NOTICE: Final = re.compile(
    r"closed at|cancelled|achieved|average entry price|all entry|profit:|reached", re.IGNORECASE
)
_MAX: Final = 4_000


def matches(message: Message) -> bool:
    """Prose with a side and a stop or target, or a status notice about a pair."""
    text = message.text
    if message.is_json or len(text) > _MAX:
        return False
    if _is_notice(text):
        return True
    is_signal = _SIDE.search(text) is not None and "=" not in text.replace("==", "")
    return is_signal and (_STOP.search(text) is not None or _TARGET.search(text) is not None)


def read(message: Message) -> Meaning:
    """What it means.

    Raises:
        Unreadable: the pair or a number cannot be made out.
    """
    text = message.text
    if _is_notice(text):
        reason = Problem("notice", "a status message of a signal channel, not a signal")
        intent = Intent(action=Action.IGNORE, ticker=_pair(text), reason=reason)
        return Meaning(dialect=NAME, intents=(intent,), problems=message.problems)
    side = _SIDE.search(text)
    verb = Verb.LONG if side and side[1] in {"LONG", "BUY", "ЛОНГ"} else Verb.SHORT
    leverage = _LEVERAGE.search(text)
    draft = Draft(
        verb=verb,
        ticker=_pair(text),
        stop_loss=_level(_STOP.search(text)),
        take_profits=_targets(text),
        leverage=None if leverage is None else Decimal(leverage[1] or leverage[2]) or None,
    )
    entry = _level(_ENTRY.search(text))
    return Meaning(
        dialect=NAME,
        intents=(decide(draft),),
        reference_price=None if entry is None else entry.value,
        problems=message.problems,
    )


def _is_notice(text: str) -> bool:
    return text.count("#") > 0 and _NOTICE.search(text) is not None


def _pair(text: str) -> str | None:
    """The pair: named, or the word beside the side."""
    named = _NAMED.search(text)
    if named is not None:
        return named[1]
    side = _SIDE.search(text)
    line = text if side is None else _line_of(text, side.start())
    found = [each[1] for each in _PAIR.finditer(line)]
    pairs = [each for each in found if not each.isdigit() and _LEVERAGE.fullmatch(each) is None]
    return max(pairs, key=lambda each: (each.endswith(("USDT", "USD", "USDC")), 0), default=None)


def _line_of(text: str, position: int) -> str:
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    return text[start : end if end >= 0 else len(text)]


def _level(found: re.Match[str] | None) -> Level | None:
    if found is None:
        return None
    value = Fields({"price": found[1].rstrip(".")}).positive("price", code="invalid_level")
    return None if value is None else Level(LevelKind.PRICE, value)


def _targets(text: str) -> tuple[TakeProfit, ...]:
    found: list[TakeProfit] = []
    for target in _TARGET.finditer(text):
        share = _SHARE.search(target[1])
        prices = _NUMBER.findall(target[1])
        if share is not None:
            prices = prices[:1]
        for price in prices:
            value = Fields({"target": price.rstrip(".")}).positive("target", code="invalid_level")
            if value is not None:
                portion = None if share is None else Decimal(share[1]) or None
                found.append(TakeProfit(Level(LevelKind.PRICE, value), portion))
    return tuple(found)


DIALECT: Final = Dialect(NAME, FIELDS, matches, read)
