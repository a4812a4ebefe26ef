"""Where a request really comes from, whatever it says of itself."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from litestar.types import Scope

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def sender_of(scope: Scope, trusted_proxies: Sequence[str]) -> str | None:
    """The address of the sender: the peer, or what trusted proxies say about it.

    `X-Forwarded-For` is read right to left over all its lines, and only as long as the address to
    the right is a trusted proxy: everything further left is the sender's own claim.

    Returns:
        The address in its shortest form; None when there is none, or it is no address.
    """
    client = scope.get("client")
    if client is None:
        return None
    hops = [part for line in _forwarded(scope) for part in line.split(",")]
    address = parse(client[0])
    while address is not None and hops and _is_in(address, trusted_proxies):
        address = parse(hops.pop().strip())
    return None if address is None else str(address)


def network_of(address: str | None) -> str:
    """Who is counted as one: an IPv4 address, or an IPv6 network of 64 bits, which one home has."""
    parsed = None if address is None else parse(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, 64), strict=False))
    return "" if parsed is None else str(parsed)


def is_listed(address: str | None, listed: Sequence[str]) -> bool:
    """Whether an address is one of these addresses and networks; no address never is."""
    parsed = None if address is None else parse(address)
    return parsed is not None and _is_in(parsed, listed)


def _forwarded(scope: Scope) -> Iterable[str]:
    return (
        value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"
    )


# Few senders send nearly everything, and taking an address apart costs more than the rest.
@lru_cache(maxsize=1_024)
def parse(text: str) -> Address | None:
    """The address in its shortest form; None when the text is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    # A dual-stack listener shows IPv4 peers as ::ffff:1.2.3.4. A scope (`%eth0`) is of any length
    # and says nothing about who it is.
    return address.ipv4_mapped or IPv6Address(int(address))


def _is_in(address: Address, listed: Sequence[str]) -> bool:
    return any(
        address.version == network.version and address in network
        for network in map(_network, listed)
    )


@lru_cache(maxsize=1_024)
def _network(text: str) -> Network:
    return ip_network(text)
