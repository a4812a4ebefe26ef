"""`candles gaps`: which candles of a series are missing."""

import asyncio
from datetime import datetime
from typing import Final

import click

from app.commands.candles.asking import Wanted, series_of
from app.commands.installation import installation
from app.commands.markets import market_type_named, moment, of_a_market
from app.commands.telling import telling
from app.core.clock import iso
from app.market.candles.series import Series
from app.market.fetching.looking import Looked, look_through
from app.trading.timeframe import Timeframe

SHOWN: Final = 50


@click.command("gaps")
@click.argument("symbol")
@click.option("--timeframe", required=True, help="Of the candles.")
@click.option("--from", "since", help="2026-01-31, or a moment with its zone; the first candle.")
@click.option("--to", "until", help="Likewise, exclusive; now when left out.")
@of_a_market
@telling
def gaps(
    *,
    symbol: str,
    timeframe: str,
    since: str | None,
    until: str | None,
    exchange: str,
    market_type: str | None,
) -> None:
    """Say which candles of SYMBOL are missing between those that are stored."""
    wanted = (symbol, Timeframe.of(timeframe), exchange, market_type_named(market_type))
    asyncio.run(
        _look(
            wanted,
            None if since is None else moment("--from", since),
            None if until is None else moment("--to", until),
        )
    )


async def _look(wanted: Wanted, since: datetime | None, until: datetime | None) -> None:
    async with installation() as place:
        series = await series_of(place, wanted)
        now = place.clock.now()
        looked = await look_through(
            place.database, series, since=since, until=until or now, now=now, most=None
        )
    for gap in looked.gaps[:SHOWN]:
        click.echo(f"{iso(gap.since)} to {iso(gap.until)}: {gap.count} missing")
    if len(looked.gaps) > SHOWN:
        click.echo(f"… and {len(looked.gaps) - SHOWN} gaps more")
    click.echo(_sentence(series, looked))


def _sentence(series: Series, looked: Looked) -> str:
    name = f"{series.exchange} {series.symbol} {series.timeframe}"
    if looked.since is None:
        return f"{name}: nothing is stored of that range."
    found = f"{name}: {looked.stored} stored, {looked.missing} missing"
    if not looked.gaps:
        return found + "."
    return f"{found} in {len(looked.gaps)} gaps; `candles fetch` asks the exchange for them."
