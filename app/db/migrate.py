"""Bring a database to the newest schema at start-up."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from app.db.session import Database

FOLDER = Path(__file__).parent / "migrations"


def config_for(connection: Connection | None = None) -> Config:
    """Alembic's configuration, independent of where the process was started."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    command.upgrade(config_for(connection), "head")


async def upgrade(database: Database) -> None:
    """Run the migrations that are missing; nothing when the schema is the newest."""
    async with database.engine.connect() as connection:
        await connection.run_sync(_upgrade)
        await connection.commit()
