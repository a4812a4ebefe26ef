"""The one way out to addresses that users set.

A name is looked up once. Every address it has must be public, and the connection goes to one of
those that were looked at: whoever answers differently the second time is not asked. Nothing is
followed, nothing of ours is sent along, and neither time nor answer is unbounded.
"""

import asyncio
import socket
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from ssl import SSLContext
from typing import Final, Protocol

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from app.core.addresses import AddressRefused, Policy, Target, read_address
from app.core.errors import Unavailable

PATIENCE_SECONDS: Final = 10.0
LOOK_UP_SECONDS: Final = 5.0
# Lookups of slow names wait here, not among the threads that look up exchanges.
LOOK_UP_THREADS: Final = 16
MOST_TRIED: Final = 8
ANSWER_BYTES: Final = 64 * 1024
CHUNK_BYTES: Final = 4 * 1024
HEADER_BYTES: Final = 4 * 1024
MOST_HEADERS: Final = 64
OURS: Final = {"User-Agent": "Signalbox", "Accept": "*/*", "Accept-Encoding": "identity"}


class AddressSilent(Unavailable):
    """The server at an outgoing address did not answer as it should; it may later."""

    code = "address_silent"


class Names(Protocol):
    """Looks up names."""

    async def addresses(self, host: str) -> Sequence[str]:
        """Every address of a host, as text.

        Raises:
            OSError: it has none, or nobody can say.
        """


class SystemNames:
    """Looks up names as the operating system does."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOK_UP_THREADS, thread_name_prefix="outgoing-names")

    async def addresses(self, host: str) -> Sequence[str]:
        """As `Names` says."""
        ask = partial(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        return [str(entry[4][0]) for entry in found]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered.

    Attributes:
        status: a redirect is an answer like any other, and is not followed.
        beginning: as many bytes as are read at most. Shown to nobody: it may be an inner server's.
    """

    status: int
    beginning: bytes

    @property
    def is_success(self) -> bool:
        """Whether the server took it."""
        return 200 <= self.status < 300


class Outgoing:
    """Checks addresses and sends to them.

    Args:
        policy: where something may be sent.
        names: looks up names; the operating system when left out.
        tls: whom to believe; the system's authorities when left out.
        patience_seconds: for all of one sending, from the lookup to the end of the answer.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        names: Names | None = None,
        tls: SSLContext | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._policy = policy
        self._names = names or SystemNames()
        self._tls = tls
        self._patience_seconds = patience_seconds

    async def check(self, address: str) -> Target:
        """Find out whether something may be sent to an address. Nothing is connected to.

        Returns:
            What the address says.

        Raises:
            AddressMalformed: it is not written as it has to be.
            AddressRefused: it leads nowhere, or to an inner machine.
        """
        return (await self._way_to(address)).target

    async def post(self, address: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send something, to where it may be sent at this moment.

        Args:
            address: as a user wrote it; checked here, whatever was said of it before.
            body: what to send.
            headers: its type, and what the receiver has to know; nothing else of ours goes along.

        Raises:
            AddressMalformed: it is not written as it has to be.
            AddressRefused: it leads nowhere, or to an inner machine.
            AddressSilent: nobody answered in time, or not in HTTP, or with another's certificate.
        """
        try:
            async with asyncio.timeout(self._patience_seconds):
                return await self._post(await self._way_to(address), body, headers)
        except TimeoutError:
            raise AddressSilent(
                f"The server did not answer within {self._patience_seconds:g} s."
            ) from None
        except aiohttp.ClientSSLError:
            raise AddressSilent("The server has no valid certificate for this name.") from None
        except (aiohttp.ClientError, OSError):
            raise AddressSilent("The server could not be reached, or answered nonsense.") from None

    async def _way_to(self, address: str) -> "Way":
        target = read_address(address, self._policy)
        if target.is_literal:
            return Way(target, (target.host,))
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS):
                found = await self._names.addresses(target.host)
        except OSError:
            # A name that is not known and one that leads inside look alike.
            raise AddressRefused from None
        if not found or not (target.is_listed or all(map(self._policy.is_public, found))):
            raise AddressRefused
        return Way(target, tuple(dict.fromkeys(found))[:MOST_TRIED])

    async def _post(self, way: "Way", body: bytes, headers: Mapping[str, str]) -> Answer:
        connector = aiohttp.TCPConnector(
            resolver=_Resolver(way),
            socket_factory=way.socket,
            ssl=self._tls or True,
            use_dns_cache=False,
            force_close=True,
        )
        async with (
            aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                trust_env=False,
                auto_decompress=False,
                read_bufsize=CHUNK_BYTES,
                max_line_size=HEADER_BYTES,
                max_field_size=HEADER_BYTES,
                max_headers=MOST_HEADERS,
            ) as client,
            client.post(
                way.url, data=body, headers={**headers, **OURS}, allow_redirects=False
            ) as answer,
        ):
            return Answer(answer.status, await _beginning(answer.content))


@dataclass(frozen=True, slots=True)
class Way:
    """A target, and the addresses that were found to be fit to connect to."""

    target: Target
    addresses: tuple[str, ...]

    @property
    def url(self) -> URL:
        """The target as the client takes it; the name stays, for the certificate and `Host`."""
        target = self.target
        host = f"[{target.host}]" if ":" in target.host else target.host
        return URL(f"{target.scheme}://{host}:{target.port}{target.path}", encoded=True)

    def socket(self, where: aiohttp.AddrInfoType) -> socket.socket:
        """The last door: no connection to anything else, whatever the client made of the URL."""
        family, kind, protocol, _, address = where
        if address[0] not in self.addresses or address[1] != self.target.port:
            raise OSError("not an address that was checked")
        return socket.socket(family, kind, protocol)


class _Resolver(AbstractResolver):
    """Knows the checked addresses of one host, and no other host."""

    def __init__(self, way: Way) -> None:
        self._way = way

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The checked addresses."""
        if host != self._way.target.host:
            raise OSError("not the host that was checked")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=family,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._way.addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


async def _beginning(content: aiohttp.StreamReader) -> bytes:
    read = bytearray()
    async for chunk in content.iter_any():
        read += chunk
        if len(read) >= ANSWER_BYTES:
            break
    return bytes(read[:ANSWER_BYTES])
