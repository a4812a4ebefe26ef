"""What lies in deploy/ fits the program: its settings, commands and one way to have a proxy."""

import configparser
import re
from pathlib import Path

import click
import pytest

from app.cli import start
from app.settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
PAGE = (DEPLOY.parent / "docs" / "deploy.md").read_text(encoding="utf-8")
UNITS = sorted(DEPLOY.glob("*.service"))
PROXIES = [DEPLOY / "nginx.conf", DEPLOY / "Caddyfile"]


def unit(path: Path) -> dict[str, list[str]]:
    """Every value of each key, for a key may come more than once."""
    found: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def env() -> dict[str, str]:
    lines = (DEPLOY / "signalbox.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_every_setting_exists_and_makes_sense() -> None:
    settings = Settings(_env_file=DEPLOY / "signalbox.env")

    assert {name.lower() for name in env()} <= set(Settings.model_fields)
    assert settings.is_behind_https
    assert settings.webhook_allowed_ips == Settings.model_fields["webhook_allowed_ips"].default


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_a_command_that_exists(path: Path) -> None:
    configparser.ConfigParser(strict=False, interpolation=None).read_string(path.read_text())
    [command] = unit(path)["ExecStart"]
    program, *words = command.removeprefix("/opt/signalbox/.venv/bin/").split()

    if program == "gunicorn":
        assert words == ["app.serve:api"]
    else:
        assert (program, words[0]) == ("python", "run.py")
        assert isinstance(start, click.Group)
        assert set(words[1:]) <= set(start.commands)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_security_31_a_unit_gives_away_nothing(path: Path) -> None:
    found = unit(path)

    assert found["User"] == ["signalbox"]
    assert found["UMask"] == ["0077"]
    assert found["LimitCORE"] == ["0"]
    assert found["NoNewPrivileges"] == ["yes"]
    assert found["CapabilityBoundingSet"] == [""]
    assert env()["DATA_DIR"] == f"/var/lib/{found['StateDirectory'][0]}"
    assert env()["LOG_DIR"] == f"/var/log/{found['LogsDirectory'][0]}"


@pytest.mark.parametrize("path", PROXIES, ids=lambda path: path.name)
def test_security_33_a_proxy_speaks_to_the_address_that_the_settings_say(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert f"{env()['HOST']}:{env()['PORT']}" in text
    assert not re.search(r"^[^#]*(Strict-Transport-Security|trusted_proxies)", text, re.MULTILINE)


def test_security_33_nginx_replaces_what_a_sender_says_of_itself() -> None:
    text = PROXIES[0].read_text(encoding="utf-8")

    assert re.findall(r"X-Forwarded-For (\S+);", text) == ["$remote_addr"]
    assert "proxy_add_x_forwarded_for" not in text


def test_security_32_no_log_of_a_proxy_has_an_address_in_it() -> None:
    nginx, caddy = (path.read_text(encoding="utf-8") for path in PROXIES)
    [log_format] = re.findall(r"log_format signalbox (.*?);", nginx, re.DOTALL)
    [webhooks] = re.findall(r"location /webhooks/ \{(.*?)\}", nginx, re.DOTALL)

    assert not re.search(r"\$(request|request_uri|uri|args|http_\w+)\b", log_format)
    assert "error_log /dev/null" in webhooks
    assert "request>uri delete" in caddy
    assert "request>headers delete" in caddy


def test_the_page_names_every_file() -> None:
    assert [path.name for path in sorted(DEPLOY.iterdir()) if path.name not in PAGE] == []
