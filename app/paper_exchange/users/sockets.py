"""Private connections: the futures stream of a listen key, and spot's WebSocket API."""

import asyncio
import contextlib
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from app.paper_exchange.engine import refusals
from app.paper_exchange.engine.models import Account
from app.paper_exchange.streams.hub import Listener
from app.paper_exchange.streams.socket import Receive, Send, write_frames
from app.paper_exchange.users.feed import Feed, Subscription
from app.paper_exchange.venue import Venue
from app.trading.words import MarketType

_WINDOW = 60_000
_AHEAD = 1000

Answer = tuple[int, object]


class Refused(Exception):
    """A WebSocket API request that is declined: status, Binance's code and words."""

    def __init__(self, status: int, reason: tuple[int, str]) -> None:
        super().__init__(reason[1])
        self.status = status
        self.code, self.message = reason


async def serve_private_stream(
    feed: Feed, account_id: int, listener: Listener, receive: Receive, send: Send
) -> None:
    """The futures user data of one account, until either side leaves."""
    feed.join(account_id, MarketType.LINEAR, Subscription(listener, None))
    await _serve(feed, listener, receive, send, lambda _text: None)


class SpotApi:
    """Spot's WebSocket API, as far as user data needs it."""

    def __init__(self, venue: Venue, feed: Feed) -> None:
        self._venue = venue
        self._feed = feed

    async def serve(self, listener: Listener, receive: Receive, send: Send) -> None:
        """Talk to one client until either side leaves."""
        numbers: dict[int, int] = {}

        def obey(text: str) -> None:
            listener.put(json.dumps(self._answer(listener, numbers, text)))

        await _serve(self._feed, listener, receive, send, obey)

    def _answer(self, listener: Listener, numbers: dict[int, int], text: str) -> dict[str, object]:
        number: object = None
        try:
            request = json.loads(text)
            number = request.get("id")
            status, result = self._carried_out(listener, numbers, request)
        except Refused as refusal:
            error = {"code": refusal.code, "msg": refusal.message}
            return {"id": number, "status": refusal.status, "error": error, "rateLimits": []}
        except (ValueError, AttributeError, TypeError):
            error = {"code": -1100, "msg": "Illegal characters found in a parameter."}
            return {"id": number, "status": 400, "error": error, "rateLimits": []}
        return {"id": number, "status": status, "result": result, "rateLimits": []}

    def _carried_out(
        self, listener: Listener, numbers: dict[int, int], request: Mapping[str, Any]
    ) -> Answer:
        match request.get("method", ""):
            case "ping":
                return 200, {}
            case "time":
                return 200, {"serverTime": self._venue.now()}
            case "userDataStream.subscribe.signature":
                account = self._signed(request.get("params") or {})
                if account.id not in numbers:
                    numbers[account.id] = len(numbers)
                    subscription = Subscription(listener, numbers[account.id])
                    self._feed.join(account.id, MarketType.SPOT, subscription)
                return 200, {"subscriptionId": numbers[account.id]}
            case "userDataStream.unsubscribe":
                numbers.clear()
                self._feed.leave(listener)
                return 200, {}
            case method if str(method).startswith("userDataStream."):
                raise Refused(410, (-1000, f"Method '{method}' is no longer supported."))
            case method:
                raise Refused(400, (-1000, f"Method '{method}' is not served here."))

    def _signed(self, params: Mapping[str, Any]) -> Account:
        """The account that signed the parameters.

        Raises:
            Refused: -2015, -1102, -1021 or -1022, as over HTTP.
        """
        account = self._venue.account(str(params.get("apiKey", "")))
        if account is None:
            raise Refused(401, refusals.KEY_UNKNOWN)
        if "timestamp" not in params or "signature" not in params:
            raise Refused(400, (-1102, "Mandatory parameter 'signature' was not sent."))
        late = self._venue.now() - int(params["timestamp"])
        if late > min(int(params.get("recvWindow", 5000)), _WINDOW):
            raise Refused(400, refusals.TOO_LATE)
        if late <= -_AHEAD:
            raise Refused(400, refusals.TOO_EARLY)
        signed = {name: value for name, value in params.items() if name != "signature"}
        payload = "&".join(f"{name}={signed[name]}" for name in sorted(signed))
        digest = hmac.new(account.api_secret.encode(), payload.encode(), hashlib.sha256)
        if not hmac.compare_digest(digest.hexdigest(), str(params["signature"])):
            raise Refused(400, refusals.BAD_SIGNATURE)
        return account


async def _serve(
    feed: Feed, listener: Listener, receive: Receive, send: Send, obey: Callable[[str], None]
) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    writer = asyncio.create_task(write_frames(listener, send))
    try:
        while (message := await receive())["type"] == "websocket.receive":
            if not listener.mood.is_half_open():
                obey(message.get("text") or "")
    finally:
        feed.leave(listener)
        writer.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError, RuntimeError):
            await writer
