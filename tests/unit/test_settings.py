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
    ("environment", "wanted", "shown_to"),
    [
        ("local", "", "anyone"),
        ("local", "admin", "admin"),
        ("production", "", "admin"),
        ("production", "anyone", "anyone"),
        ("production", "nobody", "nobody"),
    ],
)
def test_security_36_the_api_pages_are_for_admins_in_production_unless_said_otherwise(
    environment: str, wanted: str, shown_to: str
) -> None:
    changes = {"environment": environment, "api_pages_for": wanted, "secret_key": "k" * 32}

    settings = Settings(_env_file=None, **changes)  # type: ignore[arg-type]  # text, as from the environment

    assert settings.shows_pages_to == shown_to


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"admin_username": "ada"}, "set both or neither"),
        ({"environment": "production"}, "SECRET_KEY is required in production"),
        ({"secret_key": "short"}, "SECRET_KEY is too short"),
        ({"secret_key": "k" * 32, "secret_key_keyring": "a/b"}, "exclude each other"),
        ({"secret_key_file": "key", "secret_key_keyring": "a/b"}, "exclude each other"),
        ({"port": "0"}, "greater than or equal to 1"),
        ({"webhook_read_seconds": "0"}, "greater than 0"),
        ({"webhook_allowed_ips": "1.2.3"}, "neither an address nor a network"),
        ({"webhook_token_per_minute": "0"}, "greater than or equal to 1"),
        ({"metrics_for": "anyone"}, "loopback"),
        ({"api_pages_for": "everybody"}, "nobody"),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_a_sentence(
    changes: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ValidationError, match=re.escape(sentence)):
        Settings(_env_file=None, **changes)  # type: ignore[arg-type]  # text, as from the environment


def test_hosts_for_outgoing_addresses_are_named_one_by_one() -> None:
    named = "ntfy.lan, 10.0.0.9:8080,[fd00::9]"

    settings = Settings(_env_file=None, outgoing_allowed_hosts=named)

    assert settings.outgoing_allowed_hosts == ("ntfy.lan", "10.0.0.9:8080", "[fd00::9]")


@pytest.mark.parametrize(
    "host",
    ["*", "*.lan", "https://ntfy.lan", "NTFY.lan", "ntfy.lan/", "ntfy.lan.", "10.0.0.0/8", "::1"],
)
def test_security_34_a_list_of_hosts_has_no_pattern_and_no_network(host: str) -> None:
    with pytest.raises(ValidationError, match="is no host"):
        Settings(_env_file=None, outgoing_allowed_hosts=host)


PRODUCTION = {"environment": "production", "secret_key": "k" * 32}


@pytest.mark.parametrize("everybody", ["*", "0.0.0.0/0", "::/0", "10.0.0.1, 0.0.0.0/0"])
@pytest.mark.parametrize("environment", [{}, PRODUCTION])
def test_security_33_nobody_is_trusted_as_a_proxy_without_a_name(
    environment: dict[str, str], everybody: str
) -> None:
    with pytest.raises(ValidationError, match=r"neither an address|would believe everybody"):
        Settings(_env_file=None, trusted_proxies=everybody, **environment)  # type: ignore[arg-type]  # text, as from the environment


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", "loopback"),
        ("127.8.8.8", "loopback"),
        ("::1", "loopback"),
        ("10.1.2.3", "private"),
        ("172.16.0.0/28", "private"),
        ("192.168.1.5", "private"),
        ("100.64.0.1", "private"),
        ("fd00::1", "private"),
        ("169.254.169.254", "link-local"),
        ("fe80::1", "link-local"),
        ("0.0.0.0", "unspecified"),  # noqa: S104 nothing listens there
        ("::", "unspecified"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("203.0.113.7", "reserved"),
        ("2001:db8::1", "reserved"),
        ("::ffff:52.89.214.238", "reserved"),
        ("0.0.0.0/0", "unspecified"),
        ("::/0", "unspecified"),
        ("8.0.0.0/5", "private"),
        ("52.89.214.238, 10.0.0.9", "private"),
    ],
)
def test_security_33_only_public_addresses_send_alerts_in_production(
    address: str, kind: str
) -> None:
    with pytest.raises(ValidationError, match=f"WEBHOOK_ALLOWED_IPS: .*{kind}"):
        Settings(_env_file=None, webhook_allowed_ips=address, **PRODUCTION)  # type: ignore[arg-type]  # text, as from the environment

    assert Settings(_env_file=None, webhook_allowed_ips=address).is_local


@pytest.mark.parametrize(
    ("senders", "proxies"),
    [("8.8.8.8", "8.8.8.8"), ("8.8.8.0/24", "8.8.8.8"), ("8.8.8.8", "8.8.8.0/24")],
)
def test_security_33_a_proxy_is_no_sender_of_alerts_in_production(
    senders: str, proxies: str
) -> None:
    with pytest.raises(ValidationError, match="one of TRUSTED_PROXIES"):
        Settings(
            _env_file=None,
            webhook_allowed_ips=senders,
            trusted_proxies=proxies,
            **PRODUCTION,  # type: ignore[arg-type]
        )


@pytest.mark.parametrize("address", ["8.8.8.8", "8.8.8.0/24", "2a00:1450::/32", ""])
def test_security_33_public_addresses_and_private_proxies_are_taken(address: str) -> None:
    settings = Settings(
        _env_file=None,
        webhook_allowed_ips=address,
        trusted_proxies="127.0.0.1, 10.0.0.0/8, fd00::/8",
        **PRODUCTION,  # type: ignore[arg-type]
    )

    assert not settings.is_local


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
