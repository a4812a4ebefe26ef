"""Whole columns as text: what the types of `types.py` write for each value, in bulk.

A hundred thousand candles are a million numbers. Asking a type about each of them takes five times
as long as the database needs to keep it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from app.core.decimals import plain

_MOMENT: Final = len("2026-01-31 12:00:00.000000")


def money_texts(values: Sequence[Decimal | None]) -> list[str | None]:
    """Each number in plain notation, without trailing zeros; None stays None.

    Args:
        values: numbers that `can_be_kept`; whoever has them has looked.
    """
    texts = list(map(str, values))
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


def moment_texts(moments: Sequence[datetime]) -> list[str]:
    """Each moment in UTC with microseconds, `2026-01-31 12:00:00.000000`.

    Raises:
        ValueError: one has no zone.
    """
    if any(moment.tzinfo is not UTC for moment in moments):
        moments = [_in_utc(moment) for moment in moments]
    return [moment.isoformat(" ", "microseconds")[:_MOMENT] for moment in moments]


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time without a zone cannot be stored")
    return moment.astimezone(UTC)
