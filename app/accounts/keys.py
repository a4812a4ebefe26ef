"""The installation's secrets, and the keys made from each: one for each purpose."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from loguru import logger
from pydantic import SecretStr

from app.accounts.key_entries import key_entry, read_entries
from app.accounts.key_files import SECRET_BYTES, KeyFiles, key_files, make_secret, read_secret
from app.core.errors import Invalid
from app.settings import Settings

KEY_BYTES: Final = SECRET_BYTES


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys derived from one secret; none of them can be worked out from another.

    Attributes:
        signing: signs access tokens.
        wrapping: wraps the data key of each sealed text.
        vault: sealed the texts of version 1, which had no data keys.
        key_id: names these keys in tokens and in sealed texts; says nothing about the secret.
    """

    signing: bytes = field(repr=False)
    wrapping: bytes = field(repr=False)
    vault: bytes = field(repr=False)
    key_id: str


class KeyRing:
    """The keys in use: the current ones sign and seal, the previous ones still verify and open.

    Args:
        keys: says at each use which there are; the current ones come first.
    """

    def __init__(self, keys: Callable[[], Sequence[Keys]]) -> None:
        self._keys = keys

    @classmethod
    def of(cls, *secrets: bytes) -> Self:
        """A ring that stays as it is; the first secret is the current one."""
        keys = _derived(secrets)
        return cls(lambda: keys)

    @property
    def current(self) -> Keys:
        """What signs and seals from now on."""
        return self._keys()[0]

    @property
    def all(self) -> Sequence[Keys]:
        """What verifies and opens, the current ones first."""
        return self._keys()

    def named(self, key_id: object) -> Keys | None:
        """The keys of that id; None when they are not, or no longer, on the ring."""
        return next((keys for keys in self._keys() if keys.key_id == key_id), None)


def derive_keys(secret: bytes) -> Keys:
    """Make the keys from a secret of at least 32 bytes."""
    signing = _derive(secret, b"signalbox|access tokens|1")
    return Keys(
        signing=signing,
        wrapping=_derive(secret, b"signalbox|key wrapping|1"),
        vault=_derive(secret, b"signalbox|vault|1"),
        key_id=hashlib.sha256(signing).hexdigest()[:8],
    )


def load_key_ring(settings: Settings, *, may_make: bool = True) -> KeyRing:
    """The keys of this installation: of SECRET_KEY or the keyring, else of a file, made once.

    Files are looked at each time the ring is used, so that a running process takes part when they
    change: a new secret is used, and one that was removed opens nothing any more, at once. The
    keyring is read here and not again: it may wait for a person.

    Args:
        settings: of this installation.
        may_make: False where a missing file is refused instead of made.

    Raises:
        Invalid: a file cannot be read or made, or others can read it; the keyring cannot be used.
    """
    files, entry = key_files(settings), key_entry(settings)
    if may_make and files.is_own and files.current is not None:
        make_secret(files.current)
    given = [one.get_secret_value().encode() for one in _given(settings)]
    kept = [] if entry is None else read_entries(entry)
    return KeyRing(_Watched(files, [secret for secret in (*kept, *given) if secret]))


class _Watched:
    """Keys that are read anew when a file is another one than before."""

    def __init__(self, files: KeyFiles, given: Sequence[bytes]) -> None:
        self._files = files
        self._given = given
        self._marks = self._marks_now()
        self._keys = self._read()

    def __call__(self) -> Sequence[Keys]:
        # Before the files are read: what changes meanwhile is seen at the next call.
        marks = self._marks_now()
        if marks != self._marks:
            self._marks = marks
            self._renew()
        return self._keys

    def _renew(self) -> None:
        try:
            self._keys = self._read()
        except Invalid as refusal:
            # Positions are guarded with the keys that were good until now.
            logger.bind(reason=refusal.detail).error("keys.not_read_anew")
            return
        logger.bind(key_id=self._keys[0].key_id, kept=len(self._keys) - 1).info("keys.changed")

    def _read(self) -> Sequence[Keys]:
        current, previous = self._files.current, self._files.previous
        secrets = [] if current is None else [self._secret(current)]
        secrets += self._given
        if previous.exists():
            secrets.append(self._secret(previous))
        return _derived(secrets)

    def _secret(self, path: Path) -> bytes:
        return read_secret(path, is_mounted=self._files.is_mounted)

    def _marks_now(self) -> list[tuple[int, ...] | None]:
        return [_mark(path) for path in (self._files.current, self._files.previous) if path]


def _given(settings: Settings) -> Sequence[SecretStr]:
    return settings.secret_key, settings.secret_key_previous


def _mark(path: Path) -> tuple[int, ...] | None:
    """What is another when the file is."""
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns


def _derived(secrets: Sequence[bytes]) -> Sequence[Keys]:
    """The keys of each secret, in order and once."""
    return list({keys.key_id: keys for keys in map(derive_keys, secrets)}.values())


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(secret)
