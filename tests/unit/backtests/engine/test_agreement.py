"""The same prices through the paper exchange's own matching: fill by fill, to the last digit."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from app.algorithms.bars import Bar, Bars, exact
from app.algorithms.feed import Feed
from app.algorithms.intents import Account as Told
from app.algorithms.intents import Holding, Move
from app.algorithms.registry import definition
from app.backtests.engine.run import run
from app.backtests.engine.terms import Terms
from app.paper_exchange.engine.algo import AlgoOrder, AlgoType, WorkingType
from app.paper_exchange.engine.journal import Counters, Journal
from app.paper_exchange.engine.linear import LinearClearing
from app.paper_exchange.engine.matching import Matcher
from app.paper_exchange.engine.models import Account, Balance, Quote, Trade
from app.paper_exchange.floor.algos import AlgoBook, Prices
from app.paper_exchange.symbols import LISTINGS
from app.pipeline.risk.levels import stop_from, target_from
from app.trading.instrument import Instrument
from app.trading.words import MarketType, PositionSide, Side
from tests.unit.algorithms.builders import MINUTES_5, bars_of
from tests.unit.algorithms.markets import Walk
from tests.unit.backtests.engine.builders import d, percent, some_means, some_terms
from tests.unit.paper_exchange.builders import a_ticket

SYMBOL, CAPITAL = "BTCUSDT", "100000"
LISTING = LISTINGS[MarketType.LINEAR, SYMBOL]
STOP, TARGET = percent("0.1"), percent("0.15")
QUICK = {"fast": 5, "slow": 12, "rsi_period": 5}
INSTRUMENT = Instrument(
    symbol="BTC/USDT:USDT",
    market_type=MarketType.LINEAR,
    base="BTC",
    quote="USDT",
    settle="USDT",
    quantity_step=LISTING.quantity_step,
    price_tick=LISTING.price_tick,
    min_quantity=LISTING.quantity_step,
    max_quantity=LISTING.max_market_quantity,
    min_notional=LISTING.min_notional,
    contract_size=Decimal(1),
    taker_fee_rate=LISTING.taker_fee_rate,
    maker_fee_rate=LISTING.maker_fee_rate,
)


def a_market(seed: int, count: int = 400) -> Bars:
    """Candles a few ticks high, so that no candle comes to a stop and a target both."""
    dice = np.random.default_rng(seed)
    steps = np.cumsum(dice.integers(-40, 41, count + 1))
    prices = np.round(6000 + steps * 0.1, 1)
    opens, closes = prices[:-1], prices[1:]
    highs = np.round(np.maximum(opens, closes) + dice.integers(0, 10, count) * 0.1, 1)
    lows = np.round(np.minimum(opens, closes) - dice.integers(0, 10, count) * 0.1, 1)
    return bars_of(Walk(opens, highs, lows, closes), MINUTES_5)


def tick_by_tick(bar: Bar) -> Iterator[Decimal]:
    """A way through a candle that leaves out no tick: down first, up, and to the close."""
    corners = [exact(price) for price in (bar.open, bar.low, bar.high, bar.close)]
    yield corners[0]
    for start, end in pairwise(corners):
        count = int((end - start) / LISTING.price_tick)
        step = LISTING.price_tick if count > 0 else -LISTING.price_tick
        yield from (start + step * number for number in range(1, abs(count) + 1))


@dataclass
class Venue:
    """The futures market of the paper exchange, with one customer."""

    account: Account = field(default_factory=lambda: Account(1, "k", "s"))
    marks: dict[str, Decimal] = field(default_factory=dict)
    journal: Journal = field(default_factory=Journal)

    def __post_init__(self) -> None:
        self.account.purses[MarketType.LINEAR] = {"USDT": Balance(d(CAPITAL))}
        self.matcher = Matcher(MarketType.LINEAR, LinearClearing(self.marks), Counters())
        self.algos = AlgoBook(self.matcher)

    @property
    def quote(self) -> Quote:
        return Quote(*[self.marks[SYMBOL]] * 3)

    @property
    def trades(self) -> list[Trade]:
        return self.journal.trades

    def show(self, price: Decimal) -> None:
        self.marks[SYMBOL] = price
        prices = Prices(self.quote, price)
        self.algos.cross([self.account], SYMBOL, prices=prices, now=1, journal=self.journal)
        if self.account.position(SYMBOL).quantity == 0:
            self.account.algos.clear()

    def send(self, side: Side, quantity: Decimal, *, reduce_only: bool = False) -> None:
        ticket = a_ticket(side, str(quantity), reduce_only=reduce_only)
        self.matcher.place(
            self.account, LISTING, ticket, quote=self.quote, now=1, journal=self.journal
        )

    def rest(self, algo_type: AlgoType, side: Side, price: Decimal, quantity: Decimal) -> None:
        algo = AlgoOrder(
            id=0,
            account_id=1,
            symbol=SYMBOL,
            client_algo_id=f"{algo_type}{len(self.trades)}",
            side=side,
            algo_type=algo_type,
            time_in_force="GTC",
            quantity=quantity,
            limit_price=Decimal(0),
            trigger_price=price,
            working_type=WorkingType.CONTRACT_PRICE,
            reduce_only=True,
            close_position=False,
            activate_price=Decimal(0),
            callback_percent=Decimal(0),
            created_at=1,
            updated_at=1,
        )
        prices = Prices(self.quote, self.marks[SYMBOL])
        self.algos.place(self.account, LISTING, algo, prices=prices, journal=self.journal)


def on_paper(bars: Bars, quantity: Decimal) -> Venue:
    """Whoever has the same algorithm sends at the close, and lets a stop and a target rest."""
    venue, begin = Venue(), 132
    feed = Feed(definition("ema_rsi"), QUICK, bars.length)
    flat = Told(INSTRUMENT, d(CAPITAL))
    for number, bar in enumerate(bars):
        for price in tick_by_tick(bar):
            venue.show(price)
        position = venue.account.position(SYMBOL)
        held = None
        if position.quantity != 0:
            side = PositionSide.LONG if position.quantity > 0 else PositionSide.SHORT
            held = Holding(side, abs(position.quantity), position.cost, Decimal(0))
        for intent in feed.close(bar, replace(flat, holding=held)):
            if number < begin or number == len(bars) - 1:
                continue
            side = intent.position_side
            if intent.move is Move.EXIT:
                venue.send(side.closing_side, abs(position.quantity), reduce_only=True)
                venue.account.algos.clear()
                continue
            venue.send(side.opening_side, quantity)
            how: dict[str, Any] = {
                "entry_price": exact(bar.close),
                "position_side": side,
                "instrument": INSTRUMENT,
            }
            closing = side.closing_side
            venue.rest(AlgoType.STOP_MARKET, closing, stop_from(STOP, **how), quantity)
            venue.rest(AlgoType.TAKE_PROFIT_MARKET, closing, target_from(TARGET, **how), quantity)
    return venue


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_paper_run_over_the_same_prices_agrees_fill_by_fill(seed: int) -> None:
    bars = a_market(seed)
    terms: Terms = some_terms(stop_loss=STOP, take_profit=TARGET)

    outcome = run(
        definition("ema_rsi"),
        QUICK,
        bars,
        instrument=INSTRUMENT,
        terms=terms,
        means=some_means(CAPITAL),
    )

    venue = on_paper(bars, d("1"))
    reasons = {fill.close_reason for fill in outcome.fills}
    assert len(outcome.fills) > 10
    assert len(reasons) > 2
    assert [(one.side, one.quantity, one.price, one.fee) for one in outcome.fills] == [
        (one.side, one.quantity, one.price, one.fee) for one in venue.trades
    ]
    assert venue.account.balance(MarketType.LINEAR, "USDT").total == outcome.balance
