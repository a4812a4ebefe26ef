"""Tables of these tests, which have no place in the house's schema."""

from sqlalchemy import MetaData

from app.core.words import Word
from app.db.base import Base


class Colour(Word):
    RED = "red"
    GREEN = "green"


class OwnBase(Base):
    """The same columns as the house's."""

    __abstract__ = True
    metadata = MetaData()
