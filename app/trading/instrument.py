"""One tradable market of one venue, with its steps and minimums, and the only place that rounds."""

from dataclasses import dataclass
from decimal import Decimal

from app.core.decimals import ceil_to, floor_to
from app.trading.words import MarketType, PositionSide


@dataclass(frozen=True, slots=True)
class Instrument:
    """What a venue says about one symbol.

    Attributes:
        symbol: ccxt form, `BTC/USDT` or `BTC/USDT:USDT`.
        base: coin that is bought, `BTC`.
        quote: coin that prices are in, `USDT`.
        settle: coin that profit is paid in; the quote on spot.
        quantity_step: lot size in base units (whole contracts on inverse).
        price_tick: smallest price difference, in quote.
        min_quantity: smallest order, in base units.
        max_quantity: largest order, in base units; None when the venue sets none.
        min_notional: smallest quantity times price, in quote.
        contract_size: worth of a contract: base units on linear, quote on inverse; 1 on spot.
        taker_fee_rate: fraction of the notional, 0.001 = 0.1 %.
        maker_fee_rate: fraction of the notional.
        is_active: False while the venue has halted it.
    """

    symbol: str
    market_type: MarketType
    base: str
    quote: str
    settle: str
    quantity_step: Decimal
    price_tick: Decimal
    min_quantity: Decimal
    max_quantity: Decimal | None
    min_notional: Decimal
    contract_size: Decimal
    taker_fee_rate: Decimal
    maker_fee_rate: Decimal
    is_active: bool = True

    def floor_quantity(self, quantity: Decimal) -> Decimal:
        """The quantity rounded down to the lot: rounding never buys or sells more."""
        return floor_to(quantity, self.quantity_step)

    def ceil_quantity(self, quantity: Decimal) -> Decimal:
        """The quantity rounded up to the lot; only to raise an order to a venue's minimum."""
        return ceil_to(quantity, self.quantity_step)

    def floor_price(self, price: Decimal) -> Decimal:
        """The price rounded down to the tick."""
        return floor_to(price, self.price_tick)

    def ceil_price(self, price: Decimal) -> Decimal:
        """The price rounded up to the tick."""
        return ceil_to(price, self.price_tick)

    def stop_price(self, price: Decimal, position_side: PositionSide) -> Decimal:
        """A stop on the tick nearest towards entry: it never risks more than was asked."""
        is_long = position_side is PositionSide.LONG
        return self.ceil_price(price) if is_long else self.floor_price(price)

    def target_price(self, price: Decimal, position_side: PositionSide) -> Decimal:
        """A target on the tick nearest towards entry: it is reached no later than was asked."""
        is_long = position_side is PositionSide.LONG
        return self.floor_price(price) if is_long else self.ceil_price(price)

    def notional(self, quantity: Decimal, price: Decimal) -> Decimal:
        """Value in quote of a quantity at a price; contracts times contract size on inverse."""
        if self.market_type is MarketType.INVERSE:
            return quantity * self.contract_size
        return quantity * price
