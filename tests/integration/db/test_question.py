"""A question that a batch asks is answered as any other."""

from typing import Final
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, Uuid, bindparam, select

from app.accounts.models import Invite
from app.core.clock import SystemClock
from app.db.question import Question
from app.db.session import Database

NOW = SystemClock().now()
INVITES: Final = Question(
    select(Invite.id, Invite.digest, Invite.created_at, Invite.used_at).where(
        Invite.id.in_(bindparam("ids", type_=Uuid(), expanding=True))
    ),
    "ids",
    Uuid(),
)


async def invites(database: Database, count: int) -> dict[UUID, Invite]:
    rows = [
        Invite(
            id=uuid4(),
            digest=uuid4().hex * 2,
            role="trader",
            created_at=NOW,
            expires_at=NOW,
            used_at=NOW if number % 2 else None,
        )
        for number in range(count)
    ]
    async with database.transaction() as session:
        session.add_all(rows)
    return {row.id: row for row in rows}


@pytest.mark.parametrize("count", [1, 3])
async def test_a_question_in_a_batch_when_asked_then_is_answered_as_in_a_session(
    database: Database, count: int
) -> None:
    rows = await invites(database, count)
    await invites(database, 2)

    def asked(connection: Connection) -> set[tuple[object, ...]]:
        return {tuple(row) for row in INVITES.ask(connection, list(rows))}

    in_batch = await database.together(lambda writing: asked(writing.connection))
    async with database.read() as session:
        in_session = await (await session.connection()).run_sync(asked)

    assert in_batch == in_session
    assert in_batch == {(one.id, one.digest, NOW, one.used_at) for one in rows.values()}
