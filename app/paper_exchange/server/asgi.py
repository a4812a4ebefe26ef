"""The venue as an ASGI application, at the root of a server or mounted under a path."""

import time
from collections.abc import MutableMapping
from itertools import count
from typing import Any

import msgspec

from app.paper_exchange.faults.armory import Armory
from app.paper_exchange.faults.unfair import Unfair
from app.paper_exchange.faults.wire import Receive, Send, hang_up, wait_until_gone
from app.paper_exchange.protocol.call import Answer, Call
from app.paper_exchange.server.addresses import Address, locate
from app.paper_exchange.server.control import Control
from app.paper_exchange.server.dispatch import Dispatcher
from app.paper_exchange.server.fault_control import FaultControl
from app.paper_exchange.server.gate import Gate, Reply
from app.paper_exchange.server.limits import Limits
from app.paper_exchange.server.sockets import Sockets
from app.paper_exchange.streams.hub import Hub
from app.paper_exchange.venue import Venue

Scope = MutableMapping[str, Any]

_LARGEST_BODY = 1024 * 1024
_PAGE = """<!doctype html>
<title>Paper exchange (simulated)</title>
<h1>Paper exchange</h1>
<p><strong>simulated: true</strong>. No order leaves this machine and no coin here is real.</p>
<p>Speaks Binance's protocol for spot (<code>/api/v3</code>) and USDT-M futures
(<code>/fapi/v1</code>), also under <code>/&lt;Binance host&gt;/&lt;Binance path&gt;</code>.</p>
"""


class PaperApp:
    """Routes HTTP requests to the exchange or the control API, WebSockets to the streams.

    Args:
        control: whether `/control/…` exists.
    """

    def __init__(self, venue: Venue, hub: Hub, *, control: bool) -> None:
        self._venue = venue
        self._arrivals = count(1)
        self._armory = Armory(lambda: venue.journal)
        self._limits = Limits()
        self._sockets = Sockets(venue, hub, self._armory)
        venue.on_prices = self._sockets.on_prices
        more = self._sockets.listen_keys.routes()
        self._dispatcher = Dispatcher(venue, records_public=control, more=more)
        self._gate = Gate(venue, self._dispatcher, self._armory)
        venue.treat(Unfair(self._armory, venue))
        self._control: Control | None = None
        if control:
            faults = FaultControl(venue, self._gate, self._sockets)
            self._control = Control(venue, faults, self._limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        match scope["type"]:
            case "http":
                await self._serve_http(scope, receive, send)
            case "websocket":
                await self._serve_websocket(scope, receive, send)
            case _:
                await _serve_lifespan(receive, send)

    async def _serve_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = locate(scope["path"], scope.get("root_path", ""))
        body = await _read_body(receive)
        if body is None:
            await _send(send, Answer(413, {"code": -1131, "msg": "Request body is too large."}))
            return
        call = Call(
            method=scope["method"],
            path=address.path,
            query=scope["query_string"].decode("latin-1"),
            body=body,
            headers={k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]},
            at=self._venue.now(),
            arrival=next(self._arrivals),
            arrived_ns=time.monotonic_ns(),
            catalog=self._venue.catalog,
        )
        answer = self._about_itself(call, address)
        if answer is not None:
            await _send(send, answer)
            return
        client = scope.get("client") or ("", 0)
        refusal, used = self._limits.count(call, str(client[0]))
        if refusal is not None:
            self._dispatcher.record(call, refusal)
            await _send(send, refusal, used)
        elif self._armory.is_armed:
            reply = await self._gate.answer(call, address)
            await _send_under_faults(send, receive, reply, used)
        else:
            await _send(send, self._dispatcher.answer(call, address), used)

    def _about_itself(self, call: Call, address: Address) -> Answer | None:
        if address.host == "" and call.path == "/" and call.method == "GET":
            return Answer(200, _PAGE)
        if address.host == "" and call.path.startswith("/control/") and self._control is not None:
            return self._control.answer(call)
        return None

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = locate(scope["path"], scope.get("root_path", ""))
        query = scope["query_string"].decode("latin-1")
        await self._sockets.serve(address, query, receive, send)


async def _send_under_faults(
    send: Send, receive: Receive, reply: Reply, used: tuple[tuple[str, str], ...]
) -> None:
    cut = reply.cut
    if cut is None:
        await _send(send, reply.answer or Answer(500, ""), used)
    elif cut.verb == "half_reply" and reply.answer is not None:
        await _send(send, reply.answer, fraction=float(cut.number("fraction", "0.5")))
        await hang_up(send, receive, is_reset=False)
    else:
        hold = None if cut.verb.startswith("hang") else float(cut.seconds)
        is_gone = await wait_until_gone(receive, hold) if hold != 0 else False
        if not is_gone:
            await hang_up(send, receive, is_reset=cut.verb.startswith("reset"))


async def _read_body(receive: Receive) -> str | None:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > _LARGEST_BODY:
            return None
        if not message.get("more_body", False):
            return b"".join(parts).decode("utf-8", "replace")


async def _send(
    send: Send, answer: Answer, more: tuple[tuple[str, str], ...] = (), *, fraction: float = 1
) -> None:
    """Send an answer, or only a fraction of its bytes, which leaves it unfinished."""
    if isinstance(answer.body, str):
        content_type, content = answer.content_type.encode(), answer.body.encode()
    else:
        content_type, content = b"application/json", msgspec.json.encode(answer.body)
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(len(content)).encode()),
        (b"x-simulated", b"true"),
        *((name.encode(), value.encode()) for name, value in (*answer.headers, *more)),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if fraction < 1:
        part = content[: max(1, int(len(content) * fraction))]
        await send({"type": "http.response.body", "body": part, "more_body": True})
        return
    await send({"type": "http.response.body", "body": content})


async def _serve_lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
