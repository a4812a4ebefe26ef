"""Rows 14 and 15 of the fault matrix: the door for alerts, spoken to byte by byte over sockets."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.e2e.site import Site, running

TRADINGVIEW = "52.89.214.238"
MAPPED = f"::ffff:{TRADINGVIEW}"
STRANGER = "203.0.113.7"
# The whole of 127/8 is this machine: one address of it plays the proxy, another one nobody.
PROXY, NOBODY = "127.0.0.1", "127.0.0.2"
SECOND_PROXY = "10.0.0.9"
READ_SECONDS = 0.5
ANSWER_SECONDS = 20.0
KIB = 1024

_numbers = count(1)


@pytest.fixture
async def site(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Site]:
    """A server as in production, behind a proxy at 127.0.0.1."""
    async with running(
        tmp_path,
        sqlite_url,
        environment="production",
        secret_key=SecretStr("k" * 32),
        trusted_proxies=(PROXY, SECOND_PROXY),
        webhook_read_seconds=READ_SECONDS,
    ) as opened:
        yield opened


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
    reader, writer = await _connect(site, peer)
    try:
        writer.write(raw)
        await writer.drain()
        return await asyncio.wait_for(_answer(reader), ANSWER_SECONDS)
    finally:
        writer.close()


async def _connect(site: Site, peer: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = site.base.removeprefix("http://").partition(":")
    return await asyncio.open_connection(host, int(port), local_addr=(peer, 0))


async def _answer(reader: asyncio.StreamReader) -> Answer:
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


async def test_row_15_only_the_address_that_a_trusted_proxy_vouches_for_counts(site: Site) -> None:
    wrong = []
    for peer, lines, is_taken in SENDERS:
        before = await kept(site)
        answer = await speak(site, a_request(path_of(site), *lines), peer=peer)
        change = await kept(site) - before
        if (answer.status, change) != ((200, 1) if is_taken else (404, 0)):
            wrong.append((peer, lines, answer.status, change))

    assert len(SENDERS) >= 40
    assert wrong == []


async def test_row_15_requests_that_two_servers_would_read_differently_are_not_taken(
    site: Site,
) -> None:
    path, true = path_of(site), forwarded(TRADINGVIEW)
    alert = an_alert()
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(alert), alert)
    both = ("Transfer-Encoding: chunked", f"Content-Length: {len(chunked)}")
    two_lengths = (f"Content-Length: {len(alert)}", "Content-Length: 3")
    requests = {
        "chunked and a length": a_request(path, true, *both, body=chunked),
        "a length and chunked": a_request(path, true, *reversed(both), body=chunked),
        "two lengths": a_request(path, true, *two_lengths, body=alert),
        "a length that is no number": a_request(path, true, "Content-Length: 4x", body=alert),
        "a negative length": a_request(path, true, "Content-Length: -5", body=alert),
        "a folded line": a_request(path, f"X-Forwarded-For: {STRANGER},\r\n {TRADINGVIEW}"),
        "a line end inside": a_request(path, f"X-Forwarded-For: {STRANGER}\r{TRADINGVIEW}"),
        "a NUL inside": a_request(path, f"X-Forwarded-For: {TRADINGVIEW}\x00"),
        "a space before the colon": a_request(path, f"X-Forwarded-For : {TRADINGVIEW}"),
        "a line without a colon": a_request(path, true, "nonsense"),
        "an unknown coding": a_request(path, true, "Transfer-Encoding: cow", body=chunked),
        "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00",
    }

    taken = {name for name, raw in requests.items() if (await speak(site, raw)).status == 200}

    # One reading only, and both servers' reading: a folded line is one line.
    assert taken <= {"a folded line"}
    assert await kept(site) == len(taken)


async def test_row_15_old_and_chunked_requests_are_judged_like_any_other(site: Site) -> None:
    path = path_of(site)
    alert = an_alert()
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(alert), alert)
    chunks = ("Transfer-Encoding: chunked",)

    answers = [
        await speak(site, a_request(path, forwarded(TRADINGVIEW), version="HTTP/1.0")),
        await speak(site, a_request(path, forwarded(STRANGER), version="HTTP/1.0")),
        await speak(site, a_request(path, forwarded(TRADINGVIEW), *chunks, body=chunked)),
        await speak(site, a_request(path, forwarded(STRANGER), *chunks, body=chunked)),
    ]

    assert [answer.status for answer in answers] == [200, 404, 200, 404]
    assert await kept(site) == 2


async def test_row_15_what_is_refused_looks_like_a_path_that_does_not_exist(site: Site) -> None:
    path, true = path_of(site), forwarded(TRADINGVIEW)
    token = path.rpartition("/")[2]
    bare = path.rpartition("/")[0]
    wrong = "0" * len(token)
    wrong_inside = json.dumps({"symbol": "BTCUSDT", "action": "buy", "secret": wrong}).encode()

    answers = [
        await speak(site, a_request("/nowhere/at/all", true)),
        await speak(site, a_request(f"{bare}/{wrong}", true)),
        await speak(site, a_request(f"{bare}/{token[:-1]}", true)),
        await speak(site, a_request(f"{bare}/{token.swapcase()}", true)),
        await speak(site, a_request(f"{bare}/%2e%2e%2f", true)),
        await speak(site, a_request(f"{bare}/{'x' * 4_000}", true)),
        await speak(site, a_request(path, forwarded(STRANGER))),
        await speak(site, a_request(path), peer=NOBODY),
        await speak(site, a_request(bare, true)),
        await speak(site, a_request(bare, true, body=wrong_inside)),
        await speak(site, a_request(bare, true, body=b"\xff{")),
    ]

    assert {answer.status for answer in answers} == {404}
    assert len({answer.anonymous for answer in answers}) == 1
    assert await kept(site) == 0


async def test_row_14_a_body_over_the_limit_is_refused_and_not_kept(site: Site) -> None:
    path, true = path_of(site), forwarded(TRADINGVIEW)
    large = b'{"symbol":"' + b"x" * 64 * KIB + b'"}'
    chunked = b"".join(b"%x\r\n%s\r\n" % (4 * KIB, b"x" * 4 * KIB) for _ in range(17))

    announced = await speak(site, a_request(path, true, body=large))
    streamed = await speak(
        site, a_request(path, true, "Transfer-Encoding: chunked", body=chunked + b"0\r\n\r\n")
    )

    assert [announced.status, streamed.status] == [413, 413]
    assert await kept(site) == 0


async def test_row_14_a_malformed_body_is_kept_with_its_reason(site: Site) -> None:
    path, true = path_of(site), forwarded(TRADINGVIEW)
    bodies = [b"\xff\xfe", b'{"action":"buy"', b"[" * 60 * KIB, b'{"a":1,"a":2}', b"\x00", b" "]

    for body in bodies:
        answer = await speak(site, a_request(path, true, body=body))
        assert answer.status == 200, body

    alarms = await site.items("/alarms")
    assert {alarm["status"] for alarm in alarms} == {"refused"}
    assert len({alarm["reason"] for alarm in alarms}) == len(bodies)


async def test_row_14_a_slow_body_is_cut_off_and_nothing_of_it_is_kept(site: Site) -> None:
    """One byte now and then, from several senders at once, while others are served as ever."""
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def dribble(path: str) -> tuple[Answer, float]:
        reader, writer = await _connect(site, PROXY)
        writer.write(a_request(path, forwarded(TRADINGVIEW), "Content-Length: 60000", body=b""))
        answering = asyncio.create_task(_answer(reader))
        while not answering.done() and loop.time() - began < ANSWER_SECONDS:
            writer.write(b"{")
            await asyncio.sleep(READ_SECONDS / 10)
        writer.close()
        return await answering, loop.time() - began

    slow = [asyncio.create_task(dribble(path_of(site))) for _ in range(20)]
    secret_inside = asyncio.create_task(dribble(path_of(site).rpartition("/")[0]))
    swift = await speak(site, a_request(path_of(site), forwarded(TRADINGVIEW)))
    cut = [await task for task in (*slow, secret_inside)]

    assert swift.status == 200
    for answer, seconds in cut:
        assert answer.status == 408
        assert b'"too_slow"' in answer.raw
        assert b"connection: close" in answer.raw.lower()
        assert seconds >= READ_SECONDS
    assert await kept(site) == 1


async def test_row_14_half_a_body_is_not_kept(site: Site) -> None:
    _, writer = await _connect(site, PROXY)
    writer.write(
        a_request(path_of(site), forwarded(TRADINGVIEW), "Content-Length: 500", body=an_alert())
    )
    await writer.drain()
    writer.close()
    await asyncio.sleep(READ_SECONDS * 2)

    assert await kept(site) == 0


async def test_row_14_the_worst_bodies_keep_nobody_waiting(site: Site) -> None:
    """Health is answered between any two of them: none of them holds the loop."""
    path, true = path_of(site), forwarded(TRADINGVIEW)
    bodies = [
        b'{"symbol":"BTCUSDT","action":"buy","quantity":"' + b"1" * 60 * KIB + b'x"}',
        b"{" + b"//\n" * 20 * KIB,
        b'["' + b"\\ud83d" * 10 * KIB + b'"]',
        b"Keys(BTC) {" + b"market(side=buy, amount=1);" * 2 * KIB,
    ]
    waits = []
    loop = asyncio.get_running_loop()
    sending = [asyncio.create_task(speak(site, a_request(path, true, body=one))) for one in bodies]
    while not all(task.done() for task in sending):
        began = loop.time()
        await site.get("/health/live")
        waits.append(loop.time() - began)

    assert {(await task).status for task in sending} == {200}
    # Read in quadratic time the first of them holds everybody for minutes.
    assert max(waits, default=0) < ANSWER_SECONDS / 4
