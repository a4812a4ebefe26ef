"""`doctor`: look at everything, say what is wrong, and repair nothing without a yes."""

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Final

import click
from rich.console import Console
from rich.markup import escape

from app.commands.doctor.examination import examine
from app.commands.doctor.finding import Finding, Repair, Verdict, overall
from app.commands.doctor.repairs import Repaired, carry_out, proposed
from app.commands.telling import be_quiet, telling
from app.core.errors import Invalid
from app.core.startup import load_settings
from app.settings import Settings

EXIT_STATUS: Final = {Verdict.OK: 0, Verdict.BROKEN: 1, Verdict.NOT_CHECKED: 2}
MARKS: Final = {
    Verdict.OK: "[green]ok         [/]",
    Verdict.BROKEN: "[bold red]broken     [/]",
    Verdict.NOT_CHECKED: "[yellow]not checked[/]",
    Verdict.LEFT_OUT: "[dim]left out   [/]",
}
SHOWN: Final = 20


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings for a program.")
@click.option("--account", metavar="NAME", help="Only this account, and what is traded on it.")
@click.option("--repair", "with_repairs", is_flag=True, help="Propose repairs, and ask for each.")
@click.option("--yes", "is_agreed", is_flag=True, help="With --repair: do them without asking.")
@telling
def doctor(*, as_json: bool, account: str | None, with_repairs: bool, is_agreed: bool) -> None:
    """Check an installation, running or not, and change nothing without being told to.

    Settings, folders, secrets, the database and its schema; what must hold between the rows:
    decisions, orders, fills, positions, stops, results, days; and each exchange account that has a
    key against its venue: orders, executions, holdings, a paper account's wallet. What is wrong is
    looked at twice, two seconds apart, so that a server at work is not taken for a broken one.

    Exit status 0 when all is well, 1 when something differs, 2 when a venue could not be asked or
    it cannot look at all: not checked is not fine.
    """
    be_quiet()
    if as_json and with_repairs and not is_agreed:
        raise Invalid("--json cannot ask: add --yes to repair, or leave --repair away.")
    settings = load_settings()
    findings = asyncio.run(examine(settings, account))
    if not as_json:
        _show(findings)
    repaired: list[Repaired] = []
    agreed = _agreed(findings, is_agreed=is_agreed) if with_repairs else []
    if agreed:
        repaired, findings = asyncio.run(_repair(settings, agreed, account))
        if not as_json:
            _show_repairs(repaired, findings)
    if as_json:
        click.echo(json.dumps(_as_json(findings, repaired)))
    sys.exit(EXIT_STATUS[overall(findings)])


async def _repair(
    settings: Settings, agreed: Sequence[Repair], account: str | None
) -> tuple[list[Repaired], list[Finding]]:
    """Do them, and look again."""
    repaired = await carry_out(settings, agreed)
    return repaired, await examine(settings, account)


def _agreed(findings: Sequence[Finding], *, is_agreed: bool) -> list[Repair]:
    repairs = proposed(findings)
    if is_agreed:
        return repairs
    if not repairs:
        click.echo("Nothing here can be repaired safely from outside.")
    return [one for one in repairs if click.confirm(f"{one.proposal}?", default=False)]


def _as_json(findings: Sequence[Finding], repaired: Sequence[Repaired]) -> dict[str, object]:
    return {
        "status": overall(findings).value,
        "checks": [one.as_json() for one in findings],
        "repairs": [{"repair": one.repair.proposal, "outcome": one.outcome} for one in repaired],
    }


def _show_repairs(repaired: Sequence[Repaired], findings: Sequence[Finding]) -> None:
    for one in repaired:
        click.echo(f"{one.repair.proposal}: {one.outcome}.")
    click.echo("Looked again:")
    _show(findings)


def _show(findings: Sequence[Finding]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for finding in findings:
        looked_at = f"[dim]({finding.looked_at})[/]"
        console.print(f"{MARKS[finding.verdict]} {escape(finding.name)} {looked_at}")
        if finding.not_checked or finding.left_out:
            console.print(f"            {escape(finding.not_checked or finding.left_out)}")
        for difference in finding.differences[:SHOWN]:
            console.print(f"            {escape(difference.sentence)}")
            for said in difference.notices:
                console.print(f"            [dim]notice {escape(said)}[/]")
        more = len(finding.differences) - SHOWN
        if more > 0:
            console.print(f"            and {more} more (--json lists all)")
