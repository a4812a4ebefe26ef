"""What the routes here are given, made from the state of the app."""

from datetime import datetime
from typing import Any

from litestar import Request
from litestar.di import Provide

from app.accounts.keys import KeyRing
from app.accounts.opening import Opener
from app.accounts.sessions import Sessions
from app.accounts.vault import Vault
from app.http.caller import provide_caller
from app.http.once import provide_once
from app.http.outgoing import Outgoing
from app.http.paging import provide_paging
from app.http.session import database_of, provide_session


def provide_now(request: Request[Any, Any, Any]) -> datetime:
    """What time it is."""
    now: datetime = request.app.state.clock.now()
    return now


def provide_sessions(request: Request[Any, Any, Any]) -> Sessions:
    """Opens and ends logins."""
    state = request.app.state
    return Sessions(database=database_of(request), keys=state.key_ring, settings=state.settings)


def provide_vault(request: Request[Any, Any, Any]) -> Vault:
    """Seals exchange keys."""
    return Vault(request.app.state.key_ring)


def provide_opener(request: Request[Any, Any, Any]) -> Opener:
    """Opens accounts at venues."""
    opener: Opener = request.app.state.opener
    return opener


def provide_key_ring(request: Request[Any, Any, Any]) -> KeyRing:
    """The installation's keys."""
    ring: KeyRing = request.app.state.key_ring
    return ring


def provide_outgoing(request: Request[Any, Any, Any]) -> Outgoing:
    """The way out to addresses that users set."""
    outgoing: Outgoing = request.app.state.outgoing
    return outgoing


DEPENDENCIES = {
    "session": Provide(provide_session),
    "caller": Provide(provide_caller, sync_to_thread=False),
    "paging": Provide(provide_paging, sync_to_thread=False),
    "once": Provide(provide_once, sync_to_thread=False),
    "now": Provide(provide_now, sync_to_thread=False),
    "sessions": Provide(provide_sessions, sync_to_thread=False),
    "vault": Provide(provide_vault, sync_to_thread=False),
    "opener": Provide(provide_opener, sync_to_thread=False),
    "ring": Provide(provide_key_ring, sync_to_thread=False),
    "outgoing": Provide(provide_outgoing, sync_to_thread=False),
    "database": Provide(database_of, sync_to_thread=False),
}
