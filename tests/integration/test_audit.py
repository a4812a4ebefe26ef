from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.audit.service import SYSTEM, record
from app.core.clock import iso
from app.db.session import Database
from app.http.caller import Role
from tests.integration.accounts.house import House, open_house

ACCOUNT = {"name": "main", "exchange": "binance", "market_type": "spot"}


@pytest.fixture
async def house(tmp_path: Path, sqlite_database: Database) -> AsyncIterator[House]:
    async with open_house(tmp_path, sqlite_database) as opened:
        yield opened


async def actions(house: House, headers: dict[str, str], query: str = "") -> list[str]:
    answer = await house.client.get(f"/audit{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return [item["action"] for item in answer.json()["items"]]


async def test_a_decision_leaves_a_row_with_who_what_when_and_from_where(house: House) -> None:
    headers = await house.as_("ada")
    created = await house.client.post("/accounts", json=ACCOUNT, headers=headers)

    answer = await house.client.get("/audit?action=exchange_account.created", headers=headers)

    (entry,) = answer.json()["items"]
    assert entry["at"] == iso(house.clock.now())
    assert entry["actor"] == "ada"
    assert (entry["subject_kind"], entry["subject_id"]) == (
        "exchange_account",
        created.json()["id"],
    )
    assert entry["detail"] == {"exchange": "binance"}
    assert entry["source"] == "127.0.0.1"
    assert entry["request_id"] == created.headers["x-request-id"]


async def test_what_was_refused_leaves_no_row(house: House) -> None:
    headers = await house.as_("ada")
    await house.client.post("/accounts", json=ACCOUNT, headers=headers)

    refused = await house.client.post("/accounts", json=ACCOUNT, headers=headers)

    assert refused.status_code == 409
    assert await actions(house, headers, "?action=exchange_account.") == [
        "exchange_account.created"
    ]


async def test_users_see_their_own_rows_and_admins_all(house: House) -> None:
    ada = await house.as_("ada")
    await house.as_("eve")
    root = await house.as_("root", Role.ADMIN)
    async with house.database.transaction() as session:
        await record(
            session,
            now=house.clock.now(),
            actor=SYSTEM,
            action="system.started",
            subject_kind="system",
            subject_id="1",
        )

    assert await actions(house, ada) == ["session.opened", "user.registered"]
    assert len(await actions(house, root)) == 7


async def test_filters_by_subject_and_by_time(house: House) -> None:
    headers = await house.as_("ada")
    then = iso(house.clock.now())
    house.clock.pass_by(60)
    first = await house.client.post("/accounts", json=ACCOUNT, headers=headers)
    await house.client.post("/accounts", json=ACCOUNT | {"name": "x"}, headers=headers)
    row = first.json()["id"]
    await house.client.patch(f"/accounts/{row}", json={"is_active": False}, headers=headers)
    now = iso(house.clock.now())

    assert await actions(house, headers, f"?subject_id={row}") == [
        "exchange_account.changed",
        "exchange_account.created",
    ]
    assert await actions(house, headers, f"?from={then}&to={now}&action=user.") == [
        "user.registered"
    ]
    assert await actions(house, headers, f"?from={now}&action=user.") == []


async def test_a_stolen_refresh_token_is_on_record_though_the_answer_was_401(house: House) -> None:
    headers = await house.as_("ada")
    pair = await house.log_in("ada")
    body = {"refresh_token": pair["refresh_token"]}
    await house.client.post("/auth/refresh", json=body)
    house.clock.pass_by(11)

    answer = await house.client.post("/auth/refresh", json=body)

    assert answer.status_code == 401
    assert await actions(house, headers, "?action=session.refresh_reused") == [
        "session.refresh_reused"
    ]


@pytest.mark.parametrize(
    "query", ["action=%00", "subject_id=a%00b", "from=2026-01-31", "cursor=x", "limit=501"]
)
async def test_filter_that_makes_no_sense_is_400(house: House, query: str) -> None:
    answer = await house.client.get(f"/audit?{query}", headers=await house.as_("ada"))

    assert answer.status_code == 400


async def test_the_audit_cannot_be_written_by_http(house: House) -> None:
    headers = await house.as_("root", Role.ADMIN)

    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert (await house.client.request(method, "/audit", headers=headers)).status_code == 405
