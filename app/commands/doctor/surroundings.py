"""What an installation stands on: folders, the key file, the database and its schema."""

import os
from pathlib import Path
from typing import Final

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from app.accounts.key_files import OTHERS, key_files
from app.commands.doctor.finding import Difference, Finding
from app.db.migrate import config_for
from app.db.session import Database
from app.settings import Settings

PRIVATE_FILES: Final = ("paper-exchange.db",)
MODE: Final = 0o777


def check_folders(settings: Settings) -> Finding:
    """Data and logs can be written."""
    folders = {"DATA_DIR": settings.data_dir, "LOG_DIR": settings.log_dir}
    differences = tuple(
        Difference(
            where=name,
            what="it cannot be used",
            expected="a folder that can be written",
            found=str(folder),
            todo="Make it, or give it to the user that runs the server.",
        )
        for name, folder in folders.items()
        if not (folder.is_dir() and os.access(folder, os.W_OK))
    )
    return Finding("folders can be written", len(folders), differences)


def check_secrets(settings: Settings) -> Finding:
    """The key file is there and only its owner can read it, as are the paper exchange's keys."""
    differences: list[Difference] = []
    secrets = key_files(settings)
    if secrets.current is not None and not secrets.current.exists():
        differences.append(
            Difference(
                where=str(secrets.current),
                what="stored exchange keys cannot be opened",
                expected="the installation's key file, or SECRET_KEY",
                found="nothing",
                todo="Bring the file back from a backup, or enter the exchange keys again.",
            )
        )
    # The modes of mounted files are somebody else's choice.
    ours = [] if secrets.is_mounted else [secrets.current, secrets.previous]
    files = [path for path in (*ours, *_private(settings.data_dir)) if path and path.exists()]
    differences += [
        Difference(
            where=str(path),
            what="others can read it",
            expected="readable by its owner only",
            found=f"mode {path.stat().st_mode & MODE:o}",
            todo=f"Run: chmod 600 {path}",
        )
        for path in files
        if path.stat().st_mode & OTHERS
    ]
    return Finding("secrets are private", len(files), tuple(differences))


def check_database_file(settings: Settings) -> Finding:
    """A SQLite file exists: opening one that does not would make it."""
    url = make_url(settings.resolved_database_url)
    if url.get_backend_name() != "sqlite" or url.database is None:
        return Finding("database is there", 1)
    path = Path(url.database)
    if path.exists():
        return Finding("database is there", 1)
    missing = _database("there is no database", "a file", f"no {path}", "start the server once")
    return Finding("database is there", 1, (missing,))


async def check_schema(database: Database) -> Finding:
    """The database answers and has the newest schema."""
    name = "schema is the newest"
    wanted = ScriptDirectory.from_config(config_for()).get_current_head()
    try:
        async with database.engine.connect() as connection:
            current = await connection.run_sync(_revision)
    except (DBAPIError, OSError) as error:
        words = str(getattr(error, "orig", None) or error).splitlines()[0]
        silent = _database("it does not answer", "an answer", words, "see that it runs")
        return Finding(name, 1, (silent,))
    if current != wanted:
        found = current or "nothing"
        old = _database("its schema is another", str(wanted), found, "start the server once")
        return Finding(name, 1, (old,))
    return Finding(name, 1)


def _database(what: str, expected: str, found: str, todo: str) -> Difference:
    return Difference(
        where="DATABASE_URL",
        what=what,
        expected=expected,
        found=found,
        todo=f"Check the setting, and {todo}.",
    )


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _private(data_dir: Path) -> list[Path]:
    return [data_dir / name for name in PRIVATE_FILES]
