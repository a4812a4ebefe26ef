"""Say once whether an alert can be read, and what it means."""

from dataclasses import dataclass

from app.pipeline.alarms.meaning import Meaning, Unreadable
from app.pipeline.alarms.reading import understand


@dataclass(frozen=True, slots=True)
class Reading:
    """An alert read once: what it means, or why it cannot be read."""

    meaning: Meaning | None
    refusal: Unreadable | None

    @classmethod
    def of(cls, body: bytes) -> "Reading":
        """Read the raw body."""
        try:
            return cls(understand(body), None)
        except Unreadable as refusal:
            return cls(None, refusal)
