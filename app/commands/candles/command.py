"""The group of `candles`."""

import click

from app.commands.candles.building import build
from app.commands.candles.fetching import fetch
from app.commands.candles.files import export_candles, import_candles
from app.commands.candles.gaps import gaps


@click.group()
def candles() -> None:
    """Candles of markets: fetched, and kept without gaps or doubles."""


for command in (fetch, gaps, build, export_candles, import_candles):
    candles.add_command(command)
