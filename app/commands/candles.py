"""`candles`: fetch what is missing of some series, and take one to a file and back."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
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

from app.commands.installation import Installation, installation
from app.commands.telling import telling
from app.core.errors import Invalid
from app.exchanges.room import PAPER, ExchangeRoom
from app.house import paper_url
from app.market.candles.files import FileFormat, export_file, import_file
from app.market.candles.series import Series
from app.market.facts import Kept
from app.market.fetching.fetcher import SETTLED_AFTER, CandleFetcher, Fetched
from app.market.fetching.fetcher import Progress as Fetching
from app.market.fetching.job import checked_count
from app.market.finding import market_of
from app.market.instruments import InstrumentBook
from app.market.prices import PriceKey
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


def _of_a_market(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say whose candles they are."""
    for option in (
        click.option("--market-type", help="spot, linear or inverse; by the ticker when left out."),
        click.option("--exchange", default=PAPER, show_default=True, help="Whose candles."),
    ):
        command = option(command)
    return command


@click.group()
def candles() -> None:
    """Candles of markets: fetched, and kept without gaps or doubles."""


@candles.command("fetch", cls=ManyTimeframes)
@click.argument("symbols", nargs=-1, required=True)
@click.option(MANY, "timeframes", multiple=True, required=True, help="One or more: 5m 1h 4h.")
@click.option("--from", "since", required=True, help="2026-01-31, or a moment with its zone.")
@click.option("--to", "until", help="Likewise, exclusive; now when left out.")
@_of_a_market
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
            _moment("--from", since),
            None if until is None else _moment("--to", until),
            exchange=exchange,
            market_type=_market_type(market_type),
        )
    )


@candles.command("export")
@click.argument("symbol")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--timeframe", required=True, help="Of the candles.")
@_of_a_market
@telling
def export_candles(
    *, symbol: str, file: Path, timeframe: str, exchange: str, market_type: str | None
) -> None:
    """Write the stored candles of SYMBOL to FILE, whose name ends in .csv or .parquet."""
    wanted = (symbol, Timeframe.of(timeframe), exchange, _market_type(market_type))
    count = asyncio.run(_export(wanted, file, _kind_of(file)))
    click.echo(f"{count} candles in {file}.")


@candles.command("import")
@click.argument("symbol")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--timeframe", required=True, help="Of the candles.")
@_of_a_market
@telling
def import_candles(
    *, symbol: str, file: Path, timeframe: str, exchange: str, market_type: str | None
) -> None:
    """Keep the candles of FILE as those of SYMBOL; one that is stored with other values ends it."""
    wanted = (symbol, Timeframe.of(timeframe), exchange, _market_type(market_type))
    kept = asyncio.run(_import(wanted, file, _kind_of(file)))
    click.echo(f"{kept.inserted} new, {kept.duplicates_skipped} were there.")


def _kind_of(file: Path) -> FileFormat:
    try:
        return FileFormat(file.suffix.removeprefix("."))
    except ValueError:
        raise Invalid(f"{file.name}: its name has to end in .csv or .parquet.") from None


Wanted = tuple[str, Timeframe, str, MarketType | None]


async def _export(wanted: Wanted, file: Path, kind: FileFormat) -> int:
    async with installation() as place:
        return await export_file(place.database, await _series(place, wanted), file, kind)


async def _import(wanted: Wanted, file: Path, kind: FileFormat) -> Kept:
    async with installation() as place:
        series = await _series(place, wanted)
        return await import_file(
            place.database, series, file, kind, actor="cli", now=place.clock.now()
        )


async def _series(place: Installation, wanted: Wanted) -> Series:
    symbol, timeframe, exchange, market_type = wanted
    async with _venues(place) as venues:
        [market] = await _markets(place, venues, [symbol], exchange, market_type)
    return Series.of(market, timeframe)


async def _markets(
    place: Installation,
    venues: ExchangeRoom,
    symbols: Sequence[str],
    exchange: str,
    market_type: MarketType | None,
) -> list[PriceKey]:
    """The market of each symbol; one that was never loaded is asked for at its venue."""
    instruments = InstrumentBook(place.database, venues.market)
    await instruments.restore()
    return [
        await market_of(instruments, one, exchange=exchange, market_type=market_type)
        for one in symbols
    ]


def _moment(name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Invalid(f"{name}: {text[:40]!r} is no date, for example 2026-01-31.") from None
    if moment.tzinfo is None and len(text.strip()) > len("2026-01-31"):
        raise Invalid(f"{name}: add a time zone, for example 2026-01-31T00:00:00Z.")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _market_type(text: str | None) -> MarketType | None:
    try:
        return None if text is None else MarketType(text)
    except ValueError:
        raise Invalid(f"--market-type: one of {', '.join(MarketType)}") from None


async def _fetch_all(
    symbols: Sequence[str],
    timeframes: Sequence[Timeframe],
    since: datetime,
    until: datetime | None,
    *,
    exchange: str,
    market_type: MarketType | None,
) -> None:
    async with installation() as place, _venues(place) as venues:
        now = place.clock.now()
        end = until or now
        for timeframe in timeframes:
            checked_count(timeframe, since, end, now=now)
        markets = await _markets(place, venues, symbols, exchange, market_type)
        fetcher = CandleFetcher(
            place.database, venues.market, place.clock, settled_after=SETTLED_AFTER
        )
        console = Console(stderr=True)
        for market in markets:
            for timeframe in timeframes:
                series = Series.of(market, timeframe)
                found = await _with_a_bar(console, fetcher, series, since, end)
                click.echo(_sentence(series, found))


@asynccontextmanager
async def _venues(place: Installation) -> AsyncIterator[ExchangeRoom]:
    settings = place.settings
    room = ExchangeRoom(
        clock=place.clock,
        paper_url=lambda: paper_url(settings),
        timeout_seconds=settings.exchange_timeout_seconds,
        rate_reserve=settings.rate_reserve_percent / 100,
    )
    try:
        yield room
    finally:
        await room.close()


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
