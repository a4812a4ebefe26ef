"""Bytes in, text and strict JSON out: every number exact, every refusal with its position."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any, Final, NoReturn

from app.core.decimals import to_places
from app.pipeline.alarms.meaning import Problem, Unreadable
from app.trading.money import parse_decimal

MAX_DEPTH = 64
MAX_KEYS = 2_000
MAX_NUMBER_LENGTH = 100
MAX_AMOUNT: Final = Decimal("1e15")

_PLACEHOLDER = re.compile(r"\{\{[^{}]{0,200}\}\}")
_NUMBER = re.compile(r"[+-]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d{1,6})?", re.ASCII)
_MARKS = re.compile(r'"|//|/\*|[{}\[\]]|-?Infinity|NaN|[\u2018-\u201f]')
_REST_OF_STRING = re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_STRING = re.compile(f'"{_REST_OF_STRING.pattern}', re.DOTALL)
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_ADVICE: Final = (
    (re.compile(r"[\u2018-\u201f]"), "smart_quotes", 'replace the typographic quotes by plain "'),
    (re.compile(r"[}\]]"), "trailing_comma", "delete the comma before it, or add what is missing"),
    (re.compile(r"'"), "invalid_json", 'JSON wants double quotes: "'),
    (re.compile(r"\.\.\."), "invalid_json", "the dots stand for fields that were left out"),
)


@dataclass(frozen=True, slots=True)
class Message:
    """An alert, decoded but not yet understood.

    Attributes:
        text: the body without byte order mark; line ends and outer space are tidied up when it is
            not JSON.
        value: the JSON in it, numbers as Decimal; None when the body is not JSON.
        is_json: whether the body is JSON.
        problems: what was repaired on the way.
    """

    text: str
    value: Any = None
    is_json: bool = False
    problems: tuple[Problem, ...] = ()


def decode(body: bytes) -> Message:
    """The text of a body and, where it starts like JSON, the JSON in it.

    Raises:
        Unreadable: not UTF-8, empty, a placeholder left unrendered, or broken JSON.
    """
    text = _text_of(body)
    tidy = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not tidy:
        _refuse("empty_body", "the alert has no message; write one in TradingView's alert dialog")
    placeholder = _PLACEHOLDER.search(text)
    if placeholder is not None:
        _refuse_placeholder(placeholder)
    if tidy[0] not in '{["':
        return Message(tidy)
    try:
        return Message(text, _parse(text), is_json=True)
    except json.JSONDecodeError as error:
        return _without_comments(text, error)


def number_of(value: Any) -> Decimal:
    """A decimal from a JSON number or from text in plain ASCII digits.

    Raises:
        ValueError: not a number, not finite, or longer than any real price.
    """
    if isinstance(value, str):
        if len(value) > MAX_NUMBER_LENGTH:
            raise ValueError(f"{value[:40]!r}… is too long for a number")
        if not _NUMBER.fullmatch(value.strip()):
            raise ValueError(f"{value[:40]!r} is not a number")
    return parse_decimal(value)


def amount_of(value: Any) -> Decimal:
    """A price, size or percentage: a number as it can be stored, 18 decimal places of it.

    Raises:
        ValueError: no number, or none that a price or size could be.
    """
    number = number_of(value)
    if abs(number) >= MAX_AMOUNT:
        raise ValueError(f"{number:.3e} is more than any price or size")
    amount = to_places(number)
    if amount == 0 and number != 0:
        raise ValueError(f"{number:.3e} is less than any price or size")
    return amount


def _text_of(body: bytes) -> str:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse("invalid_utf8", f"byte {error.start} is not UTF-8; send plain text", error.start)
    if "\x00" in text:
        _refuse("invalid_text", "the text holds a NUL character; remove it", text.index("\x00"))
    return text


def _parse(text: str) -> Any:
    _refuse_deep(text)
    _refuse_many(text)

    def without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) < len(pairs):
            _refuse_repeat(text, [key for key, _ in pairs])
        return result

    def exact(number: str) -> Decimal:
        if len(number) <= MAX_NUMBER_LENGTH:
            try:
                return number_of(number)
            except ValueError:
                pass
        shown = f"{number[:40]} is out of range; no price or size has so many digits"
        _refuse("invalid_number", shown, _outside_strings(text).find(number))

    value = json.loads(
        text,
        object_pairs_hook=without_repeats,
        parse_float=exact,
        parse_int=exact,
        parse_constant=lambda name: _refuse_constant(text, name),
    )
    _refuse_bad_text(text)
    return value


def _marks(text: str) -> Iterator[re.Match[str]]:
    """Everything of interest outside strings, in order; strings and comments are skipped."""
    at = 0
    while (mark := _MARKS.search(text, at)) is not None:
        at = mark.end()
        if mark[0] == '"':
            rest = _REST_OF_STRING.match(text, at)
            at = len(text) if rest is None else rest.end()
            continue
        yield mark
        if mark[0] in {"//", "/*"}:
            at = _end_of_comment(text, mark)


def _end_of_comment(text: str, mark: re.Match[str]) -> int:
    ending = "\n" if mark[0] == "//" else "*/"
    end = text.find(ending, mark.end())
    if end < 0:
        return len(text)
    return end if ending == "\n" else end + 2


def _without_comments(text: str, error: json.JSONDecodeError) -> Message:
    """The same JSON without comments, which have one reading only; everything else is refused."""
    comments = [mark for mark in _marks(text) if mark[0] in {"//", "/*"}]
    if not comments:
        _refuse_json(text, error)
    # Blanks instead of the comments keep every position what it was.
    kept, at = [], 0
    for mark in comments:
        end = _end_of_comment(text, mark)
        kept += [text[at : mark.start()], " " * (end - mark.start())]
        at = end
    blanked = "".join([*kept, text[at:]])
    try:
        value = _parse(blanked)
    except json.JSONDecodeError as remaining:
        _refuse_json(blanked, remaining)
    detail = "JSON has no comments; they were skipped, delete them"
    problems = (Problem("comment_skipped", detail, comments[0].start()),)
    return Message(blanked, value, is_json=True, problems=problems)


def _refuse(code: str, detail: str, position: int | None = None) -> NoReturn:
    raise Unreadable(Problem(code, detail, position))


def _refuse_placeholder(placeholder: re.Match[str]) -> NoReturn:
    detail = (
        f"{placeholder[0]!r} at character {placeholder.start()} was not filled in; "
        "{{strategy.…}} works in strategy alerts only, and a misspelt one stays as it is"
    )
    _refuse("unrendered_placeholder", detail, placeholder.start())


def _outside_strings(text: str) -> str:
    """The text with every string blanked out, so that positions stay what they are."""
    return _STRING.sub(lambda found: " " * len(found[0]), text)


def _refuse_deep(text: str) -> None:
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return
    depth = 0
    for mark in _marks(text):
        if mark[0] in "{[":
            depth += 1
        elif mark[0] in "}]":
            depth -= 1
        if depth > MAX_DEPTH:
            _refuse("too_deep", f"the JSON is nested over {MAX_DEPTH} levels deep", mark.start())


def _refuse_many(text: str) -> None:
    """Fields are counted by their colons, before anything is built of them."""
    if text.count(":") <= MAX_KEYS:
        return
    colons = (found.start() for found in re.finditer(":", _outside_strings(text)))
    first_too_many = next(islice(colons, MAX_KEYS, None), None)
    if first_too_many is not None:
        detail = f"the alert has more than {MAX_KEYS} fields; send the alert only"
        _refuse("too_many_keys", detail, first_too_many)


def _refuse_repeat(text: str, keys: list[str]) -> NoReturn:
    seen: set[str] = set()
    repeated = next(key for key in keys if key in seen or seen.add(key))  # type: ignore[func-returns-value] # set.add in a search
    spelled = json.dumps(repeated, ensure_ascii=False)
    first = text.find(spelled)
    second = text.find(spelled, first + 1)
    detail = f"{repeated[:40]!r} is there twice, and which one counts is a guess; delete one"
    _refuse("duplicate_key", detail, second if second > first else None)


def _refuse_constant(text: str, name: str) -> NoReturn:
    at = next((mark.start() for mark in _marks(text) if mark[0] == name), None)
    _refuse("not_finite", f"{name} is not a number; the indicator had no value on this bar", at)


def _refuse_bad_text(text: str) -> None:
    at = text.lower().find("\\u0000")
    if at >= 0:
        _refuse("invalid_text", "the text holds a NUL character; remove it", at)
    if "\\u" in text:
        _refuse_surrogates(text)


def _refuse_surrogates(text: str) -> None:
    for escaped in re.finditer(r"(?:\\u[0-9a-fA-F]{4})+", text):
        if _LONE_SURROGATE.search(json.loads(f'"{escaped[0]}"')):
            _refuse("invalid_text", "half of a character (a lone surrogate)", escaped.start())


def _refuse_json(text: str, error: json.JSONDecodeError) -> NoReturn:
    place = f"at line {error.lineno}, column {error.colno} (character {error.pos})"
    for pattern, code, advice in _ADVICE:
        found = pattern.match(text, error.pos)
        if found is None or (code == "trailing_comma" and not _follows_comma(text, error.pos)):
            continue
        _refuse(code, f"the JSON breaks {place}, at {found[0]!r}: {advice}", error.pos)
    _refuse("invalid_json", f"the JSON breaks {place}: {error.msg}", error.pos)


def _follows_comma(text: str, position: int) -> bool:
    return text[:position].rstrip().endswith(",")
