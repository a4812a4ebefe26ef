"""Which addresses a user may have something sent to, as far as the address itself tells.

Pure: no name is looked up here. What a name leads to is judged by `is_public`, one address after
another, when `app/http/outgoing.py` has looked it up.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

import idna

from app.core.errors import Invalid
from app.settings import NOT_PUBLIC

LONGEST: Final = 2_000
LONGEST_NAME: Final = 253
DEFAULT_PORTS: Final = {"https": 443, "http": 80}
PUBLIC_PORTS: Final = frozenset({443, 8443})
# No public machine has a name that ends so, whatever a resolver answers.
INNER_ENDINGS: Final = frozenset(
    {
        *("localhost", "localdomain", "local", "internal", "intranet", "lan", "home", "corp"),
        *("arpa", "onion", "alt", "test", "invalid", "example"),
    }
)
# All of today's internet; the rest of IPv6 is not handed out.
GLOBAL_IPV6: Final = IPv6Network("2000::/3")
SPECIAL: Final = tuple(ip_network(one) for group in NOT_PUBLIC.values() for one in group)

SHAPE: Final = re.compile(
    r"(?P<scheme>[a-z]+)://(?P<authority>[^/?#]*)(?P<path>[^#]*)(?P<fragment>#.*)?", re.IGNORECASE
)
AUTHORITY: Final = re.compile(
    r"(\[(?P<ipv6>[0-9a-fA-F:.]+)\]|(?P<name>[^:\[\]]+))(:(?P<port>[1-9][0-9]{0,4}))?"
)
# The last part of what a browser, and the C library, read as an IPv4 address.
NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
IN_PATH: Final = re.compile(r"[!-~]*")


class AddressMalformed(Invalid):
    """An outgoing address is written in a way that is not taken; the sentence says what."""

    code = "address_malformed"


class AddressRefused(Invalid):
    """Nothing is sent there. One sentence for all reasons: it tells nothing of what is inside."""

    code = "address_refused"

    def __init__(self) -> None:
        super().__init__("This address does not lead to a server on the internet.")


def is_public(address: str) -> bool:
    """Whether an address is a machine's on the internet: nothing inner, reserved or tunnelled."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        if parsed.scope_id is not None or parsed not in GLOBAL_IPV6:
            return False
        return not any(isinstance(one, IPv6Network) and parsed in one for one in SPECIAL)
    return not any(isinstance(one, IPv4Network) and parsed in one for one in SPECIAL)


@dataclass(frozen=True, slots=True)
class Policy:
    """Where something may be sent.

    Attributes:
        listed: hosts that the operator names, as `name` or `name:port`: they may be inner ones,
            and without https.
        ports: of all other hosts.
        is_public: whether an address of another host may be connected to.
    """

    listed: frozenset[str] = frozenset()
    ports: frozenset[int] = PUBLIC_PORTS
    is_public: Callable[[str], bool] = is_public


@dataclass(frozen=True, slots=True)
class Target:
    """An address that was read.

    Attributes:
        host: in lower case and ASCII, without a final dot; IPv6 without brackets.
        path: with its query, as it was written.
        is_listed: the operator names this host, so its addresses are not judged.
    """

    scheme: str
    host: str
    port: int
    path: str
    is_listed: bool

    @property
    def is_literal(self) -> bool:
        """Whether the host is an address already."""
        return _literal(self.host) is not None


def read_address(text: str, policy: Policy) -> Target:
    """What an outgoing address says.

    Raises:
        AddressMalformed: it is no address that we take; the sentence says why.
        AddressRefused: it names an inner host.
    """
    parts = _parts(text)
    where = AUTHORITY.fullmatch(parts["authority"])
    if where is None:
        raise AddressMalformed("The host is missing or misspelt: write https://host/path.")
    scheme = parts["scheme"].lower()
    port = int(where["port"] or DEFAULT_PORTS[scheme])
    host = _ipv6(where["ipv6"]) if where["ipv6"] else _name(where["name"])
    path = parts["path"] if parts["path"].startswith("/") else f"/{parts['path']}"
    is_listed = _is_listed(host, port, policy)
    if not is_listed:
        _refuse_unlisted(scheme, host, port, policy)
    return Target(scheme, host, port, path, is_listed)


def _parts(text: str) -> dict[str, str]:
    if len(text) > LONGEST:
        raise AddressMalformed(f"The address is longer than {LONGEST} characters.")
    found = SHAPE.fullmatch(text)
    if found is None or found["scheme"].lower() not in DEFAULT_PORTS:
        raise AddressMalformed("The address must begin with https://.")
    if found["fragment"] is not None:
        raise AddressMalformed("The address must not contain #: that part is never sent.")
    if "@" in found["authority"]:
        raise AddressMalformed("The address must not contain a name or a password before an @.")
    if IN_PATH.fullmatch(found["path"]) is None or "\\" in text:
        raise AddressMalformed(
            "The address contains a character that has to be written as %XX, or a backslash."
        )
    return {key: found[key] for key in ("scheme", "authority", "path")}


def _ipv6(text: str) -> str:
    try:
        return str(IPv6Address(text))
    except ValueError:
        raise AddressMalformed("What is in the brackets is no IPv6 address.") from None


def _name(text: str) -> str:
    """A host's name, or its IPv4 address, in the one spelling that everybody reads alike."""
    if len(text) > LONGEST_NAME:
        raise AddressMalformed("The host's name is too long.")
    try:
        # Maps what looks like ASCII to it, so that ①②⑦.0.0.1 is seen for what it is.
        name = idna.encode(text, uts46=True, std3_rules=True).decode().removesuffix(".")
    except idna.IDNAError:
        raise AddressMalformed("The host is no valid name.") from None
    if NUMBER.fullmatch(name.rpartition(".")[2]) and _literal(name) is None:
        raise AddressMalformed("An IPv4 address is written as four numbers from 0 to 255.")
    return name


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_listed(host: str, port: int, policy: Policy) -> bool:
    name = f"[{host}]" if ":" in host else host
    if f"{name}:{port}" in policy.listed:
        return True
    return name in policy.listed and port in {*DEFAULT_PORTS.values(), *policy.ports}


def _refuse_unlisted(scheme: str, host: str, port: int, policy: Policy) -> None:
    if scheme != "https":
        raise AddressMalformed("The address must begin with https://.")
    if port not in policy.ports:
        ports = " or ".join(str(one) for one in sorted(policy.ports))
        raise AddressMalformed(f"The port must be {ports}.")
    if _literal(host) is not None:
        if not policy.is_public(host):
            raise AddressRefused
        return
    if "." not in host or host.rpartition(".")[2] in INNER_ENDINGS:
        raise AddressRefused
