"""`candles fetch`: what is missing of some series, with a bar."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from app.commands.candles.asking import markets_of
from app.commands.installation import installation
from app.commands.markets import market_type_named, moment, of_a_market, venues_of
from app.commands.telling import telling
from app.market.candles.series import Series
from app.market.fetching.fetcher import CandleFetcher, Fetched
from app.market.fetching.fetcher import Progress as Fetching
from app.market.fetching.job import checked_count
from app.trading.timeframe import Timeframe
from app.trading.words import MarketType

MANY: Final = "--timeframe"


class ManyTimeframes(click.Command):
    """Takes `--timeframe 5m 1h 4h` as three."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Say the option again before each of its further values."""
        return super().parse_args(ctx, list(_spelt_out(args)))


def _spelt_out(args: Sequence[str]) -> Sequence[str]:
    found: list[str] = []
    is_many = False
    for position, one in enumerate(args):
        if one.startswith("-"):
            is_many = one == MANY
        elif is_many and args[position - 1] != MANY:
            found.append(MANY)
        found.append(one)
    return found


@click.command("fetch", cls=ManyTimeframes)
@click.argument("symbols", nargs=-1, required=True)
@click.option(MANY, "timeframes", multiple=True, required=True, help="One or more: 5m 1h 4h.")
@click.option("--from", "since", required=True, help="2026-01-31, or a moment with its zone.")
@click.option("--to", "until", help="Likewise, exclusive; now when left out.")
@of_a_market
@telling
def fetch(
    *,
    symbols: Sequence[str],
    timeframes: Sequence[str],
    since: str,
    until: str | None,
    exchange: str,
    market_type: str | None,
) -> None:
    """Fetch what is missing of these series: SYMBOLS as BTC/USDT, BTCUSDT or BTCUSDT.P.

    A server may run beside it. When it is stopped or killed, run it again: what is there is not
    asked for again.
    """
    asyncio.run(
        _fetch_all(
            symbols,
            [Timeframe.of(one) for one in timeframes],
            moment("--from", since),
            None if until is None else moment("--to", until),
            exchange=exchange,
            market_type=market_type_named(market_type),
        )
    )


async def _fetch_all(
    symbols: Sequence[str],
    timeframes: Sequence[Timeframe],
    since: datetime,
    until: datetime | None,
    *,
    exchange: str,
    market_type: MarketType | None,
) -> None:
    async with installation() as place, venues_of(place) as venues:
        now = place.clock.now()
        end = until or now
        for timeframe in timeframes:
            checked_count(timeframe, since, end, now=now)
        markets = await markets_of(place, venues, symbols, exchange, market_type)
        fetcher = CandleFetcher(place.database, venues.market, place.clock)
        console = Console(stderr=True)
        for market in markets:
            for timeframe in timeframes:
                series = Series.of(market, timeframe)
                found = await _with_a_bar(console, fetcher, series, since, end)
                click.echo(_sentence(series, found))


async def _with_a_bar(
    console: Console, fetcher: CandleFetcher, series: Series, since: datetime, until: datetime
) -> Fetched:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(f"{series.symbol} {series.timeframe}", total=None)

        async def report(progress: Fetching) -> None:
            bar.update(task, completed=progress.done, total=progress.total)

        return await fetcher.fetch(series, since, until, report)


class Rate(ProgressColumn):
    """Candles a second."""

    def render(self, task: Task) -> Text:
        """A dash before anything is known."""
        return Text("-/s" if not task.speed else f"{task.speed:.0f}/s")


def _sentence(series: Series, found: Fetched) -> str:
    said = (
        f"{series.exchange} {series.symbol} {series.timeframe}: {found.inserted} new, "
        f"{found.duplicates_skipped} were there"
    )
    if found.missing:
        said += f", {found.missing} the exchange does not have"
    return said + "."
