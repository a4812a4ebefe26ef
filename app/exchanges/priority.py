"""How urgent a request to a venue is.

Whoever protects money says so around the call, whichever client sends it:

    with urgently():
        await venue.cancel(symbol, client_order_id)
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from enum import IntEnum


class Priority(IntEnum):
    """Who goes first; the smaller number."""

    PROTECT = 1
    """Exits, protective orders, cancels, look-ups of live orders, open positions."""
    TRADE = 2
    """Entries."""
    DATA = 3
    """Candles, prices, balances."""


_priority: ContextVar[Priority | None] = ContextVar("priority", default=None)


@contextmanager
def as_priority(priority: Priority) -> Iterator[None]:
    """Give every request inside this priority, whichever client sends it.

    Tasks that are started inside keep it for their whole life, as every context variable.
    """
    token = _priority.set(priority)
    try:
        yield
    finally:
        _priority.reset(token)


def urgently() -> AbstractContextManager[None]:
    """Have every request inside go before all others, and use what is reserved for it."""
    return as_priority(Priority.PROTECT)


def priority_here(default: Priority) -> Priority:
    """The priority that was given to what runs here; the default where none was."""
    return _priority.get() or default
