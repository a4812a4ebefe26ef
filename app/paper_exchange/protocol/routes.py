"""A route: who may call it, and what answers."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from app.paper_exchange.protocol.call import Call
from app.paper_exchange.venue import Venue

Handler = Callable[[Venue, Call], object]


class Access(StrEnum):
    """Binance's security types."""

    NONE = "none"
    KEY = "key"
    SIGNED = "signed"


@dataclass(frozen=True, slots=True)
class Route:
    """One handler and who may reach it."""

    access: Access
    handler: Handler


Routes = dict[tuple[str, str], Route]


def open_to_all(handler: Handler) -> Route:
    """Public."""
    return Route(Access.NONE, handler)


def key_only(handler: Handler) -> Route:
    """A key, no signature."""
    return Route(Access.KEY, handler)


def signed(handler: Handler) -> Route:
    """Key, timestamp and signature."""
    return Route(Access.SIGNED, handler)
