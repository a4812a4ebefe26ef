"""Rows with sealed exchange keys, by the thousand."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.keys import KeyRing
from app.accounts.models import ExchangeAccount, User
from app.accounts.vault import Credentials, Vault
from app.core.ids import new_id
from app.http.caller import Role
from app.trading.words import MarketType

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


async def a_user(session: AsyncSession, user_id: UUID | None = None, *, stored: str = "") -> UUID:
    """Make a user, with any text where the password's hash is."""
    user = User(
        id=user_id or new_id(),
        username=f"user-{new_id().hex}",
        password_hash=stored,
        role=Role.TRADER,
        timezone="UTC",
        is_active=True,
        token_epoch=0,
        created_at=NOW,
    )
    session.add(user)
    await session.flush()
    return user.id


def credentials(number: int) -> Credentials:
    """Those of the account of that number."""
    return Credentials(f"key {number}", f"secret {number}")


async def accounts_with_keys(
    session: AsyncSession, ring: KeyRing, user_id: UUID, numbers: Iterable[int]
) -> None:
    """Accounts of that user, each with the keys of its number, which is its name."""
    vault = Vault(ring)
    rows = [_account(vault, user_id, number) for number in numbers]
    await session.execute(insert(ExchangeAccount), rows)


def _account(vault: Vault, user_id: UUID, number: int) -> dict[str, Any]:
    account_id = new_id()
    return {
        "id": account_id,
        "user_id": user_id,
        "name": str(number),
        "exchange": "binance",
        "market_type": MarketType.SPOT,
        "is_paper": False,
        "is_active": True,
        "credentials": vault.seal(credentials(number), account_id=account_id, user_id=user_id),
        "created_at": NOW,
    }
