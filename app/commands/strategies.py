"""`create-strategy`: a webhook URL from the terminal."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import click
from pydantic import ValidationError

from app.commands.installation import account_named, installation, user_named
from app.commands.telling import as_invalid, telling
from app.core.errors import Invalid
from app.strategies import service
from app.strategies.routes import webhook_url
from app.strategies.schemas import StrategySettings
from app.strategies.words import Approval, Sides, SizingMode

DEFAULT_ACCOUNT: Final = "Paper futures"
PLAIN: Final = ("approval", "sides", "leverage", "max_price_drift_percent", "max_entries")


@click.command("create-strategy")
@click.argument("username")
@click.argument("name")
@click.option(
    "--account", default=DEFAULT_ACCOUNT, show_default=True, help="Name of an exchange account."
)
@click.option(
    "--approval",
    type=click.Choice([one.value for one in Approval]),
    help="manual (default) waits for a person, auto trades at once.",
)
@click.option(
    "--size-mode",
    type=click.Choice([one.value for one in SizingMode]),
    help="from_alert (default), or how the strategy sizes every entry itself.",
)
@click.option(
    "--size", help="Base units, quote or percent by the mode; for from_alert the quote to fall to."
)
@click.option("--stop-percent", help="Stop for alerts that bring none: 2 = 2 % from the entry.")
@click.option("--target-percent", help="Target for alerts that bring none: 4 = 4 %.")
@click.option("--sides", type=click.Choice([one.value for one in Sides]), help="Default: both.")
@click.option("--leverage", type=int, help="At most; alerts may lower it. Default: 1.")
@click.option("--max-price-drift-percent", help="Deny when the price has run away further.")
@click.option("--max-entries", type=int, help="Entries into one position; 0 is no limit.")
@click.option(
    "--allow", "symbols", multiple=True, help="Only these symbols, as BTC/USDT:USDT; repeatable."
)
@telling
def create_strategy(username: str, name: str, account: str, **options: Any) -> None:
    """Make a strategy of a user and print its webhook URL, once."""
    asyncio.run(_create(username, name, account, settings_of(options)))


def settings_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, as the API takes them.

    Raises:
        Invalid: a value cannot be used; each in a line.
    """
    asked: dict[str, Any] = {key: options[key] for key in PLAIN if options[key] is not None}
    if options["size"] is not None or options["size_mode"] is not None:
        mode = options["size_mode"] or SizingMode.FROM_ALERT.value
        asked["sizing"] = {"mode": mode, "value": options["size"]}
    for level in ("stop", "target"):
        percent = options[f"{level}_percent"]
        if percent is not None:
            field = "default_stop_loss" if level == "stop" else "default_take_profit"
            asked[field] = {"kind": "percent", "value": percent}
    if options["symbols"]:
        asked["allowed_symbols"] = list(options["symbols"])
    try:
        return StrategySettings.model_validate(asked).model_dump(exclude_unset=True)
    except ValidationError as error:
        raise as_invalid(error) from None


async def _create(username: str, name: str, account: str, settings: dict[str, Any]) -> None:
    if not name.strip():
        raise Invalid("NAME: a strategy needs a name.", code="invalid")
    async with installation() as here, here.database.transaction() as session:
        user = await user_named(session, username)
        place = await account_named(session, user, account)
        strategy, token = await service.create(
            session,
            user_id=user.id,
            account_id=place.id,
            name=name.strip(),
            actor="cli",
            now=here.clock.now(),
            settings=settings,
        )
        approval = strategy.approval.value
        url = webhook_url(here.url, token)
    click.echo(f"Made {name!r} on {account!r}, approval {approval}.")
    click.echo(f"Its webhook URL, shown once:\n  {url}")
