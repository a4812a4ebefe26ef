"""What ingest is compared with: a Litestar handler without a database, and one commit a request.

`python -m scripts.bench.floors PORT DATABASE_URL` serves both, under the same server as ours.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from litestar import Litestar, Request, get, post
from litestar.params import FromPath
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from app.core.ids import new_id
from scripts.bench.measures import Base, Line, as_safe_as_ours


def receipt() -> dict[str, str | None]:
    """An answer of the same shape as ours."""
    return {"alarm_id": str(new_id()), "status": "received", "reason": None, "signal_id": None}


@get("/health/ready")
async def ready() -> None:
    """It is when it answers."""


@post("/bare/{token:str}", status_code=200)
async def bare(request: Request[Any, Any, Any], token: FromPath[str]) -> dict[str, str | None]:
    """Take the bytes and answer: nothing is kept."""
    del token
    await request.body()
    return receipt()


@post("/commit/{token:str}", status_code=200)
async def commit(request: Request[Any, Any, Any], token: FromPath[str]) -> dict[str, str | None]:
    """Keep the bytes in a transaction of their own, through SQLAlchemy as it comes."""
    del token
    body = await request.body()
    async with AsyncSession(request.app.state.engine) as session:
        session.add(Line(text=body.decode()))
        await session.commit()
    return receipt()


def build(url: str) -> Litestar:
    """The application, with a table on that database."""
    engine = create_async_engine(url, pool_size=10, max_overflow=20)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", as_safe_as_ours)

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        app.state.engine = engine
        yield
        await engine.dispose()

    return Litestar([ready, bare, commit], lifespan=[lifespan], logging_config=None)


if __name__ == "__main__":
    uvicorn.run(
        build(sys.argv[2]),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="warning",
        access_log=False,
        loop="uvloop",
        http="httptools",
    )
