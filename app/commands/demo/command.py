"""`demo`: who plays it, and where."""

import asyncio
import secrets

import click
from rich.console import Console

from app.commands.demo.server import Server, connected
from app.commands.demo.story import Story, logged_in
from app.commands.telling import be_quiet, telling
from app.core.clock import SystemClock
from app.core.errors import AppError, Invalid, Unavailable
from app.core.startup import load_settings
from app.house import PAPER_PATH, own_url, paper_url


@click.command()
@click.option("--url", help="Of the running server; that of these settings when left out.")
@click.option("--paper-url", help="Of its paper exchange, when that is another process.")
@click.option("--username", help="Default: ADMIN_USERNAME.")
@click.option("--password", help="Default: ADMIN_PASSWORD.")
@telling
def demo(
    url: str | None, paper_url: str | None, username: str | None, password: str | None
) -> None:
    """Play the story from alert to result on a RUNNING server, with paper money.

    With PAPER_CONTROL=true it moves the price to the target; else the price walks by itself and
    both trades are closed by hand. Without a name and a password it registers a user of its own,
    which needs OPEN_REGISTRATION=true.
    """
    be_quiet()
    asyncio.run(_play(url, paper_url, username, password))


async def _play(
    url: str | None, paper: str | None, username: str | None, password: str | None
) -> None:
    settings = load_settings()
    at = url or own_url(settings)
    paper_at = paper or (f"{at.rstrip('/')}{PAPER_PATH}" if url else paper_url(settings))
    name = username or settings.admin_username
    word = password or settings.admin_password.get_secret_value()
    if bool(name) != bool(word):
        raise Invalid("--username and --password go together.", code="invalid")
    async with connected(at, paper_at) as server:
        if not name:
            name, word = await _register(server)
        async with logged_in(server, name, word):
            await Story(server, Console(highlight=False), SystemClock()).tell()


async def _register(server: Server) -> tuple[str, str]:
    name, word = f"demo-{secrets.token_hex(3)}", secrets.token_urlsafe(16)
    try:
        await server.post("/auth/register", {"username": name, "password": word})
    except AppError as refusal:
        if refusal.code != "invite_required":
            raise
        raise Unavailable(
            "Who plays? Give --username and --password (or ADMIN_USERNAME and ADMIN_PASSWORD)."
        ) from None
    return name, word
