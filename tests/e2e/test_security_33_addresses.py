"""33: an alert counts as sent by whom the nearest proxies that are trusted vouch for, nobody else.

One server as in production, behind a proxy at 127.0.0.1, is asked over raw sockets: no client
library would send most of this. What is taken becomes an alarm, what is not leaves no trace.
"""

import asyncio
import runpy
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from app.http.serving import http_config
from tests.conftest import sqlite_copy
from tests.e2e.door import (
    BEHIND_A_PROXY,
    MAPPED,
    NOBODY,
    PROXY,
    SECOND_PROXY,
    STRANGER,
    TRADINGVIEW,
    a_request,
    an_alert,
    answer_of,
    forwarded,
    kept,
    path_of,
    speak,
)
from tests.e2e.site import Site, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

SOCKET = "door.sock"


@pytest.fixture(scope="module")
def folder(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server lives, with its database."""
    found = tmp_path_factory.mktemp("door")
    sqlite_copy(sqlite_template, found)
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(folder: Path) -> AsyncIterator[Site]:
    """One server for the whole table."""
    url = f"sqlite+aiosqlite:///{folder / 'signalbox.db'}"
    async with running(folder, url, unix_socket=folder / SOCKET, **BEHIND_A_PROXY) as opened:
        yield opened


async def is_taken(site: Site, raw: bytes, *, peer: str = PROXY) -> bool:
    """Whether it became an alarm; what did not must look like it."""
    before = await kept(site)
    answer = await speak(site, raw, peer=peer)
    change = await kept(site) - before
    assert (answer.status == 200, change) in {(True, 1), (False, 0)}, answer
    return answer.status == 200


# Peer, header lines, and whether the alert is taken.
SENDERS: Sequence[tuple[str, tuple[str, ...], bool]] = (
    # Straight to the server.
    (NOBODY, (), False),
    (NOBODY, (forwarded(TRADINGVIEW),), False),
    (NOBODY, (forwarded(TRADINGVIEW, PROXY),), False),
    (NOBODY, (forwarded(PROXY, TRADINGVIEW, PROXY),), False),
    (NOBODY, (forwarded(*[TRADINGVIEW] * 100),), False),
    (NOBODY, (f"X-Real-IP: {TRADINGVIEW}",), False),
    (NOBODY, (f"Forwarded: for={TRADINGVIEW}",), False),
    (NOBODY, (f"X-Client-IP: {TRADINGVIEW}", f"True-Client-IP: {TRADINGVIEW}"), False),
    (NOBODY, (f"CF-Connecting-IP: {TRADINGVIEW}",), False),
    (NOBODY, (f"X-Forwarded-Host: {TRADINGVIEW}",), False),
    # Through the proxy.
    (PROXY, (), False),
    (PROXY, (forwarded(TRADINGVIEW),), True),
    (PROXY, (forwarded("34.212.75.30"),), True),
    (PROXY, (forwarded("54.218.53.128"),), True),
    (PROXY, (forwarded("52.32.178.7"),), True),
    (PROXY, (forwarded("52.32.178.8"),), False),
    (PROXY, (forwarded(STRANGER),), False),
    (PROXY, (forwarded(TRADINGVIEW, STRANGER),), False),
    (PROXY, (forwarded(STRANGER, TRADINGVIEW),), True),
    (PROXY, (forwarded(STRANGER, TRADINGVIEW, SECOND_PROXY),), True),
    (PROXY, (forwarded(TRADINGVIEW, STRANGER, SECOND_PROXY),), False),
    (PROXY, (forwarded(TRADINGVIEW, "10.0.0.10"),), False),
    (PROXY, (forwarded(PROXY),), False),
    (PROXY, (forwarded(PROXY, PROXY, PROXY),), False),
    (PROXY, (forwarded("::1"),), False),
    (PROXY, (forwarded("127.0.0.1", "127.0.0.3"),), False),
    # Two lines are one list; an attacker's own line comes first.
    (PROXY, (forwarded(TRADINGVIEW), forwarded(STRANGER)), False),
    (PROXY, (forwarded(STRANGER), forwarded(TRADINGVIEW)), True),
    (PROXY, (forwarded(TRADINGVIEW), "X-Forwarded-For:"), False),
    (PROXY, (forwarded(*[STRANGER] * 99, TRADINGVIEW),), True),
    (PROXY, (forwarded(*[TRADINGVIEW] * 99, STRANGER),), False),
    (PROXY, (*[forwarded(TRADINGVIEW)] * 50, forwarded(STRANGER)), False),
    # What is no address is nobody.
    (PROXY, ("X-Forwarded-For:",), False),
    (PROXY, ("X-Forwarded-For: ,",), False),
    (PROXY, (f"X-Forwarded-For: {TRADINGVIEW},",), False),
    (PROXY, ("X-Forwarded-For: unknown",), False),
    (PROXY, ("X-Forwarded-For: _hidden",), False),
    (PROXY, ("X-Forwarded-For: \xff\xfe",), False),
    (PROXY, (forwarded(f"{TRADINGVIEW}:443"),), False),
    (PROXY, (forwarded(f'"{TRADINGVIEW}"'),), False),
    (PROXY, (forwarded(f"for={TRADINGVIEW}"),), False),
    (PROXY, (forwarded("52.89.214.0238"),), False),
    (PROXY, (forwarded("0x34.0x59.0xd6.0xee"),), False),
    (PROXY, (forwarded("878302958"),), False),
    (PROXY, (forwarded(f"{TRADINGVIEW} {STRANGER}"),), False),
    (PROXY, (forwarded(f"{TRADINGVIEW}%eth0"),), False),
    (PROXY, (f"X-Forwarded-For: \t {TRADINGVIEW} \t",), True),
    # IPv6 forms.
    (PROXY, (forwarded(MAPPED),), True),
    (PROXY, (forwarded("::ffff:3459:d6ee"),), True),
    (PROXY, (forwarded("0:0:0:0:0:FFFF:3459:D6EE"),), True),
    (PROXY, (forwarded(f"[{MAPPED}]"),), False),
    (PROXY, (forwarded(f"[{MAPPED}]:443"),), False),
    (PROXY, (forwarded(f"::{TRADINGVIEW}"),), False),
    (PROXY, (forwarded("2002:3459:d6ee::1"),), False),
    (PROXY, (forwarded("2001:db8::1"),), False),
    (PROXY, (forwarded(TRADINGVIEW, f"::ffff:{SECOND_PROXY}"),), True),
    # Only X-Forwarded-For is read, and only under that name.
    (PROXY, (f"X-Real-IP: {TRADINGVIEW}",), False),
    (PROXY, (f"Forwarded: for={TRADINGVIEW};proto=https",), False),
    (PROXY, (f"X_Forwarded_For: {TRADINGVIEW}",), False),
    (PROXY, (f"X-Forwarded-For-: {TRADINGVIEW}",), False),
    (PROXY, (f"x-forwarded-for: {TRADINGVIEW}",), True),
    (PROXY, (f"X-FORWARDED-FOR: {TRADINGVIEW}",), True),
    (PROXY, (forwarded(STRANGER), f"X-Real-IP: {TRADINGVIEW}"), False),
    (PROXY, (forwarded(TRADINGVIEW), f"Forwarded: for={STRANGER}"), True),
)


@pytest.mark.parametrize(("peer", "lines", "taken"), SENDERS)
async def test_security_33_only_the_address_that_a_trusted_proxy_vouches_for_counts(
    site: Site, *, peer: str, lines: tuple[str, ...], taken: bool
) -> None:
    assert await is_taken(site, a_request(path_of(site), *lines), peer=peer) is taken


TRUE = forwarded(TRADINGVIEW)
HIDDEN = f"X-Forwarded-For: {STRANGER}"
# Lines that another server would read differently.
AMBIGUOUS: dict[str, tuple[str, ...]] = {
    "a line end inside": (f"{HIDDEN}\r{TRADINGVIEW}",),
    "a NUL inside": (f"{TRUE}\x00",),
    "a space before the colon": (f"X-Forwarded-For : {TRADINGVIEW}",),
    "a line without a colon": (TRUE, "nonsense"),
    "a folded line": (f"X-Forwarded-For: {TRADINGVIEW},\r\n {STRANGER}",),
    # A line end in what a careless proxy copies makes a line of its own, on the left of the truth.
    "a line put in before the proxy's": (f"X-Note: a\r\n{TRUE}", HIDDEN),
}


@pytest.mark.parametrize("name", AMBIGUOUS)
async def test_security_33_lines_that_two_servers_would_read_differently_are_not_believed(
    site: Site, name: str
) -> None:
    assert not await is_taken(site, a_request(path_of(site), *AMBIGUOUS[name]))


@pytest.mark.parametrize(("sender", "taken"), [(TRADINGVIEW, True), (STRANGER, False)])
async def test_security_33_old_and_chunked_requests_are_judged_like_any_other(
    site: Site, *, sender: str, taken: bool
) -> None:
    path, line = path_of(site), forwarded(sender)
    alert = an_alert()
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(alert), alert)

    old = a_request(path, line, version="HTTP/1.0")
    in_chunks = a_request(path, line, "Transfer-Encoding: chunked", body=chunked)

    assert b"Host:" not in old
    assert await is_taken(site, old) is taken
    assert await is_taken(site, in_chunks) is taken


@pytest.mark.parametrize("lines", [(), (TRUE,), (forwarded(PROXY),)])
async def test_security_33_who_comes_by_a_unix_socket_has_no_address_and_is_nobody(
    site: Site, folder: Path, lines: tuple[str, ...]
) -> None:
    reader, writer = await asyncio.open_unix_connection(folder / SOCKET)
    before = await kept(site)

    writer.write(a_request(path_of(site), *lines))
    answer = await answer_of(reader)
    writer.close()

    assert answer.status == 404
    assert await kept(site) == before


async def test_security_33_neither_server_judges_proxies_by_itself() -> None:
    """uvicorn believes the leftmost address when it trusts everybody, and the last line only."""
    ours = http_config(None)
    gunicorn = runpy.run_path(str(Path(__file__).parents[2] / "gunicorn.conf.py"))

    assert ours.proxy_headers is False
    assert gunicorn["worker_class"].CONFIG_KWARGS["proxy_headers"] is False
    assert "forwarded_allow_ips" not in gunicorn
