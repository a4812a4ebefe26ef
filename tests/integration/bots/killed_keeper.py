"""A worker with a bot whose process is killed where `FAILPOINT` says: run with a database URL.

Its market is the one of the yard, at the moment and with the closes that it is told.
"""

import asyncio
import sys
from datetime import datetime

from sqlalchemy import select

from app import tables
from app.accounts.models import ExchangeAccount, User
from app.db.session import open_database
from app.strategies.models import Strategy
from tests.integration.bots.yard import Yard
from tests.integration.flow.desk import Desk, Process, Town

assert tables.Base.metadata.tables


async def main(url: str, now: str, closes: str) -> None:
    """Look after bots until the end."""
    database, town = open_database(url), Town()
    town.clock.set(datetime.fromisoformat(now))
    async with database.read() as session:
        user = (await session.scalars(select(User))).one()
        account = (await session.scalars(select(ExchangeAccount))).one()
        strategy = (await session.scalars(select(Strategy))).one()
    town.open_account(account)
    process = Process(database, town)
    await process.instruments.restore()
    yard = Yard(Desk(town, process, user, account, strategy), [int(one) for one in closes.split()])
    yard.publish()
    await yard.keeper().keep()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
