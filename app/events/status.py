"""How the parts of the house are doing, told when that changes."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from app.db.session import Database
from app.events.stream import Say
from app.health.status import Check, Health, HealthSource, ask_all, overall
from app.http.caller import Caller
from app.http.event_streams import frame

LOOK_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class StatusPart:
    """Tells of each part of `/status-server` whose word has changed; of all at the beginning.

    Their figures change all the time, and are not told by themselves.

    Attributes:
        caller: who is told: each is told of their own accounts and orders.
    """

    database: Database
    sources: Sequence[HealthSource]
    caller: Caller

    async def __call__(self, say: Say) -> None:
        """Look for ever."""
        told: dict[str, Health] = {}
        while True:
            checks = await ask_all(self.database, self.sources, self.caller)
            changed = {
                name: check for name, check in checks.items() if told.get(name) is not check.status
            }
            if changed:
                await say(frame("status", _shown(checks, changed)))
            told = {name: check.status for name, check in checks.items()}
            await asyncio.sleep(LOOK_SECONDS)


def _shown(checks: Mapping[str, Check], changed: Mapping[str, Check]) -> bytes:
    parts: dict[str, Any] = {
        name: {"status": check.status, **check.detail} for name, check in changed.items()
    }
    return msgspec.json.encode({"status": overall(list(checks.values())), **parts})
