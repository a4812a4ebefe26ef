"""Whether open positions are guarded and work gets done."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.health.status import Check, Health
from app.http.caller import Caller
from app.pipeline.positions.monitor import Monitor


class Working(Protocol):
    """What a worker says of itself."""

    @property
    def started_at(self) -> datetime | None: ...

    @property
    def last_sweep_at(self) -> datetime | None: ...

    @property
    def waiting_steps(self) -> int: ...


@dataclass(frozen=True, slots=True)
class MonitorHealth:
    """Whether open positions are guarded by prices of this moment."""

    monitor: Monitor
    worker: Working
    clock: Clock
    name: str = "monitor"

    async def check(self, session: AsyncSession, caller: Caller | None) -> Check | None:
        """Amber while a guarded symbol's price is stale, or while the worker is not there yet."""
        del session, caller
        stale = self.monitor.stale_keys()
        is_amber = bool(stale) or self.worker.started_at is None
        detail = {
            "guarded_positions": self.monitor.guarded,
            "last_tick_age_seconds": _age(self.monitor.last_tick_at, self.clock),
            "stale_symbols": sorted({key.symbol for key in stale}),
        }
        return Check(Health.DEGRADED if is_amber else Health.OK, detail)


@dataclass(frozen=True, slots=True)
class LanesHealth:
    """How much work waits."""

    worker: Working
    clock: Clock
    name: str = "lanes"

    async def check(self, session: AsyncSession, caller: Caller | None) -> Check | None:
        """Steps that wait, and how long ago the last sweep went round."""
        del session, caller
        detail = {
            "waiting_steps": self.worker.waiting_steps,
            "last_sweep_age_seconds": _age(self.worker.last_sweep_at, self.clock),
        }
        return Check(Health.OK, detail)


def _age(moment: datetime | None, clock: Clock) -> float | None:
    return None if moment is None else round((clock.now() - moment).total_seconds(), 3)
