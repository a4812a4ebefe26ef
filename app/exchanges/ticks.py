"""Puts the pieces a venue sends on several channels together into quotes."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.exchanges.mapping import moment, number
from app.trading.quote import Quote


class Ticks:
    """The last known pieces of one symbol's quote, each with its time.

    Args:
        symbol: in ccxt form.
        is_marked: True on contracts: no quote without a mark price.
    """

    def __init__(self, symbol: str, is_marked: bool) -> None:  # noqa: FBT001 read as a fact
        self.symbol = symbol
        self._is_marked = is_marked
        self._prices: dict[str, Decimal] = {}
        self._times: dict[str, datetime] = {}
        self._change = asyncio.Event()

    def take(self, raw: Any, now: datetime) -> None:
        """Remember what a ccxt ticker, or a dict of them by symbol, says.

        A quote is as old as the older of its book and its fair price, by the venue's clock where
        that is behind ours: a channel that went silent must not look fresh for its neighbours.
        """
        ticker: Mapping[str, Any] = raw.get(self.symbol, raw)
        stamp = ticker.get("timestamp")
        at = min(now, moment(stamp)) if stamp else now
        pieces = {key: number(ticker.get(key)) for key in ("bid", "ask", "last", "markPrice")}
        for key, price in pieces.items():
            if price is not None and price > 0:
                self._prices[key] = price
                self._times[key] = at
        self._change.set()

    async def changed(self) -> None:
        """Wait for the next piece."""
        await self._change.wait()
        self._change.clear()

    def quote(self) -> Quote | None:
        """The whole quote; None while a piece has never been seen."""
        needed = {"bid", "ask", "last"} | ({"markPrice"} if self._is_marked else set())
        if not needed <= self._prices.keys():
            return None
        fair = "markPrice" if self._is_marked else "last"
        return Quote(
            symbol=self.symbol,
            bid=self._prices["bid"],
            ask=self._prices["ask"],
            last=self._prices["last"],
            mark=self._prices.get("markPrice"),
            at=min(self._times["bid"], self._times[fair]),
        )
