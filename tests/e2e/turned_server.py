"""A warm parent that forks a whole Signalbox whose clock stands where somebody else puts it.

A line that it reads is one start: the moment to begin at, in microseconds since 1970, and the
environment that the settings come from. As long as that server lives, it reads the lines itself:
each is another moment. What is written says that a moment counts, or that the server has ended.
"""

import asyncio
import gc
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import ccxt.pro  # noqa: F401  warms what the server imports late
import time_machine
import uvicorn

from app.bots.running.course import Pace
from app.core import failpoints
from app.core.log import configure_logging
from app.core.startup import load_settings
from app.house import House
from app.http.serving import http_config
from app.main import create_app
from app.serve import bind

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A candle is over as soon as somebody says so: nothing has to be waited for.
PACE = Pace(look_seconds=0.03)
STARTED, TURNED, ENDED = "started", "turned", "ended"


def main() -> None:
    """One server after the other, until there are no more lines."""
    gc.collect()
    gc.freeze()
    say(ENDED)
    for line in iter(sys.stdin.readline, ""):
        wanted = json.loads(line)
        # A moment that came too late for the last one is nobody's.
        if isinstance(wanted, dict):
            pid = os.fork()
            if pid == 0:
                live(wanted)
            say(f"{STARTED} {pid}")
            os.waitpid(pid, 0)
            say(ENDED)


def live(wanted: dict[str, Any]) -> None:
    """Be the server."""
    log = os.open(wanted["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 2)
    os.environ.clear()  # noqa: TID251 the child's own, as a new process would have it
    os.environ.update(wanted["environment"])  # noqa: TID251
    failpoints.arm(wanted["failpoint"])
    try:
        with time_machine.travel(_moment(wanted["moment"]), tick=False) as clock:
            Thread(target=_turn, args=(clock,), daemon=True).start()
            asyncio.run(_serve())
    finally:
        os._exit(1)


async def _serve() -> None:
    """What `run.py` does, with bots that look more often, and a venue that may be asked at will."""
    settings = load_settings()
    configure_logging(settings)
    listener = bind(settings.host, settings.port)
    house = await House.build(settings, is_rate_limited=False)
    house.bot_pace = PACE
    await uvicorn.Server(http_config(create_app(house))).serve([listener])


def _turn(clock: time_machine.Traveller) -> None:
    for line in iter(sys.stdin.readline, ""):
        clock.move_to(_moment(int(line)), tick=False)
        say(TURNED)


def _moment(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)


def say(words: str) -> None:
    """Tell whoever writes the lines."""
    print(words, flush=True)  # noqa: T201 this is how it answers


if __name__ == "__main__":
    main()
