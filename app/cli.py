"""The commands of an installation, and the ways to start it."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import click

from app.core.errors import AppError
from app.core.startup import load_settings

P = ParamSpec("P")
START_FAILED = 2


def telling(command: Callable[P, None]) -> Callable[P, None]:
    """Say in a line what is wrong, without a traceback."""

    @wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except AppError as error:
            for line in error.detail.splitlines():
                click.echo(f"signalbox: {line}", err=True)
            sys.exit(START_FAILED)

    return wrapper


@click.group(invoke_without_command=True)
@click.pass_context
@telling
def start(context: click.Context) -> None:
    """Start Signalbox: everything in one process, or one part of it."""
    if context.invoked_subcommand is None:
        from app.serve import serve  # noqa: PLC0415 the server's imports are slow

        serve(load_settings(), with_worker=True)


@start.command("api")
@telling
def start_api() -> None:
    """Only the HTTP API."""
    from app.serve import serve  # noqa: PLC0415 the server's imports are slow

    serve(load_settings(), with_worker=False)


@start.command("worker")
@telling
def start_worker() -> None:
    """Only the worker."""
    from app.serve import work  # noqa: PLC0415 the server's imports are slow

    work(load_settings())


@start.command("paper-exchange")
@click.option("--port", default=9000, show_default=True, help="Where it listens.")
@telling
def start_paper_exchange(port: int) -> None:
    """Only the paper exchange, with its control API."""
    from app.serve import serve_paper_exchange  # noqa: PLC0415 the server's imports are slow

    serve_paper_exchange(load_settings(), port)


@click.group()
def commands() -> None:
    """Look after an installation."""
