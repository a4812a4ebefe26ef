"""Statuses move along tables, never by assignment."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from app.core.errors import InvalidTransition

StatusT = TypeVar("StatusT", bound=StrEnum)
Transitions = Mapping[StatusT, frozenset[StatusT]]


def advance(current: StatusT, to: StatusT, allowed: Transitions[StatusT]) -> StatusT:
    """The status after the move.

    Raises:
        InvalidTransition: the table does not allow it.
    """
    if to not in allowed[current]:
        raise InvalidTransition(f"{current.value} cannot become {to.value}")
    return to


def is_final(status: StatusT, allowed: Transitions[StatusT]) -> bool:
    """Whether nothing follows this status."""
    return not allowed[status]
