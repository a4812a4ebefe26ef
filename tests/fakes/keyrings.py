"""Keyrings as the library has them: one that keeps what it gets, and some that we do not want."""

import json
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.compat import properties
from keyring.errors import KeyringLocked, PasswordDeleteError


class FileKeyring(KeyringBackend):
    """Keeps entries in a file, as if that were sealed.

    Attributes:
        is_locked: nobody is there to unlock it.
        dies_before: the entry whose writing is not lived to see; None while nobody dies.
    """

    priority: float = 5

    def __init__(self, path: Path) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the library's
        self._path = path
        self.is_locked = False
        self.dies_before: str | None = None
        self.asked = 0

    @property
    def entries(self) -> dict[str, str]:
        """Everything, by `service/name`."""
        text = self._path.read_text(encoding="utf-8") if self._path.exists() else "{}"
        found: dict[str, str] = json.loads(text)
        return found

    def get_password(self, service: str, username: str) -> str | None:
        self._open()
        return self.entries.get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._open()
        if username == self.dies_before:
            raise KeyboardInterrupt
        self._write({**self.entries, f"{service}/{username}": password})

    def delete_password(self, service: str, username: str) -> None:
        self._open()
        entries = self.entries
        if entries.pop(f"{service}/{username}", None) is None:
            raise PasswordDeleteError("no such password")
        self._write(entries)

    def _open(self) -> None:
        self.asked += 1
        if self.is_locked:
            raise KeyringLocked("nobody unlocked it")

    def _write(self, entries: dict[str, str]) -> None:
        self._path.write_text(json.dumps(entries), encoding="utf-8")


class ClearTextKeyring(FileKeyring):
    """As the libraries that write to a file rate themselves."""

    priority = 0.5


class DeadKeyring(FileKeyring):
    """One whose service is not there."""

    @properties.classproperty
    def priority(self) -> float:
        raise RuntimeError("no D-Bus")


class Chain(FileKeyring):
    """Several in a row; the library makes one where it finds more than one."""

    priority = 10

    def __init__(self, path: Path, *backends: KeyringBackend) -> None:
        super().__init__(path)
        self.backends = backends
