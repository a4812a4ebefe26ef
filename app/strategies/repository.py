"""Every query on strategies."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, Select, bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import NotFound
from app.strategies.models import Strategy


async def get(session: AsyncSession, strategy_id: UUID) -> Strategy:
    """A strategy that is known to exist.

    Raises:
        NotFound: it does not.
    """
    row = await session.get(Strategy, strategy_id)
    if row is None:
        raise NotFound(f"There is no strategy {strategy_id}.")
    return row


async def owned(session: AsyncSession, strategy_id: UUID, user_id: UUID) -> Strategy:
    """A strategy of this user.

    Raises:
        NotFound: no such strategy, or somebody else's.
    """
    row = await session.get(Strategy, strategy_id)
    if row is None or row.user_id != user_id:
        raise NotFound(f"There is no strategy {strategy_id}.")
    return row


async def locked(session: AsyncSession, strategy_id: UUID) -> Strategy | None:
    """A strategy that nobody else can lock until the caller's transaction ends."""
    return await session.get(Strategy, strategy_id, with_for_update=True)


@dataclass(frozen=True, slots=True)
class TokenOwner:
    """The strategy that a webhook token belongs to, and its owner."""

    strategy_id: UUID
    user_id: UUID


# Built once: it is asked for every alert.
_BY_TOKENS: Final = select(Strategy.token_digest, Strategy.id, Strategy.user_id).where(
    Strategy.token_digest.in_(bindparam("digests", expanding=True))
)


def by_token_digests(connection: Connection, digests: Collection[str]) -> Mapping[str, TokenOwner]:
    """Who has the webhook tokens with these digests; those that nobody has are left out."""
    if not digests:
        return {}
    found = connection.execute(_BY_TOKENS, {"digests": list(digests)})
    return {digest: TokenOwner(strategy_id, user_id) for digest, strategy_id, user_id in found}


async def manual(session: AsyncSession, account_id: UUID) -> Strategy | None:
    """The account's book for manual orders."""
    query = select(Strategy).where(Strategy.account_id == account_id, Strategy.is_manual.is_(True))
    found: Strategy | None = await session.scalar(query)
    return found


async def named(session: AsyncSession, user_id: UUID, name: str) -> Strategy | None:
    """The user's strategy of that name."""
    query = select(Strategy).where(Strategy.user_id == user_id, Strategy.name == name)
    found: Strategy | None = await session.scalar(query)
    return found


async def remove(session: AsyncSession, strategy: Strategy) -> bool:
    """Delete the row; False when other rows refer to it."""
    await session.delete(strategy)
    try:
        # The database itself knows who refers to the row; ask it now, not at commit.
        await session.flush()
    except IntegrityError:
        return False
    return True


def listing(user_id: UUID) -> Select[tuple[Strategy]]:
    """The user's own strategies, without the books that hold manual orders."""
    return select(Strategy).where(Strategy.user_id == user_id, Strategy.is_manual.is_(False))
