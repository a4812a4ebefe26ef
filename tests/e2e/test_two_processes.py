"""The story over the process boundary: the server is stopped or killed between its steps."""

import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.processes import Program, Server
from tests.e2e.site import PASSWORD, until
from tests.programs.starting import ColdStarts, Launcher, free_port

ENTRY = (
    '{"symbol":"BTCUSDT","action":"buy","quantity":"0.01",'
    '"stop_loss":"58000","take_profit":"64000","id":"one"}'
)


class Exchange:
    """The paper exchange in its own process, seen through its control API."""

    def __init__(self, folder: Path, starts: Launcher) -> None:
        port = free_port()
        self.base = f"http://127.0.0.1:{port}"
        settings = {"DATA_DIR": str(folder / "paper"), "LOG_DIR": str(folder / "paper-logs")}
        arguments = ("paper-exchange", "--port", str(port))
        self.program = Program(folder, starts, arguments, settings)
        self.client = httpx.AsyncClient(base_url=self.base, timeout=10)

    async def start(self) -> None:
        await self.program.start()
        await until(self._answers, seconds=20)

    async def price(self, price: str) -> None:
        answer = await self.client.post(
            "/control/price", json={"symbol": "BTCUSDT", "price": price}
        )
        assert answer.status_code == 200, answer.text

    async def ledger(self, kind: str) -> list[dict[str, Any]]:
        items = (await self.client.get("/control/ledger")).json()["items"]
        return [item for item in items if item["kind"] == kind]

    async def _answers(self) -> bool:
        try:
            return (await self.client.get("/control/ledger")).status_code == 200
        except httpx.TransportError:
            return False


@pytest.mark.slow
async def test_a_story_when_the_server_is_stopped_and_killed_between_its_steps_then_is_told_once(
    tmp_path: Path, warm: Launcher
) -> None:
    # It runs all the time, and starts as anybody starts it.
    cold = ColdStarts()
    exchange = Exchange(tmp_path, cold)
    server = await Server.at(tmp_path, exchange.base, warm)
    await exchange.start()
    await exchange.price("60000")
    try:
        await server.start()
        webhook = (await server.program.line_with("/webhooks/tradingview/")).strip()
        statuses = await _tell(exchange, server, webhook)
    finally:
        await server.program.stop(signal.SIGKILL)
        assert await exchange.program.stop() == 0
        cold.close()
        await server.client.aclose()
        await exchange.client.aclose()

    # A drain ends with 0, a kill with the signal's number.
    assert statuses == [0, -9, 0, 0, -9, 0]
    assert "Traceback" not in server.program.said + exchange.program.said
    _assert_clean(tmp_path, PASSWORD, webhook.rpartition("/")[2])


async def _tell(exchange: Exchange, server: Server, webhook: str) -> list[int]:
    statuses = []
    receipt = (await server.client.post(webhook, content=ENTRY)).json()
    assert receipt["status"] == "accepted", receipt
    statuses.append(await server.program.stop())

    await server.start()
    assert (await server.client.post(webhook, content=ENTRY)).json()["status"] == "duplicate"
    answer = await server.client.post(f"/signals/{receipt['signal_id']}/approve")
    assert answer.status_code == 200, answer.text
    assert "server" not in answer.headers
    statuses.append(await server.program.stop(signal.SIGKILL))

    await server.start()
    await server.position("open")
    statuses.append(await server.program.stop())

    await server.start()
    await server.position("open")
    statuses.append(await server.program.stop())
    await exchange.price("57900")

    await server.start()
    await server.position("closed")
    statuses.append(await server.program.stop(signal.SIGKILL))

    await server.start()
    await _assert_told_once(exchange, server)
    statuses.append(await server.program.stop())
    return statuses


async def _assert_told_once(exchange: Exchange, server: Server) -> None:
    assert len(await server.items("/alarms")) == 1
    [signal_row] = await server.items("/signals")
    assert signal_row["status"] == "executed"
    orders = await server.items("/orders")
    fills = await exchange.ledger("fill")
    accepted = {row["client_order_id"] for row in orders if row["status"] == "filled"}
    assert len(accepted) == len(fills) == 2
    [position] = await server.items("/positions")
    # 0.01 · (57,900 - 60,000) = -21; fees 0.05 % of 600 and of 579: 0.3 + 0.2895
    assert (position["close_reason"], position["realized_pnl"]) == ("stop_loss", "-21.5895")
    [day] = await server.items("/pnl/daily")
    assert (day["realized_pnl"], day["trades"]) == ("-21.5895", 1)
    [trade] = await server.items("/reports/trades")
    assert trade["realized_pnl"] == "-21.5895"


def _assert_clean(folder: Path, *secrets: str) -> None:
    """No secret in any log of the run."""
    logs = [path for path in folder.rglob("*") if path.is_file() and "logs" in str(path.parent)]
    assert logs
    for path in logs:
        text = path.read_bytes()
        assert not [one for one in secrets if one.encode() in text], path
