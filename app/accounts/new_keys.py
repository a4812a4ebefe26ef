"""A key that is about to be saved: the venue is asked about it first, outside any transaction."""

from dataclasses import dataclass, field
from datetime import datetime

from loguru import logger

from app.accounts.key_rights import refuse_unfit
from app.accounts.opening import Opener, venue_credentials
from app.accounts.vault import Credentials
from app.core.errors import ExchangeError
from app.exchanges.permissions import KeyPermissions
from app.trading.words import MarketType


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key, and what is known of it when it is saved.

    Attributes:
        checked_at: when the venue answered; None when it did not.
        failure: why it did not.
        accepts_withdrawals: whether an admin accepts that coins can be moved away with it.
    """

    credentials: Credentials
    permissions: KeyPermissions = field(default_factory=KeyPermissions)
    checked_at: datetime | None = None
    failure: ExchangeError | None = None
    accepts_withdrawals: bool = False


async def check_new_key(
    opener: Opener,
    credentials: Credentials | None,
    *,
    exchange: str,
    market_type: MarketType,
    accepts_withdrawals: bool,
    now: datetime,
) -> NewKey | None:
    """Ask the venue what the key may do; None without a key.

    A venue that does not answer keeps no key out: it may be down while somebody has to replace a
    key that leaked. The worker asks again within a minute, and bars the account if it has to.

    Raises:
        Denied: `key_can_withdraw` or `key_cannot_trade`.
    """
    if credentials is None:
        return None
    try:
        permissions = await _ask(opener, exchange, market_type, credentials)
    except ExchangeError as failure:
        logger.bind(exchange=exchange, reason=failure.detail).warning("key.not_verified")
        return NewKey(credentials, failure=failure, accepts_withdrawals=accepts_withdrawals)
    refuse_unfit(
        permissions,
        exchange=exchange,
        market_type=market_type,
        accepts_withdrawals=accepts_withdrawals,
    )
    return NewKey(credentials, permissions, now, accepts_withdrawals=accepts_withdrawals)


async def _ask(
    opener: Opener, exchange: str, market_type: MarketType, credentials: Credentials
) -> KeyPermissions:
    venue = await opener.venue(exchange, market_type, venue_credentials(credentials))
    try:
        return await venue.permissions()
    finally:
        await venue.close()
