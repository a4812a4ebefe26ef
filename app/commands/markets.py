"""What commands are told about a market: which one, where, and of which time."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import click

from app.commands.installation import Installation
from app.core.errors import Invalid
from app.exchanges.room import PAPER, ExchangeRoom
from app.house import paper_url
from app.market.instruments import InstrumentBook
from app.trading.words import MarketType


def of_a_market(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say whose candles they are."""
    for option in (
        click.option("--market-type", help="spot, linear or inverse; by the ticker when left out."),
        click.option("--exchange", default=PAPER, show_default=True, help="Whose candles."),
    ):
        command = option(command)
    return command


def moment(name: str, text: str) -> datetime:
    """A day in UTC, or a moment with its zone.

    Raises:
        Invalid: it is neither.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Invalid(f"{name}: {text[:40]!r} is no date, for example 2026-01-31.") from None
    if found.tzinfo is None and len(text.strip()) > len("2026-01-31"):
        raise Invalid(f"{name}: add a time zone, for example 2026-01-31T00:00:00Z.")
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def market_type_named(text: str | None) -> MarketType | None:
    """The kind of market; None when none is named.

    Raises:
        Invalid: there is no such kind.
    """
    try:
        return None if text is None else MarketType(text)
    except ValueError:
        raise Invalid(f"--market-type: one of {', '.join(MarketType)}") from None


@asynccontextmanager
async def venues_of(place: Installation) -> AsyncIterator[ExchangeRoom]:
    """The way to the venues, closed at the end."""
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


async def instruments_of(place: Installation, venues: ExchangeRoom) -> InstrumentBook:
    """The markets as they were stored; one that never was is asked for at its venue."""
    instruments = InstrumentBook(place.database, venues.market)
    await instruments.restore()
    return instruments
