"""Puts the pieces a venue sends on several channels together into quotes."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from app.exchanges.mapping import moment, number
from app.trading.quote import Quote


class Ticks:
    """The last known pieces of one symbol's quote.

    Args:
        symbol: in ccxt form.
        is_marked: True on contracts: no quote without a mark price.

    Attributes:
        lost_since: the last price of a stream that was found dead; None while it works.
    """

    def __init__(self, symbol: str, *, is_marked: bool) -> None:
        self.symbol = symbol
        self._is_marked = is_marked
        self.lost_since: datetime | None = None
        self._prices: dict[str, Decimal] = {}
        self._fair_at: datetime | None = None
        self._offsets: dict[str, timedelta] = {}
        self._change = asyncio.Event()

    def take(self, channel: str, raw: Any, now: datetime) -> None:
        """Remember what a ccxt ticker, or a dict of them by symbol, says.

        Args:
            channel: where it came from; each has its own delay.
            raw: the ticker.
            now: when it was received.
        """
        ticker: Mapping[str, Any] = raw.get(self.symbol, raw)
        at = self._held_at(channel, ticker.get("timestamp"), now)
        for key in ("bid", "ask", "last", "markPrice"):
            price = number(ticker.get(key))
            if price is not None and price > 0:
                self._prices[key] = price
                if key == self._fair:
                    self._fair_at = at
        self._change.set()

    def _held_at(self, channel: str, stamp: Any, now: datetime) -> datetime:
        """When the venue saw it, by our clock.

        The smallest delay ever seen on a channel is the difference between the two clocks; what
        exceeds it is how late this piece is.
        """
        if not stamp:
            return now
        delay = now - moment(stamp)
        self._offsets[channel] = min(delay, self._offsets.get(channel, delay))
        return now - (delay - self._offsets[channel])

    @property
    def _fair(self) -> str:
        return "markPrice" if self._is_marked else "last"

    async def changed(self) -> None:
        """Wait for the next piece."""
        await self._change.wait()
        self._change.clear()

    def quote(self) -> Quote | None:
        """The whole quote, as old as its fair price; None while a piece has never been seen."""
        needed = {"bid", "ask", "last", self._fair}
        if self._fair_at is None or not needed <= self._prices.keys():
            return None
        return Quote(
            symbol=self.symbol,
            bid=self._prices["bid"],
            ask=self._prices["ask"],
            last=self._prices["last"],
            mark=self._prices.get("markPrice"),
            at=self._fair_at,
        )
