"""Who is calling, as every room above sees it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from app.core.errors import Forbidden, Unauthenticated
from app.core.words import Word


class Role(Word):
    """What a user may do: everything, their own trading, or only look."""

    ADMIN = "admin"
    TRADER = "trader"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True)
class Caller:
    """A logged-in user; every query is made on behalf of one.

    Attributes:
        zone: IANA name of the trader's time zone: where their day begins.
        is_proven: whether they showed within the last minutes that it is them, by password or code.
        is_program: whether an API key opened the login, and not the person.
    """

    user_id: UUID
    username: str
    role: Role
    zone: str
    is_proven: bool = False
    is_program: bool = False

    @property
    def is_admin(self) -> bool:
        """Whether this user runs the installation."""
        return self.role is Role.ADMIN


def provide_caller(request: Request[Any, Any, Any]) -> Caller:
    """The caller that the authentication middleware found."""
    caller: Caller = request.user
    return caller


def require_trader(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Refuse viewers.

    Raises:
        Forbidden: the caller may only look.
    """
    if connection.user.role is Role.VIEWER:
        raise Forbidden("A viewer may look, not act.")


def require_admin(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Refuse everyone but admins.

    Raises:
        Forbidden: the caller is no admin.
    """
    if not connection.user.is_admin:
        raise Forbidden("Only an admin may do this.")


def require_person(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Refuse programs, whatever their key may do.

    Raises:
        Forbidden: `person_required`.
    """
    if connection.user.is_program:
        raise Forbidden("This is for the person, not for an API key.", code="person_required")


def require_proof(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Refuse a login that a thief may be holding.

    Raises:
        Unauthenticated: `step_up_required`: the password was given too long ago, or never.
    """
    check_proof(connection.user)


def check_proof(caller: Caller) -> None:
    """For what needs a proof only sometimes: raising a limit, not lowering it.

    Raises:
        Unauthenticated: as `require_proof`.
    """
    if not caller.is_proven:
        raise Unauthenticated(
            "Show that it is you: send your password to POST /auth/step-up, then try again.",
            code="step_up_required",
        )
