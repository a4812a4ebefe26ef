import re
from itertools import pairwise
from pathlib import Path

import pytest
from dotenv import dotenv_values
from pydantic import ValidationError

from app.core.errors import Invalid
from app.core.startup import load_settings
from app.settings import Settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"


def test_env_example_names_every_setting_and_no_other() -> None:
    assert set(dotenv_values(EXAMPLE)) == {name.upper() for name in Settings.model_fields}


def test_env_example_shows_the_defaults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)

    assert Settings(_env_file=EXAMPLE) == Settings(_env_file=None)


def test_env_example_explains_each_setting_in_the_line_above() -> None:
    lines = EXAMPLE.read_text().splitlines()

    unexplained = [
        line
        for above, line in pairwise(lines)
        if re.match(r"[A-Z_]+=", line) and not above.startswith("# ")
    ]

    assert unexplained == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"admin_username": "ada"}, "set both or neither"),
        ({"environment": "production"}, "SECRET_KEY is required in production"),
        ({"secret_key": "short"}, "SECRET_KEY is too short"),
        ({"port": "0"}, "greater than or equal to 1"),
        ({"webhook_read_seconds": "0"}, "greater than 0"),
        ({"webhook_allowed_ips": "1.2.3"}, "1.2.3"),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_a_sentence(
    changes: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ValidationError, match=re.escape(sentence)):
        Settings(_env_file=None, **changes)  # type: ignore[arg-type]  # text, as from the environment


def test_load_settings_when_several_are_wrong_says_each_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PORT", "many")
    monkeypatch.setenv("OPEN_REGISTRATION", "perhaps")

    with pytest.raises(Invalid) as refusal:
        load_settings()

    assert refusal.value.code == "bad_settings"
    first, second = sorted(refusal.value.detail.splitlines())
    assert first.startswith("OPEN_REGISTRATION: ")
    assert second.startswith("PORT: ")


def test_load_settings_when_wrong_does_not_echo_a_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECRET_KEY", "tooshort")

    with pytest.raises(Invalid) as refusal:
        load_settings()

    assert "tooshort" not in refusal.value.detail
    assert refusal.value.detail == "SECRET_KEY is too short: 32 bytes at least"
