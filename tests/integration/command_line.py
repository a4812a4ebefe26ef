"""Commands as they are typed, in a folder of a test's own."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli import commands
from app.settings import Settings


def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where commands find their data from now on; no setting of this machine reaches them."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    (tmp_path / "logs").mkdir()
    return tmp_path / "data"


def run(*arguments: str, stdin: str | None = None) -> Result:
    """What a command says, and how it ends."""
    return CliRunner().invoke(commands, arguments, input=stdin)
