"""The door for alerts, spoken to byte by byte over sockets, as no client library would."""

import asyncio
import json
import re
from dataclasses import dataclass
from itertools import count
from typing import Any

from pydantic import SecretStr

from app.settings import Environment
from tests.e2e.site import Site

TRADINGVIEW = "52.89.214.238"
MAPPED = f"::ffff:{TRADINGVIEW}"
STRANGER = "203.0.113.7"
# The whole of 127/8 is this machine: one address of it plays the proxy, another one nobody.
PROXY, NOBODY = "127.0.0.1", "127.0.0.2"
SECOND_PROXY = "10.0.0.9"
ANSWER_SECONDS = 20.0
KIB = 1024
BEHIND_A_PROXY: dict[str, Any] = {
    "environment": Environment.PRODUCTION,
    "secret_key": SecretStr("k" * 32),
    "trusted_proxies": (PROXY, SECOND_PROXY),
}

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; status 0 when the connection was closed without a word."""

    status: int
    raw: bytes

    @property
    def anonymous(self) -> bytes:
        """Every byte, but for the request's own id and the second it was answered in."""
        without_id = re.sub(rb"[0-9a-f]{32}", b"ID", self.raw)
        return re.sub(rb"(?im)^date: .*$", b"date: NOW", without_id)


def an_alert() -> bytes:
    """An alert that asks for nothing, unlike every other one."""
    return json.dumps(
        {"symbol": "BTCUSDT", "action": "close", "id": f"door-{next(_numbers)}"}
    ).encode()


async def speak(site: Site, raw: bytes, *, peer: str = PROXY) -> Answer:
    """Send these bytes from that address; the first answer to them."""
    reader, writer = await connect(site, peer)
    try:
        writer.write(raw)
        await writer.drain()
        return await asyncio.wait_for(answer_of(reader), ANSWER_SECONDS)
    finally:
        writer.close()


async def connect(site: Site, peer: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = site.base.removeprefix("http://").partition(":")
    return await asyncio.open_connection(host, int(port), local_addr=(peer, 0))


async def answer_of(reader: asyncio.StreamReader) -> Answer:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"(?i)content-length: (\d+)", head)
        body = await reader.readexactly(int(found[1])) if found else await reader.read()
    except (asyncio.IncompleteReadError, ConnectionResetError):
        return Answer(0, b"")
    return Answer(int(head.split(b" ", 2)[1]), head + body)


def a_request(
    path: str, *lines: str, body: bytes | None = None, version: str = "HTTP/1.1"
) -> bytes:
    """A POST of an alert with these header lines, exactly as they are written."""
    content = an_alert() if body is None else body
    head = [f"POST {path} {version}", *lines]
    if not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in lines):
        head.append(f"Content-Length: {len(content)}")
    if version == "HTTP/1.1" and not any(line.lower().startswith("host") for line in lines):
        head.append("Host: signalbox.example")
    return "\r\n".join([*head, "", ""]).encode("latin-1") + content


def path_of(site: Site) -> str:
    return "/webhooks/" + site.webhook_url.partition("/webhooks/")[2]


async def kept(site: Site) -> int:
    """How many alarms there are."""
    return len(await site.items("/alarms", limit=500))


def forwarded(*entries: str) -> str:
    return f"X-Forwarded-For: {', '.join(entries)}"
