"""Every query on strategies."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CompoundSelect, Connection, Select, Uuid, bindparam, select, union_all
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import NotFound
from app.db.question import Question
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
    """The strategy that a webhook token belongs to, and its owner.

    Attributes:
        token_hint: the token's last characters; None for a test, which comes without one.
    """

    strategy_id: UUID
    user_id: UUID
    token_hint: str | None = None


# Two questions in one and no OR, so that each goes by its own index on every database.
_BY_TOKENS: Final[CompoundSelect[Any]] = union_all(
    select(Strategy.token_digest, Strategy.id, Strategy.user_id, Strategy.token_hint).where(
        Strategy.token_digest.in_(bindparam("digests", expanding=True))
    ),
    select(
        Strategy.previous_token_digest,
        Strategy.id,
        Strategy.user_id,
        Strategy.previous_token_hint,
    ).where(
        Strategy.previous_token_digest.in_(bindparam("digests", expanding=True)),
        Strategy.previous_token_until > bindparam("now", type_=Strategy.created_at.type),
    ),
)


def by_token_digests(
    connection: Connection, digests: Collection[str], *, now: datetime
) -> Mapping[str, TokenOwner]:
    """Who has the webhook tokens with these digests; those that open nothing now are left out."""
    found = connection.execute(_BY_TOKENS, {"digests": list(digests), "now": now})
    return {
        digest: TokenOwner(strategy_id, user_id, hint)
        for digest, strategy_id, user_id, hint in found
    }


@dataclass(frozen=True, slots=True)
class Token:
    """A webhook token of a strategy.

    Attributes:
        valid_until: when its overlap ends; None for the newest.
    """

    strategy_id: UUID
    valid_until: datetime | None = None

    def opens(self, strategy_id: UUID, at: datetime) -> bool:
        """Whether an alert of that strategy is let in with it at that moment."""
        is_in_time = self.valid_until is None or at < self.valid_until
        return is_in_time and self.strategy_id == strategy_id


# Built once: it is asked for every alert.
_TOKENS: Final = Question(
    select(
        Strategy.id,
        Strategy.token_digest,
        Strategy.previous_token_digest,
        Strategy.previous_token_until,
    ).where(Strategy.id.in_(bindparam("strategies", type_=Uuid(), expanding=True))),
    "strategies",
    Uuid(),
)


def tokens_of(connection: Connection, strategies: Collection[UUID]) -> Mapping[str, Token]:
    """The webhook tokens of these strategies, by their digests."""
    if not strategies:
        return {}
    found: dict[str, Token] = {}
    for strategy_id, digest, previous, until in _TOKENS.ask(connection, list(strategies)):
        found[digest] = Token(strategy_id)
        if until is not None:
            found[previous] = Token(strategy_id, until)
    return found


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
