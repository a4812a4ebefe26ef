import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from loguru import logger
from pydantic import SecretStr

from app.accounts.key_files import FILE_NAME
from app.accounts.keys import KeyRing, Keys, derive_keys, load_key_ring
from app.core.errors import Invalid
from app.settings import Settings

OLD, NEW, OTHER = b"o" * 32, b"n" * 32, b"x" * 32


def settings(folder: Path, secret: str = "", **more: str) -> Settings:
    return Settings(_env_file=None, data_dir=folder, secret_key=SecretStr(secret), **more)  # type: ignore[arg-type]  # text, as from the environment


def load_keys(given: Settings) -> Keys:
    return load_key_ring(given).current


def write(path: Path, content: bytes, mode: int = 0o600) -> Path:
    """As an editor or a mount does: another file takes the name."""
    draft = path.with_name("draft")
    draft.write_bytes(content)
    draft.chmod(mode)
    return draft.replace(path)


def ids(*secrets: bytes) -> list[str]:
    return [derive_keys(secret).key_id for secret in secrets]


def on(ring: KeyRing) -> list[str]:
    return [keys.key_id for keys in ring.all]


def test_load_keys_makes_a_private_file_once(tmp_path: Path) -> None:
    first = load_keys(settings(tmp_path / "data"))
    second = load_keys(settings(tmp_path / "data"))

    assert first == second
    path = tmp_path / "data" / FILE_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == [FILE_NAME]


def test_load_keys_from_many_starts_at_once_agrees(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        loaded = list(pool.map(lambda _: load_keys(settings(tmp_path / "data")), range(16)))

    assert len({keys.signing for keys in loaded}) == 1


def test_load_keys_with_a_secret_writes_no_file(tmp_path: Path) -> None:
    keys = load_keys(settings(tmp_path, "s" * 32))

    assert keys == derive_keys(b"s" * 32)
    assert list(tmp_path.iterdir()) == []


def test_derived_keys_differ_and_do_not_show_themselves() -> None:
    keys = derive_keys(b"s" * 32)

    assert len({keys.signing, keys.wrapping, keys.vault, b"s" * 32}) == 4
    assert repr(keys) == f"Keys(key_id={keys.key_id!r})"


@pytest.mark.parametrize(
    ("mode", "content", "code"),
    [
        (0o644, b"k" * 32, "secret_key_exposed"),
        (0o640, b"k" * 32, "secret_key_exposed"),
        (0o600, b"k" * 31, "secret_key_damaged"),
        (0o600, b"", "secret_key_damaged"),
    ],
)
def test_load_keys_from_a_file_that_cannot_be_trusted_is_refused(
    tmp_path: Path, mode: int, content: bytes, code: str
) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(content)
    path.chmod(mode)

    with pytest.raises(Invalid) as refusal:
        load_keys(settings(tmp_path))

    assert refusal.value.code == code
    assert str(path) in refusal.value.detail


def test_load_keys_where_nothing_can_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(Invalid) as refusal:
        load_keys(settings(tmp_path / "file" / "data"))

    assert refusal.value.code == "data_dir_unwritable"


def test_load_key_ring_without_a_file_where_none_may_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        load_key_ring(settings(tmp_path), may_make=False)

    assert list(tmp_path.iterdir()) == []


def test_ring_has_the_secret_in_use_first_and_the_previous_ones_once(tmp_path: Path) -> None:
    write(tmp_path / f"{FILE_NAME}.previous", OLD)
    given = settings(tmp_path, NEW.decode(), secret_key_previous=OTHER.decode())

    ring = load_key_ring(given)

    assert on(ring) == ids(NEW, OTHER, OLD)
    assert on(KeyRing.of(NEW, OLD, NEW)) == ids(NEW, OLD)
    assert ring.named(ids(OTHER)[0]) == derive_keys(OTHER)
    assert ring.named(ids(b"y" * 32)[0]) is None
    assert ring.named(None) is None
    assert ring.named(["a"]) is None


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_secret_key_file_is_the_secret_that_secret_key_would_be(tmp_path: Path, end: bytes) -> None:
    mounted = write(tmp_path / "mounted", NEW + end, mode=0o444)
    write(tmp_path / "mounted.previous", OLD + end, mode=0o444)

    ring = load_key_ring(settings(tmp_path / "data", secret_key_file=str(mounted)))

    assert on(ring) == ids(NEW, OLD)
    assert not (tmp_path / "data").exists()


def test_secret_key_file_with_a_secret_of_this_program_loses_no_byte(tmp_path: Path) -> None:
    secret = b"k" * 31 + b"\n"

    ring = load_key_ring(
        settings(tmp_path, secret_key_file=str(write(tmp_path / "mounted", secret)))
    )

    assert on(ring) == ids(secret)


@pytest.mark.parametrize(
    ("content", "mode", "code"),
    [
        (NEW, 0o666, "secret_key_exposed"),
        (NEW, 0o420, "secret_key_exposed"),
        (b"short\n", 0o400, "secret_key_damaged"),
        (b"k" * 31 + b"\r\n", 0o400, "secret_key_damaged"),
        (None, 0, "secret_key_unreadable"),
    ],
)
def test_secret_key_file_that_cannot_be_trusted_is_refused(
    tmp_path: Path, content: bytes | None, mode: int, code: str
) -> None:
    if content is not None:
        write(tmp_path / "mounted", content, mode)

    with pytest.raises(Invalid) as refusal:
        load_key_ring(settings(tmp_path, secret_key_file=str(tmp_path / "mounted")))

    assert refusal.value.code == code
    assert str(tmp_path / "mounted") in refusal.value.detail


def test_previous_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    write(tmp_path / f"{FILE_NAME}.previous", OLD, mode=0o644)

    with pytest.raises(Invalid) as refusal:
        load_key_ring(settings(tmp_path))

    assert refusal.value.code == "secret_key_exposed"


def test_security_31_a_running_process_takes_part_in_a_rotation(tmp_path: Path) -> None:
    path = write(tmp_path / FILE_NAME, OLD)
    ring = load_key_ring(settings(tmp_path))
    assert on(ring) == ids(OLD)

    (tmp_path / f"{FILE_NAME}.previous").hardlink_to(path)
    assert on(ring) == ids(OLD)
    write(path, NEW)
    assert on(ring) == ids(NEW, OLD)
    (tmp_path / f"{FILE_NAME}.previous").unlink()
    assert on(ring) == ids(NEW)
    assert ring.named(ids(OLD)[0]) is None


def test_a_running_process_goes_on_with_its_keys_when_the_file_is_lost_or_spoiled(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / FILE_NAME, OLD)
    ring = load_key_ring(settings(tmp_path))
    said: list[str] = []
    sink = logger.add(lambda line: said.append(line.record["message"]), format="{message}")

    path.unlink()
    assert on(ring) == ids(OLD)
    write(path, b"half of it")
    assert on(ring) == ids(OLD)
    write(path, NEW, mode=0o644)
    assert on(ring) == on(ring) == ids(OLD)
    path.chmod(0o600)
    assert on(ring) == ids(NEW)

    logger.remove(sink)
    assert said == ["keys.not_read_anew"] * 3 + ["keys.changed"]
