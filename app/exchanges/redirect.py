"""The one thing a stock ccxt client needs to trade on the paper exchange."""

from typing import Any

from aiohttp import ClientResponse, ClientSession
from yarl import URL


class RedirectingSession(ClientSession):
    """Sends every request, REST and WebSocket, to `<base>/<original host>/<original path>`.

    ccxt keeps its own addresses, on which its error classes and stream routing depend. Whoever
    makes the session closes it: ccxt does not close a session that it was given.

    Args:
        base: where the paper exchange answers, `http://127.0.0.1:8000/paper-exchange`.
    """

    def __init__(self, base: str, **options: Any) -> None:
        super().__init__(**options)
        self._base = URL(base.rstrip("/"))

    async def _request(self, method: str, str_or_url: str | URL, **options: Any) -> ClientResponse:
        url = URL(str_or_url)
        path = f"{self._base.raw_path.rstrip('/')}/{url.host}{url.raw_path}"
        # Signed queries must arrive byte for byte, so nothing is encoded again.
        target = URL.build(
            scheme=self._base.scheme,
            authority=self._base.raw_authority,
            path=path,
            query_string=url.raw_query_string,
            encoded=True,
        )
        return await super()._request(method, target, **options)
