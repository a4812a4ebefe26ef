"""A warm parent: it has imported what `rotate-keys` needs, and forks one at each line it reads.

Whoever started it reads the child's process id, kills it or not, and writes a second line; the
answer is how it ended. Until then the id is the child's own, dead or alive.
"""

import os
import sys

import app.accounts.models  # imported late by the command
import app.audit.service
import app.commands.rotate_keys  # noqa: F401 likewise
from app.cli import commands


def main() -> None:
    """Fork on request until standard input ends."""
    _say("ready")
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _live()
        _say(str(pid))
        sys.stdin.readline()
        _, status = os.waitpid(pid, 0)
        _say(str(os.waitstatus_to_exitcode(status)))


def _live() -> None:
    silence = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(silence, standard)
    status = 1
    try:
        commands(["rotate-keys"], standalone_mode=False)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    finally:
        os._exit(status)


def _say(word: str) -> None:
    print(word, flush=True)  # noqa: T201 this is how it answers


if __name__ == "__main__":
    main()
