"""The paper exchange in a process of its own, and the hand on it."""

import os
import signal
import time
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import httpx

from tests.crash.ledger import Ledger
from tests.programs.starting import RUN, SHORT_LIVED, Child, Launcher, free_port, port_opens


class VenueFailed(Exception):
    """The paper exchange did not start, or refused a control request: no fault of the server."""


class PaperVenue:
    """Prices, faults and the ledger of one venue.

    Attributes:
        prices: held ones, by Binance's symbol.
        ledger: as far as it was read.
    """

    def __init__(self, folder: Path, launcher: Launcher) -> None:
        self._folder = folder
        self._launcher = launcher
        self._child: Child | None = None
        self._port = free_port()
        self.base = f"http://127.0.0.1:{self._port}"
        self._client = httpx.AsyncClient(base_url=self.base, timeout=10, limits=SHORT_LIVED)
        self.prices: dict[str, Decimal] = {}
        self.ledger = Ledger()

    async def start(self) -> Self:
        """Start it with its control API."""
        environment = {
            "PATH": os.defpath,
            "HOME": str(self._folder),
            "PAPER_CONTROL": "true",
            "DATA_DIR": str(self._folder / "paper"),
            "LOG_DIR": str(self._folder / "paper-logs"),
        }
        words = (RUN, "paper-exchange", "--port", str(self._port))
        log = self._folder / "paper.out"
        self._child = self._launcher.launch(words, environment, self._folder, log)
        if not await port_opens(self._port, self._child):
            raise VenueFailed(log.read_text()[-2000:])
        return self

    async def stop(self) -> None:
        """End it."""
        await self._client.aclose()
        if self._child is not None:
            self._child.send(signal.SIGKILL)
            await self._child.ended(5)
            self._child.close()

    async def hold(self, symbol: str, price: Decimal) -> None:
        """Hold a price on both markets."""
        self.prices[symbol] = price
        await self._post("/control/price", {"symbol": symbol, "price": f"{price:f}"})

    async def fund(self, symbol: str, rate: str) -> None:
        """Pay funding once."""
        await self._post("/control/funding", {"symbol": symbol, "rate": rate})

    async def arm(self, fault: dict[str, Any]) -> dict[str, Any]:
        """Arm a fault; what happens at once has happened when this returns."""
        return await self._post("/control/faults", fault)

    async def try_to_arm(self, fault: dict[str, Any]) -> None:
        """Arm a fault that may find nothing to do."""
        with suppress(VenueFailed):
            await self.arm(fault)

    async def clear_faults(self) -> None:
        """From now on it is fair."""
        answer = await self._client.delete("/control/faults")
        if answer.status_code != 200:
            raise VenueFailed(answer.text)
        # A market order does not stay half filled for ever.
        await self.arm({"verb": "fill_rest"})

    async def has_bitten(self, fault_id: int, seconds: float, child: Child) -> bool:
        """Wait until a fault has bitten; False when it does not, or the server ends first."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and child.is_alive:
            await self.read()
            for event in reversed(self.ledger.events):
                if event.event == "fault_bit" and event.body.get("fault_id") == fault_id:
                    return True
        return False

    async def read(self) -> Ledger:
        """The ledger up to now."""
        answer = await self._client.get("/control/ledger", params={"after": self.ledger.last_seq})
        return self.ledger.take(answer.json()["items"])

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self._client.post(path, json=body)
        if answer.status_code != 200:
            raise VenueFailed(f"{path} {body}: {answer.text}")
        found: dict[str, Any] = answer.json()
        return found
