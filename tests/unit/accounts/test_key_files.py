import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.accounts.key_files import drop_secret, make_secret, only_one, read_secret, replace_secret
from app.core.errors import Conflict, Invalid

OLD = b"o" * 32


@pytest.fixture
def current(tmp_path: Path) -> Path:
    path = tmp_path / "secret.key"
    path.write_bytes(OLD)
    path.chmod(0o600)
    return path


@pytest.fixture
def previous(current: Path) -> Path:
    return current.with_name("secret.key.previous")


def secret(path: Path) -> bytes:
    return read_secret(path, is_mounted=False)


def test_replace_secret_keeps_the_one_before_and_leaves_nothing_else(
    current: Path, previous: Path
) -> None:
    assert replace_secret(current, previous)

    assert secret(previous) == OLD
    assert secret(current) != OLD
    assert sorted(current.parent.iterdir()) == [current, previous]
    assert {stat.S_IMODE(one.stat().st_mode) for one in (current, previous)} == {0o600}


def test_replace_secret_while_there_is_a_previous_one_changes_nothing(
    current: Path, previous: Path
) -> None:
    replace_secret(current, previous)
    new = secret(current)

    assert not replace_secret(current, previous)

    assert (secret(current), secret(previous)) == (new, OLD)


def _killed_while_writing(current: Path, _: Path) -> None:
    current.with_name("secret.key.next").write_bytes(b"half")


def _killed_before_the_link(current: Path, _: Path) -> None:
    current.with_name("secret.key.next").write_bytes(b"z" * 32)


def _killed_after_the_link(current: Path, previous: Path) -> None:
    _killed_before_the_link(current, previous)
    previous.hardlink_to(current)


def _copied_by_hand(current: Path, previous: Path) -> None:
    previous.write_bytes(current.read_bytes())
    previous.chmod(0o600)


@pytest.mark.parametrize(
    "left",
    [
        _killed_while_writing,
        _killed_before_the_link,
        _killed_after_the_link,
        _copied_by_hand,
    ],
)
def test_security_31_replace_secret_goes_on_where_it_was_killed(
    current: Path, previous: Path, left: Callable[[Path, Path], None]
) -> None:
    left(current, previous)

    assert replace_secret(current, previous)

    assert secret(previous) == OLD
    assert secret(current) not in {OLD, b"z" * 32}
    assert sorted(current.parent.iterdir()) == [current, previous]


def test_replace_secret_in_a_folder_that_is_gone_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        replace_secret(tmp_path / "no" / "secret.key", tmp_path / "no" / "secret.key.previous")


def test_make_secret_leaves_the_one_that_is_there(current: Path) -> None:
    make_secret(current)

    assert secret(current) == OLD


def test_drop_secret_removes_it_and_says_when_it_cannot(current: Path) -> None:
    drop_secret(current)

    assert not current.exists()
    with pytest.raises(Invalid):
        drop_secret(current)


HOLDER = """
import sys, time
from pathlib import Path
from app.accounts.key_files import only_one
with only_one(Path(sys.argv[1])):
    print("here", flush=True)
    time.sleep(60)
"""


def test_only_one_refuses_a_second_process_and_not_after_a_kill(tmp_path: Path) -> None:
    holder = subprocess.Popen(  # noqa: S603 our own program
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "here\n"
        with pytest.raises(Conflict) as refusal, only_one(tmp_path):
            pass
        holder.kill()
        holder.wait()

    assert refusal.value.code == "rotation_running"
    with only_one(tmp_path):
        pass
