"""What an execution costs: slippage and fees, as a venue books them."""

from decimal import ROUND_DOWN, Decimal, localcontext
from typing import Final

from app.backtests.engine.facts import Fill
from app.core.decimals import EXACT
from app.pipeline.positions.amounts import amount_of
from app.pipeline.positions.book import BookFill
from app.trading.instrument import Instrument
from app.trading.words import MarketType, Side

# Binance cuts fees at eight decimals, and so does the paper exchange.
FEE_PLACES: Final = Decimal("1e-8")


def slipped(price: Decimal, side: Side, slippage: Decimal, instrument: Instrument) -> Decimal:
    """What a market order pays or gets, to the tick against the trader.

    Args:
        price: at which the market stands, quote per base.
        side: of the order.
        slippage: fraction of the price.
        instrument: its tick.

    Returns:
        Quote per base, at least one tick; without slippage the price as it is.
    """
    if slippage == 0:
        return price
    with localcontext(EXACT):
        if side is Side.BUY:
            return instrument.ceil_price(price * (1 + slippage))
        return max(instrument.price_tick, instrument.floor_price(price * (1 - slippage)))


def fee_of(
    instrument: Instrument, side: Side, quantity: Decimal, price: Decimal, *, is_maker: bool
) -> tuple[Decimal, str]:
    """A fee and its coin: what is received pays on spot, the settle currency on contracts.

    Returns:
        Cut at eight decimals; positive when paid, negative for a rebate.
    """
    rate = instrument.maker_fee_rate if is_maker else instrument.taker_fee_rate
    is_in_base = instrument.market_type is MarketType.SPOT and side is Side.BUY
    whole = quantity if is_in_base else amount_of(instrument, quantity, price=price)
    with localcontext(EXACT):
        fee = (whole * rate).quantize(FEE_PLACES, rounding=ROUND_DOWN)
    return fee, instrument.base if is_in_base else instrument.settle


def as_booked(fill: Fill) -> BookFill:
    """The execution as the corridor's book takes it."""
    return BookFill(
        side=fill.side,
        quantity=fill.quantity,
        price=fill.price,
        fee=fill.fee,
        fee_asset=fill.fee_asset,
        at=fill.at,
    )
