"""/users and /auth/invites: for admins."""

from datetime import datetime
from uuid import UUID

from litestar import Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import people, repository
from app.accounts.login_schemas import InviteIn, InviteOut, NewInviteOut, PersonChange, PersonOut
from app.accounts.models import Invite, User
from app.core.errors import Conflict
from app.http.caller import Caller, require_admin, require_proof
from app.http.paging import Paging, page_of
from app.http.schemas import Page


@get("/users", operation_id="list_users", summary="Everybody who is registered")
async def list_users(
    session: NamedDependency[AsyncSession], paging: NamedDependency[Paging]
) -> Page[PersonOut]:
    """Newest first."""
    return await page_of(
        session,
        repository.all_users(),
        paging,
        id_column=User.id,
        time_column=User.created_at,
        shape=PersonOut.model_validate,
    )


@patch(
    "/users/{user_id:uuid}",
    guards=[require_proof],
    operation_id="change_user",
    opt={"raises": [Conflict]},
    summary="Give a user another role, or switch them off or on",
)
async def change_user(
    user_id: FromPath[UUID],
    data: JSONBody[PersonChange],
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
    now: NamedDependency[datetime],
) -> PersonOut:
    """It counts from their next request on."""
    user = await people.change_person(
        session, caller, user_id, role=data.role, is_active=data.is_active, now=now
    )
    return PersonOut.model_validate(user)


@post(
    "/auth/invites",
    guards=[require_proof],
    operation_id="create_invite",
    summary="Invite somebody; the text is shown this once",
)
async def create_invite(
    data: JSONBody[InviteIn],
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
    now: NamedDependency[datetime],
) -> NewInviteOut:
    """Make an invite."""
    made = await people.invite(session, caller, role=data.role, expires_at=data.expires_at, now=now)
    shown = InviteOut.model_validate(made.row).model_dump()
    return NewInviteOut(**shown, invite=made.text)


@get("/auth/invites", operation_id="list_invites", summary="Invites that were not used yet")
async def list_invites(
    session: NamedDependency[AsyncSession],
    paging: NamedDependency[Paging],
    now: NamedDependency[datetime],
) -> Page[InviteOut]:
    """Newest first."""
    return await page_of(
        session,
        repository.open_invites(now),
        paging,
        id_column=Invite.id,
        time_column=Invite.created_at,
        shape=InviteOut.model_validate,
    )


@delete(
    "/auth/invites/{invite_id:uuid}", operation_id="delete_invite", summary="Withdraw an invite"
)
async def delete_invite(
    invite_id: FromPath[UUID],
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
    now: NamedDependency[datetime],
) -> None:
    """Nobody can register with it any more."""
    await people.withdraw_invite(session, caller, invite_id, now=now)


router = Router(
    path="/",
    guards=[require_admin],
    route_handlers=[list_users, change_user, create_invite, list_invites, delete_invite],
    tags=["people"],
)
