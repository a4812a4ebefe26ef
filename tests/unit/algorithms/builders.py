"""Candles and accounts; override by keyword."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from app.algorithms.bars import Bar, Bars
from app.algorithms.intents import Account, Holding
from app.trading.instrument import Instrument
from app.trading.words import MarketType, PositionSide
from tests.unit.algorithms.markets import Walk

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
MINUTES_5 = timedelta(minutes=5)
MINUTES_30 = timedelta(minutes=30)
HOUR = timedelta(hours=1)
FOUR_HOURS = timedelta(hours=4)


def an_instrument(
    market_type: MarketType = MarketType.SPOT,
    *,
    price_tick: str = "0.0001",
    quantity_step: str = "0.0001",
    min_notional: str = "5",
    max_quantity: str | None = None,
    fee_rate: str = "0.001",
) -> Instrument:
    return Instrument(
        symbol="BTC/USDT",
        market_type=market_type,
        base="BTC",
        quote="USDT",
        settle="USDT",
        quantity_step=Decimal(quantity_step),
        price_tick=Decimal(price_tick),
        min_quantity=Decimal(quantity_step),
        max_quantity=None if max_quantity is None else Decimal(max_quantity),
        min_notional=Decimal(min_notional),
        contract_size=Decimal(1),
        taker_fee_rate=Decimal(fee_rate),
        maker_fee_rate=Decimal(fee_rate),
    )


def an_account(
    *,
    instrument: Instrument | None = None,
    capital: str = "10000",
    held: PositionSide | None = None,
    quantity: str = "1",
    price: str = "100",
) -> Account:
    """Flat, or with a holding bought at that price, its fee of 0.1 % unpaid by any exit."""
    holding = None
    if held is not None:
        cost = Decimal(quantity) * Decimal(price)
        holding = Holding(held, Decimal(quantity), cost, cost * Decimal("0.001"))
    return Account(instrument or an_instrument(), Decimal(capital), holding)


def bars_of(walk: Walk, length: timedelta = MINUTES_30, *, start: datetime = MONDAY) -> Bars:
    opened = np.datetime64(start.replace(tzinfo=None), "us") + np.arange(
        len(walk.closes)
    ) * np.timedelta64(length)
    volumes = np.ones(len(walk.closes))
    return Bars(length, opened, walk.opens, walk.highs, walk.lows, walk.closes, volumes)


def closes_of(prices: Sequence[float], length: timedelta = MINUTES_30) -> Bars:
    """Candles that do nothing but close at these prices."""
    closes = np.array(prices, dtype=np.float64)
    return bars_of(Walk(closes, closes, closes, closes), length)


def aggregated(bars: Bars, length: timedelta) -> Bars:
    """The whole larger candles in them; their first one begins with one."""
    several = int(length / bars.length)
    whole = list(bars)[: len(bars) // several * several]
    groups = [whole[at : at + several] for at in range(0, len(whole), several)]
    return Bars.of(
        length,
        [
            Bar(
                group[0].opened_at,
                length,
                group[0].open,
                max(bar.high for bar in group),
                min(bar.low for bar in group),
                group[-1].close,
                sum(bar.volume for bar in group),
            )
            for group in groups
        ],
    )
