"""`candles build`: larger candles from smaller ones, or from trades."""

import asyncio
from datetime import datetime
from typing import Final

import click

from app.commands.candles.asking import Wanted, series_of
from app.commands.installation import installation
from app.commands.markets import market_type_named, moment, of_a_market
from app.commands.telling import telling
from app.core.clock import iso
from app.market.building.service import build_and_note, source_named
from app.market.fetching.job import checked_count
from app.trading.timeframe import Timeframe

SHOWN: Final = 10


@click.command("build")
@click.argument("symbol")
@click.option("--timeframe", required=True, help="Of the candles to be built.")
@click.option("--source", required=True, help="From what: 1m, another timeframe, or trades.")
@click.option("--from", "since", required=True, help="2026-01-31, or a moment with its zone.")
@click.option("--to", "until", help="Likewise, exclusive; now when left out.")
@of_a_market
@telling
def build(
    *,
    symbol: str,
    timeframe: str,
    source: str,
    since: str,
    until: str | None,
    exchange: str,
    market_type: str | None,
) -> None:
    """Build candles of SYMBOL from what is stored; one that is stored with other values ends it.

    Only whole candles are kept. From trades they are made between the first and the last one.
    """
    into = Timeframe.of(timeframe)
    asyncio.run(
        _build(
            (symbol, into, exchange, market_type_named(market_type)),
            source_named(source, into),
            moment("--from", since),
            None if until is None else moment("--to", until),
        )
    )


async def _build(
    wanted: Wanted, source: Timeframe | None, since: datetime, until: datetime | None
) -> None:
    async with installation() as place:
        now = place.clock.now()
        checked_count(wanted[1], since, until or now, now=now)
        series = await series_of(place, wanted)
        built = await build_and_note(
            place.database,
            series,
            source,
            since=since,
            until=until or now,
            now=now,
            actor="cli",
        )
    for one in built.incomplete[:SHOWN]:
        click.echo(f"{iso(one.open_time)}: {one.missing} missing, from {iso(one.first_missing)} on")
    if len(built.incomplete) > SHOWN:
        click.echo(f"… and {len(built.incomplete) - SHOWN} more")
    kept = built.kept
    said = f"{kept.inserted} new, {kept.duplicates_skipped} were there"
    if built.incomplete:
        said += f", {len(built.incomplete)} incomplete and left out"
    click.echo(f"{series.exchange} {series.symbol} {series.timeframe}: {said}.")
