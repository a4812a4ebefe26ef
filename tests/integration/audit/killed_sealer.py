"""A sealer whose process is killed between its seals and their commit: run with a database URL."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable

from app import tables
from app.audit.sealing import Sealer
from app.core.clock import SystemClock
from app.db.session import Database, Done, Writing, open_database

assert tables.Base.metadata.tables


class MortalDatabase(Database):
    """Ends its process where others commit."""

    async def together(
        self, work: Callable[[Writing], Done], *, is_one_statement: bool = False
    ) -> Done:
        def and_die(writing: Writing) -> Done:
            work(writing)
            os.kill(os.getpid(), signal.SIGKILL)
            raise AssertionError

        return await super().together(and_die, is_one_statement=is_one_statement)


if __name__ == "__main__":
    mortal = MortalDatabase(open_database(sys.argv[1]).engine)
    asyncio.run(Sealer(mortal, SystemClock()).seal())
