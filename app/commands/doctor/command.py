"""`doctor`: look at everything, say what is wrong, touch nothing."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import click
from rich.console import Console
from rich.markup import escape
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.keys import FILE_NAME, load_keys
from app.accounts.vault import Vault
from app.commands.doctor.finding import Finding
from app.commands.doctor.rows import check_rows
from app.commands.doctor.surroundings import (
    check_database_file,
    check_folders,
    check_schema,
    check_secrets,
)
from app.commands.installation import be_quiet
from app.commands.telling import telling
from app.core.clock import SystemClock
from app.core.errors import Invalid
from app.core.startup import load_settings
from app.db.session import Database, open_database
from app.settings import Settings

DIFFERENCE: Final = 1
SHOWN: Final = 20


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings for a program.")
@telling
def doctor(*, as_json: bool) -> None:
    """Check an installation, running or not, and change nothing.

    Settings, folders, secrets, the database and its schema; then what must hold between the
    rows: fills, orders, positions, bookings, days, trades, sealed keys. It compares our own books
    only: holding them against the venue's orders, fills and balances comes with the work on
    recovery. Exit status 0 when all is well, 1 when something differs, 2 when it cannot look.
    """
    be_quiet()
    findings = asyncio.run(examine(load_settings()))
    is_well = all(finding.is_ok for finding in findings)
    if as_json:
        status = "ok" if is_well else "broken"
        click.echo(json.dumps({"status": status, "checks": [one.as_json() for one in findings]}))
    else:
        _show(findings)
    if not is_well:
        sys.exit(DIFFERENCE)


async def examine(settings: Settings) -> list[Finding]:
    """Every check that can be made; later ones are left out where an earlier one rules them out."""
    findings = [check_folders(settings), check_secrets(settings), check_database_file(settings)]
    if not findings[-1].is_ok:
        return findings
    database = open_database(settings.resolved_database_url)
    try:
        findings.append(await check_schema(database))
        if findings[-1].is_ok:
            async with one_moment(database) as session:
                findings += await check_rows(session, _vault(settings), SystemClock().now())
    finally:
        await database.close()
    return findings


@asynccontextmanager
async def one_moment(database: Database) -> AsyncIterator[AsyncSession]:
    """A session whose every query sees the same moment, while a server goes on writing."""
    async with database.read() as session:
        if not database.is_sqlite:
            await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        yield session


def _vault(settings: Settings) -> Vault | None:
    """The vault, without making a key where there is none."""
    has_key = settings.secret_key.get_secret_value() or (settings.data_dir / FILE_NAME).exists()
    if not has_key:
        return None
    try:
        return Vault(load_keys(settings).vault)
    except Invalid:
        return None  # said already by the check of the secrets


def _show(findings: list[Finding]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for finding in findings:
        mark = "[green]ok    [/]" if finding.is_ok else "[bold red]broken[/]"
        console.print(f"{mark} {escape(finding.name)} [dim]({finding.looked_at})[/]")
        for problem in finding.problems[:SHOWN]:
            console.print(f"       {escape(problem)}")
        more = len(finding.problems) - SHOWN
        if more > 0:
            console.print(f"       and {more} more (--json lists all)")
