"""Exchange accounts: their keys come in, are sealed, and never go out again."""

import hashlib
from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import repository
from app.accounts.key_looks import tell_of_key
from app.accounts.key_rights import to_stored
from app.accounts.models import ExchangeAccount
from app.accounts.new_keys import NewKey
from app.accounts.vault import Credentials, Vault
from app.audit.service import record
from app.core.errors import Conflict, Duplicate, Unavailable
from app.core.ids import new_id
from app.http.caller import Caller
from app.trading.words import MarketType

HINT_LENGTH = 4
# In a session's `info`: accounts whose open venue must be opened anew after the commit.
KEYS_CHANGED = "exchange_keys_changed"


async def create_exchange_account(
    session: AsyncSession,
    vault: Vault,
    *,
    user_id: UUID,
    actor: str,
    name: str,
    exchange: str,
    market_type: MarketType,
    is_paper: bool,
    key: NewKey | None,
    now: datetime,
) -> ExchangeAccount:
    """Make an exchange account.

    Args:
        session: the caller's transaction.
        vault: seals the credentials.
        user_id: the owner.
        actor: who does it, for the audit.
        name: unique among the owner's accounts.
        exchange: the venue's id in ccxt.
        market_type: what it trades; one account trades one market.
        is_paper: whether its money is not real.
        key: the venue's keys, and what they may do; None while they are not known.
        now: time of creation.

    Raises:
        Duplicate: the owner has an account of that name, or somebody has that venue key.
    """
    await _refuse_taken_name(session, user_id, name)
    account = ExchangeAccount(
        id=new_id(),
        user_id=user_id,
        name=name,
        exchange=exchange,
        market_type=market_type,
        is_paper=is_paper,
        is_active=True,
        created_at=now,
    )
    if key is not None:
        await _seal(session, vault, account, key, now)
    session.add(account)
    # Rows that point at the account follow in the same transaction.
    await session.flush()
    detail = {"exchange": exchange} | _accepted(account)
    await _audit(session, account, actor, "exchange_account.created", now, **detail)
    await tell_of_key(session, account, now=now)
    return account


async def change_exchange_account(
    session: AsyncSession,
    vault: Vault,
    account: ExchangeAccount,
    *,
    actor: str,
    now: datetime,
    name: str | None = None,
    is_active: bool | None = None,
    key: NewKey | None = None,
    accepts_withdrawals: bool = False,
) -> None:
    """Change what is given and nothing else.

    A new key begins without the acceptance that the old one had.

    Args:
        session: the caller's transaction.
        vault: seals the credentials.
        account: which.
        actor: who does it, for the audit.
        now: time of the change.
        name: unique among the owner's accounts.
        is_active: whether anything is opened on it.
        key: the venue's new keys, and what they may do.
        accepts_withdrawals: an admin accepts that coins can be moved away with the key it has.

    Raises:
        Duplicate: the name or the venue key is taken.
        Unavailable: it has no key whose rights could be accepted.
    """
    changed: dict[str, str] = {}
    if name is not None and name != account.name:
        await _refuse_taken_name(session, account.user_id, name)
        account.name = changed["name"] = name
    if is_active is not None and is_active != account.is_active:
        account.is_active = is_active
        changed["is_active"] = str(is_active).lower()
    if key is not None:
        await _seal(session, vault, account, key, now)
        changed |= {"credentials": "replaced"} | _accepted(account)
        session.info.setdefault(KEYS_CHANGED, []).append(account.id)
        await tell_of_key(session, account, now=now)
    elif accepts_withdrawals:
        if account.credentials is None:
            raise _no_keys(account)
        account.withdrawals_accepted_at = now
        changed |= _accepted(account)
    if changed:
        await _audit(session, account, actor, "exchange_account.changed", now, **changed)


async def delete_exchange_account(
    session: AsyncSession, account: ExchangeAccount, *, actor: str, now: datetime
) -> None:
    """Delete an account that nothing points at.

    Raises:
        Conflict: it has strategies, orders or positions.
    """
    await _audit(session, account, actor, "exchange_account.deleted", now, name=account.name)
    await session.delete(account)
    try:
        # The database knows what points at it; ask now, not at the commit.
        await session.flush()
    except IntegrityError as error:
        raise Conflict(
            "This account is in use: delete its strategies first, or switch it off.",
            code="account_in_use",
        ) from error


def credentials_of(vault: Vault, account: ExchangeAccount) -> Credentials:
    """The account's keys in clear, for the venue's client and nobody else.

    Raises:
        Unavailable: no keys are known, or they do not open.
    """
    if account.credentials is None:
        raise _no_keys(account)
    return vault.unseal(account.credentials, account_id=account.id, user_id=account.user_id)


async def owned(session: AsyncSession, caller: Caller, account_id: UUID) -> ExchangeAccount:
    """One of the caller's accounts.

    Raises:
        NotFound: not there, or not the caller's.
    """
    return await repository.exchange_account(session, caller.user_id, account_id)


async def _seal(
    session: AsyncSession, vault: Vault, account: ExchangeAccount, key: NewKey, now: datetime
) -> None:
    credentials = key.credentials
    digest = _venue_key_digest(account, credentials)
    holder = await repository.exchange_account_with_key(session, digest)
    if holder is not None and holder.id != account.id:
        raise Duplicate("This venue key is registered already.", code="venue_key_taken")
    account.credentials = vault.seal(credentials, account_id=account.id, user_id=account.user_id)
    account.key_hint = credentials.api_key[-HINT_LENGTH:]
    # Entering the same key while the venue is silent takes back nothing of what is known of it.
    if key.checked_at is not None or account.venue_key_digest != digest:
        account.key_permissions = to_stored(key.permissions)
        account.permissions_checked_at = key.checked_at
    account.venue_key_digest = digest
    account.withdrawals_accepted_at = now if key.accepts_withdrawals else None


def _accepted(account: ExchangeAccount) -> dict[str, str]:
    return {} if account.withdrawals_accepted_at is None else {"withdrawal_rights": "accepted"}


def _no_keys(account: ExchangeAccount) -> Unavailable:
    words = f"The account {account.name!r} has no keys yet: enter them."
    return Unavailable(words, code="credentials_missing")


def _venue_key_digest(account: ExchangeAccount, credentials: Credentials) -> str:
    # One key may serve a venue's spot and its contracts, never two lanes of one market.
    parts = (account.exchange, account.market_type.value, credentials.api_key)
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


async def _refuse_taken_name(session: AsyncSession, user_id: UUID, name: str) -> None:
    if await repository.exchange_account_named(session, user_id, name) is not None:
        raise Duplicate(f"You have an account called {name!r} already.")


async def _audit(
    session: AsyncSession,
    account: ExchangeAccount,
    actor: str,
    action: str,
    now: datetime,
    **detail: str,
) -> None:
    await record(
        session,
        now=now,
        actor=actor,
        action=action,
        subject_kind="exchange_account",
        subject_id=str(account.id),
        user_id=account.user_id,
        detail=detail,
    )
