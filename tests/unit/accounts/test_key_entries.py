"""A secret in the operating system's keyring: read once, and only from one that keeps it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backends import fail, null

from app.accounts.key_entries import KeyEntry, key_entry, read_entries, replace_entry
from app.accounts.key_files import FILE_NAME
from app.accounts.keys import derive_keys, load_key_ring
from app.core.errors import Invalid
from app.settings import Settings
from tests.fakes.keyrings import Chain, ClearTextKeyring, DeadKeyring, FileKeyring

SECRET, BEFORE = "s" * 32, "b" * 40
ENTRY = KeyEntry("signalbox", "secret")


@pytest.fixture
def as_it_was() -> Iterator[None]:
    """The library's choice of a keyring is one for the whole process."""
    before = keyring.get_keyring()
    yield
    keyring.set_keyring(before)


@pytest.fixture
def ring(tmp_path: Path, as_it_was: None) -> FileKeyring:
    """The keyring of this machine, with the entry."""
    del as_it_was
    kept = FileKeyring(tmp_path / "keyring")
    kept.set_password(ENTRY.service, ENTRY.name, SECRET)
    keyring.set_keyring(kept)
    return kept


def settings(folder: Path, **more: str) -> Settings:
    return Settings(_env_file=None, data_dir=folder, secret_key_keyring="signalbox/secret", **more)  # type: ignore[arg-type]  # text, as from the environment


def test_the_secret_of_the_entry_is_the_current_one_and_no_file_is_made(
    ring: FileKeyring, tmp_path: Path
) -> None:
    ring.set_password("signalbox", "secret.previous", BEFORE)

    keys = load_key_ring(settings(tmp_path))

    expected = [derive_keys(one.encode()).key_id for one in (SECRET, BEFORE)]
    assert [one.key_id for one in keys.all] == expected
    assert not (tmp_path / FILE_NAME).exists()


def test_a_running_process_never_asks_the_keyring_again(ring: FileKeyring, tmp_path: Path) -> None:
    keys = load_key_ring(settings(tmp_path))
    ring.is_locked, asked = True, ring.asked

    assert keys.current.key_id == derive_keys(SECRET.encode()).key_id
    assert ring.asked == asked


def test_a_service_may_have_a_slash_in_its_name() -> None:
    given = Settings(_env_file=None, secret_key_keyring="org/signalbox/secret")

    assert key_entry(given) == KeyEntry("org/signalbox", "secret")


@pytest.mark.parametrize("name", ["secret", "/secret", "signalbox/", " / "])
def test_what_names_no_entry_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="as service/name"):
        Settings(_env_file=None, secret_key_keyring=name)


def test_an_entry_that_is_not_there_is_refused_and_not_made(
    ring: FileKeyring, tmp_path: Path
) -> None:
    ring.delete_password("signalbox", "secret")

    with pytest.raises(Invalid, match="there is no signalbox/secret of the keyring") as refusal:
        load_key_ring(settings(tmp_path))

    assert refusal.value.code == "secret_key_missing"
    assert ring.entries == {}


def test_an_entry_that_is_too_short_is_refused(ring: FileKeyring) -> None:
    ring.set_password("signalbox", "secret", "short")

    with pytest.raises(Invalid, match="32 bytes at least") as refusal:
        read_entries(ENTRY)

    assert "short," not in refusal.value.detail


def test_the_library_is_an_extra_and_is_asked_for_by_its_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)  # as where it is not installed

    with pytest.raises(Invalid, match="make install-keyring") as refusal:
        ENTRY.read()

    assert refusal.value.code == "keyring_missing"


def test_a_keyring_that_is_locked_is_refused_in_its_words(ring: FileKeyring) -> None:
    ring.is_locked = True

    with pytest.raises(Invalid, match="KeyringLocked: nobody unlocked it") as refusal:
        read_entries(ENTRY)

    assert refusal.value.code == "keyring_unusable"


@pytest.mark.parametrize(
    "kind", ["clear text", "dead", "none", "forgetful", "clear text in a chain"]
)
def test_security_31_a_keyring_that_keeps_nothing_safe_is_refused(
    ring: FileKeyring, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "keyring"
    careless = {
        "clear text": ClearTextKeyring(path),
        "dead": DeadKeyring(path),
        "none": fail.Keyring(),  # type: ignore[no-untyped-call]  # the library's
        "forgetful": null.Keyring(),  # type: ignore[no-untyped-call]  # the library's
        "clear text in a chain": Chain(path, ring, ClearTextKeyring(path)),
    }
    keyring.set_keyring(careless[kind])

    for deed in (ENTRY.read, lambda: ENTRY.write(BEFORE), ENTRY.remove):
        with pytest.raises(Invalid, match="keeps no secret safe") as refusal:
            deed()
        assert refusal.value.code == "keyring_unusable"
    assert ring.entries == {"signalbox/secret": SECRET}


def test_replacing_keeps_the_secret_before_and_does_so_once(ring: FileKeyring) -> None:
    assert replace_entry(ENTRY)
    new, previous = read_entries(ENTRY)

    assert previous.decode() == ring.entries["signalbox/secret.previous"] == SECRET
    assert new != previous
    assert not replace_entry(ENTRY)
    assert read_entries(ENTRY) == [new, previous]


@pytest.mark.parametrize("name", ["secret.previous", "secret"])
def test_security_31_killed_while_replacing_then_the_secret_in_use_is_there_and_it_goes_on(
    ring: FileKeyring, name: str
) -> None:
    ring.dies_before = name
    with pytest.raises(KeyboardInterrupt):
        replace_entry(ENTRY)
    assert SECRET.encode() in read_entries(ENTRY)

    ring.dies_before = None
    assert replace_entry(ENTRY)

    assert ring.entries["signalbox/secret.previous"] == SECRET
