"""Sends a ccxt client's requests to another address; the one thing a client needs to be given."""

from typing import Any

import aiohttp
from yarl import URL


class RedirectingSession(aiohttp.ClientSession):
    """`https://fapi.binance.com/fapi/v1/order` becomes `<base>/fapi.binance.com/fapi/v1/order`.

    Args:
        base: where the paper exchange listens, such as `http://127.0.0.1:9000`.
    """

    def __init__(self, base: str, **options: Any) -> None:
        super().__init__(**options)
        self._base = base.rstrip("/")

    async def _request(self, *args: Any, **options: Any) -> aiohttp.ClientResponse:
        """Rewrite the address; path and signed query stay as the client encoded them."""
        method, url = args
        original = URL(url, encoded=True)
        target = URL(f"{self._base}/{original.host}{original.raw_path_qs}", encoded=True)
        return await super()._request(method, target, **options)
