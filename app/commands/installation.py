"""The installation a command works on: its settings, its keys and its database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import repository as accounts
from app.accounts.keys import load_key_ring
from app.accounts.models import ExchangeAccount, User
from app.accounts.vault import Vault
from app.commands.telling import be_quiet
from app.core.clock import Clock, SystemClock
from app.core.errors import NotFound
from app.core.startup import load_settings
from app.db.session import Database
from app.house import make_folder, open_at_newest, own_url
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Installation:
    """What a command needs; a server may be running beside it."""

    settings: Settings
    database: Database
    vault: Vault
    clock: Clock

    @property
    def url(self) -> str:
        """Where its server answers on this machine."""
        return own_url(self.settings)


@asynccontextmanager
async def installation() -> AsyncIterator[Installation]:
    """Open what the settings name, at its newest schema.

    Raises:
        Invalid: a setting, the data folder or the database cannot be used.
    """
    be_quiet()
    settings = load_settings()
    make_folder(settings)
    vault = Vault(load_key_ring(settings))
    database = await open_at_newest(settings)
    try:
        yield Installation(settings, database, vault, SystemClock())
    finally:
        await database.close()


async def user_named(session: AsyncSession, username: str) -> User:
    """A user by name, in any case.

    Raises:
        NotFound: nobody is called that.
    """
    user = await accounts.user_named(session, username.strip().lower())
    if user is None:
        raise NotFound(f"There is no user {username!r}: make it with create-user.")
    return user


async def account_named(session: AsyncSession, user: User, name: str) -> ExchangeAccount:
    """One of the user's exchange accounts by name.

    Raises:
        NotFound: they have none of that name.
    """
    account = await accounts.exchange_account_named(session, user.id, name)
    if account is None:
        raise NotFound(f"{user.username} has no account {name!r}.")
    return account
