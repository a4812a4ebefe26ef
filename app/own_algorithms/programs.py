"""Where bots and backtests get their algorithms from."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from app.algorithms.algorithm import Definition
from app.algorithms.registry import definition

# An algorithm by its name, at hand until the block ends; `Shelf.opened` is one.
Programs = Callable[[str], AbstractAsyncContextManager[Definition[Any]]]


@asynccontextmanager
async def shipped(name: str) -> AsyncIterator[Definition[Any]]:
    """Those that come with the program.

    Raises:
        Invalid: `unknown_algorithm`.
    """
    yield definition(name)
