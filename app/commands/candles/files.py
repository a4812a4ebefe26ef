"""`candles export` and `candles import`: a series to a file, and back."""

import asyncio
from pathlib import Path

import click

from app.commands.candles.asking import Wanted, series_of
from app.commands.installation import installation
from app.commands.markets import market_type_named, of_a_market
from app.commands.telling import telling
from app.core.errors import Invalid
from app.market.candles.files import FileFormat, export_file, import_file
from app.market.facts import Kept
from app.trading.timeframe import Timeframe


@click.command("export")
@click.argument("symbol")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--timeframe", required=True, help="Of the candles.")
@of_a_market
@telling
def export_candles(
    *, symbol: str, file: Path, timeframe: str, exchange: str, market_type: str | None
) -> None:
    """Write the stored candles of SYMBOL to FILE, whose name ends in .csv or .parquet."""
    wanted = (symbol, Timeframe.of(timeframe), exchange, market_type_named(market_type))
    count = asyncio.run(_export(wanted, file, _kind_of(file)))
    click.echo(f"{count} candles in {file}.")


@click.command("import")
@click.argument("symbol")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--timeframe", required=True, help="Of the candles.")
@of_a_market
@telling
def import_candles(
    *, symbol: str, file: Path, timeframe: str, exchange: str, market_type: str | None
) -> None:
    """Keep the candles of FILE as those of SYMBOL; one that is stored with other values ends it."""
    wanted = (symbol, Timeframe.of(timeframe), exchange, market_type_named(market_type))
    kept = asyncio.run(_import(wanted, file, _kind_of(file)))
    click.echo(f"{kept.inserted} new, {kept.duplicates_skipped} were there.")


def _kind_of(file: Path) -> FileFormat:
    try:
        return FileFormat(file.suffix.removeprefix("."))
    except ValueError:
        raise Invalid(f"{file.name}: its name has to end in .csv or .parquet.") from None


async def _export(wanted: Wanted, file: Path, kind: FileFormat) -> int:
    async with installation() as place:
        return await export_file(place.database, await series_of(place, wanted), file, kind)


async def _import(wanted: Wanted, file: Path, kind: FileFormat) -> Kept:
    async with installation() as place:
        series = await series_of(place, wanted)
        return await import_file(
            place.database, series, file, kind, actor="cli", now=place.clock.now()
        )
