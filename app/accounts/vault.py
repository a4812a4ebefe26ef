"""Exchange keys at rest: sealed so that a row moved elsewhere does not open."""

import json
from dataclasses import dataclass, field
from uuid import UUID

from app.accounts.keys import KeyRing
from app.accounts.sealing.columns import CREDENTIALS
from app.accounts.sealing.envelope import seal, unseal
from app.core.errors import Unavailable
from app.core.scrub import register_secret


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
    """Seals credentials, bound to their row and owner.

    What passes here appears in no log line and no venue's words from then on.
    """

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def seal(self, credentials: Credentials, *, account_id: UUID, user_id: UUID) -> str:
        """The text to store in the account's row."""
        _keep_out_of_logs(credentials)
        plain = {"api_key": credentials.api_key, "api_secret": credentials.api_secret}
        if credentials.password is not None:
            plain["password"] = credentials.password
        return seal(self._ring, json.dumps(plain).encode(), CREDENTIALS.place(account_id, user_id))

    def unseal(self, sealed: str, *, account_id: UUID, user_id: UUID) -> Credentials:
        """The credentials again.

        Raises:
            Unavailable: sealed with another key, for another row, or damaged.
        """
        try:
            plain = unseal(self._ring, sealed, CREDENTIALS.place(account_id, user_id))
        except Unavailable:
            raise Unavailable(
                "The stored exchange key does not open: SECRET_KEY has changed. "
                "Enter the key again.",
                code="credentials_unreadable",
            ) from None
        credentials = Credentials(**json.loads(plain))
        _keep_out_of_logs(credentials)
        return credentials


def _keep_out_of_logs(credentials: Credentials) -> None:
    for secret in (credentials.api_key, credentials.api_secret, credentials.password):
        register_secret(secret or "")
