"""GET /notices."""

from typing import Annotated

from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from app.http.caller import Caller
from app.http.filters import PRINTABLE, choice
from app.http.paging import Paging, page_of
from app.http.schemas import Page
from app.notifications import repository
from app.notifications.models import Notice, Severity
from app.notifications.schemas import NoticeOut


@get("/notices", operation_id="listNotices", summary="What you have to know")
async def list_notices(
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
    paging: NamedDependency[Paging],
    severity: Annotated[str | None, QueryParameter(name="severity")] = None,
    code: Annotated[
        str | None,
        QueryParameter(max_length=64, pattern=PRINTABLE, description="`unprotected`, for example"),
    ] = None,
    subject_id: Annotated[
        str | None,
        QueryParameter(
            max_length=64, pattern=PRINTABLE, description="id of the position, order or account"
        ),
    ] = None,
) -> Page[NoticeOut]:
    """Your own, newest first."""
    query = repository.listing(
        caller.user_id,
        severity=choice(Severity, severity, "severity"),
        code=code,
        subject_id=subject_id,
    )
    return await page_of(
        session,
        query,
        paging,
        id_column=Notice.id,
        time_column=Notice.created_at,
        shape=NoticeOut.model_validate,
    )


router = Router(path="/", tags=["notices"], route_handlers=[list_notices])
