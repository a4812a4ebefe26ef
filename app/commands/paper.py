"""`paper account`: a key of the paper exchange, for a bot or a script of your own."""

import asyncio
import sqlite3
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import click

from app.commands.telling import telling
from app.core.clock import SystemClock
from app.core.errors import Invalid
from app.core.startup import load_settings
from app.desk.welcome import OutsidePaperExchange
from app.house import make_folder, paper_url
from app.paper_exchange.app import create_paper_exchange
from app.paper_exchange.symbols import ASSETS, MARKETS
from app.settings import Settings
from app.trading.money import parse_decimal
from app.trading.words import MarketType

DEFAULT_BALANCE: Final = ("USDT=10000",)


@click.group()
def paper() -> None:
    """The paper exchange: a venue of our own where nothing is real."""


@paper.command("account")
@click.option(
    "--balance",
    "balances",
    multiple=True,
    default=DEFAULT_BALANCE,
    show_default=True,
    help="COIN=AMOUNT, repeatable; futures take USDT only.",
)
@click.option(
    "--market",
    type=click.Choice([market.value for market in MARKETS]),
    help="Money on this market only; else on both.",
)
@telling
def account(balances: tuple[str, ...], market: str | None) -> None:
    """Open an account at the paper exchange and print its key and secret.

    Works while the server runs and while it does not, and with PAPER_CONTROL off: it writes to
    the paper exchange's own file. With PAPER_URL set it asks the exchange there, whose control
    API has to be on.
    """
    settings = load_settings()
    purse = dict(map(_coin, balances))
    markets = MARKETS if market is None else (MarketType(market),)
    purses = {one: _fitting(purse, one) for one in markets}
    key, secret = asyncio.run(_open(settings, purses))
    click.echo(f"exchange    {paper_url(settings)}")
    click.echo(f"api_key     {key}")
    click.echo(f"api_secret  {secret}")


async def _open(
    settings: Settings, purses: Mapping[MarketType, Mapping[str, Decimal]]
) -> tuple[str, str]:
    if settings.paper_url:
        return await OutsidePaperExchange(settings.paper_url)(purses)
    make_folder(settings)
    try:
        exchange = create_paper_exchange(
            data_dir=settings.data_dir,
            control=False,
            seed=settings.paper_seed,
            candles="",
            clock=SystemClock(),
        )
    except (OSError, sqlite3.Error) as error:
        raise Invalid(f"DATA_DIR: {error}", code="data_dir_unwritable") from None
    try:
        return await exchange.open_account(purses)
    finally:
        await exchange.stop()


def _coin(text: str) -> tuple[str, Decimal]:
    coin, _, amount = text.partition("=")
    name = coin.strip().upper()
    if name not in ASSETS:
        raise Invalid(f"--balance: {coin!r} is not traded here.", code="invalid")
    try:
        value = parse_decimal(amount)
    except ValueError as error:
        raise Invalid(f"--balance: {error}", code="invalid") from None
    if value < 0:
        raise Invalid("--balance: an amount is 0 or more.", code="invalid")
    return name, value


def _fitting(purse: dict[str, Decimal], market: MarketType) -> dict[str, Decimal]:
    if market is MarketType.SPOT:
        return purse
    return {coin: amount for coin, amount in purse.items() if coin == "USDT"}
