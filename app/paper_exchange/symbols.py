"""What is listed: one row per symbol and market, and nothing else to edit when one is added."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from app.trading.words import MarketType

QUOTE = "USDT"


@dataclass(frozen=True, slots=True)
class Bracket:
    """One tier of the maintenance margin table.

    Attributes:
        floor: notional in quote from which it applies.
        cap: notional in quote up to which it applies.
        max_leverage: highest leverage for a notional of this size.
        rate: maintenance margin as a fraction of the notional.
        amount: what is taken off so that the margin has no step between tiers, in quote.
    """

    floor: Decimal
    cap: Decimal
    max_leverage: int
    rate: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Listing:
    """One symbol on one market, with Binance's filters.

    Attributes:
        symbol: as Binance writes it, `BTCUSDT`.
        price_tick: smallest price difference, in quote.
        quantity_step: smallest quantity difference, in base; also the smallest order.
        max_quantity: largest limit order, in base.
        max_market_quantity: largest market order, in base.
        min_notional: smallest quantity times price, in quote.
        price_up: highest limit price of a buy, as a multiple of the reference price.
        price_down: lowest limit price of a sell (spot: and of a buy), as a multiple of it.
        taker_fee_rate: fraction of what is received (spot) or of the notional (linear).
        maker_fee_rate: likewise.
        first_price: what the walk starts from on a fresh database, in quote.
    """

    market: MarketType
    symbol: str
    base: str
    price_tick: Decimal
    quantity_step: Decimal
    max_quantity: Decimal
    max_market_quantity: Decimal
    min_notional: Decimal
    price_up: Decimal
    price_down: Decimal
    taker_fee_rate: Decimal
    maker_fee_rate: Decimal
    first_price: Decimal
    max_leverage: int = 1

    @property
    def quote(self) -> str:
        """The coin prices are in; everything here is quoted in USDT."""
        return QUOTE

    @property
    def brackets(self) -> tuple[Bracket, ...]:
        """The maintenance margin tiers, smallest notional first."""
        return _brackets(self.max_leverage)

    def bracket_of(self, notional: Decimal) -> Bracket:
        """The tier a position of this notional (in quote, unsigned) falls into."""
        return next((b for b in self.brackets if notional <= b.cap), self.brackets[-1])


@cache
def _brackets(max_leverage: int) -> tuple[Bracket, ...]:
    first = Decimal("0.004") if max_leverage > 75 else Decimal("0.01")
    tiers = (
        (Decimal(0), max_leverage, first),
        (Decimal(300_000), 50, first * 2),
        (Decimal(5_000_000), 20, first * 5),
    )
    brackets: list[Bracket] = []
    amount, previous = Decimal(0), Decimal(0)
    for index, (floor, leverage, rate) in enumerate(tiers):
        cap = tiers[index + 1][0] if index + 1 < len(tiers) else Decimal(100_000_000)
        amount += floor * (rate - previous)
        previous = rate
        brackets.append(Bracket(floor, cap, leverage, rate, Decimal(0) if index == 0 else amount))
    return tuple(brackets)


# base, first price | spot: tick, step, largest order | linear: tick, step, largest order,
# smallest notional, highest leverage
_TABLE = """
BTC   60000  | 0.01    0.00001 9000     | 0.10    0.001 1000     50 125
ETH   3000   | 0.01    0.0001  9000     | 0.01    0.001 10000    20 100
SOL   150    | 0.01    0.001   90000    | 0.0100  0.01  100000   5  75
XRP   0.6    | 0.0001  0.1     9000000  | 0.0001  0.1   1000000  5  75
BNB   600    | 0.01    0.001   90000    | 0.010   0.01  100000   5  75
ADA   0.5    | 0.0001  0.1     9000000  | 0.00010 1     2000000  5  75
DOGE  0.15   | 0.00001 1       9000000  | 0.000010 1    50000000 5  75
LTC   80     | 0.01    0.001   90000    | 0.01    0.001 10000    20 75
LINK  15     | 0.01    0.01    900000   | 0.001   0.01  200000   20 75
AVAX  30     | 0.01    0.01    900000   | 0.0010  1     100000   5  75
"""


def _rows() -> Iterator[Listing]:
    for line in _TABLE.strip().splitlines():
        names, spot, linear = (part.split() for part in line.split("|"))
        base, first_price = names[0], Decimal(names[1])
        yield _spot(base, first_price, spot)
        yield _linear(base, first_price, linear)


def _spot(base: str, first_price: Decimal, cells: list[str]) -> Listing:
    tick, step, largest = (Decimal(cell) for cell in cells)
    return Listing(
        market=MarketType.SPOT,
        symbol=base + QUOTE,
        base=base,
        price_tick=tick,
        quantity_step=step,
        max_quantity=largest,
        max_market_quantity=largest / 10,
        min_notional=Decimal(5),
        price_up=Decimal(5),
        price_down=Decimal("0.2"),
        taker_fee_rate=Decimal("0.001"),
        maker_fee_rate=Decimal("0.001"),
        first_price=first_price,
    )


def _linear(base: str, first_price: Decimal, cells: list[str]) -> Listing:
    tick, step, largest, min_notional, max_leverage = (Decimal(cell) for cell in cells)
    return Listing(
        market=MarketType.LINEAR,
        symbol=base + QUOTE,
        base=base,
        price_tick=tick,
        quantity_step=step,
        max_quantity=largest,
        max_market_quantity=largest / 10,
        min_notional=min_notional,
        price_up=Decimal("1.05"),
        price_down=Decimal("0.95"),
        taker_fee_rate=Decimal("0.0005"),
        maker_fee_rate=Decimal("0.0002"),
        first_price=first_price,
        max_leverage=int(max_leverage),
    )


LISTINGS: dict[tuple[MarketType, str], Listing] = {(row.market, row.symbol): row for row in _rows()}
MARKETS = (MarketType.SPOT, MarketType.LINEAR)
ASSETS = (QUOTE, *(row.base for row in LISTINGS.values() if row.market is MarketType.SPOT))


def listings(market: MarketType) -> list[Listing]:
    """Everything listed on one market, in the order of the table."""
    return [row for row in LISTINGS.values() if row.market is market]


def find(market: MarketType, symbol: str) -> Listing | None:
    """The listing of a symbol as Binance writes it, or None."""
    return LISTINGS.get((market, symbol))
