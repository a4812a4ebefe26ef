"""Identifiers: rows sort by birth, orders are found again by the id we chose."""

import re
import secrets
from typing import Final
from uuid import UUID

import uuid_utils.compat as uuid_utils

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_RANDOM_LENGTH: Final = 25
_OWN: Final = re.compile(r"sb[a-z0-9]{25,30}")


def new_id() -> UUID:
    """A version-7 UUID: ids made later sort later, so lists page by id alone."""
    return uuid_utils.uuid7()


def new_client_order_id(prefix: str = "sb") -> str:
    """A client order id that every venue accepts: `[a-z][a-z0-9]{0,31}`.

    Args:
        prefix: what the id starts with; a lower-case letter first, at most 7 characters.
    """
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_LENGTH))


def is_own_client_order_id(text: str) -> bool:
    """Whether an id at a venue has the form of ours, so that some installation of this made it."""
    return _OWN.fullmatch(text) is not None


def new_token() -> str:
    """A capability for a URL or a header: 256 random bits, safe in a path."""
    return secrets.token_urlsafe(32)
