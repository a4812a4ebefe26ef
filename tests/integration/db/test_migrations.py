"""The migrations make what the models say, and can be taken back."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect

from app.db.migrate import config_for, upgrade
from app.db.session import Database, open_database
from app.tables import Base


async def test_models_and_migrations_agree(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))

    async with database.engine.connect() as connection:
        found = await connection.run_sync(differences)

    assert found == []


async def test_every_migration_can_be_taken_back_and_made_again(database: Database) -> None:
    def down_and_up(connection: Connection) -> tuple[list[str], list[str]]:
        command.downgrade(config_for(connection), "base")
        bare = inspect(connection).get_table_names()
        command.upgrade(config_for(connection), "head")
        inspect(connection).clear_cache()
        return bare, inspect(connection).get_table_names()

    async with database.engine.connect() as connection:
        bare, full = await connection.run_sync(down_and_up)

    assert bare == ["alembic_version"]
    assert {"alarms", "orders", "positions", "daily_pnl"} <= set(full)


async def test_upgrading_the_newest_schema_changes_nothing(database: Database) -> None:
    await upgrade(database)
    await upgrade(database)

    async with database.engine.connect() as connection:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert "alarms" in names


async def test_a_new_file_is_migrated_from_nothing(tmp_path: Path) -> None:
    database = open_database(f"sqlite+aiosqlite:///{tmp_path}/new.db")

    await upgrade(database)

    async with database.engine.connect() as connection:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    await database.close()
    assert "alarms" in names
