import base64
import json
import logging
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from loguru import logger
from pydantic import SecretStr

from app.core.errors import Invalid
from app.core.log import configure_logging
from app.core.scrub import is_sensitive, one_line, redact_path, register_secret, scrub
from app.settings import Settings

TOKEN = "Zk3vYx0QmB7nTr5LwPa9sDf2GhJ4KcVb"
CANARY = "canary/9f+8e7d6c5b4a"


@pytest.fixture
def folder(tmp_path: Path, as_before: None) -> Path:
    """A log folder in use."""
    del as_before
    configure_logging(Settings(_env_file=None, log_dir=tmp_path / "logs"))
    return tmp_path / "logs"


def events(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def test_a_line_is_readable_in_one_file_and_json_in_the_other(folder: Path) -> None:
    with logger.contextualize(request_id="r1", alarm_id="a1"):
        logger.bind(symbol="BTC/USDT").info("alarm.accepted")

    (event,) = events(folder)
    assert event["event"] == "alarm.accepted"
    assert event["level"] == "info"
    assert (event["request_id"], event["alarm_id"], event["symbol"]) == ("r1", "a1", "BTC/USDT")
    text = (folder / "app.log").read_text()
    assert "alarm.accepted process=all" in text
    assert "symbol=BTC/USDT" in text


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (f"POST /webhooks/tradingview/{TOKEN} 200", "<redacted:KcVb>"),
        (f"Authorization: Bearer {TOKEN}", "<redacted>"),
        (f'{{"password": "{TOKEN}", "symbol": "BTCUSDT"}}', "BTCUSDT"),
        (f'{{\\"api_secret\\":\\"{TOKEN}\\",\\"symbol\\":\\"BTCUSDT\\"}}', "BTCUSDT"),
        (f"apiKey={TOKEN}&symbol=BTCUSDT", "symbol=BTCUSDT"),
        (f"timestamp=1&signature={TOKEN}", "timestamp=1"),
        (f"password='{TOKEN}' user=ada", "user=ada"),
        (f'{{"passphrase":"a\\"{TOKEN}"}}', "<redacted>"),
        (f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{TOKEN} was refused", "was refused"),
        (f"secret_key: {TOKEN}", "secret_key: <redacted>"),
    ],
)
def test_what_looks_like_a_secret_is_in_neither_file(folder: Path, said: str, kept: str) -> None:
    logger.info("{}", said)
    logger.bind(said=said).info("event")

    for name in ("app.log", "events.jsonl"):
        written = (folder / name).read_text()
        assert TOKEN not in written
        assert TOKEN[:-4] not in written
    assert kept in scrub(said)


@pytest.mark.parametrize("said", ["token_hint=KcVb", '"token_type": "bearer"', "status=rejected"])
def test_what_only_looks_secret_stays(said: str) -> None:
    assert scrub(said) == said


@pytest.mark.parametrize(
    "form",
    [
        CANARY,
        quote(CANARY, safe=""),
        base64.b64encode(CANARY.encode()).decode(),
        base64.urlsafe_b64encode(CANARY.encode()).decode(),
        json.dumps(f"x {CANARY}"),
        json.dumps(json.dumps(f"x {CANARY}")),
        CANARY.encode().hex(),
    ],
)
def test_a_registered_secret_is_found_in_every_form(folder: Path, form: str) -> None:
    register_secret(CANARY)

    logger.info("it was {}", form)
    logger.bind(note=form, path=f"/x/{form}").warning("event")

    written = (folder / "app.log").read_text() + (folder / "events.jsonl").read_text()
    assert form.strip('"').removeprefix("x ").rstrip("=") not in written


def test_a_field_with_a_secret_name_is_redacted_whatever_it_holds(folder: Path) -> None:
    logger.bind(api_secret="plain words", token_hint="KcVb").info("event")

    (event,) = events(folder)
    assert (event["api_secret"], event["token_hint"]) == ("<redacted>", "KcVb")


def test_an_exception_shows_where_but_no_secret_and_no_variables(folder: Path) -> None:
    hidden = "only in a variable"
    try:
        raise ValueError(f"GET https://x/?apiKey={TOKEN} failed\n2026 INFO forged")
    except ValueError:
        logger.exception("venue.failed")

    (event,) = events(folder)
    assert "test_log.py" in str(event["exception"])
    text = (folder / "app.log").read_text()
    assert TOKEN not in text
    assert hidden not in text
    assert all(line.startswith(("20", "    | ")) for line in text.splitlines())


def test_line_ends_and_escapes_cannot_forge_a_line(folder: Path) -> None:
    logger.bind(symbol="BTC\r\n2026-01-31 INFO forged\x1b[31m").info("event\nforged \u2028 line")

    assert len((folder / "app.log").read_text().splitlines()) == 1
    assert len(events(folder)) == 1
    assert "\x1b" not in (folder / "app.log").read_text()


def test_one_line_shows_what_it_takes_out() -> None:
    assert one_line("a\r\nb\x1b[0m\x00\u202e") == "a\\r\\nb\\x1b[0m\\x00\\u202e"


def test_stdlib_records_arrive_with_their_own_name(folder: Path) -> None:
    logging.getLogger("uvicorn.error").warning("port in use: %s", 8000)
    logging.getLogger("litestar").info('body {"password": "%s"}', TOKEN)

    first, second = events(folder)
    assert (first["logger"], first["event"], first["level"]) == (
        "uvicorn.error",
        "port in use: 8000",
        "warning",
    )
    assert second["event"] == 'body {"password": "<redacted>"}'


def test_settings_secrets_are_known_from_the_start(tmp_path: Path, as_before: None) -> None:
    del as_before
    settings = Settings(
        _env_file=None,
        log_dir=tmp_path / "logs",
        admin_username="ada",
        admin_password=SecretStr("S3cret-of-ada"),
    )
    configure_logging(settings)
    logger.info("she typed S3cret-of-ada just now")
    logger.remove()

    assert "S3cret-of-ada" not in (tmp_path / "logs" / "app.log").read_text()


def test_log_files_are_for_their_owner_only(folder: Path) -> None:
    for name in ("app.log", "events.jsonl"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(Invalid) as refusal:
        configure_logging(Settings(_env_file=None, log_dir=tmp_path / "file" / "logs"))

    assert refusal.value.code == "log_dir_unwritable"
    assert "\n" not in refusal.value.detail


def test_redact_path_keeps_only_the_end_of_a_long_token() -> None:
    assert redact_path(f"/webhooks/tradingview/{TOKEN}") == "/webhooks/tradingview/<redacted:KcVb>"
    assert redact_path("/webhooks/tradingview/short") == "/webhooks/tradingview/<redacted>"
    assert redact_path("/alarms/1") == "/alarms/1"


@pytest.mark.parametrize("name", ["password", "apiKey", "api_secret", "X-Authorization", "invite"])
def test_is_sensitive_by_name(name: str) -> None:
    assert is_sensitive(name)


def test_scrub_of_hostile_text_takes_no_time() -> None:
    # A pattern that backtracks would never come back from this.
    hostile = ("token" * 2000) + ("\\" * 4000) + "\"'" * 2000

    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys;from app.core.scrub import scrub;scrub(sys.stdin.read())",
        ],
        input=hostile.encode(),
        timeout=10,
        check=True,
    )

    assert done.returncode == 0
