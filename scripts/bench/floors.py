"""What ingest is compared with, under the same server as ours.

`python -m scripts.bench.floors PORT plain DATABASE_URL` serves a Litestar handler that does
nothing, and one that commits for each request; `… PORT same` our own door without a database: the
same checks, the same reading, the same receipt, and nothing looked up or kept.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import uvicorn
from litestar import Litestar, Request, get, post
from litestar.params import FromPath
from litestar.plugins.pydantic import PydanticPlugin
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from app.accounts.authentication import BearerAuthentication
from app.core.allowance import Allowance
from app.core.clock import SystemClock
from app.core.collecting import spare_the_collector
from app.core.errors import NotFound
from app.core.ids import new_id
from app.core.origin import current_origin
from app.http.access_log import access_log
from app.http.answers import Answers
from app.http.errors import EXCEPTION_HANDLERS, NOTHING_HERE
from app.http.request_id import request_id_middleware
from app.http.security_headers import security_headers
from app.http.strict_json import StrictRequest
from app.pipeline.alarms.keeping import Delivery, Receipt, claim_of
from app.pipeline.alarms.service import MAX_BYTES, Reading
from app.settings import TRADINGVIEW_ADDRESSES
from app.strategies.service import token_digest
from app.webhooks.schemas import AlarmReceipt
from app.webhooks.source import may_send
from scripts.bench.measures import Base, Line, as_safe_as_ours


def receipt() -> dict[str, str | None]:
    """An answer of the same shape as ours."""
    return {"alarm_id": str(new_id()), "status": "received", "reason": None, "signal_id": None}


@get("/health/ready", opt={"public": True})
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


@post(
    "/webhooks/same/{token:str}",
    status_code=200,
    opt={"public": True},
    request_max_body_size=MAX_BYTES,
)
async def same(request: Request[Any, Any, Any], token: FromPath[str]) -> AlarmReceipt:
    """Everything that the door does before and after the database."""
    source = current_origin().source
    if source is None or not may_send(source, TRADINGVIEW_ADDRESSES, is_local=True):
        raise NotFound(NOTHING_HERE)
    BY_ADDRESS.take(source)
    digest = token_digest(token)
    BY_TOKEN.take(digest)
    async with asyncio.timeout(3):
        body = await request.body()
    delivery = Delivery(
        user_id=OWNER,
        strategy_id=OWNER,
        body=body,
        source=source,
        received_at=CLOCK.now(),
        reading=Reading.of(body, hiding={digest}),
        token_digest=digest,
    )
    claim_of(delivery, WINDOW)
    return AlarmReceipt.of(Receipt(delivery.alarm_id, is_duplicate=False))


CLOCK = SystemClock()
OWNER = new_id()
WINDOW = timedelta(seconds=90)
# What a door takes at most is asked there, too; nobody comes near it.
BY_ADDRESS = Allowance(100_000_000, "Too many alerts come from your address.")
BY_TOKEN = Allowance(100_000_000, "Too many alerts come with this token.")


def build_same() -> Litestar:
    """Our door over nothing, inside the layers that every request of ours passes."""
    app = Litestar(
        [ready, same],
        middleware=[BearerAuthentication],
        request_class=StrictRequest,
        exception_handlers=EXCEPTION_HANDLERS,
        logging_config=None,
        plugins=[Answers(), PydanticPlugin(prefer_alias=True)],
    )
    app.asgi_handler = security_headers(
        request_id_middleware(access_log(app.asgi_handler)), is_behind_https=False
    )
    return app


def build_plain(url: str) -> Litestar:
    """The two plain ones, with a table on that database."""
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
    port, kind, *urls = sys.argv[1:]
    served = build_same() if kind == "same" else build_plain(urls[0])
    spare_the_collector()
    uvicorn.run(
        served,
        host="127.0.0.1",
        port=int(port),
        log_level="warning",
        access_log=False,
        loop="uvloop",
        http="httptools",
    )
