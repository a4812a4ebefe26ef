"""Have the next thing made ready while the last one is dealt with."""

import asyncio
from collections.abc import AsyncGenerator
from typing import TypeVar

Item = TypeVar("Item")


async def one_ahead(items: AsyncGenerator[Item]) -> AsyncGenerator[Item]:
    """The same items; each is worked out while the caller waits for something about the one before.

    What working one out raises is raised when its turn comes, after the caller has dealt with all
    that came before it. Close the iterator (`contextlib.aclosing`) when you may stop early.

    Args:
        items: none of them None; closed at the end.
    """
    coming: asyncio.Future[Item | None] = asyncio.ensure_future(anext(items, None))
    try:
        while (item := await coming) is not None:
            coming = asyncio.ensure_future(anext(items, None))
            yield item
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
        await items.aclose()
