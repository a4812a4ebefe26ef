"""Whose address counts, and whether alerts may come from it."""

from typing import Any

import pytest

from app.http.sender import sender_of
from app.settings import TRADINGVIEW_ADDRESSES
from app.webhooks.source import may_send

PROXY = "10.0.0.2"
ALERTS = "52.89.214.238"
ATTACKER = "203.0.113.7"


def a_request(peer: str | None, *forwarded: str) -> Any:
    headers = [(b"host", b"x"), *((b"x-forwarded-for", line.encode()) for line in forwarded)]
    return {"client": None if peer is None else (peer, 4711), "headers": headers}


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "sender"),
    [
        (ATTACKER, (), (), ATTACKER),
        (ATTACKER, (ALERTS,), (), ATTACKER),
        (ATTACKER, (ALERTS,), (PROXY,), ATTACKER),
        (PROXY, (), (PROXY,), PROXY),
        (PROXY, (ALERTS,), (PROXY,), ALERTS),
        (PROXY, (f"{ALERTS}, {ATTACKER}",), (PROXY,), ATTACKER),
        (PROXY, (ALERTS, ATTACKER), (PROXY,), ATTACKER),
        (PROXY, (f"{ALERTS},{PROXY}",), (PROXY,), ALERTS),
        (PROXY, (f"{ATTACKER}, {ALERTS}, 10.0.0.3",), (PROXY, "10.0.0.3"), ALERTS),
        (PROXY, (f"{ATTACKER}, {ALERTS}, 10.0.0.3",), ("10.0.0.0/24",), ALERTS),
        (PROXY, ("garbage",), (PROXY,), None),
        (PROXY, ("",), (PROXY,), None),
        (PROXY, (f"{ALERTS}:1234",), (PROXY,), None),
        (PROXY, (", ".join([ATTACKER] * 100 + [ALERTS]),), (PROXY,), ALERTS),
        (f"::ffff:{ALERTS}", (), (), ALERTS),
        (f"::ffff:{PROXY}", (f"::ffff:{ALERTS}",), (PROXY,), ALERTS),
        ("2001:db8::1", (), (), "2001:db8::1"),
        ("2001:0db8:0::0001", (), (), "2001:db8::1"),
        (f"2001:db8::1%{'x' * 500}", (), (), "2001:db8::1"),
        (f"{ALERTS}%eth0", (), (), None),
        (None, (ALERTS,), (PROXY,), None),
        ("unix", (), (), None),
    ],
)
def test_the_sender_is_the_last_address_nobody_trusted_vouches_for(
    peer: str | None, forwarded: tuple[str, ...], proxies: tuple[str, ...], sender: str | None
) -> None:
    assert sender_of(a_request(peer, *forwarded), proxies) == sender


@pytest.mark.parametrize("sender", [ALERTS, TRADINGVIEW_ADDRESSES[3]])
def test_alerts_come_from_tradingview(sender: str) -> None:
    assert may_send(sender, TRADINGVIEW_ADDRESSES, is_local=False)


@pytest.mark.parametrize("sender", ["127.0.0.1", "::1"])
def test_this_machine_may_send_only_where_it_is_the_traders_own(sender: str) -> None:
    assert may_send(sender, TRADINGVIEW_ADDRESSES, is_local=True)
    assert not may_send(sender, TRADINGVIEW_ADDRESSES, is_local=False)


@pytest.mark.parametrize("sender", ["52.89.214.239", "10.0.0.1", "192.168.1.5", None, "nonsense"])
def test_nobody_else_may_send(sender: str | None) -> None:
    assert not may_send(sender, TRADINGVIEW_ADDRESSES, is_local=True)


def test_a_listed_network_admits_its_addresses_and_no_others() -> None:
    assert may_send("198.51.100.9", ("198.51.100.0/28",), is_local=False)
    assert not may_send("198.51.100.99", ("198.51.100.0/28",), is_local=False)
    assert not may_send("2001:db8::1", ("198.51.100.0/28",), is_local=False)
