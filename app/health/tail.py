"""The end of the JSON log, newest first, without reading more than a bounded part of it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from app.core.clock import iso

BLOCK: Final = 64 * 1024
MAX_BYTES: Final = 16 * 1024 * 1024
LEVELS: Final = ("trace", "debug", "info", "success", "warning", "error", "critical")


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which lines are wanted.

    Attributes:
        level: this level and worse.
        contains: in any case, anywhere on the line.
        event: a whole name, or a kind: `alarm.`.
        ids: field name to value, as `{"alarm_id": "…"}`; all must fit.
        since: inclusive.
        until: exclusive.
    """

    level: str | None = None
    contains: str | None = None
    event: str | None = None
    ids: tuple[tuple[str, str], ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def fits(self, raw: str, line: dict[str, Any]) -> bool:
        """Whether this line is wanted."""
        return (
            (self.contains is None or self.contains.lower() in raw.lower())
            and self._is_severe_enough(str(line.get("level")))
            and self._is_event(str(line.get("event")))
            and all(line.get(name) == value for name, value in self.ids)
            and (self.until is None or str(line.get("at")) < iso(self.until))
        )

    def is_past(self, line: dict[str, Any]) -> bool:
        """Whether this line and all before it are too old."""
        return self.since is not None and str(line.get("at")) < iso(self.since)

    def _is_severe_enough(self, level: str) -> bool:
        if self.level is None:
            return True
        return level in LEVELS and LEVELS.index(level) >= LEVELS.index(self.level)

    def _is_event(self, event: str) -> bool:
        if self.event is None:
            return True
        return event.startswith(self.event) if self.event.endswith(".") else event == self.event


def newest(path: Path, wanted: LogFilter, *, limit: int) -> tuple[list[dict[str, Any]], bool]:
    """The newest lines that fit, and whether there may be more.

    Args:
        path: the JSON log; absent reads as empty.
        wanted: which lines.
        limit: at most so many.
    """
    found: list[dict[str, Any]] = []
    for raw in _backwards(path):
        line = _parsed(raw)
        if line is None:
            continue
        if wanted.is_past(line):
            return found, False
        if wanted.fits(raw, line):
            if len(found) == limit:
                return found, True
            found.append(line)
    return found, False


def _parsed(raw: str) -> dict[str, Any] | None:
    try:
        line = json.loads(raw)
    except ValueError:
        return None
    return line if isinstance(line, dict) else None


def _backwards(path: Path) -> Iterator[str]:
    """Lines from the end of the file, as far back as MAX_BYTES."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        position = file.seek(0, 2)
        stop = max(0, position - MAX_BYTES)
        rest = b""
        while position > stop:
            size = min(BLOCK, position - stop)
            position -= size
            file.seek(position)
            first, *lines = (file.read(size) + rest).split(b"\n")
            for line in reversed(lines):
                yield line.decode(errors="replace")
            rest = first
        if position == 0:
            yield rest.decode(errors="replace")
