"""What a venue lets an API key do, as far as the venue says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.exchanges.errors import UnreadableReply


@dataclass(frozen=True, slots=True)
class KeyPermissions:
    """The rights of one key. None is "not verified", and never counts as "no".

    Attributes:
        transfers: whether it moves coins to other accounts or wallets of the venue.
        is_address_bound: whether the venue takes it from listed addresses only.
    """

    reading: bool | None = None
    spot_trading: bool | None = None
    contract_trading: bool | None = None
    withdrawals: bool | None = None
    transfers: bool | None = None
    is_address_bound: bool | None = None

    @property
    def moves_coins_away(self) -> bool:
        """Whether it is known that coins can leave the account with it."""
        return self.withdrawals is True or self.transfers is True

    @property
    def is_verified(self) -> bool:
        """Whether it is known that coins cannot leave, or that they can."""
        return self.moves_coins_away or (self.withdrawals is False and self.transfers is False)


def binance_permissions(raw: object) -> KeyPermissions:
    """Binance's `apiRestrictions`; what is missing or no boolean is not verified.

    Raises:
        UnreadableReply: it is no object.
    """
    if not isinstance(raw, Mapping):
        raise UnreadableReply("the venue does not say what the key may do")
    return KeyPermissions(
        reading=_told(raw, "enableReading"),
        spot_trading=_told(raw, "enableSpotAndMarginTrading"),
        contract_trading=_told(raw, "enableFutures"),
        withdrawals=_told(raw, "enableWithdrawals"),
        transfers=_any(
            _told(raw, "enableInternalTransfer"), _told(raw, "permitsUniversalTransfer")
        ),
        is_address_bound=_told(raw, "ipRestrict"),
    )


def _told(raw: Mapping[str, Any], name: str) -> bool | None:
    value = raw.get(name)
    return value if isinstance(value, bool) else None


def _any(*parts: bool | None) -> bool | None:
    """A right that the venue gives in parts: absent only when each of them is."""
    if any(part is True for part in parts):
        return True
    return None if None in parts else False
