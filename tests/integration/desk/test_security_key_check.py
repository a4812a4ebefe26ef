"""A check asks what the key may do, and what it hears counts at once."""

from dataclasses import replace

from app.accounts.models import ExchangeAccount
from app.notifications.models import Notice
from tests.fakes.exchange import HARMLESS
from tests.integration.desk.front import Front


async def test_security_a_check_finds_a_key_that_can_withdraw_and_that_it_was_mended(
    front: Front,
) -> None:
    desk = front.desk
    path = f"/accounts/{desk.account.id}"
    async with desk.database.transaction() as session:
        (await session.get_one(ExchangeAccount, desk.account.id)).credentials = "sealed"

    desk.venue.key = replace(HARMLESS, transfers=True, is_address_bound=False)
    bad = await front.post(f"{path}/check")
    shown = await front.get(path)
    desk.venue.key = HARMLESS
    good = await front.post(f"{path}/check")

    assert (bad["ok"], bad["findings"][2]["ok"]) == (False, False)
    assert bad["findings"][2]["detail"].startswith("key_can_withdraw: This key allows transfers: ")
    assert [one["code"] for one in shown["warnings"]] == [
        "key_can_withdraw",
        "key_not_bound_to_address",
    ]
    assert good["ok"] is True
    assert (await front.get(path))["warnings"] == []
    told = [one.code for one in await desk.rows(Notice)]
    assert sorted(told) == ["key_can_withdraw", "key_not_bound_to_address"]
