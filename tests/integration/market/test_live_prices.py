"""Prices over a real WebSocket: a snapshot, then what changes, and an answer to every mistake."""

import asyncio
import re
import socket
from contextlib import suppress
from typing import Any

from websockets.exceptions import ConnectionClosed

from app.market.live.talk import MESSAGES_PER_MINUTE, MOST_REFUSED
from tests.integration.market.stall import PATIENCE_SECONDS, Stall

CHANGES = 2_000
MISTAKES: list[tuple[Any, str]] = [
    ("", "invalid"),
    ("{", "invalid"),
    (b"\x00\xff", "invalid"),
    ([], "invalid"),
    ({"op": "subscribe"}, "invalid"),
    ({"op": "buy", "symbols": ["BTCUSDT"]}, "invalid"),
    ({"op": "subscribe", "symbols": []}, "invalid"),
    ({"op": "subscribe", "symbols": "BTCUSDT"}, "invalid"),
    ({"op": "subscribe", "symbols": [1]}, "invalid"),
    ({"op": "subscribe", "symbols": ["B" * 81]}, "invalid"),
    ({"op": "subscribe", "symbols": ["BTCUSDT"], "more": 1}, "invalid"),
    ('{"op":"subscribe","op":"unsubscribe","symbols":["BTCUSDT"]}', "invalid"),
    ("[" * 10_000, "invalid"),
    ({"op": "subscribe", "symbols": [" "]}, "unknown_symbol"),
    ({"op": "subscribe", "symbols": ["NOPEUSDT"]}, "unknown_symbol"),
    ({"op": "subscribe", "symbols": ["BTCUSDT.P"]}, "unknown_symbol"),
    ({"op": "unsubscribe", "symbols": ["NOPEUSDT"]}, "unknown_symbol"),
    ('"' + "x" * 20_000 + '"', "too_large"),
]


async def test_a_subscriber_hears_a_snapshot_and_then_what_changes(stall: Stall) -> None:
    _, ada = await stall.user("ada")
    stall.price("BTC", "60000.10")
    async with stall.talk(ada) as talk:
        await talk.subscribe("BTCUSDT")
        first = await talk.hear()
        stall.price("BTC", "60000.2")
        second = await talk.hear()

    assert first == {
        "type": "snapshot",
        "symbol": "BTC/USDT",
        "last": "60000.1",
        "mark": None,
        "bid": "60000.1",
        "ask": "60000.1",
        "at": "2026-01-31T12:00:00.000000Z",
    }
    assert (second["type"], second["last"]) == ("price", "60000.2")


async def test_each_symbol_has_a_snapshot_of_its_own_and_another_one_when_asked_again(
    stall: Stall,
) -> None:
    _, ada = await stall.user("ada")
    for coin in ("BTC", "ETH"):
        stall.price(coin, "100")
    async with stall.talk(ada) as talk:
        await talk.subscribe("BTC/USDT", "ETHUSDT")
        heard = [await talk.hear() for _ in range(2)]
        await talk.subscribe("BTCUSDT")
        again = await talk.hear()

    assert {(one["type"], one["symbol"]) for one in heard} == {
        ("snapshot", "BTC/USDT"),
        ("snapshot", "ETH/USDT"),
    }
    assert (again["type"], again["symbol"]) == ("snapshot", "BTC/USDT")


async def test_a_symbol_without_a_price_yet_is_told_with_its_first_one(stall: Stall) -> None:
    _, ada = await stall.user("ada")
    async with stall.talk(ada) as talk:
        await talk.subscribe("BTCUSDT", "NOPEUSDT")
        assert (await talk.hear())["code"] == "unknown_symbol"
        stall.price("BTC", "60000")
        first = await talk.hear()

    assert (first["type"], first["last"]) == ("snapshot", "60000")


async def test_nothing_is_heard_of_what_was_unsubscribed(stall: Stall) -> None:
    _, ada = await stall.user("ada")
    for coin in ("BTC", "ETH"):
        stall.price(coin, "100")
    async with stall.talk(ada) as talk:
        await talk.subscribe("BTCUSDT", "ETHUSDT")
        await talk.hear()
        await talk.hear()
        await talk.unsubscribe("BTCUSDT", "SOLUSDT")
        # Answered after it, so it was done.
        assert await talk.refusal("?") == "invalid"
        stall.price("BTC", "101")
        stall.price("ETH", "102")
        heard = await talk.hear()

        assert (heard["symbol"], heard["last"]) == ("ETH/USDT", "102")
        assert stall.market.streams == {"ETH/USDT": 1}


async def test_readers_share_one_stream_and_the_last_one_ends_it(stall: Stall) -> None:
    _, ada = await stall.user("ada")
    stall.price("BTC", "100")
    async with stall.talk(ada) as one:
        async with stall.talk(ada) as other:
            for talk in (one, other):
                await talk.subscribe("BTCUSDT")
                await talk.hear()
            shared = stall.market.streams
        stall.price("BTC", "101")
        still_heard = await one.hear()

    assert shared == {"BTC/USDT": 1}
    assert still_heard["last"] == "101"
    async with asyncio.timeout(PATIENCE_SECONDS):
        while stall.market.streams:  # noqa: ASYNC110 the server notices in its own time
            await asyncio.sleep(0.01)


async def test_a_mistake_is_answered_and_the_socket_stays_open(stall: Stall) -> None:
    _, ada = await stall.user("ada")
    stall.price("BTC", "100")
    async with stall.talk(ada) as talk:
        found = [(message, await talk.refusal(message)) for message, _ in MISTAKES]
        await talk.subscribe("BTCUSDT")

        assert found == MISTAKES
        assert (await talk.hear())["type"] == "snapshot"


async def test_an_unknown_symbol_is_named_and_the_others_are_subscribed_to(stall: Stall) -> None:
    _, ada = await stall.user("ada")
    stall.price("BTC", "100")
    async with stall.talk(ada) as talk:
        await talk.subscribe("nope", "BTCUSDT")
        heard = [await talk.hear() for _ in range(2)]

    assert sorted((one["type"], one["symbol"]) for one in heard) == [
        ("error", "nope"),
        ("snapshot", "BTC/USDT"),
    ]


async def test_an_exchange_that_does_not_answer_is_asked_once_for_all_symbols(stall: Stall) -> None:
    _, ada = await stall.user("ada")
    async with stall.talk(ada, "?exchange=silent&market_type=linear") as talk:
        await talk.subscribe("BTCUSDT.P", "ETHUSDT.P")
        heard = [await talk.hear() for _ in range(2)]

    assert [(one["code"], one["symbol"]) for one in heard] == [
        ("exchange_unavailable", "BTCUSDT.P"),
        ("exchange_unavailable", "ETHUSDT.P"),
    ]


async def test_the_figures_of_each_stream_are_there_for_prometheus(stall: Stall) -> None:
    _, ada = await stall.user("ada")
    stall.price("BTC", "100")
    async with stall.talk(ada) as talk:
        await talk.subscribe("BTCUSDT")
        await talk.hear()
        stall.house.clock.pass_by(0.5)
        stall.market.lose_stream("BTC/USDT", stall.house.clock.now())
        stall.house.clock.pass_by(1)
        stall.price("BTC", "101")
        await talk.hear()
        text = (await stall.house.client.get("/metrics")).text

    market = 'exchange="paper",market_type="spot"'
    symbol = 'symbol="BTC/USDT"'
    seconds = f'signalbox_price_feed_seconds_total{{{market},state="live",{symbol}}} 1.5'
    assert seconds in text
    assert f"signalbox_price_feed_drops_total{{{market},{symbol}}} 1.0" in text
    assert f'signalbox_price_feed_recovery_seconds{{{market},of="max",{symbol}}} 1.0' in text


async def test_security_25_a_socket_watches_so_many_symbols(stall: Stall) -> None:
    _, ada = await stall.user("ada")
    async with stall.talk(ada) as talk:
        await talk.subscribe("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")
        refused = await talk.hear()
        await talk.unsubscribe("BTCUSDT")
        stall.price("XRP", "2")
        await talk.subscribe("XRPUSDT")
        heard = await talk.hear()

    assert (refused["code"], refused["symbol"]) == ("too_many_symbols", "XRPUSDT")
    assert (heard["type"], heard["symbol"]) == ("snapshot", "XRP/USDT")


async def test_security_25_a_client_who_floods_is_told_so_and_then_closed(stall: Stall) -> None:
    _, ada = await stall.user("ada")
    codes = set()
    async with stall.talk(ada) as talk:
        with suppress(ConnectionClosed):
            # A slow machine gives the client time to be forgiven a few.
            for _ in range(10 * (MESSAGES_PER_MINUTE + MOST_REFUSED)):
                codes.add(await talk.refusal("?"))
        ended = await talk.ended()

    assert codes == {"invalid", "too_many"}
    assert ended == (1008, "too_many")


async def test_security_25_a_message_of_any_size_is_not_read(stall: Stall) -> None:
    _, ada = await stall.user("ada")
    async with stall.talk(ada) as talk:
        await talk.say("x" * 100_000)
        code, _ = await talk.ended()

    assert code == 1009


async def test_a_reader_who_is_slow_gets_the_newest_price_and_no_queue(stall: Stall) -> None:
    _, ada = await stall.user("ada")
    stall.price("BTC", "1")
    with socket.socket() as wire:
        # All that the machine keeps for a reader is little, so that what piles up would be seen.
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await _shake_hands(wire, stall, ada["Authorization"])
        for price in range(2, CHANGES):
            stall.price("BTC", str(price))
            if price % 20 == 0:
                await asyncio.sleep(0.001)
        stall.price("BTC", str(CHANGES))

        heard = await _read_until(wire, f'"last":"{CHANGES}"')

    assert len(heard) < 200
    assert heard == sorted(heard), "an older price after a newer one"


async def _shake_hands(wire: socket.socket, stall: Stall, token: str) -> None:
    loop = asyncio.get_running_loop()
    wire.setblocking(False)
    host, port = stall.base.removeprefix("http://").split(":")
    await loop.sock_connect(wire, (host, int(port)))
    lines = (
        "GET /prices/ws HTTP/1.1",
        f"Host: {host}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        f"Authorization: {token}",
    )
    await loop.sock_sendall(wire, "\r\n".join([*lines, "", ""]).encode())
    answer = await loop.sock_recv(wire, 4096)
    assert answer.startswith(b"HTTP/1.1 101"), answer
    wish = b'{"op":"subscribe","symbols":["BTCUSDT"]}'
    # A text frame, masked by nothing at all.
    await loop.sock_sendall(wire, bytes([0x81, 0x80 | len(wish), 0, 0, 0, 0]) + wish)


async def _read_until(wire: socket.socket, mark: str) -> list[int]:
    """Every price that was told, up to the one that is waited for."""
    loop, heard = asyncio.get_running_loop(), ""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while mark not in heard:
            heard += (await loop.sock_recv(wire, 65_536)).decode("latin-1")
    return [int(price) for price in re.findall(r'"last":"(\d+)"', heard)]
