"""Make, change and re-key strategies."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.service import record
from app.core.errors import Conflict, Duplicate, Invalid
from app.core.ids import new_id, new_token
from app.strategies import repository
from app.strategies.models import Strategy

MANUAL_NAME = "manual"
HINT_LENGTH = 4
NO_OVERLAP = timedelta(0)


def token_digest(token: str) -> str:
    """What is stored of a webhook token: it has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def algorithm_of(strategy: Strategy) -> str:
    """The name of the algorithm that a strategy runs.

    Raises:
        Invalid: `no_algorithm`.
    """
    if strategy.algorithm is None:
        raise Invalid(
            "This strategy names no algorithm: set `algorithm` to one of GET /algorithms.",
            code="no_algorithm",
        )
    return strategy.algorithm


async def create(
    session: AsyncSession,
    *,
    user_id: UUID,
    account_id: UUID,
    name: str,
    actor: str,
    now: datetime,
    settings: Mapping[str, Any] | None = None,
    is_manual: bool = False,
) -> tuple[Strategy, str]:
    """Make a strategy and its webhook token, which is returned once and never stored.

    Args:
        session: the caller's transaction.
        user_id: the owner.
        account_id: an exchange account of the owner.
        name: unique among the owner's strategies.
        actor: who makes it, for the audit.
        now: time of creation.
        settings: values by field name of `StrategySettings`; defaults for what is missing.
        is_manual: True for the book that holds an account's manual orders.

    Raises:
        Duplicate: the owner has a strategy of that name.
    """
    await _refuse_taken_name(session, user_id, name)
    token = new_token()
    strategy = Strategy(
        id=new_id(),
        user_id=user_id,
        account_id=account_id,
        name=name,
        token_digest=token_digest(token),
        token_hint=token[-HINT_LENGTH:],
        ticker_map={},
        is_manual=is_manual,
        created_at=now,
    )
    _apply(strategy, settings or {})
    _listen(strategy, settings or {}, now)
    session.add(strategy)
    # Rows that point at it may follow in the same transaction.
    await session.flush()
    await _audit(session, strategy, "strategy.created", actor, now)
    return strategy, token


async def change(
    session: AsyncSession,
    strategy: Strategy,
    changes: Mapping[str, Any],
    *,
    actor: str,
    now: datetime,
) -> Strategy:
    """Change the given fields and no others.

    Raises:
        Duplicate: the new name is taken.
    """
    name = changes.get("name")
    if name is not None and name != strategy.name:
        await _refuse_taken_name(session, strategy.user_id, name)
        strategy.name = name
    _apply(strategy, changes)
    _listen(strategy, changes, now)
    await _audit(
        session, strategy, "strategy.changed", actor, now, fields=",".join(sorted(changes))
    )
    return strategy


async def rotate_token(
    session: AsyncSession,
    strategy: Strategy,
    *,
    overlap: timedelta = NO_OVERLAP,
    actor: str,
    now: datetime,
) -> str:
    """Give the strategy a new webhook token.

    There are never more than two: the one that was the newest works on for the overlap, and the
    one before it, if its own overlap has not ended yet, ends now.

    Args:
        session: the caller's transaction.
        strategy: whose token.
        overlap: how long the old token opens the door beside the new one; none, and it ends now.
        actor: who rotates it, for the audit.
        now: the time of it.
    """
    has_overlap = overlap > NO_OVERLAP
    strategy.previous_token_digest = strategy.token_digest if has_overlap else None
    strategy.previous_token_hint = strategy.token_hint if has_overlap else None
    strategy.previous_token_until = now + overlap if has_overlap else None
    token = new_token()
    strategy.token_digest = token_digest(token)
    strategy.token_hint = token[-HINT_LENGTH:]
    seconds = str(int(overlap.total_seconds()))
    await _audit(session, strategy, "strategy.token_rotated", actor, now, overlap_seconds=seconds)
    return token


async def delete(session: AsyncSession, strategy: Strategy, *, actor: str, now: datetime) -> None:
    """Remove a strategy that never received or traded anything.

    Raises:
        Conflict: something refers to it; its history must stay explainable.
    """
    name = strategy.name  # a row that could not be removed cannot be read any more either
    await _audit(session, strategy, "strategy.deleted", actor, now)
    if not await repository.remove(session, strategy):
        raise Conflict(f"{name!r} has a history or a bot: switch it off instead of deleting it.")


async def manual_strategy(
    session: AsyncSession, *, user_id: UUID, account_id: UUID, account_name: str, now: datetime
) -> Strategy:
    """The account's book for manual orders, made at the first one."""
    found = await repository.manual(session, account_id)
    if found is not None:
        return found
    name = f"{MANUAL_NAME} {account_name}"
    strategy, _ = await create(
        session,
        user_id=user_id,
        account_id=account_id,
        name=name,
        actor="system",
        now=now,
        is_manual=True,
    )
    return strategy


async def _refuse_taken_name(session: AsyncSession, user_id: UUID, name: str) -> None:
    if await repository.named(session, user_id, name) is not None:
        raise Duplicate(f"You have a strategy called {name!r} already.")


def _apply(strategy: Strategy, changes: Mapping[str, Any]) -> None:
    for field, value in changes.items():
        if field == "sizing":
            strategy.sizing_mode, strategy.sizing_value = value["mode"], value["value"]
        elif field in {"default_stop_loss", "default_take_profit"}:
            setattr(strategy, f"{field}_kind", value["kind"] if value else None)
            setattr(strategy, f"{field}_value", value["value"] if value else None)
        else:
            setattr(strategy, field, value)


def _listen(strategy: Strategy, changes: Mapping[str, Any], now: datetime) -> None:
    """What was silent before anybody listened is no silence."""
    if not {"heartbeat_seconds", "is_active"}.isdisjoint(changes):
        strategy.heartbeat_since = now


async def _audit(
    session: AsyncSession,
    strategy: Strategy,
    action: str,
    actor: str,
    now: datetime,
    **detail: str,
) -> None:
    await record(
        session,
        now=now,
        actor=actor,
        action=action,
        subject_kind="strategy",
        subject_id=str(strategy.id),
        user_id=strategy.user_id,
        detail={"name": strategy.name, **detail},
    )
