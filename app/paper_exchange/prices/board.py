"""The price board: what each symbol costs on each market now, moving or held."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from app.paper_exchange.engine.models import Quote
from app.paper_exchange.prices.candles import Candles, Closed, History
from app.paper_exchange.prices.walk import Source
from app.paper_exchange.symbols import LISTINGS, Listing
from app.trading.words import MarketType

Key = tuple[MarketType, str]


@dataclass(slots=True)
class Track:
    """How far a symbol's price source has come; both markets follow the same one."""

    price: Decimal
    step: int = 0


@dataclass(frozen=True, slots=True)
class Print:
    """One trade of the public tape; `at` in milliseconds."""

    id: int
    price: Decimal
    quantity: Decimal
    at: int
    buyer_is_maker: bool


@dataclass(slots=True)
class Row:
    """One symbol on one market.

    Attributes:
        mark: what positions are valued at; the last price unless it is held apart.
        update: grows with every change of the quote; begins at the time of the start, so that it
            also grows over restarts.
    """

    listing: Listing
    quote: Quote
    candles: Candles
    held: bool = False
    update: int = 0
    mark: Decimal = Decimal(0)
    tape: deque[Print] = field(default_factory=lambda: deque(maxlen=500))


class PriceBoard:
    """Prices of everything that is listed.

    Args:
        source: gives the next price of what is not held.
        seed: names the made-up past of the candles.
        at: milliseconds since 1970, the time of the first prices.
        tracks: where the source was when this venue last ran, by symbol.
        held: prices that were being held.
        history: the candles that were kept, of each symbol on each market.
    """

    def __init__(
        self,
        source: Source,
        *,
        seed: int,
        at: int,
        tracks: dict[str, Track],
        held: dict[Key, Decimal],
        history: Callable[[Key], History] | None = None,
    ) -> None:
        self._source = source
        self.tracks = tracks
        self.rows: dict[Key, Row] = {}
        self.marks: dict[str, Decimal] = {}
        for key, listing in LISTINGS.items():
            track = tracks.setdefault(listing.symbol, Track(listing.first_price))
            quote = _held(held[key]) if key in held else _walking(track.price, listing)
            name = f"{seed}:{key[0].value}:{listing.symbol}"
            candles = Candles(name, listing.price_tick, history(key) if history else None)
            candles.record(at, quote.last, Decimal(0))
            self.rows[key] = Row(listing, quote, candles, held=key in held, update=at)
            self._mark(key, quote.last)

    def quote(self, market: MarketType, symbol: str) -> Quote:
        """The present price."""
        return self.rows[market, symbol].quote

    def hold(self, key: Key, price: Decimal, at: int, *, mark: Decimal | None = None) -> None:
        """Set last, bid and ask to one price, the mark too unless it has its own, and keep it."""
        self.rows[key].held = True
        self._show(key, _held(price), Decimal(1), at)
        if mark is not None:
            self._mark(key, mark)

    def release(self, key: Key) -> None:
        """Let the price move again, from where it was held."""
        row = self.rows[key]
        if row.held:
            row.held = False
            self.tracks[key[1]].price = row.quote.last

    def closed(self) -> dict[Key, list[Closed]]:
        """The candles that have closed and are not kept yet."""
        return {key: row.candles.closed for key, row in self.rows.items() if row.candles.closed}

    def running(self) -> dict[Key, list[Closed]]:
        """All of those, and each minute that is under way."""
        return {key: [*row.candles.closed, row.candles.running()] for key, row in self.rows.items()}

    def kept(self, closed: Mapping[Key, Sequence[Closed]]) -> None:
        """These are in the file by now."""
        for key, candles in closed.items():
            self.rows[key].candles.kept(candles)

    def advance(self, at: int) -> None:
        """One step of every symbol that is not held on both markets."""
        for symbol, track in self.tracks.items():
            keys = [key for key in self.rows if key[1] == symbol and not self.rows[key].held]
            if not keys:
                continue
            tick = self._source.next_tick(symbol, track.price, track.step)
            track.price, track.step = tick.price, track.step + 1
            for key in keys:
                quote = _walking(tick.price, self.rows[key].listing)
                self._show(key, quote, tick.volume, at)

    def _show(self, key: Key, quote: Quote, volume: Decimal, at: int) -> None:
        row = self.rows[key]
        row.update += 1
        is_down = quote.last < row.quote.last
        row.tape.append(Print(row.update, quote.last, volume, at, buyer_is_maker=is_down))
        row.quote = quote
        row.candles.record(at, quote.last, volume)
        self._mark(key, quote.last)

    def _mark(self, key: Key, price: Decimal) -> None:
        self.rows[key].mark = price
        if key[0] is MarketType.LINEAR:
            self.marks[key[1]] = price


def _held(price: Decimal) -> Quote:
    return Quote(price, price, price)


def _walking(price: Decimal, listing: Listing) -> Quote:
    tick = listing.price_tick
    last = max(2 * tick, (price / tick).to_integral_value() * tick)
    return Quote(last - tick, last + tick, last)
