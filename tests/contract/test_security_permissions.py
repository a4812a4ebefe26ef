"""What a key may do: told by the paper exchange in Binance's words, and read through ccxt."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from app.core.clock import SystemClock
from app.core.errors import AuthRefused, Retryable
from app.exchanges.client import Credentials
from app.exchanges.permissions import KeyPermissions
from app.exchanges.room import ExchangeRoom
from app.trading.words import MarketType
from tests.contract.paper_venue import PaperVenue, running
from tests.fakes.exchange import HARMLESS

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOTH = [MarketType.SPOT, MarketType.LINEAR]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def paper(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PaperVenue]:
    async with running(tmp_path_factory.mktemp("permissions")) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def room(paper: PaperVenue) -> AsyncIterator[ExchangeRoom]:
    opened = ExchangeRoom(clock=SystemClock(), paper_url=lambda: paper.base, timeout_seconds=5.0)
    yield opened
    await opened.close()


async def told(
    paper: PaperVenue, room: ExchangeRoom, market_type: MarketType, **rights: Any
) -> KeyPermissions:
    """What a new key that was given these rights may do."""
    key = await paper.open_account()
    if rights:
        await paper.control("key", api_key=key["apiKey"], permissions=rights)
    return await ask(room, market_type, key)


async def ask(room: ExchangeRoom, market_type: MarketType, key: dict[str, str]) -> KeyPermissions:
    venue = await room.venue("paper", market_type, Credentials(key["apiKey"], key["secret"]))
    try:
        return await venue.permissions()
    finally:
        await venue.close()


@pytest.mark.parametrize("market_type", BOTH, ids=str)
async def test_security_a_new_key_trades_and_moves_nothing_away(
    paper: PaperVenue, room: ExchangeRoom, market_type: MarketType
) -> None:
    assert await told(paper, room, market_type) == HARMLESS


@pytest.mark.parametrize("market_type", BOTH, ids=str)
async def test_security_each_right_is_told(
    paper: PaperVenue, room: ExchangeRoom, market_type: MarketType
) -> None:
    rights = {"enableWithdrawals": True, "permitsUniversalTransfer": True, "ipRestrict": False}
    trading = {"enableSpotAndMarginTrading": False, "enableFutures": False}

    seen = await told(paper, room, market_type, **rights, **trading)

    assert (seen.withdrawals, seen.transfers, seen.is_address_bound) == (True, True, False)
    assert (seen.spot_trading, seen.contract_trading) == (False, False)


async def test_security_what_the_venue_leaves_open_stays_open(
    paper: PaperVenue, room: ExchangeRoom
) -> None:
    rights = {"enableWithdrawals": None, "enableInternalTransfer": "false"}

    seen = await told(paper, room, MarketType.SPOT, **rights)

    assert (seen.withdrawals, seen.transfers, seen.is_verified) == (None, None, False)


async def test_security_the_question_costs_nothing_of_the_limits_of_trading(
    paper: PaperVenue, room: ExchangeRoom
) -> None:
    key = await paper.open_account()
    venue = await room.venue("paper", MarketType.LINEAR, Credentials(key["apiKey"], key["secret"]))
    await paper.send("GET", "/api/v3/allOrders", key, symbol="BTCUSDT")
    before = {row.name: row.used for row in room.budgets()[0].windows}

    await venue.permissions()
    await venue.close()

    after = {row.name: row.used for row in room.budgets()[0].windows}
    assert after["binanceusdm weight"] - before["binanceusdm weight"] <= 1


async def test_security_a_key_that_is_refused_says_nothing_of_its_rights(
    room: ExchangeRoom,
) -> None:
    with pytest.raises(AuthRefused):
        await ask(room, MarketType.SPOT, {"apiKey": "k" * 64, "secret": "s"})


async def test_security_a_venue_that_does_not_answer_says_nothing(
    paper: PaperVenue, room: ExchangeRoom
) -> None:
    key = await paper.open_account()
    await paper.fault("http_503", route="key")
    try:
        with pytest.raises(Retryable):
            await ask(room, MarketType.LINEAR, key)
    finally:
        await paper.clear_faults()


async def test_security_rights_outlast_a_restart_of_the_venue(tmp_path: Path) -> None:
    async with running(tmp_path) as paper:
        key = await paper.open_account()
        rights = {"enableWithdrawals": True}
        await paper.control("key", api_key=key["apiKey"], permissions=rights)

    async with running(tmp_path) as paper:
        status, answer = await paper.send("GET", "/sapi/v1/account/apiRestrictions", key)

    assert (status, answer["enableWithdrawals"], answer["ipRestrict"]) == (200, True, True)
