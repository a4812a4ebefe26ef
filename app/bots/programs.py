"""Where bots get their algorithms from."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from app.algorithms.algorithm import Definition
from app.core.errors import Conflict
from app.db.session import Database
from app.own_algorithms.programs import Programs, shipped
from app.own_algorithms.shelf import Shelf
from app.strategies import repository as strategies


@asynccontextmanager
async def programs_for(
    database: Database, shelf: Shelf, *, strategy_id: UUID, user_id: UUID
) -> AsyncIterator[Programs]:
    """The algorithm that a strategy names, at hand before a transaction begins.

    One of the operator's own needs a process that takes a second to start: nobody may wait for
    the database meanwhile.

    Raises:
        NotFound: no such strategy of the user.
        Invalid: `unknown_algorithm`; what is wrong with its file.
    """
    async with database.read() as session:
        name = (await strategies.owned(session, strategy_id, user_id)).algorithm
    if name is None:
        yield shipped
        return
    async with shelf.opened(name) as program:

        @asynccontextmanager
        async def at_hand(wanted: str) -> AsyncIterator[Definition[Any]]:
            if wanted != name:
                raise Conflict(
                    "Its strategy was given another algorithm at this moment: try again.",
                    code="algorithm_changed",
                )
            yield program

        yield at_hand
