"""At which price a position has earned its fees, and a profit."""

from decimal import Decimal, localcontext

from app.core.decimals import EXACT
from app.trading.words import PositionSide


def profit_price(
    position_side: PositionSide,
    *,
    quantity: Decimal,
    cost: Decimal,
    open_fees: Decimal,
    exit_fee_rate: Decimal,
    min_profit: Decimal,
) -> Decimal:
    """The exit price that pays cost, both fees, and a profit (TRADING 32).

    Break-even b of a long pays cost and entry fees after its own fee: b · (1 - fee) = (cost +
    entry fees) / quantity; a short mirrors it. The price is b · (1 ± min_profit).

    Args:
        position_side: of a linear or spot position.
        quantity: base units, above 0.
        cost: what that cost, fees apart, in quote.
        open_fees: entry fees not booked yet, in quote.
        exit_fee_rate: fraction of the notional, below 1.
        min_profit: fraction of the break-even price, 0 or more.

    Returns:
        Quote per base, to 50 digits and on no tick.
    """
    sign = position_side.sign
    with localcontext(EXACT):
        per_unit = (cost + sign * open_fees) / quantity
        return per_unit / (1 - sign * exit_fee_rate) * (1 + sign * min_profit)
