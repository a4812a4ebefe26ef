"""`audit verify`: whether the audit trail is still what was sealed."""

import asyncio
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from app.audit import repository
from app.audit.repository import Head
from app.audit.verifying import Verification, verify
from app.commands.doctor.checks.trail import trail_is_as_sealed
from app.commands.doctor.command import EXIT_STATUS, MARKS
from app.commands.doctor.finding import Finding
from app.commands.doctor.surroundings import check_database_file, check_schema
from app.commands.telling import be_quiet, telling
from app.core.clock import SystemClock, iso
from app.core.errors import Invalid, Unavailable
from app.core.startup import load_settings
from app.db.session import open_database
from app.settings import Settings

HEAD: Final = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{64})")
SHOWN: Final = 20


@click.group()
def audit() -> None:
    """The audit trail: who did what, when and from where, each entry sealed."""


@audit.command("verify")
@click.option("--head", "text", metavar="N:DIGEST", help="A head that was kept: is it in there?")
@click.option("--json", "as_json", is_flag=True, help="Print what was found for a program.")
@telling
def verify_trail(*, text: str | None, as_json: bool) -> None:
    """Compute the chain over the whole trail anew, server running or not, and change nothing.

    It says what was changed, removed or added, and prints the head of the chain. Keep it where
    nobody gets who could change the database, and give it back with --head: that the end of the
    chain was cut off, or all of it computed anew, nothing in the database itself can show.

    Exit status 0 when all is as it was sealed, 1 when something is not, 2 when entries have waited
    for minutes to be sealed or it cannot look at all: not checked is not fine.
    """
    be_quiet()
    kept = None if text is None else _head(text)
    found = asyncio.run(_verify(load_settings(), kept, is_shown=not as_json))
    now = SystemClock().now()
    finding = trail_is_as_sealed(found, now)
    if as_json:
        click.echo(json.dumps(_as_json(found, finding)))
    else:
        _show(found, finding, now)
    sys.exit(EXIT_STATUS[finding.verdict])


def _head(text: str) -> Head:
    parts = HEAD.fullmatch(text.strip().lower())
    if parts is None:
        raise Invalid("--head: a number, a colon and 64 hex digits, as `audit verify` prints it.")
    return Head(int(parts[1]), parts[2])


async def _verify(settings: Settings, kept: Head | None, *, is_shown: bool) -> Verification:
    _refuse(check_database_file(settings))
    database = open_database(settings.resolved_database_url, is_read_only=True)
    try:
        _refuse(await check_schema(database))
        async with database.read() as session:
            total = (await repository.head(session)).number
            with _progress(total, is_shown=is_shown) as on_progress:
                return await verify(session, kept=kept, on_progress=on_progress)
    finally:
        await database.close()


def _refuse(finding: Finding) -> None:
    if finding.problems:
        raise Unavailable("\n".join(finding.problems))


@contextmanager
def _progress(total: int, *, is_shown: bool) -> Iterator[Callable[[int], None]]:
    """A bar on the terminal, and nothing where the output is for a program or a file."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not is_shown) as bar:
        task = bar.add_task("computing the chain", total=total)
        yield lambda count: bar.update(task, advance=count)


def _as_json(found: Verification, finding: Finding) -> dict[str, object]:
    oldest = found.oldest_unsealed_at
    return {
        "status": finding.verdict.value,
        "head": {"number": found.head.number, "digest": found.head.digest},
        "sealed": found.sealed,
        "unsealed": found.unsealed,
        "oldest_unsealed_at": None if oldest is None else iso(oldest),
        "flaw_count": found.flaw_count,
        "flaws": [
            {
                "kind": one.kind.value,
                "number": one.number,
                "entry_id": None if one.entry_id is None else str(one.entry_id),
                "sentence": one.sentence,
            }
            for one in found.flaws
        ],
        "not_checked": finding.not_checked or None,
    }


def _show(found: Verification, finding: Finding, now: datetime) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{MARKS[finding.verdict]} {found.sealed} entries are sealed.")
    for flaw in found.flaws[:SHOWN]:
        console.print(f"            {escape(flaw.sentence)}")
    more = found.flaw_count - SHOWN
    if more > 0:
        console.print(f"            and {more} more (--json lists the first thousand)")
    oldest = found.oldest_unsealed_at
    if oldest is not None:
        age = int((now - oldest).total_seconds())
        console.print(f"Not sealed yet: {found.unsealed}, the oldest for {age} s.")
    if finding.not_checked:
        console.print(escape(finding.not_checked))
    console.print(f"The head, to be kept elsewhere: {found.head}")
