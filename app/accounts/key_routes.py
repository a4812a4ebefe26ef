"""/auth/api-keys: a program's way in."""

from datetime import datetime
from uuid import UUID

from litestar import Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import api_keys, repository
from app.accounts.login_schemas import ApiKeyIn, ApiKeyOut, NewApiKeyOut
from app.accounts.models import ApiKey
from app.http.caller import Caller, require_person, require_proof
from app.http.paging import Paging, page_of
from app.http.schemas import Page


@post(
    "/",
    guards=[require_person, require_proof],
    operation_id="create_api_key",
    summary="Make an API key; its secret is shown this once",
)
async def create_api_key(
    data: JSONBody[ApiKeyIn],
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
    now: NamedDependency[datetime],
) -> NewApiKeyOut:
    """Make an API key."""
    key, secret = await api_keys.create_api_key(
        session,
        caller,
        name=data.name,
        scopes=data.scopes,
        allowed_ips=data.allowed_ips,
        expires_at=data.expires_at,
        now=now,
    )
    return NewApiKeyOut(id=key.id, api_key=key.api_key, api_secret=secret)


@get(
    "/",
    guards=[require_person],
    operation_id="list_api_keys",
    summary="Your API keys, without their secrets",
)
async def list_api_keys(
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
    paging: NamedDependency[Paging],
) -> Page[ApiKeyOut]:
    """List the API keys that were not revoked."""
    return await page_of(
        session,
        repository.api_keys_of(caller.user_id),
        paging,
        id_column=ApiKey.id,
        time_column=ApiKey.created_at,
        shape=ApiKeyOut.model_validate,
    )


@delete(
    "/{key_id:uuid}",
    guards=[require_person],
    operation_id="delete_api_key",
    summary="Revoke an API key and end its logins",
)
async def delete_api_key(
    key_id: FromPath[UUID],
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
    now: NamedDependency[datetime],
) -> None:
    """Revoke an API key."""
    await api_keys.revoke_api_key(session, caller, key_id, now=now)


router = Router(
    path="/auth/api-keys",
    route_handlers=[create_api_key, list_api_keys, delete_api_key],
    tags=["auth"],
)
