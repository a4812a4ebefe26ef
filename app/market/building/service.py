"""Build the candles of a series from what is stored already."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from app.core.errors import Invalid
from app.db.session import Database
from app.market.candles import repository
from app.market.candles.aggregation import FromTrades, Incomplete, Larger
from app.market.candles.series import Series
from app.market.candles.service import keep_in_parts, note_import
from app.market.facts import Kept
from app.market.trades import repository as trades
from app.trading.candle import Candle
from app.trading.timeframe import Timeframe

TRADES: Final = "trades"

# Hears up to where it has looked.
Report = Callable[[datetime], Awaitable[None]]


async def unheard(_: datetime) -> None:
    """Nobody watches."""


@dataclass(slots=True)
class Built:
    """What became of larger candles: those that were whole are kept."""

    kept: Kept = field(default_factory=Kept)
    incomplete: list[Incomplete] = field(default_factory=list)


def source_named(text: str, timeframe: Timeframe) -> Timeframe | None:
    """What candles are to be built from; None for trades.

    Args:
        text: `trades`, or the timeframe of smaller candles.
        timeframe: of the candles to be built.

    Raises:
        Invalid: `unknown_timeframe`, or `timeframe_unfit`.
    """
    if text.strip().lower() == TRADES:
        return None
    source = Timeframe.of(text)
    if not source.fills(timeframe):
        parts = ", ".join((*timeframe.parts, TRADES))
        raise Invalid(
            f"{source} candles do not fill those of {timeframe}; what does: {parts}.",
            code="timeframe_unfit",
        )
    return source


async def build(
    database: Database,
    series: Series,
    source: Timeframe | None,
    *,
    since: datetime,
    until: datetime,
    now: datetime,
    report: Report = unheard,
) -> Built:
    """Build what a range of stored candles or trades makes up whole; a second time adds nothing.

    Args:
        database: where they are and go.
        series: of the candles to be built.
        source: the timeframe of the smaller candles; None for trades, which then have to be
            complete between the first and the last one that is stored.
        since: where the range begins, inclusive.
        until: where it ends, exclusive.
        now: what time it is.
        report: hears how far it is.

    Raises:
        Invalid: `nothing_stored`, or `timeframe_unfit`.
        CandleConflict: one is stored with other values, those before it are kept.
    """
    if source is not None:
        smaller = series._replace(timeframe=source)
        async with database.read() as session:
            first = await repository.first_from(session, smaller, since)
        if first is None or first.open_time >= until:
            raise _nothing(f"{source} candle", series)
        return await build_larger(
            database,
            smaller,
            series.timeframe,
            since=since,
            until=until,
            now=now,
            report=report,
        )
    async with database.read() as session:
        span = await trades.span(session, series.market)
    if span is None or not max(since, span[0]) < min(until, span[1]):
        raise _nothing("trade", series)
    kept = await build_from_trades(
        database,
        series,
        since=max(since, span[0]),
        until=min(until, span[1]),
        now=now,
        report=report,
    )
    return Built(kept)


async def build_and_note(
    database: Database,
    series: Series,
    source: Timeframe | None,
    *,
    since: datetime,
    until: datetime,
    now: datetime,
    actor: str,
) -> Built:
    """Likewise, with a line in the audit trail, where something is new.

    Raises:
        Invalid: as `build`.
        CandleConflict: as `build`.
    """
    built = await build(database, series, source, since=since, until=until, now=now)
    async with database.transaction() as session:
        word = TRADES if source is None else source.value
        await note_import(session, series, built.kept, actor=actor, now=now, source=word)
    return built


async def build_larger(
    database: Database,
    series: Series,
    timeframe: Timeframe,
    *,
    since: datetime,
    until: datetime,
    now: datetime,
    report: Report = unheard,
) -> Built:
    """Keep the candles of a larger timeframe that the stored ones of a range make up whole.

    Args:
        database: where they are and go.
        series: of the smaller candles.
        timeframe: of the larger ones.
        since: where the range begins, inclusive; a larger candle that begins before is incomplete.
        until: where it ends, exclusive.
        now: what time it is.
        report: hears up to where the smaller ones were read.

    Raises:
        Invalid: `timeframe_unfit`.
        CandleConflict: a larger candle is stored with other values, those before it are kept.
    """
    built, joining = Built(), Larger(timeframe)

    def whole(made: Iterator[Candle | Incomplete]) -> list[Candle]:
        candles: list[Candle] = []
        for one in made:
            if isinstance(one, Candle):
                candles.append(one)
            else:
                built.incomplete.append(one)
        return candles

    async def parts() -> AsyncIterator[list[Candle]]:
        pages = repository.stored(database, series, since=since, until=until)
        async with aclosing(pages):
            async for candles in pages:
                yield whole(joining.join(candles))
                await report(candles[-1].close_time)
        yield whole(joining.end())

    large = series._replace(timeframe=timeframe)
    async for kept in keep_in_parts(database, large, parts(), now=now):
        built.kept += kept
    return built


async def build_from_trades(
    database: Database,
    series: Series,
    *,
    since: datetime,
    until: datetime,
    now: datetime,
    report: Report = unheard,
) -> Kept:
    """Keep the candles that the stored trades of a range make up.

    Args:
        database: where they are and go.
        series: of the candles.
        since: where the stored trades are complete from, inclusive.
        until: where they are complete to, exclusive.
        now: what time it is.
        report: hears up to where they were read.

    Raises:
        Invalid: as `keep_in_parts`.
        CandleConflict: one is stored with other values, those before it are kept.
    """
    joining = FromTrades(series.timeframe, since, until)

    async def parts() -> AsyncIterator[list[Candle]]:
        pages = trades.stored(database, series.market, since=since, until=until)
        async with aclosing(pages):
            async for some in pages:
                yield list(joining.join(some))
                await report(some[-1].executed_at)
        yield list(joining.end())

    total = Kept()
    async for kept in keep_in_parts(database, series, parts(), now=now):
        total += kept
    return total


def _nothing(kind: str, series: Series) -> Invalid:
    return Invalid(
        f"No {kind} of {series.exchange} {series.symbol} is stored in that range.",
        code="nothing_stored",
    )
