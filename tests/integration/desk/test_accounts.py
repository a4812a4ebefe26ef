"""What the venue says of an account, what all are worth, and what a market costs."""

from decimal import Decimal

import pytest

from app.accounts.models import ExternalHolding
from app.db.session import Database
from app.strategies.words import Approval
from app.trading.words import MarketType
from tests.builders import LINEAR, a_user, an_account
from tests.fakes.exchange import UNANSWERED
from tests.integration.desk.front import Front, open_front


async def opened(front: Front, quantity: str = "0.1") -> None:
    await front.desk.change_strategy(approval=Approval.AUTO)
    await front.desk.alert(quantity=quantity)


async def test_balance_and_positions_are_the_venues(front: Front) -> None:
    path = f"/accounts/{front.desk.account.id}"
    await opened(front)

    [coin] = (await front.get(f"{path}/balance"))["items"]
    [held] = (await front.get(f"{path}/positions"))["items"]

    # 0.1 % of 6000 was paid
    assert (coin["asset"], coin["total"]) == ("USDT", "99994")
    assert Decimal(coin["free"]) + Decimal(coin["locked"]) == Decimal(coin["total"])
    assert (held["symbol"], held["position_side"]) == ("BTC/USDT:USDT", "long")
    assert (held["quantity"], held["entry_price"]) == ("0.1", "60000")
    assert held["external_quantity"] == "0"


async def test_a_position_says_how_much_of_it_is_the_traders_own(front: Front) -> None:
    desk = front.desk
    await opened(front)
    await desk.keep(
        ExternalHolding(
            account_id=desk.account.id,
            symbol=LINEAR,
            quantity=Decimal("-0.04"),
            seen_at=desk.clock.now(),
        )
    )

    [held] = (await front.get(f"/accounts/{desk.account.id}/positions"))["items"]

    assert (held["quantity"], held["external_quantity"]) == ("0.1", "-0.04")


async def test_a_check_finds_what_is_wrong_without_failing(front: Front) -> None:
    path = f"/accounts/{front.desk.account.id}/check"

    fine = await front.post(path)
    front.desk.venue.failure = UNANSWERED
    silent = await front.post(path)

    assert (fine["ok"], [one["ok"] for one in fine["findings"]]) == (True, [True, True, True])
    assert silent["ok"] is False
    assert silent["findings"][0]["detail"].startswith("exchange_unavailable: ")
    assert await front.desk.orders() == []


async def test_a_silent_venue_is_a_503(front: Front) -> None:
    front.desk.venue.failure = UNANSWERED

    await front.get(f"/accounts/{front.desk.account.id}/balance", expect=503)


async def test_somebody_elses_account_is_not_there(front: Front) -> None:
    stranger = a_user(front.desk.clock.now())

    for what in ("balance", "positions"):
        path = f"/accounts/{front.desk.account.id}/{what}"
        await front.get(path, expect=404, user=stranger)
    await front.post(f"/accounts/{front.desk.account.id}/check", expect=404, user=stranger)
    assert (await front.get("/capital/balance", user=stranger)) == {
        "items": [],
        "totals": [],
        "strategies": [],
    }


async def test_profit_is_kept_apart_from_principal(front: Front) -> None:
    await opened(front)
    await front.desk.price("61000")
    await front.desk.alert(action="close")

    capital = await front.get("/capital/balance")

    [row], [total] = capital["items"], capital["totals"]
    # 0.1 · 1000 less 6 and 6.1 of fees
    assert (row["equity"], row["segregated_profit"], row["principal"]) == (
        "100087.9",
        "87.9",
        "100000",
    )
    assert (row["currency"], row["is_paper"], row["error"]) == ("USDT", True, None)
    assert (total["equity"], total["is_complete"]) == ("100087.9", True)


async def test_a_loss_comes_out_of_the_principal(front: Front) -> None:
    await opened(front)
    await front.desk.price("59000")
    await front.desk.alert(action="close")

    [row] = (await front.get("/capital/balance"))["items"]

    assert (row["segregated_profit"], row["principal"]) == ("0", "99888.1")


async def test_live_and_paper_are_never_added_up_and_silence_is_said(front: Front) -> None:
    desk = front.desk
    live = an_account(desk.user.id, desk.clock.now(), is_paper=False)
    silent = an_account(desk.user.id, desk.clock.now())
    desk.town.open_account(live)
    desk.town.open_account(silent).failure = UNANSWERED
    await desk.keep(live, silent)

    capital = await front.get("/capital/balance")

    errors = {row["account_id"]: row["error"] for row in capital["items"]}
    real, play = capital["totals"]
    assert errors[str(live.id)] is None
    assert errors[str(silent.id)].startswith("exchange_unavailable: ")
    assert (real["is_paper"], real["equity"], real["is_complete"]) == (False, "100000", True)
    assert (play["is_paper"], play["equity"], play["is_complete"]) == (True, "100000", False)


async def test_a_spot_account_is_worth_its_coins_at_bid(database: Database) -> None:
    async with open_front(database, market_type=MarketType.SPOT) as front:
        await front.desk.alert(quantity="0.1")
        await front.desk.price("61000")

        [row] = (await front.get("/capital/balance"))["items"]

        # 94,000 left; 0.1 less 0.1 % of it, at 61,000
        assert (row["free"], row["equity"]) == ("94000", "100093.9")


@pytest.mark.parametrize(
    ("exchange", "market", "code"),
    [("nope", "spot", "exchange_unknown"), ("paper", "inverse", "unknown_market_type")],
)
async def test_an_account_where_we_cannot_trade_is_a_400(
    front: Front, exchange: str, market: str, code: str
) -> None:
    body = {"name": "x", "exchange": exchange, "market_type": market}

    assert (await front.post("/accounts", body, expect=400))["code"] == code


async def test_play_money_is_never_counted_as_real(front: Front) -> None:
    body = {"name": "x", "exchange": "paper", "market_type": "spot", "is_paper": False}

    assert (await front.post("/accounts", body, expect=201))["is_paper"] is True


@pytest.mark.parametrize(
    ("ticker", "symbol"),
    [
        ("BTCUSDT", "BTC/USDT"),
        ("BTCUSDT.P", "BTC/USDT:USDT"),
        ("btcusdt.p", "BTC/USDT:USDT"),
        ("ETHUSDT.P", "ETH/USDT:USDT"),
    ],
)
async def test_what_a_market_costs(front: Front, ticker: str, symbol: str) -> None:
    price = await front.get(f"/prices/{ticker}/current")

    assert price["symbol"] == symbol
    assert price["last"] == ("3000" if symbol.startswith("ETH") else "60000")
    assert price["mark"] == (price["last"] if ":" in symbol else None)
    assert price["at"] == "2026-03-02T12:00:00.000000Z"


async def test_a_market_type_overrides_the_spelling(front: Front) -> None:
    price = await front.get("/prices/BTCUSDT/current", market_type="linear")

    assert price["symbol"] == "BTC/USDT:USDT"


async def test_a_price_is_never_an_old_one(front: Front) -> None:
    await front.get("/prices/BTCUSDT.P/current")
    front.desk.clock.advance(10)
    market = front.desk.town.market_of("BTC/USDT:USDT")
    market.set_price("BTC/USDT:USDT", Decimal(61_000), is_streamed=False)

    assert (await front.get("/prices/BTCUSDT.P/current"))["last"] == "61000"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("NOPEUSDT/current", 404, "unknown_symbol"),
        ("BTCUSDT/current?market_type=margin", 400, "unknown_filter"),
    ],
)
async def test_a_price_that_cannot_be_had(front: Front, path: str, status: int, code: str) -> None:
    answer = await front.call("GET", f"/prices/{path}")

    assert (answer.status_code, answer.json()["code"]) == (status, code)
