"""What an installation stands on: folders, the key file, the database and its schema."""

import os
from pathlib import Path
from typing import Final

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from app.accounts.keys import FILE_NAME, OTHERS
from app.commands.doctor.finding import Finding
from app.db.migrate import config_for
from app.db.session import Database
from app.settings import Settings

PRIVATE_FILES: Final = ("paper-exchange.db",)


def check_folders(settings: Settings) -> Finding:
    """Data and logs can be written."""
    folders = {"DATA_DIR": settings.data_dir, "LOG_DIR": settings.log_dir}
    problems = tuple(
        f"{name}: {folder} is no folder that can be written"
        for name, folder in folders.items()
        if not (folder.is_dir() and os.access(folder, os.W_OK))
    )
    return Finding("folders can be written", len(folders), problems)


def check_secrets(settings: Settings) -> Finding:
    """The key file is there and only its owner can read it, as are the paper exchange's keys."""
    problems: list[str] = []
    key = settings.data_dir / FILE_NAME
    if not settings.secret_key.get_secret_value() and not key.exists():
        problems.append(f"{key} is missing: stored exchange keys cannot be opened")
    files = [path for path in (key, *_private(settings.data_dir)) if path.exists()]
    problems += [
        f"{path} can be read by others: chmod 600 {path}"
        for path in files
        if path.stat().st_mode & OTHERS
    ]
    return Finding("secrets are private", len(files), tuple(problems))


def check_database_file(settings: Settings) -> Finding:
    """A SQLite file exists: opening one that does not would make it."""
    url = make_url(settings.resolved_database_url)
    if url.get_backend_name() != "sqlite" or url.database is None:
        return Finding("database is there", 1)
    path = Path(url.database)
    if path.exists():
        return Finding("database is there", 1)
    return Finding(
        "database is there", 1, (f"{path} does not exist: start the server once to make it",)
    )


async def check_schema(database: Database) -> Finding:
    """The database answers and has the newest schema."""
    name = "schema is the newest"
    wanted = ScriptDirectory.from_config(config_for()).get_current_head()
    try:
        async with database.engine.connect() as connection:
            current = await connection.run_sync(_revision)
    except (DBAPIError, OSError) as error:
        words = str(getattr(error, "orig", None) or error).splitlines()[0]
        return Finding(name, 1, (f"the database does not answer: {words}",))
    if current != wanted:
        return Finding(
            name, 1, (f"it is at {current or 'nothing'}, not {wanted}: start the server once",)
        )
    return Finding(name, 1)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _private(data_dir: Path) -> list[Path]:
    return [data_dir / name for name in PRIVATE_FILES]
