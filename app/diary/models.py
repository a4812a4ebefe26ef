"""The diary: entries, their tags, and what they are about."""

from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.ids import new_id
from app.core.words import Word
from app.db.base import Base


class Subject(Word):
    """What an entry can be about."""

    TRADE = "trade"
    POSITION = "position"
    SIGNAL = "signal"
    STRATEGY = "strategy"


class DiaryEntry(Base):
    """What was written about one day; the text is kept as it was sent."""

    __tablename__ = "diary_entries"
    __table_args__ = (Index("ix_diary_entries_user_id_day_id", "user_id", "day", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    day: Mapped[date]
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class DiaryTag(Base):
    """A word that entries are found by, in lower case; `place` is its own among the entry's."""

    __tablename__ = "diary_tags"

    entry_id: Mapped[UUID] = mapped_column(ForeignKey("diary_entries.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    tag: Mapped[str] = mapped_column(String(120))


class DiaryLink(Base):
    """What an entry is about, as it was called when it was linked.

    No foreign key: what an entry is about may be deleted, and the entry stays readable.

    Attributes:
        subject_id: of a trade, position, signal or strategy of the entry's own trader.
        symbol: None for a strategy.
        label: a strategy's name; of the others what was done to which symbol.
    """

    __tablename__ = "diary_links"
    __table_args__ = (Index("ix_diary_links_subject_id", "subject_id"),)

    entry_id: Mapped[UUID] = mapped_column(ForeignKey("diary_entries.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[Subject]
    subject_id: Mapped[UUID]
    symbol: Mapped[str | None] = mapped_column(String(80))
    label: Mapped[str] = mapped_column(String(200))


class Link(NamedTuple):
    """The columns of a `DiaryLink`, apart from the entry's own."""

    kind: Subject
    subject_id: UUID
    symbol: str | None
    label: str
