"""Whole columns as text: what the types of `types.py` write for each value, in bulk.

A hundred thousand candles are a million numbers. Asking a type about each of them takes five times
as long as the database needs to keep it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from app.core.decimals import plain

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BARE_EPOCH: Final = _EPOCH.replace(tzinfo=None)
# The second of the day at which each minute begins: candles open at no others.
_CLOCK: Final = {
    60 * minute: f"{minute // 60:02}:{minute % 60:02}:00.000000" for minute in range(1440)
}


def money_texts(values: Sequence[Decimal | None]) -> list[str | None]:
    """Each number in plain notation, without trailing zeros; None stays None.

    Args:
        values: numbers that `can_be_kept`; whoever has them has looked.
    """
    # As `str`, without a call for each.
    texts = [f"{value!s}" for value in values]
    together = "\n".join(texts)
    if any(mark in together for mark in "EN-"):
        return [_text(value, text) for value, text in zip(values, texts, strict=True)]
    return [_without_zeros(text) if text[-1] == "0" else text for text in texts]


def _text(value: Decimal | None, text: str) -> str | None:
    """Where one of a column is missing, or may have an exponent or a minus."""
    if value is None:
        return None
    if "E" in text or "-" in text:
        return plain(value)
    return _without_zeros(text)


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


class _Days(dict[int, str]):
    """The text of each day that comes up, by its number since the epoch."""

    def __missing__(self, number: int) -> str:
        text = self[number] = f"{(_BARE_EPOCH + timedelta(number)).date().isoformat()} "
        return text


def moment_texts(moments: Sequence[datetime]) -> list[str]:
    """Each moment in UTC with microseconds, `2026-01-31 12:00:00.000000`.

    Raises:
        ValueError: one has no zone.
    """
    try:
        ages = [moment - _EPOCH for moment in moments]
    except TypeError:
        raise ValueError("a time without a zone cannot be stored") from None
    days = _Days()
    return [
        days[age.days] + _CLOCK[age.seconds]
        if not age.microseconds and age.seconds in _CLOCK
        else (_BARE_EPOCH + age).isoformat(" ", "microseconds")
        for age in ages
    ]
