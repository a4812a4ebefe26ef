"""Passwords: hashed with Argon2id, off the event loop, two at a time."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.core.errors import Invalid

MIN_LENGTH: Final = 12
MIN_LENGTH_LOCAL: Final = 8
MAX_LENGTH: Final = 1024

_HASHER: Final = PasswordHasher()  # RFC 9106, low memory: 64 MiB, three passes
# Two threads: a flood of logins queues here instead of taking all memory.
_THREADS: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")


def check_strength(password: str, *, minimum: int = MIN_LENGTH) -> None:
    """Refuse a password that is too short, or so long that hashing it is a burden.

    Raises:
        Invalid: with the limit it breaks.
    """
    if len(password) < minimum:
        raise Invalid(f"password: at least {minimum} characters", code="password_too_short")
    if len(password) > MAX_LENGTH:
        raise Invalid(f"password: at most {MAX_LENGTH} characters", code="password_too_long")


async def hash_password(password: str) -> str:
    """The Argon2id hash to store."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _HASHER.hash, password)


async def is_correct(password_hash: str | None, password: str) -> bool:
    """Whether the password fits; takes as long when there is no hash to compare with."""
    return await asyncio.get_running_loop().run_in_executor(
        _THREADS, _verify, password_hash, password
    )


def is_outdated(password_hash: str) -> bool:
    """Whether it was made with weaker parameters than today's."""
    return _HASHER.check_needs_rehash(password_hash)


def _verify(password_hash: str | None, password: str) -> bool:
    if len(password) > MAX_LENGTH:
        return False
    try:
        _HASHER.verify(password_hash or _of_nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


@lru_cache(maxsize=1)
def _of_nobody() -> str:
    return _HASHER.hash("nobody has this password")
