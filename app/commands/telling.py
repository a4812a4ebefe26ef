"""How a command speaks: what is wrong in a line, everything else in plain sentences."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec

import click
from loguru import logger
from pydantic import ValidationError

from app.core.errors import AppError, Invalid

P = ParamSpec("P")
FAILED: Final = 2


def telling(command: Callable[P, None]) -> Callable[P, None]:
    """Say in a line what is wrong and end with status 2, without a traceback."""

    @wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except AppError as error:
            for line in error.detail.splitlines():
                click.echo(f"signalbox: {line}", err=True)
            sys.exit(FAILED)

    return wrapper


def be_quiet() -> None:
    """Leave the terminal to the command: it is no server, its deeds are in the audit trail."""
    logger.remove()


def as_invalid(error: ValidationError) -> Invalid:
    """What a model refused, one line for each field; values are not echoed."""
    lines = []
    for item in error.errors():
        name = ".".join(map(str, item["loc"]))
        message = item["msg"].removeprefix("Value error, ")
        lines.append(f"{name}: {message}" if name else message)
    return Invalid("\n".join(lines), code="invalid")
