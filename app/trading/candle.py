"""One candle of one market, and what no candle can be."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from app.core.clock import iso
from app.core.decimals import can_be_kept, plain
from app.core.errors import Invalid
from app.core.words import Word
from app.trading.timeframe import Timeframe

# What a column of whole numbers holds.
_MOST_TRADES: Final = 2**63 - 1


class PriceKind(Word):
    """Which price a candle is of: that of the last trade, or the venue's mark price."""

    LAST = "last"
    MARK = "mark"


@dataclass(frozen=True, slots=True)
class Candle:
    """What a price did between two moments; prices in quote per base.

    Attributes:
        open_time: aware UTC, where a candle of the timeframe opens.
        volume: in base; 0 when nothing was traded, and of every candle of a mark price.
        quote_volume: in quote. Like all below, None when whoever gave the candle did not say.
        trades: how many there were.
        taker_buy_volume: in base, of the trades whose taker bought.
        taker_buy_quote_volume: in quote, of the same.

    Raises:
        Invalid: `bad_candle`, when it contradicts itself, or has more digits than are kept.
    """

    timeframe: Timeframe
    open_time: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal | None = None
    trades: int | None = None
    taker_buy_volume: Decimal | None = None
    taker_buy_quote_volume: Decimal | None = None

    def __post_init__(self) -> None:
        wrong = next(_faults(self), None)
        if wrong is not None:
            opened = self.open_time.isoformat() if self.open_time.tzinfo is None else _at(self)
            raise Invalid(f"The {self.timeframe} candle of {opened}: {wrong}.", code="bad_candle")

    @property
    def close_time(self) -> datetime:
        """When it is over: the next one opens then."""
        return self.timeframe.close_of(self.open_time)

    def is_closed(self, now: datetime) -> bool:
        """Whether nothing can change it any more."""
        # The open time first: the end of the last candle before year 10000 is no moment at all.
        return self.open_time < now and self.close_time <= now


def _at(candle: Candle) -> str:
    return iso(candle.open_time)


def _faults(candle: Candle) -> Iterator[str]:
    """What is wrong with it; each look counts on those before it."""
    if candle.open_time.utcoffset():
        yield "its time is not UTC"
    if candle.open_time.tzinfo is None or not candle.timeframe.is_open(candle.open_time):
        yield f"no {candle.timeframe} candle opens then"
    prices = (candle.open, candle.high, candle.low, candle.close)
    volumes = (
        candle.volume,
        candle.quote_volume,
        candle.taker_buy_volume,
        candle.taker_buy_quote_volume,
    )
    for number in (*prices, *volumes):
        if number is not None and not can_be_kept(number):
            yield f"{str(number)[:60]} is no number that can be kept"
    yield from _price_faults(candle)
    yield from _volume_faults(candle)


def _price_faults(candle: Candle) -> Iterator[str]:
    low, high = candle.low, candle.high
    if low <= 0:
        yield f"a price of {plain(low)}"
    if low > high:
        yield f"its low {plain(low)} is above its high {plain(high)}"
    for name, price in (("open", candle.open), ("close", candle.close)):
        if not low <= price <= high:
            yield f"its {name} {plain(price)} is not between {plain(low)} and {plain(high)}"


def _volume_faults(candle: Candle) -> Iterator[str]:
    for bought, whole in (
        (candle.taker_buy_volume, candle.volume),
        (candle.taker_buy_quote_volume, candle.quote_volume),
    ):
        for volume in (whole, bought):
            if volume is not None and volume < 0:
                yield f"a volume of {plain(volume)}"
        if whole is not None and bought is not None and bought > whole:
            yield f"takers bought {plain(bought)} of {plain(whole)}"
    if candle.trades is not None and not 0 <= candle.trades <= _MOST_TRADES:
        yield f"{candle.trades} trades"
