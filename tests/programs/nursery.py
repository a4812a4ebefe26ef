"""A warm parent: it has imported the product, and forks a program of it whenever a line asks.

It stays single-threaded and runs no loop, so that a fork is a whole process. The child replaces
nothing but its environment, folder and output, and runs what the interpreter would have run.
"""

import gc
import json
import os
import runpy
import signal
import sys
import traceback
from typing import Any

import ccxt.pro  # noqa: F401  what programs import late

import app.commands.candles.command
import app.commands.rotate_keys
import app.serve  # noqa: F401  likewise
from app.core import failpoints

_MODULE = "-m"


def main() -> None:
    """Fork on request until standard input ends; then nobody of its children lives on."""
    # What it has imported is no garbage: no child looks through it again, or copies it for that.
    gc.collect()
    gc.freeze()
    alive: set[int] = set()
    _say({"ready": True})
    for line in sys.stdin:
        wanted = json.loads(line)
        if "ended" in wanted:
            alive.discard(wanted["ended"])
            _, status = os.waitpid(wanted["ended"], 0)
            _say({"status": os.waitstatus_to_exitcode(status)})
            continue
        pid = os.fork()
        if pid == 0:
            _live(wanted)
        alive.add(pid)
        _say({"pid": pid})
    for pid in alive:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _live(wanted: dict[str, Any]) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(wanted["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for standard, where in enumerate((nothing, log, log)):
        os.dup2(where, standard)
    os.chdir(wanted["folder"])
    os.environ.clear()  # noqa: TID251 the child's own, as a new process would have it
    os.environ.update(wanted["environment"])  # noqa: TID251
    failpoints.arm(os.environ.get(failpoints.VARIABLE, ""))  # noqa: TID251
    status = 0
    try:
        _run(wanted["words"])
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)  # noqa: T201 as the interpreter does
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception:  # noqa: BLE001 it is said, and the process ends
        traceback.print_exc()
        status = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _run(words: list[str]) -> None:
    if words[0] == _MODULE:
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")


def _say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)  # noqa: T201 this is how it answers


if __name__ == "__main__":
    main()
