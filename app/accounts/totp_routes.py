"""/auth/totp: codes of an authenticator app, for those who want them."""

from datetime import datetime

from litestar import Router, delete, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import second_factor
from app.accounts.login_schemas import TotpBegunOut, TotpConfirmIn, TotpOnOut
from app.accounts.models import User
from app.accounts.sessions import Sessions
from app.core.errors import Conflict
from app.http.caller import Caller, require_person, require_proof


@post(
    "/",
    status_code=200,
    operation_id="begin_totp",
    opt={"raises": [Conflict]},
    summary="Get a secret for an authenticator app; nothing changes until a code of it was right",
)
async def begin_totp(
    session: NamedDependency[AsyncSession],
    sessions: NamedDependency[Sessions],
    caller: NamedDependency[Caller],
    now: NamedDependency[datetime],
) -> TotpBegunOut:
    """Begin."""
    user = await session.get_one(User, caller.user_id)
    return TotpBegunOut(uri=await second_factor.begin(session, sessions.keys, user, now=now))


@post(
    "/confirm",
    status_code=200,
    operation_id="confirm_totp",
    opt={"raises": [Conflict]},
    summary="Switch codes on, and get the recovery codes; they are shown this once",
)
async def confirm_totp(
    data: JSONBody[TotpConfirmIn],
    session: NamedDependency[AsyncSession],
    sessions: NamedDependency[Sessions],
    caller: NamedDependency[Caller],
    now: NamedDependency[datetime],
) -> TotpOnOut:
    """From now on logins need a code."""
    user = await session.get_one(User, caller.user_id)
    codes = await second_factor.confirm(session, sessions.keys, user, data.code, now=now)
    return TotpOnOut(recovery_codes=list(codes))


@delete("/", operation_id="switch_totp_off", summary="Switch codes off; recovery codes are void")
async def switch_totp_off(
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
    now: NamedDependency[datetime],
) -> None:
    """Logins take the password alone again."""
    user = await session.get_one(User, caller.user_id)
    await second_factor.switch_off(session, user, now=now)


router = Router(
    path="/auth/totp",
    guards=[require_person, require_proof],
    route_handlers=[begin_totp, confirm_totp, switch_totp_off],
    tags=["auth"],
)
