"""Terms, candles and wishes; override by keyword."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from app.algorithms.bars import Bar
from app.backtests.engine.purse import Purse
from app.backtests.engine.simulator import Simulator
from app.backtests.engine.terms import FundingRate, Means, Terms
from app.backtests.engine.wishes import EntryWish, ExitWish
from app.pipeline.risk.exposure import Limits
from app.pipeline.risk.levels import PriceLevel
from app.pipeline.risk.sizing import SizeAsked
from app.strategies.words import LevelKind, SizingMode
from app.trading.instrument import Instrument
from app.trading.words import MarketType, PositionSide
from tests.unit.algorithms.builders import MINUTES_5, MONDAY, an_instrument

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


def d(text: str) -> Decimal:
    return Decimal(text)


def a_linear(**changes: Any) -> Instrument:
    """Fees of 0.1 %, a tick of 0.01, a lot of 0.001."""
    values: dict[str, Any] = {"price_tick": "0.01", "quantity_step": "0.001"}
    return an_instrument(MarketType.LINEAR, **{**values, **changes})


def an_inverse() -> Instrument:
    """Contracts of 1 USD that settle in the coin."""
    linear = a_linear(quantity_step="1", min_notional="1")
    return replace(linear, market_type=MarketType.INVERSE, settle="BTC")


def price_at(text: str) -> PriceLevel:
    return PriceLevel(LevelKind.PRICE, d(text))


def percent(text: str, *, trailing: bool = False) -> PriceLevel:
    kind = LevelKind.TRAILING_PERCENT if trailing else LevelKind.PERCENT
    return PriceLevel(kind, d(text))


def some_terms(**changes: Any) -> Terms:
    """One unit an entry, no levels, no slippage."""
    values: dict[str, Any] = {"sizing": SizeAsked(SizingMode.QUANTITY, d("1"))}
    return Terms(**{**values, **changes})


def some_means(capital: str = "10000", **limits: Any) -> Means:
    return Means(capital=d(capital), limits=Limits(**limits))


def a_simulator(
    *,
    instrument: Instrument | None = None,
    means: Means | None = None,
    purse: Purse | None = None,
    funding: Iterable[FundingRate] = (),
    **terms: Any,
) -> Simulator:
    return Simulator(
        some_terms(**terms),
        instrument or a_linear(),
        purse or Purse(means or some_means()),
        funding=tuple(funding),
    )


def at(index: int) -> datetime:
    """The open of a candle."""
    return MONDAY + index * MINUTES_5


def a_candle(index: int, prices: str, length: timedelta = MINUTES_5) -> Bar:
    """Open, high, low and close, or the one price that all of them are."""
    found = [float(price) for price in prices.split()]
    opened, high, low, close = found if len(found) > 1 else found * 4
    return Bar(MONDAY + index * length, length, opened, high, low, close, 1.0)


def meet(simulator: Simulator, *candles: str, first: int = 0) -> Simulator:
    """Let a simulator meet candles one after the other."""
    for index, prices in enumerate(candles, first):
        simulator.meet(a_candle(index, prices))
    return simulator


def enter(position_side: PositionSide = LONG, **changes: Any) -> EntryWish:
    return EntryWish(**{"position_side": position_side, "wished_at": at(0), **changes})


def leave(position_side: PositionSide = LONG, **changes: Any) -> ExitWish:
    return ExitWish(**{"position_side": position_side, "wished_at": at(0), **changes})


def opened(simulator: Simulator, price: str = "100", **changes: Any) -> Simulator:
    """The simulator with an entry at the open of the first candle, whose price stands still."""
    simulator.at_next_open(enter(**changes))
    return meet(simulator, price)


def story(simulator: Simulator) -> list[tuple[str, str, str]]:
    """Each fill as purpose or reason, quantity and price."""
    return [
        (
            fill.purpose.value if fill.close_reason is None else fill.close_reason.value,
            f"{fill.quantity.normalize():f}",
            f"{fill.price.normalize():f}",
        )
        for fill in simulator.fills
    ]


def codes(simulator: Simulator) -> list[str]:
    return [refusal.code for refusal in simulator.refusals]
