"""Keep candles, and find what is missing."""

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from datetime import datetime
from operator import attrgetter
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.service import record
from app.core.ahead import one_ahead
from app.core.clock import iso
from app.core.errors import Invalid
from app.db.session import Database
from app.http.caller import Caller
from app.market.candles import repository
from app.market.candles.gaps import GapFinder, MissingCandles
from app.market.candles.series import Series
from app.market.facts import Kept, Ready
from app.trading.candle import Candle

# Candles in a transaction of a long import. SQLite has one writer: an alert waits for its end.
PART: Final = 2000
_OPEN_TIME: Final = attrgetter("open_time")


async def keep(
    session: AsyncSession, candles: Mapping[Series, Sequence[Candle]], *, now: datetime
) -> dict[Series, Kept]:
    """Keep closed candles in the caller's transaction: all of them, or none if one is refused.

    Args:
        session: the caller's transaction. On SQLite nobody else writes until it ends: for a long
            series, `keep_in_parts`.
        candles: by series, in any order.
        now: a candle that is not closed by then may still change.

    Raises:
        Invalid: `candle_not_closed`.
        CandleConflict: one is stored with other values, or came twice with different ones.
    """
    for series, some in candles.items():
        _refuse_open(series, some, now)
    # In one order, so that two writers never wait for each other.
    return {
        series: await repository.keep(session, series, candles[series])
        for series in sorted(candles)
    }


async def keep_in_parts(
    database: Database,
    series: Series,
    parts: AsyncIterable[Sequence[Candle]],
    *,
    now: datetime,
) -> AsyncIterator[Kept]:
    """Keep a series of any length, in transactions that leave others room to write in between.

    Gives what became of each of them; while one is written, the next is made ready. What was kept
    stays when a later one is refused; going on is asking again with all of it.

    Raises:
        Invalid: as `keep`.
        CandleConflict: as `keep`.
    """

    async def made_ready() -> AsyncGenerator[Ready]:
        async for part in parts:
            for start in range(0, len(part), PART):
                some = part[start : start + PART]
                _refuse_open(series, some, now)
                yield repository.ready(database.engine.dialect, series, some)

    async with aclosing(one_ahead(made_ready())) as ready:
        async for one in ready:
            async with database.transaction() as session:
                kept = await repository.write(session, one)
            yield kept


async def import_candles(
    session: AsyncSession,
    caller: Caller,
    candles: Mapping[Series, Sequence[Candle]],
    *,
    now: datetime,
) -> Kept:
    """Keep what a user sent, with a line in the audit trail for each series that has grown.

    Raises:
        Invalid: as `keep`.
        CandleConflict: as `keep`.
    """
    kept = await keep(session, candles, now=now)
    for series, one in kept.items():
        opens = [candle.open_time for candle in candles[series]]
        await note_import(
            session,
            series,
            one,
            actor=caller.username,
            user_id=caller.user_id,
            now=now,
            first_open=iso(min(opens)),
            last_open=iso(max(opens)),
        )
    return sum(kept.values(), Kept())


async def note_import(
    session: AsyncSession,
    series: Series,
    kept: Kept,
    *,
    actor: str,
    now: datetime,
    user_id: UUID | None = None,
    **more: str,
) -> None:
    """Write down who made a series grow; what has added nothing has changed nothing.

    Args:
        session: the transaction of the candles, where it is one.
        series: which candles.
        kept: how many.
        actor: a username, or `system`.
        now: when.
        user_id: whose deed it is; None for that of the installation.
        more: what else is worth knowing.
    """
    if not kept.inserted:
        return
    await record(
        session,
        now=now,
        actor=actor,
        user_id=user_id,
        action="candles.imported",
        subject_kind="candles",
        subject_id=series.symbol,
        detail={
            "exchange": series.exchange,
            "market_type": series.market_type.value,
            "price": series.price.value,
            "timeframe": series.timeframe.value,
            "inserted": str(kept.inserted),
            "duplicates_skipped": str(kept.duplicates_skipped),
            **more,
        },
    )


async def gaps(
    database: Database,
    series: Series,
    *,
    since: datetime,
    until: datetime,
    now: datetime,
    listed_at: datetime | None = None,
) -> list[MissingCandles]:
    """Where closed candles are missing in a range, oldest first.

    Nothing is missing before the market's first candle.

    Args:
        database: where to look.
        series: which candles.
        since: where the range begins, inclusive.
        until: where it ends, exclusive; what is not closed `now` is not missing.
        now: what time it is.
        listed_at: when the market's first candle opened, where the caller knows; when the first one
            stored did, otherwise. A series with none then has no gap.
    """
    if listed_at is None:
        async with database.read() as session:
            listed_at = await repository.first_open(session, series)
    if listed_at is None:
        return []
    since, until = max(since, listed_at), min(until, series.timeframe.open_of(now))
    finder = GapFinder(series.timeframe, since, until)
    found: list[MissingCandles] = []
    async with aclosing(repository.open_times(database, series, since=since, until=until)) as pages:
        async for opens in pages:
            found += finder.look(opens)
    return [*found, *finder.end()]


def _refuse_open(series: Series, candles: Sequence[Candle], now: datetime) -> None:
    newest = max(candles, key=_OPEN_TIME, default=None)
    if newest is not None and not newest.is_closed(now):
        raise Invalid(
            f"The {series.timeframe} candle of {series.symbol} that opens at "
            f"{iso(newest.open_time)} is not closed yet: send it when it is.",
            code="candle_not_closed",
        )
