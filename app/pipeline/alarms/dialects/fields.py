"""What all dialects share: a format's table of fields, and typed reading of one object's fields."""

import re
from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final, NoReturn, TypeVar

from app.core.words import Word
from app.pipeline.alarms.decoding import Message, amount_of, number_of
from app.pipeline.alarms.meaning import Level, LevelKind, Meaning, Problem, Unreadable

W = TypeVar("W", bound=Word)

MAX_INTENTS: Final = 50
MAX_TEXT = 200
MAX_IDENTITY = 120
MAX_TICKER = 64
_DIGEST: Final = 32
_TICKER_SIGNS: Final = frozenset(".:/_-!&+#")
_MILLISECONDS_FROM = Decimal("1e11")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Ten digits of epoch seconds at least: what is older, or a lifetime ahead, is no time of an alert.
_EARLIEST = datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a format's table.

    Attributes:
        names: its spellings, the preferred one first; compared without case.
        unit: what a number in it counts, or the words it may hold.
        meaning: what it does here.
        trap: what goes wrong with it; empty when nothing does.
    """

    names: tuple[str, ...]
    unit: str
    meaning: str
    trap: str = ""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One alert format.

    Attributes:
        name: for the trader and for `Meaning.dialect`.
        fields: its table.
        matches: whether a message is written in it; never raises.
        read: what such a message means; raises `Unreadable`.
    """

    name: str
    fields: tuple[Field, ...]
    matches: Callable[[Message], bool]
    read: Callable[[Message], Meaning]


class Fields:
    """The fields of one object, each read as what it must be.

    Args:
        values: as decoded; null counts as absent.
        text: the message they came from, for the positions of problems.
    """

    def __init__(self, values: Mapping[str, Any], *, text: str = "") -> None:
        self._values = {key.strip().lower(): value for key, value in values.items()}
        self._text = text
        if len(self._values) < len(values):
            detail = "a field is there twice, once in other letters; delete one"
            raise Unreadable(Problem("duplicate_key", detail))

    def __contains__(self, name: str) -> bool:
        return self.first(name)[1] is not None

    @property
    def names(self) -> tuple[str, ...]:
        """Every given name, lower case."""
        return tuple(self._values)

    def has(self, *names: str) -> bool:
        """Whether any of them is given."""
        return any(name in self for name in names)

    def first(self, *names: str) -> tuple[str, Any]:
        """The first given name and its value; the first name and None when none is."""
        # Asked some thirty times for every alert, nearly always for a field that is not there.
        values = self._values
        for name in names:
            value = values.get(name)
            if value is None and not name.islower():
                value = values.get(name.lower())
            if value is not None:
                return name, value
        return names[0], None

    def text(self, *names: str) -> str | None:
        """Words; None when absent or empty."""
        name, value = self.first(*names)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            self.refuse("invalid_field", name, f"{name} must be text")
        return str(value).strip()[:MAX_TEXT] or None

    def identity(self, *names: str) -> str | None:
        """The sender's name of something; None when absent or empty.

        A long one keeps its beginning and a digest of all of it: two that differ never become one.
        """
        name, value = self.first(*names)
        shown = self.text(name)
        if shown is None or len(str(value).strip()) <= MAX_IDENTITY:
            return shown
        digest = sha256(str(value).strip().encode()).hexdigest()[:_DIGEST]
        return f"{shown[: MAX_IDENTITY - _DIGEST - 1]}~{digest}"

    def ticker(self, *names: str) -> str | None:
        """A market in the sender's spelling, upper case."""
        name, _ = self.first(*names)
        value = self.text(*names)
        if value is None:
            return None
        if len(value) > MAX_TICKER or not is_ticker(value):
            self.refuse("invalid_symbol", name, f"{value[:40]!r} is not a market; try BTCUSDT")
        return value.upper()

    def number(self, *names: str, code: str = "invalid_number") -> Decimal | None:
        """A number with any sign; None when absent."""
        name, value = self.first(*names)
        if value is None:
            return None
        try:
            return amount_of(value)
        except ValueError as error:
            self.refuse(code, name, f"{name}: {error}")

    def positive(self, *names: str, code: str = "invalid_number") -> Decimal | None:
        """A number above zero; None when absent."""
        name, value = self.first(*names)
        if value is None:
            return None
        number = self.number(name, code=code)
        if number is not None and number <= 0:
            self.refuse(code, name, f"{name} is {number}; it must be above zero, or left out")
        return number

    def flag(self, *names: str) -> bool:
        """True for true, yes, 1 and on; False for their opposites and when absent."""
        name, value = self.first(*names)
        said = str(value).strip().lower()
        if said in {"true", "1", "yes", "on"}:
            return True
        if value is None or said in {"false", "0", "no", "off", ""}:
            return False
        return self.refuse("invalid_field", name, f"{name} must be true or false")

    def word(self, kind: type[W], *names: str, code: str = "invalid_field") -> W | None:
        """One of a closed set of words; None when absent or empty."""
        name, given = self.first(*names)
        if given is None:
            return None
        value = self.text(name)
        if value is None:
            return None
        try:
            return kind(value)
        except ValueError:
            choices = ", ".join(kind)
            return self.refuse(code, name, f"{name} is {value[:40]!r}, not one of {choices}")

    def inner(self, *names: str) -> "Fields | None":
        """A nested object; None when absent."""
        name, value = self.first(*names)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.refuse("invalid_field", name, f"{name} must be an object in {{ }}")
        return Fields(value, text=self._text)

    def time(self, *names: str) -> datetime | None:
        """A moment in UTC, from ISO 8601 or epoch (milli)seconds; None when absent."""
        name, value = self.first(*names)
        if value is None:
            return None
        shown = self.text(name)
        if shown is None:
            return None
        try:
            return _moment(shown if isinstance(value, str) else str(value))
        except (ValueError, OverflowError):
            hint = "write {{timenow}}, or a time like 2026-01-31T12:00:00Z"
            self.refuse("invalid_time", name, f"{name} is {shown[:40]!r}; {hint}")

    def level(self, *names: str) -> Level | None:
        """A stop or target: a price, `2%` of the entry price, or None when absent."""
        name, value = self.first(*names)
        if value is None:
            return None
        kind = LevelKind.PRICE
        if isinstance(value, str) and value.strip().endswith("%"):
            kind, value = LevelKind.PERCENT, value.strip()[:-1]
        number = Fields({name: value}, text=self._text).positive(name, code="invalid_level")
        return None if number is None else Level(kind, number)

    def refuse(self, code: str, name: str, detail: str) -> NoReturn:
        """Refuse the whole alert because of one field."""
        # Not by lower-casing the text: that makes some letters two, and every position wrong.
        found = re.search(re.escape(f'"{name}"'), self._text, re.IGNORECASE)
        raise Unreadable(Problem(code, detail, None if found is None else found.start()))


def refuse_many(things: Sized, most: int = MAX_INTENTS) -> None:
    """Refuse more orders than one alert can be meant to hold, before they are read.

    Raises:
        Unreadable: there are more than `most`.
    """
    if len(things) > most:
        detail = f"over {most} orders in one alert; send several alerts"
        raise Unreadable(Problem("too_many_intents", detail))


def is_ticker(text: str) -> bool:
    """Whether it could name a market: ASCII letters, digits and the signs venues use."""
    return text.isascii() and all(sign.isalnum() or sign in _TICKER_SIGNS for sign in text)


def _moment(shown: str) -> datetime:
    moment = _any_moment(shown)
    if not _EARLIEST <= moment < _LATEST:
        raise ValueError(shown)
    return moment


def _any_moment(shown: str) -> datetime:
    try:
        epoch = number_of(shown)
    except ValueError:
        moment = datetime.fromisoformat(shown)
        # TradingView's own times are UTC, and some senders drop the Z.
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    micros = epoch * (1_000 if epoch >= _MILLISECONDS_FROM else 1_000_000)
    return _EPOCH + timedelta(microseconds=int(micros))
