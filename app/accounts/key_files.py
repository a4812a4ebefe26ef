"""The files that hold an installation's secrets: read, made once, and replaced without a gap."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.core.errors import Conflict, Invalid
from app.settings import Settings

SECRET_BYTES: Final = 32
FILE_NAME: Final = "secret.key"
OTHERS: Final = 0o077
OTHERS_WRITE: Final = 0o022


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """Where the secrets of an installation lie.

    Attributes:
        current: the secret in use; None when it is SECRET_KEY itself, or in the keyring.
        previous: the one before, while something still needs it.
        is_own: whether this program makes the current one and may replace it.
        is_mounted: whether they come from outside, as the secrets of a container do: text that
            may end with a line end, in files whose modes are somebody else's choice.
    """

    current: Path | None
    previous: Path
    is_own: bool
    is_mounted: bool


def key_files(settings: Settings) -> KeyFiles:
    """Where this installation's secrets are, whether they exist or not."""
    is_mounted = bool(settings.secret_key_file)
    has_key = bool(settings.secret_key.get_secret_value() or settings.secret_key_keyring)
    path = Path(settings.secret_key_file) if is_mounted else settings.data_dir / FILE_NAME
    return KeyFiles(
        current=None if has_key else path,
        previous=path.with_name(f"{path.name}.previous"),
        is_own=not (has_key or is_mounted),
        is_mounted=is_mounted,
    )


def read_secret(path: Path, *, is_mounted: bool) -> bytes:
    """The secret in a file.

    Raises:
        Invalid: it cannot be read, is too short, or others can read it (change it, if mounted).
    """
    try:
        with path.open("rb") as file:
            secret, mode = file.read(), os.fstat(file.fileno()).st_mode
    except OSError as error:
        if is_mounted:
            raise Invalid(
                f"SECRET_KEY_FILE: {path} cannot be read: {error.strerror}",
                code="secret_key_unreadable",
            ) from error
        raise _unusable(path, error) from error
    if mode & (OTHERS_WRITE if is_mounted else OTHERS):
        deed = "changed" if is_mounted else "read"
        raise Invalid(
            f"{path} can be {deed} by others: chmod 600 {path}", code="secret_key_exposed"
        )
    if is_mounted and len(secret) > SECRET_BYTES:
        secret = secret.removesuffix(b"\n").removesuffix(b"\r")
    if len(secret) < SECRET_BYTES:
        raise Invalid(f"{path} is damaged: restore it from a backup", code="secret_key_damaged")
    return secret


def make_secret(path: Path) -> None:
    """Make a file with a new secret, unless there is one.

    Raises:
        Invalid: it cannot be made.
    """
    # Whole or not at all, and the first of two processes wins: write aside, then link.
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(draft)
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return
        finally:
            draft.unlink(missing_ok=True)
        _keep_names(path.parent)
    except OSError as error:
        raise _unusable(path, error) from error


def replace_secret(current: Path, previous: Path) -> bool:
    """Put a new secret in the place of the current one, which becomes the previous one.

    Both names lead to a secret at every moment. Killed half-way, the next call goes on.

    Returns:
        False when there is a previous one still: that rotation has to be ended first.

    Raises:
        Invalid: a file cannot be read or made.
    """
    draft = current.with_name(f"{current.name}.next")
    try:
        if previous.exists() and previous.read_bytes() != current.read_bytes():
            return False
        draft.unlink(missing_ok=True)  # of one that was killed here: nobody has used it
        _write(draft)
        if not previous.exists():
            previous.hardlink_to(current)
            _keep_names(current.parent)
        draft.replace(current)
        _keep_names(current.parent)
    except OSError as error:
        raise _unusable(current, error) from error
    return True


def drop_secret(path: Path) -> None:
    """Remove a secret for good.

    Raises:
        Invalid: it cannot be removed.
    """
    try:
        path.unlink()
        _keep_names(path.parent)
    except OSError as error:
        raise _unusable(path, error) from error


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Be the only process that replaces secrets in that folder; a killed one is out of the way.

    Raises:
        Conflict: another one is at it.
        Invalid: there is no such folder.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise _unusable(folder, error) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                "The keys are being rotated by another process: wait for it.",
                code="rotation_running",
            ) from None
        yield
    finally:
        os.close(descriptor)


def _write(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(SECRET_BYTES))
        file.flush()  # fsync sees only what has left Python's buffer
        os.fsync(file.fileno())


def _keep_names(folder: Path) -> None:
    """A name outlasts a power cut only once its folder is on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unusable(path: Path, error: OSError) -> Invalid:
    return Invalid(
        f"DATA_DIR: {path} cannot be read or made: {error.strerror}", code="data_dir_unwritable"
    )
