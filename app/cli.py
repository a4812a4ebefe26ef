"""The commands of an installation, and the ways to start it.

Settings are read before the slow imports: one that makes no sense is refused at once.
"""

from importlib import import_module
from typing import Final

import click

from app.commands.telling import telling
from app.core.startup import load_settings


@click.group(invoke_without_command=True)
@click.pass_context
@telling
def start(context: click.Context) -> None:
    """Start Signalbox: everything in one process, or one part of it."""
    if context.invoked_subcommand is None:
        settings = load_settings()
        from app.serve import serve  # noqa: PLC0415 the server's imports are slow

        serve(settings, with_worker=True)


@start.command("api")
@telling
def start_api() -> None:
    """Only the HTTP API."""
    settings = load_settings()
    from app.serve import serve  # noqa: PLC0415 the server's imports are slow

    serve(settings, with_worker=False)


@start.command("prepare")
@telling
def start_prepare() -> None:
    """Migrate and make the first admin, once before several API processes."""
    settings = load_settings()
    from app.serve import prepare  # noqa: PLC0415 the server's imports are slow

    prepare(settings)


@start.command("worker")
@telling
def start_worker() -> None:
    """Only the worker."""
    settings = load_settings()
    from app.serve import work  # noqa: PLC0415 the server's imports are slow

    work(settings)


@start.command("paper-exchange")
@click.option("--port", default=9000, show_default=True, help="Where it listens.")
@telling
def start_paper_exchange(port: int) -> None:
    """Only the paper exchange, with its control API."""
    settings = load_settings()
    from app.serve import serve_paper_exchange  # noqa: PLC0415 the server's imports are slow

    serve_paper_exchange(settings, port)


COMMANDS: Final = {
    "audit": "app.commands.audit:audit",
    "backtest": "app.commands.backtest:backtest",
    "candles": "app.commands.candles.command:candles",
    "create-user": "app.commands.users:create_user",
    "create-strategy": "app.commands.strategies:create_strategy",
    "demo": "app.commands.demo.command:demo",
    "doctor": "app.commands.doctor.command:doctor",
    "explain": "app.commands.explain:explain",
    "openapi": "app.commands.openapi:openapi",
    "paper": "app.commands.paper:paper",
    "rotate-keys": "app.commands.rotate_keys:rotate_keys",
}


class LoadedWhenAsked(click.Group):
    """Imports only the command that is wanted: most of them are slow to import."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click's signature
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=LoadedWhenAsked)
def commands() -> None:
    """Look after an installation: the one that `.env` and the environment describe."""
