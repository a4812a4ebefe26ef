"""Where a request is meant to go: `/<Binance's host>/<Binance's path>`, or the path alone."""

from dataclasses import dataclass
from urllib.parse import unquote

from app.paper_exchange.streams.names import StreamAddress
from app.trading.words import MarketType

_REST_PREFIXES = {
    "fapi.binance.com": ("/fapi/",),
    "dapi.binance.com": ("/dapi/",),
    "api.binance.com": ("/api/", "/sapi/"),
    "api-gcp.binance.com": ("/api/", "/sapi/"),
} | {f"api{number}.binance.com": ("/api/", "/sapi/") for number in range(1, 5)}
_STREAM_HOSTS = {
    "stream.binance.com": MarketType.SPOT,
    "data-stream.binance.vision": MarketType.SPOT,
    "fstream.binance.com": MarketType.LINEAR,
}
_LINEAR_STREAMS = ("market", "public")


@dataclass(frozen=True, slots=True)
class Address:
    """A path without its host; `host` is empty when none was written (ports are left out)."""

    host: str
    path: str

    @property
    def is_served(self) -> bool:
        """Whether that host serves that path at Binance."""
        return not self.host or self.path.startswith(_REST_PREFIXES.get(self.host, ("?",)))


def locate(path: str, root_path: str) -> Address:
    """The address behind a path, once the mount point and the host segment are off."""
    path = path.removeprefix(root_path.rstrip("/")) if root_path else path
    first, _, rest = path.strip("/").partition("/")
    host = unquote(first).partition(":")[0].lower()
    if host in _REST_PREFIXES or host in _STREAM_HOSTS or host.endswith(".binance.com"):
        return Address(host, "/" + rest)
    return Address("", "/" + path.strip("/"))


def is_spot_api(address: Address) -> bool:
    """Whether this is spot's WebSocket API."""
    is_its_host = address.host in {"", "ws-api.binance.com"}
    return is_its_host and address.path.rstrip("/") == "/ws-api/v3"


def is_private_stream(address: Address) -> bool:
    """Whether this is the futures user data stream."""
    is_its_host = address.host in {"", "fstream.binance.com"}
    return is_its_host and address.path.rstrip("/") in {"/private/ws", "/private/stream"}


def locate_stream(address: Address, streams: str) -> StreamAddress | None:
    """The market stream behind an address, None when there is none.

    `streams` is the query parameter of that name, with the names of a combined stream.
    """
    parts = [part for part in address.path.split("/") if part]
    market = _STREAM_HOSTS.get(address.host, None if address.host else MarketType.SPOT)
    if parts and parts[0] in _LINEAR_STREAMS and market is not None:
        market, parts = MarketType.LINEAR, parts[1:]
    if market is None or not parts or parts[0] not in {"ws", "stream"}:
        return None
    is_combined = parts[0] == "stream" and parts[1:2] != ["ws"]
    names = streams.split("/") if is_combined else parts[1:]
    return StreamAddress(market, is_combined, tuple(name for name in names if "@" in name))
