"""What a route answers when its database is not there."""

from pathlib import Path

from app.db.session import open_database
from tests.integration.accounts.house import open_house

# Nobody listens on that port.
AWAY = "postgresql+asyncpg://nobody@127.0.0.1:9/nothing"


async def test_security_37_a_database_that_is_away_is_a_503_and_no_mistake_of_ours(
    tmp_path: Path,
) -> None:
    database = open_database(AWAY)
    async with open_house(tmp_path, database) as house:
        answer = await house.client.post(
            "/auth/token", json={"username": "ada", "password": "correct horse battery"}
        )
    await database.close()

    assert (answer.status_code, answer.json()["code"]) == (503, "database_down")
