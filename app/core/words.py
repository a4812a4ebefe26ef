"""Enums whose values are lower case everywhere and whose input may come in any case."""

from enum import StrEnum
from typing import Self


class Word(StrEnum):
    """A closed set of lower-case words; `Word("BUY")` finds `buy`."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if isinstance(value, str) and value != value.lower():
            return cls(value.strip().lower())
        return None
