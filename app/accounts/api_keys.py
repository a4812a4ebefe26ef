"""API keys: made once, shown once, revoked at once."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import repository
from app.accounts.models import ApiKey, Scope
from app.accounts.tokens import digest_of
from app.audit.service import record
from app.core.errors import Forbidden, Invalid
from app.core.ids import new_id, new_token
from app.http.caller import Caller, Role

PREFIX = "sbk_"


def default_scopes(caller: Caller) -> tuple[Scope, ...]:
    """Everything that the caller may do."""
    match caller.role:
        case Role.VIEWER:
            return (Scope.READ,)
        case Role.TRADER:
            return (Scope.READ, Scope.TRADE, Scope.SIGNALS_WRITE)
        case Role.ADMIN:
            return tuple(Scope)


async def create_api_key(
    session: AsyncSession,
    caller: Caller,
    *,
    name: str,
    scopes: Sequence[Scope] | None,
    allowed_ips: Sequence[str] | None,
    expires_at: datetime | None,
    now: datetime,
) -> tuple[ApiKey, str]:
    """Make a key; the row and the secret, which is stored nowhere.

    Args:
        session: the caller's transaction.
        caller: the owner.
        name: for the owner's own orientation.
        scopes: what it may be used for; everything the caller may do when None.
        allowed_ips: addresses and networks it works from; from anywhere when None.
        expires_at: when it stops working; never when None.
        now: time of creation.

    Raises:
        Invalid: it would be past its time already.
        Forbidden: the caller may not do that themselves.
    """
    allowed = default_scopes(caller)
    wanted = allowed if scopes is None else tuple(dict.fromkeys(scopes))
    if excess := [scope.value for scope in wanted if scope not in allowed]:
        raise Forbidden(f"scopes: you may not give away {', '.join(excess)}")
    if expires_at is not None and expires_at <= now:
        raise Invalid("expires_at: lies in the past")
    secret = new_token()
    key = ApiKey(
        id=new_id(),
        user_id=caller.user_id,
        name=name,
        api_key=PREFIX + new_token()[:32],
        secret_digest=digest_of(secret),
        scopes=[scope.value for scope in wanted],
        allowed_ips=None if allowed_ips is None else list(allowed_ips),
        expires_at=expires_at,
        created_at=now,
    )
    session.add(key)
    await _audit(session, caller, "api_key.created", key, now)
    return key, secret


async def revoke_api_key(
    session: AsyncSession, caller: Caller, key_id: UUID, *, now: datetime
) -> None:
    """Revoke a key and end every login that was made with it.

    Raises:
        NotFound: not there, or not the caller's.
    """
    key = await repository.api_key_of(session, caller.user_id, key_id)
    key.revoked_at = now
    await repository.end_logins_of_key(session, key.id, now)
    await _audit(session, caller, "api_key.revoked", key, now)


async def _audit(
    session: AsyncSession, caller: Caller, action: str, key: ApiKey, now: datetime
) -> None:
    await record(
        session,
        now=now,
        actor=caller.username,
        action=action,
        subject_kind="api_key",
        subject_id=str(key.id),
        user_id=caller.user_id,
        detail={"name": key.name, "scopes": " ".join(key.scopes)},
    )
