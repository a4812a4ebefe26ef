"""/accounts: a user's exchange accounts. Keys go in and never come out."""

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Request, Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import exchange_accounts, repository
from app.accounts.models import ExchangeAccount
from app.accounts.new_keys import check_new_key
from app.accounts.opening import Opener
from app.accounts.schemas import (
    ExchangeAccountChange,
    ExchangeAccountIn,
    ExchangeAccountOut,
    shape_account,
)
from app.accounts.vault import Vault
from app.core.errors import Conflict, Denied, Duplicate, Forbidden, Invalid
from app.db.session import Database
from app.exchanges.venues import PAPER, venue_spec
from app.http.caller import Caller, check_proof, require_trader
from app.http.paging import Paging, page_of
from app.http.schemas import Page


@get("/", operation_id="list_accounts", summary="Your exchange accounts")
async def list_accounts(
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
    paging: NamedDependency[Paging],
) -> Page[ExchangeAccountOut]:
    """List the caller's exchange accounts."""
    return await page_of(
        session,
        repository.exchange_accounts_of(caller.user_id),
        paging,
        id_column=ExchangeAccount.id,
        time_column=ExchangeAccount.created_at,
        shape=shape_account,
    )


@post(
    "/",
    guards=[require_trader],
    operation_id="create_account",
    opt={"raises": [Denied, Duplicate]},
    summary="Add an exchange account",
)
async def create_account(
    *,
    data: JSONBody[ExchangeAccountIn],
    request: Request[Any, Any, Any],
    database: NamedDependency[Database],
    caller: NamedDependency[Caller],
    vault: NamedDependency[Vault],
    opener: NamedDependency[Opener],
    now: NamedDependency[datetime],
) -> ExchangeAccountOut:
    """Add an exchange account; its keys are sealed before they are stored.

    With keys it takes a fresh password, and the venue is asked what they may do.
    """
    _check_keys(caller, data)
    _refuse_unknown_exchange(request, data.exchange)
    venue_spec(data.exchange, data.market_type)
    key = await check_new_key(
        opener,
        data.credentials(),
        exchange=data.exchange,
        market_type=data.market_type,
        accepts_withdrawals=data.accepts_withdrawals,
        now=now,
    )
    async with database.transaction() as session:
        account = await exchange_accounts.create_exchange_account(
            session,
            vault,
            user_id=caller.user_id,
            actor=caller.username,
            name=data.name,
            exchange=data.exchange,
            market_type=data.market_type,
            # Play money is never counted as real, whatever the body says.
            is_paper=data.is_paper or data.exchange == PAPER,
            key=key,
            now=now,
        )
    return shape_account(account, key.failure if key else None)


@get("/{account_id:uuid}", operation_id="get_account", summary="One of your exchange accounts")
async def get_account(
    account_id: FromPath[UUID],
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
) -> ExchangeAccountOut:
    """Show one exchange account."""
    return shape_account(await exchange_accounts.owned(session, caller, account_id))


@patch(
    "/{account_id:uuid}",
    guards=[require_trader],
    operation_id="change_account",
    opt={"raises": [Denied, Duplicate]},
    summary="Rename an exchange account, replace its keys, switch it on or off",
)
async def change_account(
    *,
    account_id: FromPath[UUID],
    data: JSONBody[ExchangeAccountChange],
    database: NamedDependency[Database],
    caller: NamedDependency[Caller],
    vault: NamedDependency[Vault],
    opener: NamedDependency[Opener],
    now: NamedDependency[datetime],
) -> ExchangeAccountOut:
    """Change what is given and nothing else.

    New keys take a fresh password, and the venue is asked what they may do.
    """
    _check_keys(caller, data)
    async with database.read() as session:
        account = await exchange_accounts.owned(session, caller, account_id)
    key = await check_new_key(
        opener,
        data.credentials(),
        exchange=account.exchange,
        market_type=account.market_type,
        accepts_withdrawals=data.accepts_withdrawals,
        now=now,
    )
    async with database.transaction() as session:
        account = await exchange_accounts.owned(session, caller, account_id)
        await exchange_accounts.change_exchange_account(
            session,
            vault,
            account,
            actor=caller.username,
            now=now,
            name=data.name,
            is_active=data.is_active,
            key=key,
            accepts_withdrawals=data.accepts_withdrawals,
        )
    return shape_account(account, key.failure if key else None)


@delete(
    "/{account_id:uuid}",
    guards=[require_trader],
    operation_id="delete_account",
    opt={"raises": [Conflict]},
    summary="Delete an exchange account that was never used",
)
async def delete_account(
    account_id: FromPath[UUID],
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
    now: NamedDependency[datetime],
) -> None:
    """Delete an exchange account; one in use is refused."""
    account = await exchange_accounts.owned(session, caller, account_id)
    await exchange_accounts.delete_exchange_account(
        session, account, actor=caller.username, now=now
    )


def _check_keys(caller: Caller, data: ExchangeAccountIn | ExchangeAccountChange) -> None:
    if data.accepts_withdrawals and not caller.is_admin:
        raise Forbidden("Only an admin may accept a key that can withdraw.")
    if data.needs_proof:
        check_proof(caller)


def _refuse_unknown_exchange(request: Request[Any, Any, Any], exchange: str) -> None:
    known = request.app.state.get("exchanges")
    if known is not None and exchange not in known:
        raise Invalid(f"exchange: one of {', '.join(sorted(known))}", code="exchange_unknown")


router = Router(
    path="/accounts",
    route_handlers=[list_accounts, create_account, get_account, change_account, delete_account],
    tags=["accounts"],
)
