"""Rows 14 and 15 of the fault matrix: the door for alerts, spoken to byte by byte over sockets."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.door import (
    ANSWER_SECONDS,
    BEHIND_A_PROXY,
    KIB,
    NOBODY,
    PROXY,
    STRANGER,
    TRADINGVIEW,
    Answer,
    a_request,
    an_alert,
    answer_of,
    connect,
    forwarded,
    kept,
    path_of,
    speak,
)
from tests.e2e.site import Site, running

READ_SECONDS = 0.5


@pytest.fixture
async def site(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Site]:
    """A server as in production, behind a proxy at 127.0.0.1."""
    async with running(
        tmp_path, sqlite_url, webhook_read_seconds=READ_SECONDS, **BEHIND_A_PROXY
    ) as opened:
        yield opened


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
        reader, writer = await connect(site, PROXY)
        writer.write(a_request(path, forwarded(TRADINGVIEW), "Content-Length: 60000", body=b""))
        answering = asyncio.create_task(answer_of(reader))
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
    _, writer = await connect(site, PROXY)
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
