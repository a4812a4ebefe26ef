"""`create-user`: somebody new, with the same paper accounts a registration gives."""

import asyncio
import sys
from collections.abc import Mapping
from decimal import Decimal

import click

from app.accounts import passwords
from app.accounts import service as accounts
from app.commands.installation import installation
from app.commands.telling import telling
from app.core.errors import Unavailable
from app.desk.welcome import Welcome
from app.http.caller import Role
from app.trading.words import MarketType


@click.command("create-user")
@click.argument("username")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.TRADER.value,
    show_default=True,
    help="admin runs the installation, viewer may only look.",
)
@click.option(
    "--timezone",
    default=accounts.DEFAULT_TIMEZONE,
    show_default=True,
    help="IANA name, as Europe/Berlin: where the trader's day begins.",
)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@telling
def create_user(username: str, role: str, timezone: str, *, password_stdin: bool) -> None:
    """Make a user; asks for the password.

    A server may run meanwhile: it gives the two paper accounts their money within a second.
    """
    name = accounts.valid_username(username)
    accounts.valid_timezone(timezone)
    password = _password(is_piped=password_stdin)
    asyncio.run(_create(name, password, Role(role), timezone))


def _password(*, is_piped: bool) -> str:
    if is_piped:
        return sys.stdin.readline().rstrip("\r\n")
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return answer


async def _create(name: str, password: str, role: Role, timezone: str) -> None:
    async with installation() as here:
        minimum = passwords.MIN_LENGTH_LOCAL if here.settings.is_local else passwords.MIN_LENGTH
        passwords.check_strength(password, minimum=minimum)
        password_hash = await passwords.hash_password(password)
        welcome = Welcome(here.vault, _nothing_opened, here.url, is_inside=False)
        now = here.clock.now()
        async with here.database.transaction() as session:
            user = await accounts.register(
                session,
                username=name,
                password_hash=password_hash,
                role=role,
                timezone=timezone,
                now=now,
            )
            extra = await welcome.on_registered(session, user, now)
    click.echo(f"Made {user.username} ({role.value}), whose day begins at midnight {timezone}.")
    click.echo("Two paper accounts get 10,000 USDT each as soon as the server runs.")
    if "webhook_url" in extra:
        click.echo(f"The demo strategy listens here (shown once):\n  {extra['webhook_url']}")


async def _nothing_opened(_: Mapping[MarketType, Mapping[str, Decimal]]) -> tuple[str, str]:
    raise Unavailable("The server opens paper accounts, not this command.")
