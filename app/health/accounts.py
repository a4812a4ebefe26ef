"""Whether exchange accounts agree with their venues, and nothing on them is in doubt."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import repository as accounts
from app.accounts import states
from app.accounts.key_rights import why_barred
from app.accounts.models import AccountState, ExchangeAccount
from app.core.clock import Clock, iso
from app.health.status import Check, Health
from app.http.caller import Caller
from app.pipeline.orders import repository as orders
from app.pipeline.orders.status import OrderStatus
from app.pipeline.positions import repository as positions

# A stop is being placed or replaced meanwhile.
NAKED_AFTER: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class AccountsHealth:
    """The caller's own exchange accounts."""

    name: str = "accounts"

    async def check(self, session: AsyncSession, caller: Caller | None) -> Check | None:
        """Amber while one of them cannot be compared with its venue; its owner reads why.

        A key that is missing, or may do too much, is for its owner to mend, and makes nothing
        amber. A visitor's one
        word speaks for everybody's accounts.
        """
        if caller is None:
            return Check(Health.DEGRADED if await states.failing(session) else Health.OK)
        rows = list(await session.scalars(accounts.exchange_accounts_of(caller.user_id)))
        known = await states.states_of(session, [row.id for row in rows])
        is_amber = any(one.failing_since is not None for one in known.values())
        items = [_shown(row, known.get(row.id)) for row in rows]
        return Check(Health.DEGRADED if is_amber else Health.OK, {"items": items})


def _shown(row: ExchangeAccount, state: AccountState | None) -> dict[str, Any]:
    reconciled = state.reconciled_at if state else None
    failing = state.failing_since if state else None
    return {
        "id": str(row.id),
        "name": row.name,
        "exchange": row.exchange,
        "market_type": row.market_type.value,
        "is_paper": row.is_paper,
        "is_active": row.is_active,
        "has_keys": row.credentials is not None,
        "reconciled_at": iso(reconciled) if reconciled else None,
        "failing_since": iso(failing) if failing else None,
        "reason": state.reason if state and state.reason else why_barred(row),
    }


@dataclass(frozen=True, slots=True)
class TradingHealth:
    """Whether the fate of every order is known and every stop is where it belongs."""

    clock: Clock
    name: str = "trading"

    async def check(self, session: AsyncSession, caller: Caller | None) -> Check | None:
        """Amber while an order of the caller is unknown, or a position of theirs lacks its stop."""
        user_id = None if caller is None else caller.user_id
        unknown = [
            row.client_order_id
            for row in await orders.in_status(session, OrderStatus.UNKNOWN)
            if user_id in {None, row.user_id}
        ]
        naked = [
            f"{row.position_side.value} {row.symbol}"
            for row in await positions.naked_since(session, self.clock.now() - NAKED_AFTER)
            if user_id in {None, row.user_id}
        ]
        status = Health.DEGRADED if unknown or naked else Health.OK
        return Check(status, {"unknown_orders": unknown, "positions_without_stop": naked})
