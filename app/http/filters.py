"""Filters of lists, in any case, refused when they name nothing."""

from typing import Final, TypeVar

from app.core.errors import Invalid
from app.core.words import Word

# Of a filter that is compared with what we have written ourselves.
PRINTABLE: Final = r"^[\x20-\x7e]*$"

WordT = TypeVar("WordT", bound=Word)


def choice(words: type[WordT], text: str | None, name: str) -> WordT | None:
    """The word that a filter names; None without one.

    Raises:
        Invalid: no such word; the detail lists those there are.
    """
    if text is None or not text.strip():
        return None
    try:
        return words(text.strip())
    except ValueError:
        known = ", ".join(word.value for word in words)
        raise Invalid(f"{name}: one of {known}", code="unknown_filter") from None
