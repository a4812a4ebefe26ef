"""The installation's one secret, and the keys made from it: one for each purpose."""

import hashlib
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.core.errors import Invalid
from app.settings import Settings

KEY_BYTES = 32
FILE_NAME = "secret.key"
OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class Keys:
    """Derived keys; none of them can be worked out from another.

    Attributes:
        signing: signs access tokens.
        vault: seals exchange keys.
        key_id: names the signing key in the header of a token; says nothing about it.
    """

    signing: bytes = field(repr=False)
    vault: bytes = field(repr=False)
    key_id: str


def derive_keys(secret: bytes) -> Keys:
    """Make the keys from the installation's secret of at least 32 bytes."""
    signing = _derive(secret, b"signalbox|access tokens|1")
    return Keys(
        signing=signing,
        vault=_derive(secret, b"signalbox|vault|1"),
        key_id=hashlib.sha256(signing).hexdigest()[:8],
    )


def load_keys(settings: Settings) -> Keys:
    """The keys of this installation: from SECRET_KEY, else from a file made once.

    Raises:
        Invalid: the file cannot be read or made, or others can read it.
    """
    given = settings.secret_key.get_secret_value()
    return derive_keys(given.encode() if given else _kept(settings.data_dir / FILE_NAME))


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(secret)


def _kept(path: Path) -> bytes:
    try:
        if not path.exists():
            _make(path)
        secret, mode = path.read_bytes(), path.stat().st_mode
    except OSError as error:
        raise Invalid(
            f"DATA_DIR: {path} cannot be read or made: {error.strerror}",
            code="data_dir_unwritable",
        ) from error
    if mode & OTHERS:
        raise Invalid(f"{path} can be read by others: chmod 600 {path}", code="secret_key_exposed")
    if len(secret) < KEY_BYTES:
        raise Invalid(f"{path} is damaged: restore it from a backup", code="secret_key_damaged")
    return secret


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Whole or not at all, and the first of two processes wins: write aside, then link.
    draft = path.with_name(f"{FILE_NAME}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()  # fsync sees only what has left Python's buffer
            os.fsync(file.fileno())
        path.hardlink_to(draft)
    except FileExistsError:
        return
    finally:
        draft.unlink(missing_ok=True)
