"""What caused the work at hand: set at the door, read by the audit, never by a decision."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from; both None for work nobody asked for.

    Attributes:
        source: address of the caller.
        request_id: the id in the answer's `X-Request-Id` and on every log line.
    """

    source: str | None = None
    request_id: str | None = None


_CURRENT: ContextVar[Origin] = ContextVar("origin", default=Origin())  # noqa: B039 it is frozen


def current_origin() -> Origin:
    """The origin of the work at hand."""
    return _CURRENT.get()


@contextmanager
def originating(origin: Origin) -> Iterator[None]:
    """Mark everything inside the block as caused by `origin`."""
    token = _CURRENT.set(origin)
    try:
        yield
    finally:
        _CURRENT.reset(token)
