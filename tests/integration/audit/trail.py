"""A trail to write, to seal, and to tamper with as somebody does who owns the database."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from app.accounts.models import User
from app.audit import repository
from app.audit.models import AuditEntry, AuditSeal
from app.audit.repository import Head
from app.audit.sealing import Sealer
from app.audit.verifying import Verification, verify
from app.core.ids import new_id
from app.db.session import Database
from tests.builders import a_user
from tests.fakes.clock import FakeClock


@dataclass
class Trail:
    database: Database
    clock: FakeClock
    user: User
    sealer: Sealer

    @classmethod
    async def begin(cls, database: Database) -> "Trail":
        """An empty trail, and a user for what it tells of."""
        clock = FakeClock()
        user = a_user(clock.now())
        async with database.transaction() as session:
            session.add(user)
        return cls(database, clock, user, Sealer(database, clock))

    def entry(self, **changes: Any) -> AuditEntry:
        """An entry of this moment."""
        values: dict[str, Any] = {
            "id": new_id(),
            "at": self.clock.now(),
            "user_id": self.user.id,
            "actor": "ada",
            "action": "signal.approved",
            "subject_kind": "signal",
            "subject_id": str(new_id()),
            "detail": {"reason": "so"},
            "source": "127.0.0.1",
            "request_id": new_id().hex,
        }
        return AuditEntry(**{**values, **changes})

    async def write(self, count: int = 1, **changes: Any) -> list[UUID]:
        """Some more entries, a second apart, in one transaction."""
        rows = []
        for _ in range(count):
            rows.append(self.entry(**changes))
            self.clock.advance(1)
        return await self.keep(*rows)

    async def keep(self, *rows: AuditEntry) -> list[UUID]:
        """These entries, as they are."""
        async with self.database.transaction() as session:
            session.add_all(rows)
        return [row.id for row in rows]

    async def sealed(self, count: int) -> list[UUID]:
        """Some more entries that have their seals."""
        made = await self.write(count)
        await self.sealer.seal()
        return made

    async def seals(self) -> list[tuple[int, UUID, str]]:
        """Number, entry and digest of every seal, in the order of the chain."""
        query = select(AuditSeal).order_by(AuditSeal.number)
        async with self.database.read() as session:
            rows = await session.scalars(query)
            return [(row.number, row.entry_id, row.digest) for row in rows]

    async def head(self) -> Head:
        async with self.database.read() as session:
            return await repository.head(session)

    async def verify(self, kept: Head | None = None) -> Verification:
        async with self.database.read() as session:
            return await verify(session, kept=kept)

    async def tamper(self, statement: str, **values: Any) -> None:
        """What the owner of a database can do to it, whatever its foreign keys say.

        Args:
            statement: with `:name` for each value.
            values: by name; an id in either spelling.
        """
        values = {name: one.hex if isinstance(one, UUID) else one for name, one in values.items()}
        if self.database.is_sqlite:
            path = self.database.engine.url.database
            assert path is not None
            with closing(sqlite3.connect(path)) as file, file:
                assert file.execute(statement, values).rowcount > 0, statement
            return
        async with self.database.engine.begin() as connection:
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
            result = await connection.execute(text(statement), values)
            assert result.rowcount > 0, statement
