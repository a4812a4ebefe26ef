"""Writing down what a venue says of a key that is in use, and telling its owner what changed."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.key_rights import (
    AskedKey,
    KeyFault,
    KeyWarning,
    permissions_of,
    to_stored,
    warnings_of,
    why_barred,
)
from app.accounts.models import ExchangeAccount
from app.audit.service import record
from app.notifications.models import Severity
from app.notifications.service import tell

EVERY: Final = timedelta(days=1)
URGENT: Final = frozenset({KeyFault.CAN_WITHDRAW, KeyFault.CANNOT_TRADE})
BARRED: Final = "Nothing is opened on {name} until then; what is open stays guarded."


def is_due(account: ExchangeAccount, *, now: datetime) -> bool:
    """Whether what is stored is a day old, or the venue never said."""
    checked_at = account.permissions_checked_at
    return checked_at is None or now - checked_at >= EVERY


def is_news(account: ExchangeAccount, asked: AskedKey, *, now: datetime) -> bool:
    """Whether the venue's answer says anything that is not stored: at rest nothing is written."""
    return is_due(account, now=now) or permissions_of(account) != asked.permissions


async def note_permissions(
    session: AsyncSession, account_id: UUID, asked: AskedKey, *, actor: str, now: datetime
) -> ExchangeAccount | None:
    """Store what the venue said of a key, unless the account has another one by now.

    Its owner is told of what was not wrong before, once.

    Returns:
        The account; None when it has another key, or is gone.
    """
    # Nobody may replace the key between this look at it and the commit.
    query = select(ExchangeAccount).where(ExchangeAccount.id == account_id).with_for_update()
    account = (await session.scalars(query)).one_or_none()
    if account is None or account.venue_key_digest != asked.key_digest:
        return None
    before = _codes(warnings_of(account))
    account.key_permissions = to_stored(asked.permissions)
    account.permissions_checked_at = now
    after = _codes(warnings_of(account))
    if (before ^ after) - {KeyFault.UNVERIFIED}:
        await record(
            session,
            now=now,
            actor=actor,
            action="exchange_account.key_rights_changed",
            subject_kind="exchange_account",
            subject_id=str(account.id),
            user_id=account.user_id,
            detail={"before": ", ".join(sorted(before)), "after": ", ".join(sorted(after))},
        )
    await tell_of_key(session, account, now=now, known=before)
    return account


async def tell_of_key(
    session: AsyncSession,
    account: ExchangeAccount,
    *,
    now: datetime,
    known: Collection[KeyFault] = (),
) -> None:
    """Give notice of what is wrong with the account's key.

    Args:
        session: the caller's transaction.
        account: whose key it is.
        now: time of the notice.
        known: what was told before.
    """
    barred = why_barred(account)
    for warning in warnings_of(account):
        if warning.code in known or warning.code is KeyFault.UNVERIFIED:
            continue
        text = f"{account.name}: {warning.detail}"
        if warning.code is KeyFault.CAN_WITHDRAW and barred is not None:
            text += " " + BARRED.format(name=account.name)
        await tell(
            session,
            user_id=account.user_id,
            severity=Severity.URGENT if warning.code in URGENT else Severity.WARNING,
            code=warning.code.value,
            subject_kind="account",
            subject_id=str(account.id),
            text=text,
            now=now,
        )


def _codes(warnings: Collection[KeyWarning]) -> set[KeyFault]:
    return {warning.code for warning in warnings}
