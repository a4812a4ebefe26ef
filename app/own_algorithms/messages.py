"""What is said between the server and a process that runs an algorithm.

Both ends are this program, of the same version and user, over a pipe that nobody else has. What
comes back is made of our own classes: whatever the algorithm says is checked on its side first.
"""

from dataclasses import dataclass
from typing import Any, Final

# The process has imported all that is ours; what takes time from now on is the algorithm.
READY: Final = "ready"


@dataclass(frozen=True, slots=True)
class Given:
    """The answer to a question."""

    value: Any


@dataclass(frozen=True, slots=True)
class Refused:
    """One of our own refusals, of bad parameters for example."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Broke:
    """The algorithm raised something; where, and the end of the traceback."""

    cause: str
