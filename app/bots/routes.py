"""`/bots`: algorithms at work, started and stopped."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from app.bots import repository, service
from app.bots.models import Bot
from app.bots.programs import programs_for
from app.bots.schemas import BotIn, BotOut, BotPatch
from app.bots.service import Wanted
from app.bots.status import BotStatus
from app.core.errors import Conflict, NotFound, TooMany
from app.http.caller import Caller, require_trader
from app.http.filters import choice
from app.http.paging import Paging, page_of
from app.http.schemas import Page
from app.own_algorithms.programs import Programs
from app.own_algorithms.shelf import Shelf
from app.pipeline.flow.tools import Tools


@get("/", operation_id="listBots", summary="Your bots")
async def list_bots(
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    paging: NamedDependency[Paging],
    status: Annotated[str | None, QueryParameter(name="status")] = None,
    strategy_id: FromQuery[UUID | None] = None,
) -> Page[BotOut]:
    """Newest first."""
    query = repository.listing(
        caller.user_id, status=choice(BotStatus, status, "status"), strategy_id=strategy_id
    )
    return await page_of(
        session, query, paging, id_column=Bot.id, time_column=Bot.created_at, shape=BotOut.of
    )


@post(
    "/",
    operation_id="createBot",
    summary="Make a bot",
    description="It runs the algorithm that its strategy names, on the strategy's account, and "
    "does nothing before it is started. What it asks for becomes alarms of that strategy, with the "
    "same approval, sizing and risk as any other.",
    guards=[require_trader],
    opt={"raises": [NotFound]},
)
async def create_bot(
    data: JSONBody[BotIn],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    tools: NamedDependency[Tools],
    now: NamedDependency[datetime],
    request: Request[Any, Any, Any],
) -> BotOut:
    """Checked as when it will run."""
    async with programs_for(
        tools.database, _shelf(request), strategy_id=data.strategy_id, user_id=caller.user_id
    ) as programs:
        bot = await service.create(
            session,
            tools,
            Wanted(data.symbols, data.timeframe, data.parameters),
            strategy_id=data.strategy_id,
            user_id=caller.user_id,
            actor=caller.username,
            now=now,
            programs=programs,
        )
    return BotOut.of(bot)


@get("/{bot_id:uuid}", operation_id="getBot", summary="One bot, and how far it has come")
async def get_bot(
    bot_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
) -> BotOut:
    """Your own."""
    return BotOut.of(await repository.own(session, bot_id, caller.user_id))


@patch(
    "/{bot_id:uuid}",
    operation_id="changeBot",
    summary="Change a bot that is not at work",
    guards=[require_trader],
    opt={"raises": [Conflict]},
)
async def change_bot(
    bot_id: FromPath[UUID],
    data: JSONBody[BotPatch],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    tools: NamedDependency[Tools],
    now: NamedDependency[datetime],
    request: Request[Any, Any, Any],
) -> BotOut:
    """Its markets, its timeframe or its parameters."""
    changes = {name: getattr(data, name) for name in data.model_fields_set}
    async with _programs(tools, _shelf(request), bot_id, caller) as programs:
        bot = await repository.own(session, bot_id, caller.user_id)
        changed = await service.change(
            session, tools, bot, changes, actor=caller.username, now=now, programs=programs
        )
    return BotOut.of(changed)


@post(
    "/{bot_id:uuid}/start",
    operation_id="startBot",
    summary="Start a bot",
    description="A worker takes it up within about a second and warms it up. It decides on candles "
    "that close from now on.",
    status_code=200,
    guards=[require_trader],
    opt={"raises": [Conflict, TooMany]},
)
async def start_bot(
    bot_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    tools: NamedDependency[Tools],
    now: NamedDependency[datetime],
    request: Request[Any, Any, Any],
) -> BotOut:
    """Also one that has failed."""
    async with _programs(tools, _shelf(request), bot_id, caller) as programs:
        bot = await repository.own(session, bot_id, caller.user_id)
        started = await service.start(
            session, tools, bot, actor=caller.username, now=now, programs=programs
        )
    return BotOut.of(started)


@post(
    "/{bot_id:uuid}/stop",
    operation_id="stopBot",
    summary="Stop a bot",
    description="From this answer on it asks for nothing, exits included. What is open stays open, "
    "with its stop and target.",
    status_code=200,
    guards=[require_trader],
    opt={"raises": [Conflict]},
)
async def stop_bot(
    bot_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
) -> BotOut:
    """One that has failed is stopped, too."""
    bot = await repository.own(session, bot_id, caller.user_id)
    return BotOut.of(await service.stop(session, bot, actor=caller.username, now=now))


@delete(
    "/{bot_id:uuid}",
    operation_id="deleteBot",
    summary="Delete a bot that is not at work",
    guards=[require_trader],
    opt={"raises": [Conflict]},
)
async def delete_bot(
    bot_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    tools: NamedDependency[Tools],
    now: NamedDependency[datetime],
) -> None:
    """What it has asked for stays in the alarms."""
    bot = await repository.own(session, bot_id, caller.user_id)
    await service.delete(session, tools, bot, actor=caller.username, now=now)


def _shelf(request: Request[Any, Any, Any]) -> Shelf:
    shelf: Shelf = request.app.state.shelf
    return shelf


@asynccontextmanager
async def _programs(
    tools: Tools, shelf: Shelf, bot_id: UUID, caller: Caller
) -> AsyncIterator[Programs]:
    async with tools.database.read() as session:
        strategy_id = (await repository.own(session, bot_id, caller.user_id)).strategy_id
    async with programs_for(
        tools.database, shelf, strategy_id=strategy_id, user_id=caller.user_id
    ) as programs:
        yield programs


router = Router(
    path="/bots",
    tags=["bots"],
    route_handlers=[
        list_bots,
        create_bot,
        get_bot,
        change_bot,
        start_bot,
        stop_bot,
        delete_bot,
    ],
)
