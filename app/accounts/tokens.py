"""Access tokens: signed with one algorithm, for one purpose, good for minutes."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import jwt
from pydantic import BaseModel, ConfigDict, ValidationError

from app.accounts.keys import KeyRing, Keys
from app.core.errors import Unauthenticated
from app.core.ids import new_id

ALGORITHM: Final = "HS256"
AUDIENCE: Final = "access"
MAX_LENGTH: Final = 2048
# Whatever the settings say: a token that claims to live longer is not one of ours.
LONGEST: Final = timedelta(days=1)
# Two machines' clocks: a token may look this much younger than now.
SKEW: Final = timedelta(seconds=2)


class _Claims(BaseModel):
    """Exactly what we put in; anything more, less or of another type is not ours."""

    model_config = ConfigDict(extra="forbid", strict=True)

    sub: str
    aud: str
    iat: int
    exp: int
    jti: str
    epoch: int
    sid: str
    scopes: list[str] | None


@dataclass(frozen=True, slots=True)
class Access:
    """What a valid access token says.

    Attributes:
        login_id: the login it came from.
        scopes: of the API key it came from; None after a password: everything.
        expires_at: when the token ends, and with it what was opened by it.
    """

    user_id: UUID
    epoch: int
    login_id: UUID
    scopes: tuple[str, ...] | None
    expires_at: datetime


def digest_of(secret: str) -> str:
    """What is stored of an opaque token: it has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def issue(ring: KeyRing, access: Access, *, now: datetime) -> str:
    """Sign an access token with the current key."""
    keys = ring.current
    claims = {
        "sub": str(access.user_id),
        "aud": AUDIENCE,
        "iat": int(now.timestamp()),
        "exp": int(access.expires_at.timestamp()),
        "jti": new_id().hex,
        "epoch": access.epoch,
        "sid": str(access.login_id),
        "scopes": None if access.scopes is None else list(access.scopes),
    }
    return jwt.encode(claims, keys.signing, algorithm=ALGORITHM, headers={"kid": keys.key_id})


def read(ring: KeyRing, token: str, *, now: datetime) -> Access:
    """What the token says, once everything about it is right.

    Raises:
        Unauthenticated: forged, altered, under a key that is not or no longer on the ring, made for
            another purpose (`unauthenticated`), or past its time (`token_expired`).
    """
    if len(token) > MAX_LENGTH or not token.isascii():
        raise _invalid()
    try:
        header = jwt.get_unverified_header(token)
        # The name chooses among our own keys and says nothing else: it is no path and no address.
        keys = ring.named(header.get("kid"))
        if keys is None or header != _header(keys):
            raise _invalid()
        # The times are checked below against our own clock.
        payload = jwt.decode(
            token,
            keys.signing,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            options={"strict_aud": True, "verify_exp": False, "verify_iat": False},
        )
        claims = _Claims.model_validate(payload)
        access = Access(
            user_id=UUID(claims.sub),
            epoch=claims.epoch,
            login_id=UUID(claims.sid),
            scopes=None if claims.scopes is None else tuple(claims.scopes),
            expires_at=datetime.fromtimestamp(claims.exp, UTC),
        )
    except (jwt.PyJWTError, ValidationError, ValueError, OverflowError, OSError):
        raise _invalid() from None
    lives_too_long = claims.exp - claims.iat > LONGEST.total_seconds()
    if lives_too_long or claims.iat > (now + SKEW).timestamp():
        raise _invalid()
    if claims.exp <= now.timestamp():
        raise Unauthenticated(
            "The access token is past its time: refresh it.", code="token_expired"
        )
    return access


def _header(keys: Keys) -> dict[str, str]:
    return {"alg": ALGORITHM, "typ": "JWT", "kid": keys.key_id}


def _invalid() -> Unauthenticated:
    return Unauthenticated("This access token is not valid here: log in.")
