"""A running Signalbox as its users see it: by HTTP, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeVar

import aiohttp

from app.core.errors import Unavailable

PATIENCE_SECONDS: Final = 10.0
LOOK_EVERY_SECONDS: Final = 0.1
NOT_FOUND: Final = 404

ResultT = TypeVar("ResultT")
Body = dict[str, Any]


@dataclass(slots=True)
class Server:
    """A session with a server, and with the paper exchange behind it.

    Attributes:
        url: of Signalbox.
        paper_url: of its paper exchange.
    """

    http: aiohttp.ClientSession
    url: str
    paper_url: str
    access_token: str = ""

    async def get(self, path: str, **params: str) -> Any:
        """The JSON of a GET."""
        return await self._ask("GET", f"{self.url}{path}", params=params)

    async def post(self, path: str, body: Body | None = None) -> Any:
        """The JSON of a POST."""
        return await self._ask("POST", f"{self.url}{path}", json=body)

    async def items(self, path: str, **params: str) -> list[Body]:
        """The newest rows of a list."""
        found: list[Body] = (await self.get(path, **params))["items"]
        return found

    async def alert(self, webhook_url: str, text: str) -> Body:
        """Deliver an alert as TradingView does: a body and nothing else."""
        receipt: Body = await self._ask("POST", webhook_url, data=text.encode())
        if receipt["status"] != "accepted":
            raise Unavailable(f"The alert was {receipt['status']}: {receipt.get('reason')}")
        return receipt

    async def price(self, symbol: str) -> Decimal:
        """The futures price at the paper exchange, as Binance's API gives it."""
        url = f"{self.paper_url}/fapi/v1/ticker/price"
        answer = await self._ask("GET", url, params={"symbol": symbol})
        return Decimal(answer["price"])

    async def control(self, what: str, body: Body) -> bool:
        """Move the paper exchange's market; False when its control API is off."""
        async with self._open("POST", f"{self.paper_url}/control/{what}", json=body) as answer:
            return answer.status != NOT_FOUND

    async def until(self, ask: Callable[[], Awaitable[ResultT | None]], wanted: str) -> ResultT:
        """Ask until there is an answer.

        Raises:
            Unavailable: it took too long.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_SECONDS
        while loop.time() < deadline:
            answer = await ask()
            if answer is not None:
                return answer
            await asyncio.sleep(LOOK_EVERY_SECONDS)
        raise Unavailable(f"Waited {PATIENCE_SECONDS:.0f} s for {wanted}: see logs/app.log.")

    async def _ask(self, method: str, url: str, **what: Any) -> Any:
        async with self._open(method, url, **what) as answer:
            is_json = "json" in answer.headers.get("content-type", "")
            body = await answer.json() if is_json else {}
            if not answer.ok:
                told = body.get("detail") or f"{method} {url} answered {answer.status}"
                raise Unavailable(str(told), code=str(body.get("code", "unavailable")))
            return body

    @asynccontextmanager
    async def _open(
        self, method: str, url: str, **what: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {"Authorization": f"Bearer {self.access_token}"} if self.access_token else {}
        # Alerts and the paper exchange have no use for our login.
        sent = headers if url.startswith(self.url) and "/webhooks/" not in url else {}
        try:
            async with self.http.request(method, url, headers=sent, **what) as answer:
                yield answer
        except (aiohttp.ClientError, TimeoutError) as silence:
            raise Unavailable(
                f"{self.url} does not answer ({type(silence).__name__}): start it with `make run`."
            ) from None


@asynccontextmanager
async def connected(url: str, paper_url: str) -> AsyncIterator[Server]:
    """A session that is closed at the end."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        yield Server(http, url.rstrip("/"), paper_url.rstrip("/"))
