"""What a new user finds: two paper accounts with money in them, and for the first one a demo."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

import aiohttp
from loguru import logger
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import exchange_accounts
from app.accounts.models import ExchangeAccount, User
from app.accounts.new_keys import NewKey
from app.accounts.vault import Credentials, Vault
from app.core.clock import Clock
from app.core.errors import Retryable
from app.db.session import Database
from app.strategies import service as strategies
from app.strategies.routes import webhook_url
from app.strategies.words import SizingMode
from app.trading.words import MarketType

PAPER: Final = "paper"
STARTING_BALANCE: Final = Decimal(10_000)
LOOK_SECONDS: Final = 0.5
DEMO_NAME: Final = "Demo"
DEMO_NOTIONAL: Final = Decimal(250)
TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
NAMES: Final = {MarketType.SPOT: "Paper spot", MarketType.LINEAR: "Paper futures"}

OpenPaperAccount = Callable[
    [Mapping[MarketType, Mapping[str, Decimal]]], Awaitable[tuple[str, str]]
]


class Welcome:
    """Furnishes new users; keys of paper accounts follow once the paper exchange answers.

    Args:
        vault: seals the keys.
        open_account: opens an account at the paper exchange and gives its key and secret.
        base_url: where this server is reached, for the demo's webhook URL.
        is_inside: whether the paper exchange runs in this process, so that opening an account is
            no network call and may happen inside the registration.
    """

    def __init__(
        self, vault: Vault, open_account: OpenPaperAccount, base_url: str, *, is_inside: bool
    ) -> None:
        self._is_inside = is_inside
        self._vault = vault
        self._open_account = open_account
        self._base_url = base_url

    async def on_registered(
        self, session: AsyncSession, user: User, now: datetime
    ) -> dict[str, str]:
        """Make the accounts, and the demo strategy for the first user of all.

        Returns:
            The demo's `webhook_url` for the first user; nothing for others.
        """
        accounts = {
            market: await exchange_accounts.create_exchange_account(
                session,
                self._vault,
                user_id=user.id,
                actor="system",
                name=name,
                exchange=PAPER,
                market_type=market,
                is_paper=True,
                key=await self._open(market) if self._is_inside else None,
                now=now,
            )
            for market, name in NAMES.items()
        }
        if (await session.scalar(select(func.count()).select_from(User))) != 1:
            return {}
        _, token = await strategies.create(
            session,
            user_id=user.id,
            account_id=accounts[MarketType.LINEAR].id,
            name=DEMO_NAME,
            actor="system",
            now=now,
            settings={"sizing": {"mode": SizingMode.FROM_ALERT, "value": DEMO_NOTIONAL}},
        )
        return {"webhook_url": webhook_url(self._base_url, token)}

    async def hand_out_keys(self, database: Database, clock: Clock) -> None:
        """Give every paper account that has no keys yet its account at the paper exchange.

        Raises:
            Retryable: the paper exchange did not answer; call again.
        """
        async with database.read() as session:
            query = select(ExchangeAccount).where(
                ExchangeAccount.exchange == PAPER, ExchangeAccount.credentials.is_(None)
            )
            waiting = [(row.id, row.market_type) for row in (await session.scalars(query)).all()]
        for account_id, market in waiting:
            await self._keep(database, clock, account_id, await self._open(market))

    async def _open(self, market: MarketType) -> NewKey:
        key, secret = await self._open_account({market: {"USDT": STARTING_BALANCE}})
        # Made a moment ago, of our own venue; the worker asks what it may do like of any other.
        return NewKey(Credentials(key, secret))

    async def _keep(self, database: Database, clock: Clock, account_id: UUID, key: NewKey) -> None:
        async with database.transaction() as session:
            account = await session.get_one(ExchangeAccount, account_id)
            if account.credentials is None:
                await exchange_accounts.change_exchange_account(
                    session,
                    self._vault,
                    account,
                    actor="system",
                    now=clock.now(),
                    key=key,
                )


class OutsidePaperExchange:
    """Opens accounts at a paper exchange in another process, through its control API."""

    def __init__(self, base_url: str) -> None:
        self._url = f"{base_url.rstrip('/')}/control/accounts"

    async def __call__(
        self, balances: Mapping[MarketType, Mapping[str, Decimal]]
    ) -> tuple[str, str]:
        """Open one account.

        Raises:
            Retryable: it does not answer, or its control API is off.
        """
        purses = {
            market.value: {asset: str(amount) for asset, amount in purse.items()}
            for market, purse in balances.items()
        }
        try:
            async with (
                aiohttp.ClientSession(timeout=TIMEOUT) as client,
                client.post(self._url, json={"balances": purses}) as answer,
            ):
                if not answer.ok:
                    raise Retryable(f"The paper exchange answered {answer.status}.")
                opened = await answer.json()
        except (aiohttp.ClientError, TimeoutError) as silence:
            raise Retryable(f"The paper exchange does not answer: {silence}") from silence
        return str(opened["api_key"]), str(opened["api_secret"])


async def keep_handing_out(welcome: Welcome, database: Database, clock: Clock) -> None:
    """Hand out keys now and whenever a new account waits, until cancelled."""
    is_told = False
    while True:
        try:
            await welcome.hand_out_keys(database, clock)
            is_told = False
        except Retryable as silence:
            if not is_told:
                logger.bind(reason=silence.detail).warning("paper.no_account")
            is_told = True
        await asyncio.sleep(LOOK_SECONDS)
