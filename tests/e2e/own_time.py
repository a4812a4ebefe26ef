"""Seconds that a process had, on a machine where other tests run beside it."""

import time
from pathlib import Path
from typing import Final

_THREADS: Final = Path("/proc/self/task")


def own_seconds() -> float:
    """A clock that stands still while others have the processor that this process waits for.

    What is promised in seconds is promised of a machine that is not busy with something else. Where
    the kernel does not count the waiting (it does on Linux: proc(5), schedstat), it never stands
    still.
    """
    return time.perf_counter() - _waited_seconds()


def _waited_seconds() -> float:
    nanoseconds = 0
    for file in _THREADS.glob("*/schedstat"):
        try:
            _, waited, _ = file.read_text().split()
        except (OSError, ValueError):
            # A thread that has just ended.
            continue
        nanoseconds += int(waited)
    return nanoseconds / 1e9
