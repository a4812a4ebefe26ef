"""`/diary`: what was written about the trading, as JSON or CSV."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from litestar import Response, Router, delete, get, patch, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import NotFound
from app.diary import repository, service
from app.diary.asking import Asked, Place
from app.diary.schemas import MAX_TAG, TEXT, EntryIn, EntryLine, EntryOut, EntryPatch
from app.http.answers import TableOperation
from app.http.caller import Caller, require_trader
from app.http.filters import PRINTABLE, choice
from app.http.paging import DEFAULT_LIMIT, MAX_LIMIT
from app.http.schemas import Page
from app.http.tables import Format, FormatName, answer
from app.trading.days import trading_day

MAX_SYMBOL = 80
MAX_SEARCH = 200


def provide_asked(
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, QueryParameter(name="cursor")] = None,
    since: Annotated[date | None, QueryParameter(name="from", description="first day")] = None,
    until: Annotated[
        date | None, QueryParameter(name="to", description="the day after the last one")
    ] = None,
    tag: Annotated[str | None, QueryParameter(max_length=MAX_TAG, pattern=TEXT)] = None,
    about: Annotated[
        UUID | None,
        QueryParameter(description="id of a trade, a position, a signal or a strategy"),
    ] = None,
    symbol: Annotated[
        str | None,
        QueryParameter(
            max_length=MAX_SYMBOL, pattern=PRINTABLE, description="of what an entry is about"
        ),
    ] = None,
    text: Annotated[
        str | None,
        QueryParameter(max_length=MAX_SEARCH, pattern=TEXT, description="part of an entry's text"),
    ] = None,
) -> Asked:
    """Read what is wanted.

    Raises:
        Invalid: a cursor that is not ours.
    """
    return Asked(
        limit=limit,
        after=Place.of(cursor) if cursor else None,
        since=since,
        until=until,
        tag=tag.strip().lower() if tag else None,
        about=about,
        symbol=symbol or None,
        text=text or None,
    )


@get(
    "/",
    operation_id="listDiary",
    operation_class=TableOperation,
    summary="Your diary",
    dependencies={"asked": Provide(provide_asked, sync_to_thread=False)},
)
async def list_entries(
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    asked: NamedDependency[Asked],
    wanted: FormatName = None,
) -> Response[Page[EntryOut]]:
    """Latest day first; CSV holds all of them, JSON one page.

    `about` a closed position finds what was written about its trade, too, and the other way round.
    """
    if choice(Format, wanted, "format") is Format.CSV:
        entries = await service.whole(session, caller.user_id, asked)
        return answer([EntryLine.of(one) for one in entries], EntryLine, wanted, name="diary")
    entries, end = await service.page(session, caller.user_id, asked)
    return Response(Page(items=entries, next_cursor=None if end is None else str(end)))


@post(
    "/",
    operation_id="writeDiaryEntry",
    summary="Write into your diary",
    guards=[require_trader],
    opt={"raises": [NotFound]},
)
async def write_entry(
    data: JSONBody[EntryIn],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
) -> EntryOut:
    """About today in your time zone, unless it names a day; linked to what is yours."""
    today = trading_day(now, zone=ZoneInfo(caller.zone))
    return await service.write(
        session, data, user_id=caller.user_id, actor=caller.username, today=today, now=now
    )


@get("/{entry_id:uuid}", operation_id="getDiaryEntry", summary="One entry")
async def get_entry(
    entry_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
) -> EntryOut:
    """One of your entries."""
    entry = await repository.owned(session, entry_id, caller.user_id)
    return await service.shown(session, entry)


@patch(
    "/{entry_id:uuid}",
    operation_id="changeDiaryEntry",
    summary="Change an entry",
    guards=[require_trader],
)
async def change_entry(
    entry_id: FromPath[UUID],
    data: JSONBody[EntryPatch],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
) -> EntryOut:
    """What it is about already may stay so, also when it is gone by now."""
    entry = await repository.locked(session, entry_id, caller.user_id)
    return await service.change(session, entry, data, actor=caller.username, now=now)


@delete(
    "/{entry_id:uuid}",
    operation_id="deleteDiaryEntry",
    summary="Delete an entry",
    guards=[require_trader],
)
async def delete_entry(
    entry_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
) -> None:
    """For good; what it was about is not touched."""
    entry = await repository.locked(session, entry_id, caller.user_id)
    await service.delete(session, entry, actor=caller.username, now=now)


router = Router(
    path="/diary",
    tags=["diary"],
    route_handlers=[list_entries, write_entry, get_entry, change_entry, delete_entry],
)
