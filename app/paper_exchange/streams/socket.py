"""One market-stream connection: SUBSCRIBE in, frames out."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from app.paper_exchange.streams.hub import Hub, Listener
from app.paper_exchange.streams.names import Stream, StreamAddress, read_stream

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_GOING_AWAY = 1001


async def serve_socket(
    hub: Hub, address: StreamAddress, listener: Listener, receive: Receive, send: Send
) -> None:
    """Talk to one client until either side leaves."""
    await receive()
    await send({"type": "websocket.accept"})
    hub.join(listener)
    _subscribe(hub, listener, address, list(address.names))
    writer = asyncio.create_task(write_frames(listener, send))
    try:
        while (message := await receive())["type"] == "websocket.receive":
            if not listener.mood.is_half_open():
                _obey(hub, listener, address, message.get("text") or "")
    finally:
        hub.leave(listener)
        writer.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError, RuntimeError):
            await writer


async def write_frames(listener: Listener, send: Send) -> None:
    """Send what waits, until the goodbye."""
    # OSError and RuntimeError are how servers say that the client has gone; the reader sees it too.
    with contextlib.suppress(OSError, RuntimeError):
        while (text := await listener.outbox.get()) is not None:
            await send({"type": "websocket.send", "text": text})
        await send({"type": "websocket.close", "code": _GOING_AWAY})


def _obey(hub: Hub, listener: Listener, address: StreamAddress, text: str) -> None:
    try:
        request = json.loads(text)
        method, number = request["method"], request.get("id")
        names = [str(name) for name in request.get("params", [])]
    except (ValueError, KeyError, TypeError, AttributeError):
        _refuse(listener, None, "Invalid JSON: expected method, params and id")
        return
    match method:
        case "SUBSCRIBE":
            unknown = _unknown(names, address)
            if unknown is not None:
                _refuse(listener, number, f"Invalid request: unknown stream {unknown}")
                return
            _reply(listener, number, None)
            _subscribe(hub, listener, address, names)
        case "UNSUBSCRIBE":
            for name in names:
                listener.streams.pop(name, None)
            _reply(listener, number, None)
        case "LIST_SUBSCRIPTIONS":
            _reply(listener, number, list(listener.streams))
        case _:
            _refuse(listener, number, f"Invalid request: unknown method {method}")


def _unknown(names: list[str], address: StreamAddress) -> str | None:
    return next((name for name in names if read_stream(name, address.market) is None), None)


def _subscribe(hub: Hub, listener: Listener, address: StreamAddress, names: list[str]) -> None:
    found = [read_stream(name, address.market) for name in names]
    streams: list[Stream] = [stream for stream in found if stream is not None]
    listener.streams |= {stream.name: stream for stream in streams}
    hub.greet(listener, streams)


def _reply(listener: Listener, number: object, result: object) -> None:
    listener.put(json.dumps({"result": result, "id": number}))


def _refuse(listener: Listener, number: object, why: str) -> None:
    listener.put(json.dumps({"error": {"code": 2, "msg": why}, "id": number}))
