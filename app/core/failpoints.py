"""Named places where a test may stop this process; nothing at all when none is armed.

`FAILPOINT=C15:1:kill` kills the process, as `kill -9` would, when it comes to C15 for the first
time. Several are separated by commas. The names are those of docs/reliability.md.
"""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

VARIABLE: Final = "FAILPOINT"


@dataclass(slots=True)
class _Armed:
    name: str
    passes_left: int
    action: str
    value: str


def _armed(text: str) -> dict[str, _Armed]:
    found = {}
    for item in filter(None, text.split(",")):
        name, nth, action, *rest = item.split(":")
        found[name] = _Armed(name, int(nth), action, ":".join(rest))
    return found


# Read once at import, so that a place that is not armed costs one look at an empty dict.
_ARMED: Final = _armed(os.environ.get(VARIABLE, ""))  # noqa: TID251 it is no setting of a trader


def arm(text: str) -> None:
    """Arm what `FAILPOINT` would have, in a process that was forked after this was imported."""
    _ARMED.clear()
    _ARMED.update(_armed(text))


class Failed(Exception):
    """A failpoint was told to raise this."""


def failpoint(name: str) -> None:
    """Do what is armed here: `kill`, `pause:<file>` until that file is there, or `error`."""
    if not _ARMED:
        return
    armed = _ARMED.get(name)
    if armed is None:
        return
    armed.passes_left -= 1
    if armed.passes_left != 0:
        return
    match armed.action:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "pause":
            # The whole process stands still, as one that was stopped: that is the point.
            while not Path(armed.value).exists():
                time.sleep(0.01)
        case "error":
            raise Failed(name)
        case unknown:
            raise ValueError(f"{VARIABLE}: nobody knows the action {unknown!r}")
