"""The secrets of an installation in the operating system's keyring: read, and replaced."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from app.accounts.key_files import SECRET_BYTES
from app.core.errors import Invalid
from app.settings import Settings

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

# The library's own line: below are those that forget, refuse, or keep what they get in clear.
RECOMMENDED: Final = 1


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """One entry of the keyring of the user that this runs as.

    It is looked at when somebody asks, and never by the way: a keyring may wait for a person to
    unlock it, and whoever guards positions cannot.
    """

    service: str
    name: str

    def __str__(self) -> str:
        return f"{self.service}/{self.name} of the keyring"

    @property
    def previous(self) -> "KeyEntry":
        """Where the secret before this one is, while something still needs it."""
        return KeyEntry(self.service, f"{self.name}.previous")

    def read(self) -> bytes | None:
        """The secret; None when there is no such entry.

        Raises:
            Invalid: the keyring cannot be used, or the secret is too short.
        """
        with _opened() as keyring:
            text = keyring.get_password(self.service, self.name)
        if text is None:
            return None
        if len(text.encode()) < SECRET_BYTES:
            raise Invalid(
                f"{self} is too short: {SECRET_BYTES} bytes at least", code="secret_key_damaged"
            )
        return text.encode()

    def write(self, secret: str) -> None:
        """Make the entry, or put another secret into it.

        Raises:
            Invalid: the keyring cannot be used.
        """
        with _opened() as keyring:
            keyring.set_password(self.service, self.name, secret)

    def remove(self) -> None:
        """Remove it for good.

        Raises:
            Invalid: the keyring cannot be used, or has no such entry.
        """
        with _opened() as keyring:
            keyring.delete_password(self.service, self.name)


def key_entry(settings: Settings) -> KeyEntry | None:
    """Where the current secret is in the keyring; None when it is elsewhere."""
    service, _, name = settings.secret_key_keyring.rpartition("/")
    return KeyEntry(service, name) if name else None


def read_entries(entry: KeyEntry) -> list[bytes]:
    """The current secret, and the one before if there is still one.

    Raises:
        Invalid: the keyring cannot be used, or has no such entry.
    """
    current, previous = entry.read(), entry.previous.read()
    if current is None:
        # None is made: a wrong name, or the keyring of another user, looks just the same.
        raise Invalid(
            f"SECRET_KEY_KEYRING: there is no {entry}. A first one is made by: "
            "python -c 'import secrets; print(secrets.token_hex(32))' | "
            f"python -m keyring set {entry.service} {entry.name}",
            code="secret_key_missing",
        )
    return [current] if previous is None else [current, previous]


def replace_entry(entry: KeyEntry) -> bool:
    """Put a new secret in the place of the current one, which becomes the previous one.

    One of them is the secret in use at every moment. Killed half-way, the next call goes on.

    Returns:
        False when there is a previous one still: that rotation has to be ended first.

    Raises:
        Invalid: the keyring cannot be used, or has no such entry.
    """
    current, *before = read_entries(entry)
    if before and before != [current]:
        return False
    entry.previous.write(current.decode())
    entry.write(secrets.token_hex(SECRET_BYTES))
    return True


@contextmanager
def _opened() -> Iterator["KeyringBackend"]:
    """The keyring of this machine, if it is one that keeps secrets."""
    try:
        import keyring  # noqa: PLC0415 an extra, only there for who asks for it
        from keyring.errors import KeyringError  # noqa: PLC0415 as above
    except ImportError:
        raise Invalid(
            "SECRET_KEY_KEYRING needs a library that is not installed: make install-keyring",
            code="keyring_missing",
        ) from None
    found = keyring.get_keyring()
    _refuse_careless(found)
    try:
        yield found
    except (KeyringError, RuntimeError, OSError) as error:
        raise Invalid(
            f"SECRET_KEY_KEYRING: {found.name} cannot be used: {type(error).__name__}: {error}",
            code="keyring_unusable",
        ) from None


def _refuse_careless(found: "KeyringBackend") -> None:
    """Refuse what keeps secrets in clear, or not at all, also as one of several in a chain.

    Raises:
        Invalid: `keyring_unusable`.
    """
    for part in getattr(found, "backends", None) or [found]:
        if not type(part).viable or part.priority < RECOMMENDED:
            raise Invalid(
                f"SECRET_KEY_KEYRING: this machine offers {part.name}, which keeps no secret safe. "
                "Install and unlock a keyring, or set SECRET_KEY_FILE instead.",
                code="keyring_unusable",
            )
