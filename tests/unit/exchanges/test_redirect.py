from collections.abc import AsyncIterator

import pytest
from yarl import URL

from app.exchanges.redirect import RedirectingSession
from tests.unit.exchanges.scripted_venue import Reply, ScriptedVenue, scripted_venue


@pytest.fixture
async def script() -> AsyncIterator[ScriptedVenue]:
    async with scripted_venue() as venue:
        yield venue


@pytest.mark.parametrize("folder", ["", "/", "/paper-exchange"])
async def test_request_goes_to_the_base_under_its_original_host_and_path(
    script: ScriptedVenue, folder: str
) -> None:
    path = f"{folder.rstrip('/')}/api.binance.com/api/v3/order"
    script.script[f"GET {path}"] = Reply({"ok": True})

    async with RedirectingSession(script.base + folder) as session:
        signed = URL("https://api.binance.com/api/v3/order?symbol=BTC%2FUSDT&a=%5B", encoded=True)
        answer = await session.get(signed)

    assert answer.status == 200
    assert script.asked(f"GET {path}") == ["symbol=BTC%2FUSDT&a=%5B"]


async def test_body_arrives_byte_for_byte(script: ScriptedVenue) -> None:
    body = "symbol=BTCUSDT&signature=a%2Bb"

    async with RedirectingSession(script.base) as session:
        await session.post("https://fapi.binance.com/fapi/v1/order", data=body)

    assert script.asked("POST /fapi.binance.com/fapi/v1/order") == [body]


async def test_websocket_goes_there_too(script: ScriptedVenue) -> None:
    async with RedirectingSession(script.base) as session:
        with pytest.raises(Exception, match="400"):
            await session.ws_connect("wss://stream.binance.com:9443/ws/1")

    assert script.requests[0][0] == "GET /stream.binance.com/ws/1"
