"""Nothing that a user sets makes the server ask an inner address: traps are laid, none snaps."""

import asyncio
import socket
import time
from collections.abc import Sequence

import pytest

from app.core.addresses import AddressMalformed, AddressRefused, Policy, Target, is_public
from app.core.errors import AppError
from app.http.outgoing import ANSWER_BYTES, AddressSilent, Outgoing, SystemNames, Way
from tests.integration.outgoing.servers import (
    HOST,
    INSIDE,
    OK,
    OUTSIDE,
    Authority,
    Internet,
    Trap,
    redirect_to,
    serving,
)

PATIENCE_SECONDS = 0.4
JSON = {"Content-Type": "application/json"}


def outgoing(internet: Internet, *, listed: Sequence[str] = (), **changes: float) -> Outgoing:
    """As in the program, but for one port, and with a loopback address as the internet."""
    policy = Policy(
        listed=frozenset(listed),
        ports=frozenset({internet.port}),
        is_public=lambda address: address == OUTSIDE,
    )
    return Outgoing(policy, names=internet.names, tls=internet.authority.trusting, **changes)


def at(host: str, internet: Internet) -> str:
    return f"https://{host}:{internet.port}/hook?a=b"


async def test_security_34_a_public_server_is_reached_under_its_name(internet: Internet) -> None:
    answer = await outgoing(internet).post(at(HOST, internet), b'{"a": 1}', JSON)

    [request] = internet.outside.heard
    head, _, body = request.partition(b"\r\n\r\n")
    names = {line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:]}
    assert (answer.status, answer.beginning) == (200, b"ok")
    assert head.startswith(b"POST /hook?a=b HTTP/1.1\r\n")
    assert f"Host: {HOST}:{internet.port}".encode() in head
    assert body == b'{"a": 1}'
    assert internet.outside.names == [HOST]
    assert names == {
        *(b"host", b"content-type", b"content-length", b"connection"),
        *(b"user-agent", b"accept", b"accept-encoding"),
    }
    assert b"User-Agent: Signalbox\r\n" in head


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "0",
        "0.0.0.0",  # noqa: S104 nothing listens there
        "①②⑦.0.0.1",
        "\uff11\uff12\uff17.1",
        "[::1]",
        "[::]",
        "[::1%25lo]",
        "[::127.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "ⓛocalhost",
        "any.localhost",
        "localhost.localdomain",
        "hooks.example.org@127.0.0.1",
        "127.0.0.1#@hooks.example.org",
        "127.0.0.1\\@hooks.example.org",
    ],
)
@pytest.mark.parametrize("inside", [INSIDE, "::1"])
async def test_security_34_no_spelling_of_this_machine_is_knocked_at(
    authority: Authority, host: str, inside: str
) -> None:
    trap = Trap()
    async with serving(trap, inside) as port:
        # The rules of the program itself, and the names of this machine.
        way_out = Outgoing(Policy(ports=frozenset({port})), tls=authority.trusting)
        for scheme in ("https", "http"):
            with pytest.raises((AddressMalformed, AddressRefused)):
                await way_out.post(f"{scheme}://{host}:{port}/", b"", {})

    assert trap.knocks == 0


@pytest.mark.parametrize(
    "addresses",
    [
        [INSIDE],
        ["::1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["::ffff:127.0.0.1"],
        [f"::ffff:{OUTSIDE}"],
        ["fe80::1%lo"],
        [OUTSIDE, INSIDE],
        [INSIDE, OUTSIDE],
        [*[OUTSIDE] * 20, INSIDE],
        [OUTSIDE, "::1"],
        [OUTSIDE, "10.0.0.1"],
        ["not an address"],
        [],
    ],
)
async def test_security_34_a_name_with_one_inner_address_is_not_knocked_at(
    internet: Internet, addresses: list[str]
) -> None:
    internet.names.pages[HOST] = [addresses]
    way_out = outgoing(internet)

    with pytest.raises(AddressRefused):
        await way_out.check(at(HOST, internet))
    with pytest.raises(AddressRefused):
        await way_out.post(at(HOST, internet), b"", {})

    assert (internet.inside.knocks, internet.outside.knocks) == (0, 0)


async def test_security_34_a_name_that_changes_its_answer_is_asked_once(internet: Internet) -> None:
    internet.names.pages[HOST] = [[OUTSIDE], [INSIDE]]

    answer = await outgoing(internet).post(at(HOST, internet), b"", {})

    assert answer.status == 200
    assert internet.names.asked == [HOST]
    assert (internet.inside.knocks, internet.outside.knocks) == (0, 1)


async def test_security_34_a_name_that_turns_inside_after_it_was_saved_is_refused(
    internet: Internet,
) -> None:
    internet.names.pages[HOST] = [[OUTSIDE], [INSIDE]]
    way_out = outgoing(internet)
    await way_out.check(at(HOST, internet))

    with pytest.raises(AddressRefused):
        await way_out.post(at(HOST, internet), b"", {})

    assert (internet.inside.knocks, internet.outside.knocks) == (0, 0)


async def test_security_34_a_check_knocks_nowhere(internet: Internet) -> None:
    await outgoing(internet).check(at(HOST, internet))

    assert (internet.inside.knocks, internet.outside.knocks) == (0, 0)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_security_34_a_redirect_is_an_answer_and_not_followed(
    internet: Internet, status: int, scheme: str
) -> None:
    there = redirect_to(f"{scheme}://{INSIDE}:{internet.port}/")
    internet.outside.says = there.replace(b"307", str(status).encode())

    answer = await outgoing(internet).post(at(HOST, internet), b"", {})

    assert answer.status == status
    assert (internet.inside.knocks, internet.outside.knocks) == (0, 1)


@pytest.mark.parametrize("header", ["Refresh: 0; url={}", "Alt-Svc: h2={}", "Link: <{}>"])
async def test_security_34_no_other_header_leads_anywhere_either(
    internet: Internet, header: str
) -> None:
    line = header.format(f"http://{INSIDE}:{internet.port}/")
    internet.outside.says = OK.replace(b"\r\n\r\n", f"\r\n{line}\r\n\r\n".encode())

    await outgoing(internet).post(at(HOST, internet), b"", {})

    assert (internet.inside.knocks, internet.outside.knocks) == (0, 1)


async def test_security_34_a_certificate_for_another_name_ends_it(internet: Internet) -> None:
    other = "other.example.org"
    internet.names.pages[other] = [[OUTSIDE]]

    with pytest.raises(AddressSilent, match="no valid certificate"):
        await outgoing(internet).post(at(other, internet), b"secret", {})

    assert internet.outside.names == [other]
    assert internet.outside.heard == []


async def test_security_34_an_authority_nobody_knows_ends_it(
    internet: Internet,
) -> None:
    policy = Policy(ports=frozenset({internet.port}), is_public=lambda _: True)

    with pytest.raises(AddressSilent, match="no valid certificate"):
        await Outgoing(policy, names=internet.names).post(at(HOST, internet), b"secret", {})

    assert internet.outside.heard == []


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY"])
async def test_security_34_a_proxy_of_the_environment_is_not_asked(
    internet: Internet, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, f"http://{INSIDE}:{internet.port}")

    await outgoing(internet).post(at(HOST, internet), b"", {})

    assert (internet.inside.knocks, internet.outside.knocks) == (0, 1)


async def test_security_34_no_cookie_is_kept_and_sent_again(internet: Internet) -> None:
    internet.outside.says = OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b; Path=/\r\n\r\n")
    way_out = outgoing(internet)

    for _ in range(2):
        await way_out.post(at(HOST, internet), b"", {})

    assert len(internet.outside.heard) == 2
    assert not any(b"cookie" in request.lower() for request in internet.outside.heard)


@pytest.mark.parametrize(
    ("says", "drip"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"."),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n.\r\n"),
    ],
)
async def test_security_34_who_answers_slowly_is_cut_off(
    internet: Internet, says: bytes, drip: bytes
) -> None:
    trap = internet.outside
    trap.says, trap.drip, trap.pause_seconds = says, drip, 0.02
    way_out = outgoing(internet, patience_seconds=PATIENCE_SECONDS)
    begun = time.monotonic()

    with pytest.raises(AddressSilent):
        await way_out.post(at(HOST, internet), b"", {})

    assert time.monotonic() - begun < PATIENCE_SECONDS + 2


@pytest.mark.parametrize(
    ("says", "drip"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"." * 8192),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", b"." * 8192),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"2000\r\n%b\r\n" % (b"." * 8192),
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", b"\x1f\x8b\x08\0" * 2048),
    ],
)
async def test_security_34_an_endless_answer_is_read_to_its_limit(
    internet: Internet, says: bytes, drip: bytes
) -> None:
    internet.outside.says, internet.outside.drip = says, drip

    answer = await outgoing(internet).post(at(HOST, internet), b"", {})

    assert (answer.status, len(answer.beginning)) == (200, ANSWER_BYTES)
    await asyncio.wait_for(internet.outside.gone.wait(), 2)


@pytest.mark.parametrize(
    "says",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
        b"\0" * 1000,
    ],
)
async def test_security_34_nonsense_is_silence(internet: Internet, says: bytes) -> None:
    internet.outside.says = says

    with pytest.raises(AddressSilent):
        await outgoing(internet).post(at(HOST, internet), b"", {})


async def test_security_34_a_listed_host_is_reached_inside_and_without_https(
    internet: Internet,
) -> None:
    internet.names.pages["ntfy.lan"] = [[INSIDE]]
    way_out = outgoing(internet, listed=[f"ntfy.lan:{internet.port}"])

    answer = await way_out.post(f"http://ntfy.lan:{internet.port}/x", b"", {})

    assert answer.status == 200
    assert f"Host: ntfy.lan:{internet.port}".encode() in internet.inside.heard[0]


async def test_security_34_a_listed_host_cannot_send_us_on_to_its_neighbour(
    internet: Internet,
) -> None:
    other = Trap()
    async with serving(other, INSIDE) as port:
        internet.inside.says = redirect_to(f"http://{INSIDE}:{port}/")
        way_out = outgoing(internet, listed=[f"{INSIDE}:{internet.port}"])

        answer = await way_out.post(f"http://{INSIDE}:{internet.port}/", b"", {})
        with pytest.raises(AddressMalformed):
            await way_out.post(f"http://{INSIDE}:{port}/", b"", {})

    assert (answer.status, other.knocks) == (307, 0)


async def test_security_34_a_refusal_does_not_tell_what_is_inside(internet: Internet) -> None:
    """An open door, a closed one, an address without a machine, and a name that is not known."""
    internet.names.pages |= {
        "open.example.org": [[INSIDE]],
        "closed.example.org": [["127.0.0.3"]],
        "nobody.example.org": [["10.255.255.1"]],
    }
    way_out = outgoing(internet)

    answers, seconds = set(), list[float]()
    for name in (*internet.names.pages, "unknown.example.org"):
        if name == HOST:
            continue
        begun = time.monotonic()
        with pytest.raises(AppError) as refused:
            await way_out.post(at(name, internet), b"", {})
        answers.add((refused.value.code, refused.value.detail))
        seconds.append(time.monotonic() - begun)

    assert len(answers) == 1
    assert max(seconds) < 2
    assert internet.inside.knocks == 0


async def test_security_34_a_slow_name_is_given_up(internet: Internet) -> None:
    internet.names.slow_seconds = 60
    way_out = outgoing(internet, patience_seconds=PATIENCE_SECONDS)

    with pytest.raises(AddressSilent):
        await way_out.post(at(HOST, internet), b"", {})

    assert internet.outside.knocks == 0


async def test_security_34_the_systems_names_lead_inside_too() -> None:
    """Whatever /etc/hosts says: the addresses count."""
    addresses = await SystemNames().addresses("localhost")

    assert addresses
    assert not any(map(is_public, addresses))


@pytest.mark.parametrize(
    "where",
    [(INSIDE, 443), (OUTSIDE, 80), ("::1", 443, 0, 0), (f"::ffff:{OUTSIDE}", 443, 0, 0)],
)
def test_security_34_the_last_door_opens_to_nothing_that_was_not_checked(
    where: tuple[str | int, ...],
) -> None:
    way = Way(Target("https", HOST, 443, "/", is_listed=False), (OUTSIDE,))
    family = socket.AF_INET if len(where) == 2 else socket.AF_INET6

    with pytest.raises(OSError, match="not an address that was checked"):
        way.socket((family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where))

    way.socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", (OUTSIDE, 443))).close()
