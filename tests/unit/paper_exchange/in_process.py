"""The exchange without a port: requests go straight into the application."""

import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.contract.paper_venue import open_exchange


class InProcess:
    """One exchange in a folder, with one customer."""

    def __init__(self, folder: Path) -> None:
        self.exchange = open_exchange(folder)
        self.key: dict[str, str] = {}

    async def request(self, method: str, path: str, query: str, body: str, **headers: str) -> Any:
        """One request; None when the connection would have been cut."""
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body.encode(), "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
            "client": ("127.0.0.1", 1),
        }
        await self.exchange.asgi(scope, receive, send)
        content = b"".join(message.get("body", b"") for message in sent)
        try:
            return json.loads(content)
        except ValueError:
            return None

    async def control(self, path: str, **body: Any) -> Any:
        """POST to the control API."""
        return await self.request("POST", f"/control/{path}", "", json.dumps(body))

    async def open_account(self, balances: Any) -> None:
        """Become a customer."""
        self.key = await self.control("accounts", balances=balances)

    async def send(self, method: str, path: str, **params: Any) -> Any:
        """A signed request of the customer."""
        query = urlencode({"timestamp": int(time.time() * 1000), **params})
        digest = hmac.new(self.key["api_secret"].encode(), query.encode(), hashlib.sha256)
        query += f"&signature={digest.hexdigest()}"
        headers = {"x-mbx-apikey": self.key["api_key"]}
        return await self.request(method, path, query, "", **headers)

    async def ledger(self) -> list[dict[str, Any]]:
        """All of it."""
        answer = await self.request("GET", "/control/ledger", "after=0", "")
        items: list[dict[str, Any]] = answer["items"]
        return items
