import re

import click
import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from app.cli import COMMANDS, commands, start
from app.commands.explain import explain
from app.commands.strategies import settings_of
from app.commands.telling import as_invalid, telling
from app.core.errors import Invalid
from app.strategies.schemas import Sizing

ALERT = '{"symbol":"BTCUSDT","action":"buy","quantity":"0.01","stop_loss":"58000"}'
NOTHING = dict.fromkeys(
    (
        "approval",
        "sides",
        "leverage",
        "max_price_drift_percent",
        "max_entries",
        "size",
        "size_mode",
        "stop_percent",
        "target_percent",
    )
)


def test_help_lists_every_command_with_a_sentence() -> None:
    shown = CliRunner().invoke(commands, ["--help"])

    assert shown.exit_code == 0
    for name in COMMANDS:
        assert re.search(rf"^  {name} +\S", shown.output, re.MULTILINE), name


def test_an_unknown_command_is_refused_in_a_line() -> None:
    refused = CliRunner().invoke(commands, ["destroy"])

    assert refused.exit_code == 2
    assert "No such command 'destroy'" in refused.output


def test_the_ways_to_start_are_listed() -> None:
    shown = CliRunner().invoke(start, ["--help"])

    assert all(name in shown.output for name in ("api", "worker", "paper-exchange", "prepare"))


def test_what_is_wrong_is_said_in_lines_and_ends_with_status_2() -> None:
    @click.command()
    @telling
    def fails() -> None:
        raise Invalid("PORT: taken\nHOST: unknown")

    answer = CliRunner().invoke(fails)

    assert answer.exit_code == 2
    assert answer.output == "signalbox: PORT: taken\nsignalbox: HOST: unknown\n"


def test_settings_that_do_not_parse_are_said_field_by_field() -> None:
    with pytest.raises(ValidationError) as refusal:
        Sizing.model_validate({"mode": "notional", "value": "-1"})

    assert as_invalid(refusal.value).detail == "the sizing value must be above 0"


def test_explain_says_what_an_alert_means() -> None:
    said = CliRunner().invoke(explain, ["-"], input=ALERT)

    assert said.exit_code == 0
    assert "Buy 0.01 BTCUSDT at market, stop 58000." in said.output
    assert "native" in said.output


def test_explain_points_at_the_place_where_an_alert_breaks() -> None:
    said = CliRunner().invoke(explain, ["-"], input='{"symbol":"BTCUSDT","action":"buy",}')

    assert said.exit_code == 2
    assert "refused trailing_comma" in said.output
    text, mark = said.output.splitlines()[1:3]
    assert text[mark.index("^")] == "}"


def test_explain_of_a_file_that_is_not_there_is_refused() -> None:
    said = CliRunner().invoke(explain, ["/nowhere/alert.json"])

    assert said.exit_code == 2
    assert said.output == "signalbox: /nowhere/alert.json: No such file or directory\n"


def test_settings_of_a_strategy_when_nothing_is_given_are_none() -> None:
    assert settings_of({**NOTHING, "symbols": ()}) == {}


def test_settings_of_a_strategy_are_those_of_the_api() -> None:
    given = {"size_mode": "notional", "size": "250", "stop_percent": "2", "approval": "auto"}

    asked = settings_of({**NOTHING, **given, "symbols": ("BTC/USDT:USDT",)})

    assert asked["sizing"]["mode"] == "notional"
    assert asked["default_stop_loss"]["kind"] == "percent"
    assert asked["allowed_symbols"] == ["BTC/USDT:USDT"]
    assert asked["approval"] == "auto"
    assert "leverage" not in asked


def test_settings_of_a_strategy_when_a_size_is_missing_are_refused() -> None:
    with pytest.raises(Invalid, match="sizing notional needs a value"):
        settings_of({**NOTHING, "size_mode": "notional", "symbols": ()})
