"""A warm parent: it has imported the server, and forks one, or a venue, whenever a line asks.

It stays single-threaded and runs no loop, so that a fork is a whole process. The child replaces
nothing but its environment, folder and output, and calls what `run.py` calls.
"""

import gc
import json
import os
import signal
import sys
from typing import Any

import ccxt.pro  # noqa: F401  warms what the server imports late

import app.serve  # noqa: F401  likewise
from app.cli import start
from app.core import failpoints


def main() -> None:
    """Fork on request until standard input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # What it has imported is no garbage: no child looks through it again, or copies it for that.
    gc.collect()
    gc.freeze()
    _say({"ready": True})
    for line in sys.stdin:
        wanted = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _live(wanted)
        _say({"pid": pid})


def _live(wanted: dict[str, Any]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(wanted["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for standard in (1, 2):
        os.dup2(log, standard)
    os.close(0)
    os.chdir(wanted["folder"])
    os.environ.clear()  # noqa: TID251 the child's own, as a new process would have it
    os.environ.update(wanted["environment"])  # noqa: TID251
    failpoints.arm(os.environ.get(failpoints.VARIABLE, ""))  # noqa: TID251
    sys.argv = ["run.py", *wanted["arguments"]]
    status = 1
    try:
        start()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)  # noqa: T201 this is how it answers


if __name__ == "__main__":
    main()
