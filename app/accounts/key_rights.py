"""What the rights of a venue's key mean here: refused, barred from entries, or warned about."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from app.accounts.models import ExchangeAccount
from app.core.errors import Denied
from app.core.words import Word
from app.exchanges.permissions import KeyPermissions
from app.trading.words import MarketType


class KeyFault(Word):
    """What is wrong with a key, or not known of it."""

    CAN_WITHDRAW = "key_can_withdraw"
    CANNOT_TRADE = "key_cannot_trade"
    ANY_ADDRESS = "key_not_bound_to_address"
    UNVERIFIED = "key_unverified"


@dataclass(frozen=True, slots=True)
class AskedKey:
    """What a venue says of a key.

    Attributes:
        key_digest: of the key that was asked about: the account may have another one by now.
    """

    permissions: KeyPermissions
    key_digest: str | None


@dataclass(frozen=True, slots=True)
class KeyWarning:
    """Something about a key that its owner should know, in words."""

    code: KeyFault
    detail: str


def refuse_unfit(
    permissions: KeyPermissions,
    *,
    exchange: str,
    market_type: MarketType,
    accepts_withdrawals: bool,
) -> None:
    """Let no key in that can empty the account, or that could not trade on it.

    Args:
        permissions: what the venue says of the key.
        exchange: the venue's id, for the words.
        market_type: what the account trades.
        accepts_withdrawals: whether an admin takes the first risk on themselves.

    Raises:
        Denied: `key_can_withdraw` or `key_cannot_trade`.
    """
    if permissions.moves_coins_away and not accepts_withdrawals:
        raise Denied(_withdrawal_words(permissions, exchange), code=KeyFault.CAN_WITHDRAW.value)
    if _trading(permissions, market_type) is False:
        raise Denied(_trading_words(exchange, market_type), code=KeyFault.CANNOT_TRADE.value)


def permissions_of(account: ExchangeAccount) -> KeyPermissions:
    """What the venue last said of the account's key."""
    stored = account.key_permissions or {}
    return KeyPermissions(**{each.name: stored.get(each.name) for each in fields(KeyPermissions)})


def to_stored(permissions: KeyPermissions) -> dict[str, Any]:
    """As `permissions_of` reads it."""
    return asdict(permissions)


def why_barred(account: ExchangeAccount) -> str | None:
    """Why nothing is opened on the account because of its key, as a sentence; None if nothing."""
    permissions = permissions_of(account)
    if permissions.moves_coins_away and account.withdrawals_accepted_at is None:
        return _withdrawal_words(permissions, account.exchange)
    return None


def warnings_of(account: ExchangeAccount) -> list[KeyWarning]:
    """Everything that is wrong with the account's key or not known of it; none without a key."""
    if account.credentials is None:
        return []
    permissions, exchange = permissions_of(account), account.exchange
    found = []
    if permissions.moves_coins_away:
        words = _withdrawal_words(permissions, exchange)
        found.append(KeyWarning(KeyFault.CAN_WITHDRAW, words))
    if _trading(permissions, account.market_type) is False:
        words = _trading_words(exchange, account.market_type)
        found.append(KeyWarning(KeyFault.CANNOT_TRADE, words))
    if permissions.is_address_bound is False:
        found.append(KeyWarning(KeyFault.ANY_ADDRESS, _address_words(exchange)))
    if not permissions.is_verified:
        is_asked = account.permissions_checked_at is not None
        found.append(
            KeyWarning(KeyFault.UNVERIFIED, _unverified_words(exchange, is_asked=is_asked))
        )
    return found


def _trading(permissions: KeyPermissions, market_type: MarketType) -> bool | None:
    is_spot = market_type is MarketType.SPOT
    return permissions.spot_trading if is_spot else permissions.contract_trading


def _withdrawal_words(permissions: KeyPermissions, exchange: str) -> str:
    rights = {"withdrawals": permissions.withdrawals, "transfers": permissions.transfers}
    given = " and ".join(name for name, is_given in rights.items() if is_given)
    return (
        f"This key allows {given}: whoever gets hold of it can empty the account. Switch {given} "
        f"off for it at {exchange}, or make a key that may only read and trade."
    )


def _trading_words(exchange: str, market_type: MarketType) -> str:
    market = "spot trading" if market_type is MarketType.SPOT else "futures trading"
    return f"This key may not trade here: switch {market} on for it at {exchange}."


def _address_words(exchange: str) -> str:
    return (
        "This key works from every address: whoever gets hold of it can trade with it. "
        f"Restrict it to this server's address at {exchange}."
    )


def _unverified_words(exchange: str, *, is_asked: bool) -> str:
    why = f"{exchange} does not say" if is_asked else f"{exchange} could not be asked yet"
    return f"What this key may do is not verified: {why}. See there that it cannot withdraw."
