"""The columns that hold sealed texts: a new one is named here, so that it is rotated too."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from app.accounts.sealing.envelope import Place


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """One column of sealed texts.

    Attributes:
        owner: the column of the same row that says whose secret it is.
    """

    table: str
    column: str
    owner: str

    def place(self, row_id: UUID, user_id: UUID) -> Place:
        """Where the text of one row belongs."""
        return Place(self.table, row_id, user_id, self.column)


CREDENTIALS: Final = SealedColumn("exchange_accounts", "credentials", owner="user_id")
TOTP_SECRET: Final = SealedColumn("users", "totp_secret", owner="id")
NOTICE_ADDRESS: Final = SealedColumn("notice_addresses", "sealed", owner="id")
SEALED_COLUMNS: Final = (CREDENTIALS, TOTP_SECRET, NOTICE_ADDRESS)
