"""35: what lies in the body of one request is never read as another one.

A proxy and the server behind it that find different ends of a body let a stranger hide a request
in it, with a sender of their choice. Each request here is a stranger's, with a second one hidden in
what one way of reading takes for its body: TradingView's, with the right token. Nothing may come of
either, whichever way the proxy in front has read it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conftest import sqlite_copy
from tests.e2e.door import (
    BEHIND_A_PROXY,
    PROXY,
    STRANGER,
    TRADINGVIEW,
    a_request,
    an_alert,
    connect,
    forwarded,
    kept,
    path_of,
)
from tests.e2e.site import Site, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

FALSE = forwarded(STRANGER)
CHUNKED = "Transfer-Encoding: chunked"
END = b"0\r\n\r\n"
# A hidden request is answered within it, and a connection that is kept waits no longer.
IDLE_SECONDS = 0.15


@pytest.fixture(scope="module")
def folder(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server lives, with its database."""
    found = tmp_path_factory.mktemp("smuggling")
    sqlite_copy(sqlite_template, found)
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(folder: Path) -> AsyncIterator[Site]:
    """One server for all of them."""
    url = f"sqlite+aiosqlite:///{folder / 'signalbox.db'}"
    async with running(folder, url, **BEHIND_A_PROXY) as opened:
        yield opened


async def answers(site: Site, raw: bytes, *, wanted: int = 1) -> list[int]:
    """Status of every answer on one connection; so many are waited for, more are listened for."""
    reader, writer = await connect(site, PROXY)
    writer.write(raw)
    said = b""
    with suppress(TimeoutError, ConnectionResetError):
        while piece := await asyncio.wait_for(
            reader.read(65_536), 20 if said.count(b"HTTP/1.1 ") < wanted else IDLE_SECONDS
        ):
            said += piece
    writer.close()
    return [int(part[:3]) for part in said.split(b"HTTP/1.1 ")[1:]]


# What stands in the head, by the name of the trick; the body ends a chunked one at once.
HEADS: dict[str, tuple[str, ...]] = {
    "CL.TE": ("Content-Length: {all}", CHUNKED),
    "TE.CL": (CHUNKED, "Content-Length: {all}"),
    "TE.CL, a short length": (CHUNKED, "Content-Length: 5"),
    "TE.TE, an unknown coding after": (CHUNKED, "Transfer-Encoding: cow", "Content-Length: {all}"),
    "TE.TE, an unknown coding before": ("Transfer-Encoding: cow", CHUNKED, "Content-Length: {all}"),
    "TE.TE, identity": (CHUNKED, "Transfer-Encoding: identity", "Content-Length: {all}"),
    "TE.TE, in one line": ("Transfer-Encoding: chunked, identity", "Content-Length: {all}"),
    "a coding with a prefix": ("Transfer-Encoding: xchunked", "Content-Length: {all}"),
    "a coding with a quote": ('Transfer-Encoding: "chunked"', "Content-Length: {all}"),
    "a coding after a tab": ("Transfer-Encoding:\tchunked", "Content-Length: {all}"),
    "a coding after a line tab": ("Transfer-Encoding: \x0bchunked", "Content-Length: {all}"),
    "a coding on a folded line": ("Transfer-Encoding:\r\n chunked", "Content-Length: {all}"),
    "a coding with a space before its colon": (f"{CHUNKED[:17]} :chunked", "Content-Length: {all}"),
    "a coding that a space leads in": (f" {CHUNKED}", "Content-Length: {all}"),
    "a coding behind a bare line feed": (f"X: y\n{CHUNKED}", "Content-Length: {all}"),
    "a coding behind a bare return": (f"X: y\r{CHUNKED}", "Content-Length: {all}"),
    "a coding with an underscore": ("Transfer_Encoding: chunked", "Content-Length: {all}"),
    "two lengths, the long one first": ("Content-Length: {all}", "Content-Length: 5"),
    "two lengths, the short one first": ("Content-Length: 5", "Content-Length: {all}"),
    "two lengths in one line": ("Content-Length: 5, {all}",),
    "a length with a sign": ("Content-Length: +{all}", CHUNKED),
    "a length in hexadecimal": ("Content-Length: 0x5",),
    "a length with an underscore": ("Content-Length: 1_0",),
    "a length with a space inside": ("Content-Length: 5 0",),
    "a length below zero": ("Content-Length: -1",),
}
# What a chunked body looks like; {end} is where the hidden request stands.
CHUNKS: dict[str, bytes] = {
    "a size with a sign": b"+0\r\n\r\n{end}",
    "a size below zero": b"-1\r\n\r\n{end}",
    "a size with a prefix": b"0x0\r\n\r\n{end}",
    "a size too large for any number": b"ffffffffffffffff1\r\n\r\n{end}",
    "a size with an underscore": b"0_0\r\n\r\n{end}",
    "a bare line feed after a size": b"5\nhello\n0\n\n{end}",
    "a chunk longer than its size": b"5\r\nhello world\r\n0\r\n\r\n{end}",
    "an extension with a line feed": b"5;a\nb\r\nhello\r\n0\r\n\r\n{end}",
    "a trailer that is a request": b"5\r\nhello\r\n0\r\n{end}",
}


def hidden(site: Site) -> bytes:
    """An alert that would be taken, were it a request."""
    return a_request(path_of(site), forwarded(TRADINGVIEW))


async def test_security_35_the_hidden_request_would_be_taken_were_it_one(site: Site) -> None:
    before = await kept(site)

    two = await answers(site, a_request(path_of(site), FALSE) + hidden(site), wanted=2)

    assert two == [404, 200]
    assert await kept(site) == before + 1


@pytest.mark.parametrize("name", HEADS)
async def test_security_35_a_body_whose_end_is_in_doubt_hides_no_request(
    site: Site, name: str
) -> None:
    before, inside = await kept(site), hidden(site)
    body = END + inside
    lines = [line.replace("{all}", str(len(body))) for line in HEADS[name]]

    said = await answers(site, a_request(path_of(site), FALSE, *lines, body=body))

    assert 200 not in said
    assert await kept(site) == before


@pytest.mark.parametrize("name", CHUNKS)
async def test_security_35_a_chunk_whose_end_is_in_doubt_hides_no_request(
    site: Site, name: str
) -> None:
    before = await kept(site)
    body = CHUNKS[name].replace(b"{end}", hidden(site))

    said = await answers(site, a_request(path_of(site), FALSE, CHUNKED, body=body))

    assert 200 not in said
    assert await kept(site) == before


async def test_security_35_an_alert_with_two_ends_is_not_taken_from_tradingview_either(
    site: Site,
) -> None:
    before, alert = await kept(site), an_alert()
    chunks = b"%x\r\n%s\r\n%s" % (len(alert), alert, END)
    both = (CHUNKED, f"Content-Length: {len(chunks)}")
    lines = (forwarded(TRADINGVIEW), *both)

    said = await answers(site, a_request(path_of(site), *lines, body=chunks))

    assert 200 not in said
    assert await kept(site) == before
