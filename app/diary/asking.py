"""Which entries a list of the diary is asked for."""

from dataclasses import dataclass
from datetime import date
from typing import Self
from uuid import UUID

from app.core.errors import Invalid


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the diary a page ended: entries are ordered by their day, then by their id."""

    day: date
    entry_id: UUID

    @classmethod
    def of(cls, cursor: str) -> Self:
        """The place that a cursor names.

        Raises:
            Invalid: it is none of ours.
        """
        day, _, entry_id = cursor.partition("_")
        try:
            return cls(date.fromisoformat(day), UUID(entry_id))
        except ValueError:
            raise Invalid("cursor: pass the next_cursor of the page before") from None

    def __str__(self) -> str:
        return f"{self.day.isoformat()}_{self.entry_id}"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted of the diary; None does not narrow it.

    Attributes:
        limit: entries of one page.
        after: the end of the page before.
        since: first day.
        until: the day after the last one.
        tag: in lower case.
        about: id of a trade, position, signal or strategy.
        symbol: of what an entry is about, in either spelling.
        text: anywhere in the entry's text, in any case.
    """

    limit: int
    after: Place | None = None
    since: date | None = None
    until: date | None = None
    tag: str | None = None
    about: UUID | None = None
    symbol: str | None = None
    text: str | None = None
