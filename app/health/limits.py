"""Whether the venues may be asked, and how much of their limits is used."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import iso
from app.exchanges.pace import BudgetStatus
from app.health.status import Check, Health
from app.http.caller import Caller


@dataclass(frozen=True, slots=True)
class LimitsHealth:
    """What the venues think of how often this process asks them."""

    budgets: Callable[[], Sequence[BudgetStatus]]
    name: str = "limits"

    async def check(self, session: AsyncSession, caller: Caller | None) -> Check | None:
        """Amber while a venue that refused us has not given a good answer since."""
        del session, caller
        budgets = self.budgets()
        is_amber = any(budget.reason is not None for budget in budgets)
        status = Health.DEGRADED if is_amber else Health.OK
        return Check(status, {"items": [_row(budget) for budget in budgets]})


def _row(budget: BudgetStatus) -> dict[str, Any]:
    return {
        "exchange": budget.venue,
        "closed_until": None if budget.closed_until is None else iso(budget.closed_until),
        "reason": budget.reason,
        "waiting_requests": budget.waiting,
        "windows": [
            {
                "name": window.name,
                "used": round(window.used),
                "limit": round(window.limit),
                "reserved": round(window.reserved),
            }
            for window in budget.windows
        ],
    }
