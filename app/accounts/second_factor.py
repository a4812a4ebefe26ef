"""The codes of an authenticator app (RFC 6238), and the recovery codes for when it is lost.

A code is six digits of a secret and the time, new every 30 s. One step earlier and later is taken
as well, for clocks differ; none is taken twice.
"""

import base64
import re
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import pyotp
from sqlalchemy import delete, insert, or_, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.keys import KeyRing
from app.accounts.models import RecoveryCode, User
from app.accounts.sealing.columns import TOTP_SECRET
from app.accounts.sealing.envelope import seal, unseal
from app.accounts.service import audit_user
from app.accounts.tokens import digest_of
from app.core.errors import Conflict, Invalid
from app.db.changing import changed

STEP_SECONDS: Final = 30
ISSUER: Final = "Signalbox"
RECOVERY_CODES: Final = 10
_CODE_BYTES: Final = 10
_DIGITS: Final = re.compile(r"[0-9]{6}")


async def begin(session: AsyncSession, ring: KeyRing, user: User, *, now: datetime) -> str:
    """Give the user a new secret that counts only once a code of it was right.

    Returns:
        The address that an authenticator app reads as a QR code; the secret is in it.

    Raises:
        Conflict: `totp_on`: switch it off first.
    """
    if user.totp_since is not None:
        raise Conflict("Codes are on: switch them off first.", code="totp_on")
    secret = pyotp.random_base32()
    user.totp_secret = seal(ring, secret.encode(), TOTP_SECRET.place(user.id, user.id))
    user.totp_last_step = None
    await audit_user(session, user, "totp.begun", now, actor=user.username)
    return pyotp.TOTP(secret).provisioning_uri(name=user.username, issuer_name=ISSUER)


async def confirm(
    session: AsyncSession, ring: KeyRing, user: User, code: str, *, now: datetime
) -> Sequence[str]:
    """Switch the codes on, because the app shows the right one.

    Returns:
        The recovery codes in clear text, which is stored nowhere.

    Raises:
        Conflict: `totp_on`, or `totp_not_begun`.
        Invalid: `totp_wrong`.
    """
    if user.totp_since is not None:
        raise Conflict("Codes are on already.", code="totp_on")
    if user.totp_secret is None:
        raise Conflict("There is no secret yet: ask for one first.", code="totp_not_begun")
    step = matching_step(ring, user, code, now=now)
    if step is None:
        raise Invalid("code: not the one that the app should show now", code="totp_wrong")
    user.totp_since, user.totp_last_step = now, step
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    rows = [{"digest": _recovery_digest(code), "user_id": user.id} for code in codes]
    await session.execute(insert(RecoveryCode), rows)
    await audit_user(session, user, "totp.on", now, actor=user.username)
    return codes


async def switch_off(session: AsyncSession, user: User, *, now: datetime) -> None:
    """Logins take the password alone again; the recovery codes are void."""
    user.totp_secret = user.totp_since = user.totp_last_step = None
    await session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    await audit_user(session, user, "totp.off", now, actor=user.username)


async def take(
    session: AsyncSession, ring: KeyRing, user: User, code: str, *, now: datetime
) -> bool:
    """Use a code of the app up, or a recovery code; False when it is wrong or was used."""
    step = matching_step(ring, user, code, now=now)
    if step is None:
        unused = update(RecoveryCode).where(
            RecoveryCode.digest == _recovery_digest(code),
            RecoveryCode.user_id == user.id,
            RecoveryCode.used_at.is_(None),
        )
        return await changed(session, unused.values(used_at=now)) == 1
    later = or_(User.totp_last_step.is_(None), User.totp_last_step < step)
    newer = update(User).where(User.id == user.id, later).values(totp_last_step=step)
    return await changed(session, newer) == 1


def matching_step(ring: KeyRing, user: User, code: str, *, now: datetime) -> int | None:
    """The step whose code this is, of the three that may be meant; None when of none."""
    code = code.replace(" ", "")
    if user.totp_secret is None or not _DIGITS.fullmatch(code):
        return None
    secret = unseal(ring, user.totp_secret, TOTP_SECRET.place(user.id, user.id)).decode()
    totp = pyotp.TOTP(secret, interval=STEP_SECONDS)
    current = int(now.timestamp()) // STEP_SECONDS
    steps = (current, current - 1, current + 1)
    return next((step for step in steps if _is_of(totp, step, code)), None)


def _is_of(totp: pyotp.TOTP, step: int, code: str) -> bool:
    return secrets.compare_digest(totp.at(step * STEP_SECONDS), code)


def _recovery_code() -> str:
    """80 random bits, in groups that can be read aloud."""
    text = base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def _recovery_digest(code: str) -> str:
    return digest_of(re.sub(r"[\s-]", "", code).lower())
