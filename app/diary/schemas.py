"""The diary as it crosses HTTP."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Final, Self
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, StringConstraints

from app.diary.models import DiaryEntry, Link, Subject
from app.http.schemas import In, Moment, Out

# Four bytes a character at most: what a TEXT of MariaDB holds.
MAX_TEXT: Final = 16_000
MAX_TAG: Final = 40
MAX_TAGS: Final = 20
MAX_LINKS: Final = 20
FIRST_DAY: Final = date(1970, 1, 1)
LAST_DAY: Final = date(2199, 12, 31)
# What a database keeps as text; PostgreSQL has no NUL.
TEXT: Final = r"^[^\x00]*$"
EXAMPLE: Final[dict[str, JsonValue]] = {
    "text": "Entered before the close. **Wait for the candle.**",
    "day": "2026-01-31",
    "tags": ["early", "calm"],
    "links": [{"kind": "trade", "subject_id": "019aa0c4-7a2b-7c1e-9f00-2f3a4b5c6d7e"}],
}


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("an entry says something")
    return text


def _believable(day: date) -> date:
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(f"a day from {FIRST_DAY} to {LAST_DAY}")
    return day


EntryText = Annotated[
    str, Field(min_length=1, max_length=MAX_TEXT, pattern=TEXT), AfterValidator(_said)
]
EntryDay = Annotated[date, AfterValidator(_believable)]
Tag = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, to_lower=True, min_length=1, max_length=MAX_TAG, pattern=r"^[\w-]+$"
    ),
]


class LinkIn(In):
    """What an entry is about: something of your own."""

    kind: Subject
    subject_id: UUID


class EntryIn(In):
    """A new entry; without a `day` it is about today, in your time zone.

    The text is kept as it is, Markdown or not. Tags are single words in lower case.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    text: EntryText
    day: EntryDay | None = None
    tags: list[Tag] = Field(default_factory=list, max_length=MAX_TAGS)
    links: list[LinkIn] = Field(default_factory=list, max_length=MAX_LINKS)


class EntryPatch(In):
    """Only what is sent is changed, and null changes nothing; a list takes the other's place."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"tags": ["early"]}]})

    text: EntryText | None = None
    day: EntryDay | None = None
    tags: list[Tag] | None = Field(default=None, max_length=MAX_TAGS)
    links: list[LinkIn] | None = Field(default=None, max_length=MAX_LINKS)


class LinkOut(Out):
    """What an entry is about, by the name it had when it was linked; it may be gone since."""

    kind: Subject
    subject_id: UUID
    symbol: str | None
    label: str

    @classmethod
    def of(cls, row: Link) -> Self:
        """Shape a row."""
        return cls(**row._asdict())


class EntryOut(Out):
    """One entry; its text is as it was sent, and to be shown as text."""

    id: UUID
    day: date
    text: str
    tags: list[str]
    links: list[LinkOut]
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, row: DiaryEntry, tags: Sequence[str], links: Sequence[Link]) -> Self:
        """Shape an entry with its tags and links, each in their order."""
        return cls(
            id=row.id,
            day=row.day,
            text=row.text,
            tags=list(tags),
            links=[LinkOut.of(one) for one in links],
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


class EntryLine(Out):
    """An entry as a line of a table; `about` is `trade long BTC/USDT; strategy Breakout`."""

    day: date
    text: str
    tags: str
    about: str
    id: UUID
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, entry: EntryOut) -> Self:
        """The same entry, flat."""
        return cls(
            day=entry.day,
            text=entry.text,
            tags=" ".join(entry.tags),
            about="; ".join(f"{one.kind.value} {one.label}" for one in entry.links),
            id=entry.id,
            created_at=entry.created_at,
            updated_at=entry.updated_at,
        )
