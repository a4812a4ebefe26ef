"""Exchange keys at rest: sealed so that a row moved elsewhere does not open."""

import base64
import binascii
import json
import secrets
from dataclasses import dataclass, field
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.core.errors import Unavailable

NONCE_BYTES = 12
VERSION = "v1"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a venue wants to know; never printed.

    Attributes:
        password: the passphrase that some venues add.
    """

    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    password: str | None = field(default=None, repr=False)


class Vault:
    """Seals credentials with AES-256-GCM, bound to their row and owner."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, credentials: Credentials, *, account_id: UUID, user_id: UUID) -> str:
        """The text to store in the account's row."""
        plain = {"api_key": credentials.api_key, "api_secret": credentials.api_secret}
        if credentials.password is not None:
            plain["password"] = credentials.password
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = self._cipher.encrypt(
            nonce, json.dumps(plain).encode(), _bound_to(account_id, user_id)
        )
        return f"{VERSION}:{base64.b64encode(nonce + sealed).decode()}"

    def unseal(self, sealed: str, *, account_id: UUID, user_id: UUID) -> Credentials:
        """The credentials again.

        Raises:
            Unavailable: sealed with another key, for another row, or damaged.
        """
        version, _, text = sealed.partition(":")
        try:
            raw = base64.b64decode(text, validate=True)
            plain = self._cipher.decrypt(
                raw[:NONCE_BYTES], raw[NONCE_BYTES:], _bound_to(account_id, user_id)
            )
        except (InvalidTag, binascii.Error, ValueError):
            raise _does_not_open() from None
        if version != VERSION:
            raise _does_not_open()
        return Credentials(**json.loads(plain))


def _bound_to(account_id: UUID, user_id: UUID) -> bytes:
    return f"exchange_accounts|{account_id}|{user_id}|credentials".encode()


def _does_not_open() -> Unavailable:
    return Unavailable(
        "The stored exchange key does not open: SECRET_KEY has changed. Enter the key again.",
        code="credentials_unreadable",
    )
