"""Servers that note who knocks, a book of names, and an authority that signs for one name."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "hooks.example.org"
# The loopback has many addresses: one plays the internet, and one the inside.
OUTSIDE = "127.0.0.2"
INSIDE = "127.0.0.1"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def redirect_to(address: str) -> bytes:
    return f"HTTP/1.1 307 Go on\r\nLocation: {address}\r\nContent-Length: 0\r\n\r\n".encode()


@dataclass(slots=True)
class Trap:
    """A server that says the same to everybody.

    Attributes:
        says: its answer, byte by byte.
        drip: said again and again after that, until the other side has gone.
        knocks: how many connections were made to it.
        heard: the head and the body of each request.
        names: what each connection asked for by SNI.
    """

    says: bytes = OK
    drip: bytes = b""
    pause_seconds: float = 0.0
    knocks: int = 0
    heard: list[bytes] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    was_heard: asyncio.Event = field(default_factory=asyncio.Event)
    talking: set[asyncio.Task[None]] = field(default_factory=set)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            self.talking.add(task)
            task.add_done_callback(self.talking.discard)
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the other side has gone, or the test is over
        finally:
            self.gone.set()
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        [length] = [
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ]
        self.heard.append(head + await reader.readexactly(length))
        self.was_heard.set()
        writer.write(self.says)
        await writer.drain()
        while self.drip:
            writer.write(self.drip)
            await writer.drain()
            await asyncio.sleep(self.pause_seconds)

    async def stop(self) -> None:
        """Hang up on whoever is still there."""
        for task in self.talking:
            task.cancel()
        await asyncio.gather(*self.talking)


class _Counting(asyncio.StreamReaderProtocol):
    """Counts connections: with TLS after the handshake, else from the first packet."""

    def __init__(self, trap: Trap) -> None:
        super().__init__(asyncio.StreamReader(), trap.answer)
        self._trap = trap

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._trap.knocks += 1
        super().connection_made(transport)


@dataclass(slots=True)
class Internet:
    """Servers on one port at several addresses, and the names that lead to them."""

    port: int
    authority: "Authority"
    names: "Book"
    outside: Trap
    inside: Trap


@asynccontextmanager
async def an_internet(authority: "Authority", *, inside: str = INSIDE) -> AsyncIterator[Internet]:
    """A trap inside, speaking plain HTTP, and a server outside with TLS, on the same port."""
    outside, trap = Trap(), Trap()
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(serving(trap, inside))
        tls = authority.context_for(HOST, noting=outside)
        await stack.enter_async_context(serving(outside, OUTSIDE, port=port, tls=tls))
        yield Internet(port, authority, Book({HOST: [[OUTSIDE]]}), outside, trap)


@asynccontextmanager
async def serving(
    trap: Trap, host: str, *, port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Serve for the block; gives the port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Counting(trap), host, port, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await trap.stop()
        await server.wait_closed()


@dataclass(slots=True)
class Book:
    """Answers each lookup of a name with the next of its answers; the last one stays.

    Attributes:
        pages: per name, its answers in turn. A name is unknown when it is not here.
        asked: the names that were looked up.
    """

    pages: dict[str, list[list[str]]]
    slow_seconds: float = 0.0
    asked: list[str] = field(default_factory=list)

    async def addresses(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        await asyncio.sleep(self.slow_seconds)
        if host not in self.pages:
            raise OSError("no such host")
        answers = self.pages[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


class Authority:
    """Signs certificates for names; `trusting` believes nobody else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority")])
        self._own = self._signed(self._name, self._key, x509.BasicConstraints(True, None))

    @property
    def trusting(self) -> ssl.SSLContext:
        text = self._own.public_bytes(serialization.Encoding.PEM).decode()
        return ssl.create_default_context(cadata=text)

    def context_for(self, host: str, *, noting: Trap) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a server")])
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        path = self._folder / f"{host}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + self._signed(subject, key, names).public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)

        def note(_socket: object, name: str | None, _context: ssl.SSLContext) -> None:
            noting.names.append(name)

        context.sni_callback = note
        return context

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        extension: x509.ExtensionType,
    ) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
            .add_extension(extension, critical=False)
            .sign(self._key, hashes.SHA256())
        )
