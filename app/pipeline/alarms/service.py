"""Say once whether an alert can be taken and read, and what it means."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from app.core.errors import TooLarge
from app.pipeline.alarms.hiding import hide_tokens
from app.pipeline.alarms.meaning import Meaning, Unreadable
from app.pipeline.alarms.reading import understand

# The longest alert we take, whichever door it comes by.
MAX_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Reading:
    """An alert read once: what it means, or why it cannot be read."""

    meaning: Meaning | None
    refusal: Unreadable | None

    @classmethod
    def of(cls, body: bytes, *, hiding: Collection[str] = ()) -> "Reading":
        """Read the raw body.

        Args:
            body: as received.
            hiding: digests of tokens that nothing which is made of it may repeat.
        """
        try:
            return cls(understand(hide_tokens(body, hiding)), None)
        except Unreadable as refusal:
            return cls(None, refusal)


def bytes_of(text: str) -> bytes:
    """An alert that came as text, as the bytes that are kept.

    Raises:
        TooLarge: it has more than `MAX_BYTES`.
    """
    body = text.encode()
    if len(body) > MAX_BYTES:
        raise TooLarge(f"An alert has at most {MAX_BYTES} bytes; this one has {len(body)}.")
    return body
