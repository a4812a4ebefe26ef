"""How every part of the house is doing, asked part by part."""

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, Final, Protocol

from loguru import logger
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.words import Word
from app.db.session import Database
from app.http.caller import Caller

TIMEOUT_SECONDS: Final = 2.0
LOW_DISK_BYTES: Final = 1_000_000_000
FULL_DISK_BYTES: Final = 100_000_000
SLOW_DATABASE_MS: Final = 500


class Health(Word):
    """How well something is."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


_WORSE: Final = (Health.OK, Health.DEGRADED, Health.DOWN)


@dataclass(frozen=True, slots=True)
class Check:
    """What one part says about itself.

    Attributes:
        detail: figures for whoever asked; never secrets, never another user's.
    """

    status: Health
    detail: dict[str, Any] = field(default_factory=dict)


class HealthSource(Protocol):
    """A part of the house that can be asked; put into `app.state.health_sources`.

    `check` is given None for a visitor, who is only ever told the overall status. It returns None
    when it has nothing to say to this caller.
    """

    @property
    def name(self) -> str: ...

    async def check(self, session: AsyncSession, caller: Caller | None) -> Check | None: ...


@dataclass(frozen=True, slots=True)
class DatabaseHealth:
    """Whether the database answers, and how fast."""

    name: str = "database"

    async def check(self, session: AsyncSession, caller: Caller | None) -> Check | None:
        """Ask it the smallest question."""
        del caller
        began = perf_counter()
        await session.execute(text("SELECT 1"))
        milliseconds = round((perf_counter() - began) * 1000, 1)
        status = Health.OK if milliseconds < SLOW_DATABASE_MS else Health.DEGRADED
        dialect = session.get_bind().dialect.name
        return Check(status, {"latency_ms": milliseconds, "kind": dialect})


@dataclass(frozen=True, slots=True)
class DiskHealth:
    """Whether there is room for the database and the logs."""

    folder: Path
    name: str = "disk"

    async def check(self, session: AsyncSession, caller: Caller | None) -> Check | None:
        """Look at the disk of the data folder."""
        del session, caller
        usage = await asyncio.to_thread(shutil.disk_usage, self.folder)
        return Check(disk_status(usage.free), {"free_bytes": usage.free})


def disk_status(free_bytes: int) -> Health:
    """What so much room means."""
    if free_bytes < FULL_DISK_BYTES:
        return Health.DOWN
    return Health.DEGRADED if free_bytes < LOW_DISK_BYTES else Health.OK


def overall(checks: Sequence[Check]) -> Health:
    """As well as the part that is worst off."""
    return max((check.status for check in checks), key=_WORSE.index, default=Health.OK)


async def ask_all(
    database: Database, sources: Sequence[HealthSource], caller: Caller | None
) -> dict[str, Check]:
    """Every part's answer by its name; one that fails or hangs counts as down."""
    answers = await asyncio.gather(*(_ask(database, source, caller) for source in sources))
    return {
        source.name: check
        for source, check in zip(sources, answers, strict=True)
        if check is not None
    }


async def _ask(database: Database, source: HealthSource, caller: Caller | None) -> Check | None:
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS), database.read() as session:
            return await source.check(session, caller)
    except Exception as error:  # noqa: BLE001 whatever is wrong with a part is its answer
        logger.bind(source=source.name).opt(exception=error).warning("health.check_failed")
        return Check(Health.DOWN, {"reason": "the check failed; the log says why"})
