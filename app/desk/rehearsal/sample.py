"""The alert that a test sends when it is given none: the strategy's template, filled in."""

import secrets
from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Final

from app.accounts.models import ExchangeAccount
from app.core.clock import iso
from app.core.decimals import EXACT, plain
from app.core.errors import AppError, Unavailable
from app.pipeline.flow.tools import Tools, market_key
from app.strategies import template
from app.strategies.models import Strategy
from app.strategies.words import Sides
from app.trading.instrument import Instrument
from app.trading.tickers import to_ticker

# Above the smallest order of our own limits, and twice the venue's: no rule trips over a rounding.
SMALLEST_NOTIONAL: Final = Decimal(10)
TWICE: Final = 2


async def sample_alert(tools: Tools, strategy: Strategy, account: ExchangeAccount) -> str:
    """What TradingView would send if the strategy entered now.

    Raises:
        Unavailable: no market is known that this strategy may trade.
    """
    instrument = _instrument(tools, strategy, account)
    try:
        quote = await tools.fresh_quote(market_key(account, instrument.symbol))
        price: Decimal | None = quote.fair
    except AppError:
        price = None  # the test goes on without it, and says so where a price is needed
    is_short = strategy.sides is Sides.SHORT
    quantity = plain(_quantity(instrument, price))
    values = {
        "ticker": to_ticker(instrument.symbol),
        "strategy.order.action": "sell" if is_short else "buy",
        "strategy.order.contracts": quantity,
        "strategy.market_position": "short" if is_short else "long",
        "strategy.prev_market_position": "flat",
        "strategy.market_position_size": quantity,
        "strategy.prev_market_position_size": "0",
        "strategy.order.id": f"test-{secrets.token_hex(4)}",
        "timenow": iso(tools.now()),
        **_priced(price),
    }
    return template.as_text(template.filled(template.strategy_alert(strategy), values))


def _priced(price: Decimal | None) -> Mapping[str, str]:
    return {} if price is None else {"strategy.order.price": plain(price)}


def _instrument(tools: Tools, strategy: Strategy, account: ExchangeAccount) -> Instrument:
    """One that the strategy allows; Bitcoin where it is one of them, because everybody knows it."""
    listed = tools.instruments.all(account.exchange, account.market_type)
    allowed = strategy.allowed_symbols
    found = [
        one
        for symbol, one in listed.items()
        if one.is_active and (allowed is None or symbol in allowed)
    ]
    if not found:
        raise Unavailable(
            f"{account.exchange} lists no market now that this strategy may trade: "
            "look at its allowed_symbols, or send a text of your own."
        )
    return min(found, key=lambda one: (one.base != "BTC", one.quote != "USDT", one.symbol))


def _quantity(instrument: Instrument, price: Decimal | None) -> Decimal:
    """A small size that the venue takes, in base units (contracts on inverse)."""
    if price is None:
        return instrument.min_quantity
    least = max(instrument.min_notional, SMALLEST_NOTIONAL) * TWICE
    with localcontext(EXACT):
        wanted = least / instrument.notional(Decimal(1), price)
    return instrument.ceil_quantity(max(instrument.min_quantity, wanted))
