"""`rotate-keys`: another secret for the installation, and every stored key under it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy.exc import DBAPIError

from app.accounts.key_entries import KeyEntry, key_entry, replace_entry
from app.accounts.key_files import drop_secret, key_files, only_one, replace_secret
from app.accounts.keys import KeyRing, load_key_ring
from app.accounts.sealing.rewrapping import Unreadable, count_waiting, rewrap_all
from app.commands.telling import be_quiet, telling
from app.core.clock import SystemClock
from app.core.errors import Conflict, Invalid, Unavailable
from app.core.startup import load_settings
from app.db.session import Database, open_database
from app.settings import Settings

# A server that had just sealed something with the secret before has kept it by then.
SETTLE_SECONDS: Final = 3.0
SHOWN: Final = 10

MADE: Final = "Made a new secret in {current}; the one before is in {previous}."
GOING_ON: Final = "{previous} is still there: going on with the rotation that was begun."
DONE: Final = """\
Servers that run have gone over to the new secret by themselves, and nothing stored needs
{previous} any more. Keep a copy with the backups made until now. In ten minutes the last token
that it signed will have ended; then remove it here:
  python -m app rotate-keys --drop-previous
If somebody else may know it, do that at once."""
DONE_IN_KEYRING: Final = """\
Nothing stored needs {previous} any more. Processes that run
do not look at the keyring again: start every one of them anew now, before an account is changed.
In ten minutes the last token that the secret before signed will have ended; then remove it:
  python -m app rotate-keys --drop-previous
If somebody else may know it, do that as soon as they are started. A keyring is no backup: keep a
copy of the secrets where the backups of the database are not."""
DONE_WITH_YOURS: Final = """\
Nothing stored needs the previous secret any more. When every process has run with the new one for
ten minutes, take the previous one away (SECRET_KEY_PREVIOUS, or {previous})
and start them anew. Keep it with the backups made until now."""
NOTHING_BEFORE: Final = """\
There is no secret to rotate from. Set SECRET_KEY_PREVIOUS to the one in use until now, or keep it
in {previous}, and set SECRET_KEY or SECRET_KEY_FILE to a new one."""
DO_NOT_OPEN: Final = """\
{count} stored keys open with no secret that is here. They are as they were, and so are the secrets:
{rows}
Bring back the secret that they were sealed with (docs/security.md), or enter these keys again."""


@click.command("rotate-keys")
@click.option(
    "--drop-previous",
    is_flag=True,
    help="End the rotation: remove the secret before, once nothing needs it.",
)
@telling
def rotate_keys(*, drop_previous: bool) -> None:
    """Replace the installation's secret, and bring every stored key under the new one.

    Servers may run meanwhile. When it is stopped or killed, run it again: it goes on where it was.
    With a secret of your own (SECRET_KEY, SECRET_KEY_FILE) it makes none, and brings what is stored
    from SECRET_KEY_PREVIOUS to that one. In the keyring (SECRET_KEY_KEYRING) it replaces the entry;
    servers have to be started anew then.
    """
    be_quiet()
    settings = load_settings()
    files, entry = key_files(settings), key_entry(settings)
    if entry is not None:
        _refuse_no_entry_before(entry, drop_previous=drop_previous)
        with only_one(settings.data_dir):
            _turn(settings, _in_keyring(entry), drop_previous=drop_previous)
        return
    if files.current is None or not files.is_own:
        _refuse_what_is_yours(drop_previous=drop_previous)
        asyncio.run(_to_yours(settings, files.previous))
        return
    _refuse_what_is_missing(files.current, files.previous, drop_previous=drop_previous)
    with only_one(files.current.parent):
        _turn(settings, _in_files(files.current, files.previous), drop_previous=drop_previous)


@dataclass(frozen=True, slots=True)
class Place:
    """Where this command may put a new secret.

    Attributes:
        current: its name for people, as is `previous`.
        replace: makes a new secret; False while there is a previous one.
        drop: removes the previous one.
        done: what is to be done after a rotation.
    """

    current: object
    previous: object
    replace: Callable[[], bool]
    drop: Callable[[], None]
    done: str


def _in_files(current: Path, previous: Path) -> Place:
    replace, drop = partial(replace_secret, current, previous), partial(drop_secret, previous)
    return Place(current, previous, replace, drop, DONE)


def _in_keyring(entry: KeyEntry) -> Place:
    replace = partial(replace_entry, entry)
    return Place(entry, entry.previous, replace, entry.previous.remove, DONE_IN_KEYRING)


def _turn(settings: Settings, place: Place, *, drop_previous: bool) -> None:
    asyncio.run(_drop(settings, place) if drop_previous else _to_a_new_one(settings, place))


async def _to_a_new_one(settings: Settings, place: Place) -> None:
    async with _database(settings) as database:
        # One that cannot be used is said before there is a new secret.
        await count_waiting(database, load_key_ring(settings))
        is_new = place.replace()
        ring = load_key_ring(settings)
        if is_new:
            click.echo(MADE.format(current=place.current, previous=place.previous))
            await _record(database, "keys.replaced", ring)
        else:
            click.echo(GOING_ON.format(previous=place.previous))
        _refuse_unreadable(await _rewrap(database, ring))
    click.echo(place.done.format(previous=place.previous))


async def _drop(settings: Settings, place: Place) -> None:
    async with _database(settings) as database:
        ring = load_key_ring(settings)
        others = {keys.key_id for keys in ring.all[1:]}
        await _rewrap(database, ring)
        await asyncio.sleep(SETTLE_SECONDS)
        unreadable = await _rewrap(database, ring)
        # What no secret opens keeps none of them here, unless it names the one that is to go.
        _refuse_unreadable([one for one in unreadable if one.key_id in others])
        place.drop()
        await _record(database, "keys.dropped", ring)
    click.echo(f"Removed {place.previous}: what it signed is not valid any more.")


async def _to_yours(settings: Settings, previous: Path) -> None:
    ring = load_key_ring(settings)
    if len(ring.all) == 1:
        raise Conflict(NOTHING_BEFORE.format(previous=previous), code="no_previous_secret")
    async with _database(settings) as database:
        _refuse_unreadable(await _rewrap(database, ring))
    click.echo(DONE_WITH_YOURS.format(previous=previous))


async def _rewrap(database: Database, ring: KeyRing) -> list[Unreadable]:
    """Bring what is stored under the current key, and show how far it is."""
    waiting = await count_waiting(database, ring)
    done = 0
    with Progress(
        TextColumn("re-wrapping"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=waiting == 0,
    ) as progress:
        task = progress.add_task("", total=waiting)

        def on_progress(more: int) -> None:
            nonlocal done
            done += more
            progress.advance(task, more)

        unreadable = await rewrap_all(database, ring, on_progress=on_progress)
    if done:
        click.echo(f"{done} stored keys are under the secret {ring.current.key_id} now.")
        await _record(database, "keys.rewrapped", ring, count=str(done))
    return unreadable


def _refuse_what_is_yours(*, drop_previous: bool) -> None:
    if drop_previous:
        raise Conflict(
            "The secrets of this installation are yours to take away: see docs/security.md.",
            code="secret_not_ours",
        )


def _refuse_what_is_missing(current: Path, previous: Path, *, drop_previous: bool) -> None:
    if not current.exists():
        raise Invalid(
            f"There is no {current} to rotate: start the server once.", code="secret_key_missing"
        )
    if drop_previous and not previous.exists():
        raise Conflict(f"There is no {previous} to remove.", code="no_previous_secret")


def _refuse_no_entry_before(entry: KeyEntry, *, drop_previous: bool) -> None:
    if drop_previous and entry.previous.read() is None:
        raise Conflict(f"There is no {entry.previous} to remove.", code="no_previous_secret")


def _refuse_unreadable(unreadable: Sequence[Unreadable]) -> None:
    if not unreadable:
        return
    rows = [f"  {one.table} {one.row_id}" for one in unreadable[:SHOWN]]
    if len(unreadable) > SHOWN:
        rows.append(f"  and {len(unreadable) - SHOWN} more")
    raise Unavailable(
        DO_NOT_OPEN.format(count=len(unreadable), rows="\n".join(rows)), code="sealed_unreadable"
    )


async def _record(database: Database, action: str, ring: KeyRing, **detail: str) -> None:
    from app.accounts import models  # noqa: F401, PLC0415 the trail's rows point at users
    from app.audit.service import record  # noqa: PLC0415 slow to import, needed at the end only

    async with database.transaction() as session:
        await record(
            session,
            now=SystemClock().now(),
            actor="cli",
            action=action,
            subject_kind="installation",
            subject_id=ring.current.key_id,
            detail=detail,
        )


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    """The database as it is; bringing its schema up to date is left to the server."""
    database = open_database(settings.resolved_database_url)
    _refuse_to_make(database)
    try:
        yield database
    except (DBAPIError, OSError) as error:
        words = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise Invalid(
            f"DATABASE_URL: the database cannot be used: {words}\n"
            "Run this again then: it goes on where it was.",
            code="database_unreachable",
        ) from None
    finally:
        await database.close()


def _refuse_to_make(database: Database) -> None:
    name = database.engine.url.database or ""
    if database.is_sqlite and not Path(name).exists():
        raise Invalid(
            f"DATABASE_URL: there is no {name}: start the server once.", code="database_missing"
        )
