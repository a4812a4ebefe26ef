"""Every exchange account opened once, with its keys, and its balances remembered for a moment."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from loguru import logger

from app.accounts.exchange_accounts import KEYS_CHANGED, credentials_of
from app.accounts.key_rights import AskedKey
from app.accounts.models import ExchangeAccount
from app.accounts.opening import Opener, venue_credentials
from app.accounts.sealing.envelope import payload_of
from app.accounts.vault import Vault
from app.core.clock import Clock
from app.core.errors import ExchangeError, NotFound
from app.db.session import Database
from app.exchanges.venue import BalanceReport, Venue

BALANCE_AGE: Final = timedelta(seconds=5)
# Keys replaced by another process are noticed this late; by this one, at the commit.
KEYS_AGE: Final = timedelta(seconds=5)


@dataclass(slots=True)
class _Open:
    venue: Venue
    payload: str | None
    key_digest: str | None
    seen_at: datetime
    balances: Sequence[BalanceReport] = ()
    asked_at: datetime | None = None
    asking: asyncio.Task[Sequence[BalanceReport]] | None = field(default=None)


class AccountVenues:
    """The venues of all accounts, by account id.

    Args:
        database: where the accounts and their sealed keys are.
        opener: speaks to venues.
        vault: opens the keys.
        clock: ages the balances.
    """

    def __init__(self, database: Database, opener: Opener, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._opener = opener
        self._vault = vault
        self._clock = clock
        self._open: dict[UUID, _Open] = {}
        self._opening = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()
        database.listeners.append(self._on_commit)

    async def of(self, account_id: UUID) -> Venue:
        """The venue of an account, opened at the first call.

        Raises:
            NotFound: no such account.
            Unavailable: its keys are not known.
        """
        return (await self._opened(account_id)).venue

    async def balances(self, account_id: UUID) -> Sequence[BalanceReport]:
        """What the account holds, at most a few seconds old and never older than our own fills.

        Raises:
            ExchangeError: the venue did not answer.
        """
        opened = await self._opened(account_id)
        if opened.asking is not None:
            return await asyncio.shield(opened.asking)
        if opened.asked_at is None or self._clock.now() - opened.asked_at > BALANCE_AGE:
            return await asyncio.shield(self._ask(opened))
        return opened.balances

    async def permissions(self, account_id: UUID) -> AskedKey:
        """What the account's key may do, asked now.

        Raises:
            ExchangeError: the venue did not answer.
            Unavailable: its keys are not known.
        """
        opened = await self._opened(account_id)
        return AskedKey(await opened.venue.permissions(), opened.key_digest)

    def forget_balances(self, account_id: UUID) -> None:
        """Something was filled: ask anew, now, so that the next decision need not wait for it."""
        opened = self._open.get(account_id)
        if opened is not None:
            opened.asked_at = None
            opened.asking = None
            self._ask(opened)

    async def drop(self, account_id: UUID) -> None:
        """Close an account whose keys changed; the next call opens it anew."""
        opened = self._open.pop(account_id, None)
        if opened is not None:
            await opened.venue.close()

    async def close(self) -> None:
        """Close every venue."""
        for account_id in list(self._open):
            await self.drop(account_id)

    def _on_commit(self, info: dict[Any, Any]) -> None:
        for account_id in info.get(KEYS_CHANGED, ()):
            task = asyncio.create_task(self.drop(account_id))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _opened(self, account_id: UUID) -> _Open:
        known = self._open.get(account_id)
        if known is not None and self._clock.now() - known.seen_at <= KEYS_AGE:
            return known
        async with self._opening:
            known = self._open.get(account_id)
            account = await self._account(account_id)
            if known is not None and known.payload == payload_of(account.credentials):
                known.seen_at = self._clock.now()
                return known
            await self.drop(account_id)
            self._open[account_id] = known = await self._connect(account)
            return known

    async def _account(self, account_id: UUID) -> ExchangeAccount:
        async with self._database.read() as session:
            account = await session.get(ExchangeAccount, account_id)
        if account is None:
            raise NotFound(f"There is no account {account_id}.")
        return account

    async def _connect(self, account: ExchangeAccount) -> _Open:
        """One that is switched off too: no entry is made there, but what is open is guarded."""
        credentials = venue_credentials(credentials_of(self._vault, account))
        venue = await self._opener.venue(account.exchange, account.market_type, credentials)
        payload = payload_of(account.credentials)
        return _Open(venue, payload, account.venue_key_digest, self._clock.now())

    def _ask(self, opened: _Open) -> asyncio.Task[Sequence[BalanceReport]]:
        task = asyncio.ensure_future(opened.venue.balances())
        opened.asking = task
        task.add_done_callback(lambda done: self._asked(opened, done))
        return task

    def _asked(self, opened: _Open, done: asyncio.Task[Sequence[BalanceReport]]) -> None:
        is_latest = opened.asking is done
        if is_latest:
            opened.asking = None
        if done.cancelled():
            return
        failure = done.exception()
        if failure is None:
            if is_latest:
                opened.balances, opened.asked_at = done.result(), self._clock.now()
        elif isinstance(failure, ExchangeError):
            logger.bind(reason=failure.detail).info("balances.not_heard")
