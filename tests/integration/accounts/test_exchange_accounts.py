from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Column, ForeignKey, MetaData, Table, Uuid

from app.accounts import exchange_accounts, repository
from app.accounts.models import ExchangeAccount
from app.accounts.vault import Credentials, Vault
from app.core.clock import iso
from app.core.errors import Unavailable
from app.http.caller import Role
from tests.integration.accounts.house import House

KEYS = {"api_key": "venue-key-1234", "api_secret": "venue-secret-5678"}
BODY = {"name": "main", "exchange": "Binance", "market_type": "SPOT"}


async def create(house: House, headers: dict[str, str], **fields: Any) -> Any:
    return await house.client.post("/accounts", json={**BODY, **fields}, headers=headers)


async def test_create_answers_the_row_without_its_keys(house: House) -> None:
    answer = await create(house, await house.as_("ada"), **KEYS, password="venue-phrase")

    assert answer.status_code == 201
    row = answer.json()
    UUID(row.pop("id"))
    assert row.pop("key_permissions")["withdrawals"] is False
    assert row == {
        "name": "main",
        "exchange": "binance",
        "market_type": "spot",
        "is_paper": False,
        "is_active": True,
        "key_hint": "1234",
        "created_at": iso(house.clock.now()),
        "permissions_checked_at": iso(house.clock.now()),
        "withdrawals_accepted_at": None,
        "warnings": [],
    }


async def test_keys_are_sealed_in_the_database_and_open_for_the_worker(house: House) -> None:
    created = (await create(house, await house.as_("ada"), **KEYS)).json()

    async with house.database.read() as session:
        (account,) = await repository.active_exchange_accounts(session)
    vault = Vault(house.keys)
    assert exchange_accounts.credentials_of(vault, account) == Credentials(**KEYS)
    assert str(account.id) == created["id"]
    stored = b"".join(path.read_bytes() for path in house.settings.data_dir.glob("test.db*"))
    assert b"venue-secret" not in stored
    assert b"venue-key" not in stored


async def test_credentials_of_an_account_without_keys_says_so(house: House) -> None:
    await create(house, await house.as_("ada"))

    async with house.database.read() as session:
        (account,) = await repository.active_exchange_accounts(session)
    with pytest.raises(Unavailable) as refusal:
        exchange_accounts.credentials_of(Vault(house.keys), account)
    assert refusal.value.code == "credentials_missing"


async def test_change_touches_only_what_is_given(house: House) -> None:
    headers = await house.as_("ada")
    row = (await create(house, headers, **KEYS)).json()
    path = f"/accounts/{row['id']}"

    renamed = await house.client.patch(path, json={"name": "second"}, headers=headers)
    off = await house.client.patch(path, json={"is_active": False}, headers=headers)
    rekeyed = await house.client.patch(
        path, json={"api_key": "other-key-9999", "api_secret": "s"}, headers=headers
    )

    assert renamed.json() == {**row, "name": "second"}
    assert off.json() == {**row, "name": "second", "is_active": False}
    assert rekeyed.json() == {**off.json(), "key_hint": "9999"}
    assert (await house.client.get(path, headers=headers)).json() == rekeyed.json()


async def test_foreign_account_is_not_there(house: House) -> None:
    row = (await create(house, await house.as_("ada"), **KEYS)).json()
    eve = await house.as_("eve", Role.ADMIN)
    path = f"/accounts/{row['id']}"

    answers = [
        await house.client.get(path, headers=eve),
        await house.client.patch(path, json={"name": "mine"}, headers=eve),
        await house.client.delete(path, headers=eve),
        await house.client.get(f"/accounts/{uuid4()}", headers=eve),
    ]

    bodies = [{**answer.json(), "request_id": ""} for answer in answers]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert all(body == bodies[0] for body in bodies)
    assert (await house.client.get("/accounts", headers=eve)).json()["items"] == []


async def test_one_venue_key_is_registered_once_per_market(house: House) -> None:
    ada, eve = await house.as_("ada"), await house.as_("eve")
    await create(house, ada, **KEYS)

    again = await create(house, eve, **KEYS)
    other_market = await create(house, ada, **KEYS, name="futures", market_type="linear")

    assert (again.status_code, again.json()["code"]) == (409, "venue_key_taken")
    assert other_market.status_code == 201


async def test_a_name_is_used_once_per_user(house: House) -> None:
    ada, eve = await house.as_("ada"), await house.as_("eve")
    await create(house, ada)

    assert (await create(house, ada)).json()["code"] == "duplicate"
    assert (await create(house, eve)).status_code == 201


async def test_delete_of_an_unused_account(house: House) -> None:
    headers = await house.as_("ada")
    row = (await create(house, headers)).json()

    answer = await house.client.delete(f"/accounts/{row['id']}", headers=headers)

    assert (answer.status_code, answer.content) == (204, b"")
    assert (await house.client.get(f"/accounts/{row['id']}", headers=headers)).status_code == 404


async def test_delete_of_an_account_in_use_is_refused(house: House) -> None:
    headers = await house.as_("ada")
    row = (await create(house, headers)).json()
    # Stands for a later room's table: whatever points at the account keeps it.
    user_of_it = Table(
        "users_of_it", MetaData(), Column("account_id", Uuid, ForeignKey(ExchangeAccount.id))
    )
    async with house.database.transaction() as session:
        await (await session.connection()).run_sync(user_of_it.create)
        await session.execute(user_of_it.insert().values(account_id=UUID(row["id"])))

    answer = await house.client.delete(f"/accounts/{row['id']}", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (409, "account_in_use")
    assert (await house.client.get(f"/accounts/{row['id']}", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"exchange": "mtgox"},
        {"exchange": "../x"},
        {"market_type": "moon"},
        {"name": ""},
        {"name": "a\u0000b"},
        {"api_key": "alone"},
        {"password": "alone"},
        {"user_id": str(uuid4())},
        {"credentials": "x"},
    ],
)
async def test_account_that_makes_no_sense_is_400_and_echoes_no_key(
    house: House, fields: dict[str, Any]
) -> None:
    answer = await create(
        house, await house.as_("ada"), **(KEYS if "name" in fields else {}), **fields
    )

    assert answer.status_code == 400
    assert "venue-secret" not in answer.text


async def test_viewer_looks_and_does_not_act(house: House) -> None:
    headers = await house.as_("vic", Role.VIEWER)

    assert (await house.client.get("/accounts", headers=headers)).status_code == 200
    assert (await create(house, headers)).status_code == 403


async def test_list_pages_newest_first(house: House) -> None:
    headers = await house.as_("ada")
    for n in range(3):
        await create(house, headers, name=f"a{n}")

    first = (await house.client.get("/accounts?limit=2", headers=headers)).json()
    rest = (
        await house.client.get(f"/accounts?cursor={first['next_cursor']}", headers=headers)
    ).json()

    assert [item["name"] for item in first["items"]] == ["a2", "a1"]
    assert [item["name"] for item in rest["items"]] == ["a0"]
    assert rest["next_cursor"] is None
