import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.accounts.keys import FILE_NAME, derive_keys, load_keys
from app.core.errors import Invalid
from app.settings import Settings


def settings(folder: Path, secret: str = "") -> Settings:
    return Settings(_env_file=None, data_dir=folder, secret_key=SecretStr(secret))


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

    assert len({keys.signing, keys.vault, b"s" * 32}) == 3
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
