"""GET /audit."""

from typing import Annotated

from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import repository
from app.audit.models import AuditEntry
from app.audit.schemas import AuditEntryOut
from app.http.caller import Caller
from app.http.filters import PRINTABLE
from app.http.paging import Paging, page_of
from app.http.schemas import Page


@get(
    "/audit",
    operation_id="list_audit_entries",
    summary="What was done, by whom and why: your own rows, all of them for an admin",
)
async def list_audit_entries(
    session: NamedDependency[AsyncSession],
    caller: NamedDependency[Caller],
    paging: NamedDependency[Paging],
    action: Annotated[
        str | None,
        QueryParameter(
            max_length=64,
            pattern=PRINTABLE,
            description="`signal.approved`, or a kind: `signal.`",
        ),
    ] = None,
    subject_id: Annotated[
        str | None,
        QueryParameter(max_length=64, pattern=PRINTABLE, description="id of what it was done to"),
    ] = None,
) -> Page[AuditEntryOut]:
    """List the audit trail, newest first."""
    owner = None if caller.is_admin else caller.user_id
    return await page_of(
        session,
        repository.entries(user_id=owner, action=action, subject_id=subject_id),
        paging,
        id_column=AuditEntry.id,
        time_column=AuditEntry.at,
        shape=AuditEntryOut.model_validate,
    )


router = Router(
    path="/",
    route_handlers=[list_audit_entries],
    tags=["audit"],
)
