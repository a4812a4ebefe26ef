"""Larger candles from smaller ones, and candles from trades: one pass, one candle in memory.

Every figure is exact, but for the quote volumes of trades, whose product may have more decimal
places than are kept: those are rounded once, when the candle is whole.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal
from typing import Final

from app.core.decimals import to_places
from app.core.errors import Invalid
from app.trading.candle import Candle
from app.trading.market_trade import MarketTrade
from app.trading.timeframe import Timeframe
from app.trading.words import Side

# Enough for any sum of products of two numbers that can be kept.
_EXACT: Final = Context(prec=100)
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A larger candle that cannot be told, because smaller ones are missing.

    Attributes:
        open_time: of the larger candle.
        first_missing: open time of the first smaller one that is not there.
        missing: how many are not there.
    """

    open_time: datetime
    first_missing: datetime
    missing: int


class Larger:
    """Joins candles to those of a larger timeframe.

    A larger candle without any smaller one is passed over: whether anything is missing there is for
    the gap finder to say. A column that one of the parts does not tell is not told of the whole.

    Args:
        timeframe: of the larger candles.
    """

    def __init__(self, timeframe: Timeframe) -> None:
        self._timeframe = timeframe
        self._bucket: _Bucket | None = None
        self._count = 0
        self._expected: datetime | None = None
        self._first_missing: datetime | None = None
        self._small: Timeframe | None = None

    def join(self, candles: Iterable[Candle]) -> Iterator[Candle | Incomplete]:
        """The larger candles that are over by then, oldest first.

        Args:
            candles: of one series, oldest first, each open time once; they go on where the last
                ones ended.

        Raises:
            Invalid: `timeframe_unfit`, when whole ones of theirs do not fill a larger candle.
        """
        for candle in candles:
            if self._bucket is None or candle.open_time >= self._bucket.closes:
                yield from self.end()
                self._begin(candle)
            self._add(candle)

    def end(self) -> Iterator[Candle | Incomplete]:
        """The larger candle that the last smaller ones belong to."""
        if self._bucket is None or self._small is None:
            return
        opened, closes = self._bucket.opened, self._bucket.closes
        missing = self._small.how_many(opened, closes) - self._count
        if missing:
            yield Incomplete(opened, self._first_missing or self._expected or opened, missing)
        else:
            yield from self._bucket.candle(None)
        self._bucket = None

    def _begin(self, candle: Candle) -> None:
        if not candle.timeframe.fills(self._timeframe):
            raise Invalid(
                f"Candles of {candle.timeframe} do not fill those of {self._timeframe}.",
                code="timeframe_unfit",
            )
        self._small = candle.timeframe
        self._bucket = _Bucket(self._timeframe, self._timeframe.open_of(candle.open_time))
        self._count = 0
        self._expected = self._bucket.opened
        self._first_missing = None

    def _add(self, candle: Candle) -> None:
        assert self._bucket is not None  # noqa: S101 for the type checker: it was just begun
        if candle.open_time != self._expected and self._first_missing is None:
            self._first_missing = self._expected
        self._expected = candle.close_time
        self._count += 1
        self._bucket.add(
            (candle.open, candle.high, candle.low, candle.close),
            (
                candle.volume,
                candle.quote_volume,
                None if candle.trades is None else Decimal(candle.trades),
                candle.taker_buy_volume,
                candle.taker_buy_quote_volume,
            ),
        )


class FromTrades:
    """Makes candles of trades: those that open from `since` on and close by `until`.

    A candle in which nothing was traded has volume 0 and the price before it, as at Binance; there
    is none before the first trade.

    Args:
        timeframe: of the candles.
        since: where the trades are complete from, inclusive.
        until: where they are complete to, exclusive.
    """

    def __init__(self, timeframe: Timeframe, since: datetime, until: datetime) -> None:
        self._timeframe = timeframe
        self._until = until
        self._last: Decimal | None = None
        self._bucket = _Bucket(timeframe, next(timeframe.opens(since, until), until))

    def join(self, trades: Iterable[MarketTrade]) -> Iterator[Candle]:
        """The candles that are over by then, oldest first.

        Args:
            trades: in the order of `MarketTrade.order`; they go on where the last ones ended. Of
                those before the first candle only the price counts, those after the last do not.
        """
        for trade in trades:
            if trade.executed_at < self._bucket.opened:
                self._last = trade.price
                continue
            if trade.executed_at >= self._until:
                return
            yield from self._up_to(trade.executed_at)
            quote = _EXACT.multiply(trade.price, trade.quantity)
            is_buy = trade.side is Side.BUY
            bought = (trade.quantity, quote) if is_buy else (_ZERO, _ZERO)
            self._bucket.add((trade.price,) * 4, (trade.quantity, quote, Decimal(1), *bought))

    def end(self) -> Iterator[Candle]:
        """The candles that close by the end of the range."""
        yield from self._up_to(self._until)

    def _up_to(self, moment: datetime) -> Iterator[Candle]:
        while self._bucket.closes <= moment:
            for candle in self._bucket.candle(self._last):
                self._last = candle.close
                yield candle
            self._bucket = _Bucket(self._timeframe, self._bucket.closes)


Prices = tuple[Decimal, Decimal, Decimal, Decimal]
# Volume, quote volume, trades, and both volumes of takers who bought; None where it is not told.
Sums = tuple[Decimal | None, ...]


class _Bucket:
    """One candle, and what was added to it so far."""

    def __init__(self, timeframe: Timeframe, opened: datetime) -> None:
        self._timeframe = timeframe
        self.opened = opened
        self.closes = timeframe.close_of(opened)
        self._prices: Prices | None = None
        self._is_traded = False
        self._sums: Sums = (_ZERO,) * 5

    def add(self, prices: Prices, sums: Sums) -> None:
        """Go on with these prices: open, high, low, close.

        Those of a time without a trade are the price before it. They do not count where something
        was traded: a candle opens with its first trade.
        """
        is_traded = sums[0] != 0
        if self._prices is None or (is_traded and not self._is_traded):
            self._prices, self._is_traded = prices, is_traded
        elif is_traded or not self._is_traded:
            _, high, low, close = prices
            first, highest, lowest, _ = self._prices
            self._prices = (first, max(highest, high), min(lowest, low), close)
        self._sums = tuple(
            None if before is None or more is None else _EXACT.add(before, more)
            for before, more in zip(self._sums, sums, strict=True)
        )

    def candle(self, last: Decimal | None) -> Iterator[Candle]:
        """The candle; that of the last price alone when nothing was added, none without either."""
        if self._prices is None and last is not None:
            self._prices = (last,) * 4
        if self._prices is None:
            return
        volume, quote, trades, bought, bought_quote = self._sums
        yield Candle(
            self._timeframe,
            self.opened,
            *self._prices,
            volume=_ZERO if volume is None else volume,
            quote_volume=None if quote is None else to_places(quote),
            trades=None if trades is None else int(trades),
            taker_buy_volume=bought,
            taker_buy_quote_volume=None if bought_quote is None else to_places(bought_quote),
        )
