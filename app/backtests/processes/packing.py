"""What a run leaves behind, in parts: some hundred or thousand lines, compressed together.

A run over a year of minutes has tens of thousands of trades, fills and points. They are written
once and read in their order, never looked for by value: as rows of a table they would be as many
inserts, for which an alert would have to wait, and as many deletes.
"""

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from app.core.words import Word

# Lines in a part: what one page of a list, or a second of a playback, has to open.
AT_ONCE: Final = 2_000
# The default of zlib; more takes three times as long for a twentieth of the room.
LEVEL: Final = 6

Line = list[Any]


class Strand(Word):
    """What the lines are of."""

    TRADES = "trades"
    FILLS = "fills"
    EQUITY = "equity"
    REFUSALS = "refusals"


@dataclass(frozen=True, slots=True)
class Part:
    """Lines of one strand that follow each other.

    Attributes:
        first: number of its first line, from 0.
        count: how many there are.
        first_at: the moment of its first line, in microseconds since 1970, UTC.
        last_at: of its last one.
        body: the lines, compressed JSON.
    """

    strand: Strand
    first: int
    count: int
    first_at: int
    last_at: int
    body: bytes


def packed(strand: Strand, lines: Iterable[Line]) -> Iterator[Part]:
    """The lines in parts.

    Args:
        strand: what they are of.
        lines: in their order; the first value of each is its moment, in microseconds since 1970.
            Decimals are plain text in them.
    """
    rest, first = iter(lines), 0
    while some := list(islice(rest, AT_ONCE)):
        body = zlib.compress(json.dumps(some, separators=(",", ":")).encode(), LEVEL)
        yield Part(strand, first, len(some), some[0][0], some[-1][0], body)
        first += len(some)


def opened(body: bytes) -> Sequence[Line]:
    """The lines of a part."""
    lines: list[Line] = json.loads(zlib.decompress(body))
    return lines
