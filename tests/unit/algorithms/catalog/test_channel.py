from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from app.algorithms.bars import Bar, Bars, exact
from app.algorithms.catalog.channel import allocated, sale_floor
from app.algorithms.feed import Feed
from app.algorithms.intents import Account, Holding, Intent, Move
from app.algorithms.registry import definition
from app.core.errors import Invalid
from app.trading.instrument import Instrument
from app.trading.words import MarketType, PositionSide
from tests.unit.algorithms.builders import (
    MINUTES_30,
    an_account,
    an_instrument,
    bars_of,
    closes_of,
)
from tests.unit.algorithms.markets import a_walk

LONG = PositionSide.LONG
DRAWN: dict[str, Any] = {"base": "100", "top": "120"}
FEE = Decimal("0.001")


def last(prices: list[float], account: Account, **settings: Any) -> tuple[Intent, ...]:
    feed = Feed(definition("channel"), {**DRAWN, **settings}, MINUTES_30)
    found: tuple[Intent, ...] = ()
    for bar in closes_of(prices):
        found = feed.close(bar, account)
    return found


def test_it_buys_a_fifth_of_the_capital_when_a_close_crosses_the_threshold() -> None:
    [intent] = last([101.9999, 102.0], an_account())

    assert (intent.move, intent.position_side) == (Move.ENTER, LONG)
    # 2000 / 102 = 19.60784…
    assert intent.quantity == Decimal("19.6078")
    assert intent.limit_price == 102
    assert intent.reason == "closed at 102, 2 % or more above the base 100"


@pytest.mark.parametrize(
    ("prices", "why"),
    [
        ([101.0, 101.9999], "below the threshold"),
        ([102.0, 103.0], "past it before"),
        ([103.0], "nothing is known of the close before"),
        ([101.0, 117.0], "117 · 1.00701… is over the 117.6 at which the sell is due"),
    ],
)
def test_it_does_not_buy(prices: list[float], why: str) -> None:
    assert last(prices, an_account()) == (), why


def test_it_does_not_buy_where_it_holds_already() -> None:
    found = last([101.0, 102.0], an_account(held=LONG))

    assert [intent.move for intent in found] == []


def test_it_schedules_the_sell_below_the_top_once() -> None:
    feed = Feed(definition("channel"), DRAWN, MINUTES_30)
    account = an_account(held=LONG, quantity="19.6", price="102")

    found = [feed.close(bar, account) for bar in closes_of([103.0, 104.0, 103.0])]

    [intent] = found[0]
    assert (intent.move, intent.limit_price) == (Move.EXIT, Decimal("117.6"))
    assert intent.reason == "scheduled sell at 117.6, 2 % below the top 120"
    assert found[1:] == [(), ()]


def test_it_never_schedules_below_the_floor() -> None:
    [intent] = last([103.0], an_account(held=LONG, quantity="2", price="119"))

    # (238 + 0.238) / 2 / 0.999 · 1.005 = 119.83442…, up to the tick
    assert intent.limit_price == Decimal("119.8345")
    assert intent.reason == "scheduled sell at 119.8345, its floor: cost, fees and minimum profit"


def test_it_schedules_anew_when_the_holding_is_another() -> None:
    feed = Feed(definition("channel"), DRAWN, MINUTES_30)
    part, whole = (an_account(held=LONG, quantity=each, price="102") for each in ("9", "19.6"))
    first, second, *_ = closes_of([103.0, 103.0])

    found = [*feed.close(first, part), *feed.close(second, whole)]

    assert [intent.limit_price for intent in found] == [Decimal("117.6"), Decimal("117.6")]


def test_after_a_restart_it_schedules_again_what_stood_there() -> None:
    account = an_account(held=LONG, quantity="19.6", price="102")

    limits = [intent.limit_price for _ in range(2) for intent in last([103.0], account)]

    assert limits == [Decimal("117.6"), Decimal("117.6")]


def test_a_measured_channel_is_of_the_candles_before() -> None:
    feed = Feed(definition("channel"), {"period": 3}, MINUTES_30)
    for bar in closes_of([110.0, 100.0, 101.0, 150.0]):
        feed.close(bar, an_account())

    assert feed.algorithm.lines == {"base": 100, "top": 110, "buy_at": 102, "sell_at": 107.8}


def test_the_outlook_is_long_past_the_threshold_with_room_for_a_profit() -> None:
    outlooks = []
    for price in (101.0, 105.0, 117.5):
        feed = Feed(definition("channel"), DRAWN, MINUTES_30)
        feed.close(next(iter(closes_of([price]))), an_account())
        outlooks.append(feed.algorithm.outlook)

    assert outlooks == [None, LONG, None]


def test_it_trades_no_inverse_market() -> None:
    with pytest.raises(Invalid) as caught:
        last([101.0], an_account(instrument=an_instrument(MarketType.INVERSE)))

    assert caught.value.code == "inverse_market"


@pytest.mark.parametrize(
    ("step", "limits", "quantity"),
    [
        ("0.0001", {}, "19.6078"),
        ("0.1", {}, "19.6"),  # 1999.2: 19.992 %
        ("0.09", {}, "19.53"),  # 19.53 is 19.92 %, 0.08 % away: near enough, rounded down
        ("0.15", {}, "19.65"),  # 19.5 is 19.89 %: too little; 19.65 is 20.04 %
        ("3", {}, None),  # 18 or 21: 18.4 % or 21.4 %
        ("0.0001", {"min_notional": "2001"}, None),
        ("0.0001", {"max_quantity": "19"}, None),
    ],
)
def test_an_allocation_is_within_a_tenth_of_a_percent_or_none(
    step: str, limits: dict[str, Any], quantity: str | None
) -> None:
    instrument = an_instrument(quantity_step=step, **limits)

    found = allocated(Decimal(10000), Decimal("0.2"), price=Decimal(102), instrument=instrument)

    assert found == (None if quantity is None else Decimal(quantity))


def test_nothing_is_allocated_of_nothing() -> None:
    found = allocated(Decimal(0), Decimal("0.2"), price=Decimal(102), instrument=an_instrument())

    assert found is None


class Market:
    """Fills limits as a venue would, and keeps the account of one strategy."""

    def __init__(self, instrument: Instrument) -> None:
        self.account = Account(instrument, Decimal(10000))
        self.buy: Intent | None = None
        self.sell: Intent | None = None
        self.bought: list[tuple[Intent, Decimal]] = []
        self.sold: list[tuple[Holding, Decimal]] = []

    def trade(self, bar: Bar) -> None:
        """Fill what rests, at its limit, or at the open where that is better."""
        if self.buy is not None and exact(bar.low) <= limit_of(self.buy):
            price = min(limit_of(self.buy), exact(bar.open))
            assert self.buy.quantity is not None
            cost = self.buy.quantity * price
            self._hold(Holding(LONG, self.buy.quantity, cost, cost * FEE))
        elif self.sell is not None and exact(bar.high) >= limit_of(self.sell):
            assert self.account.holding is not None
            price = max(limit_of(self.sell), exact(bar.open))
            self.sold.append((self.account.holding, price))
            holding = self.account.holding
            earned = holding.quantity * price * (1 - FEE) - holding.cost - holding.open_fees
            self.account = replace(self.account, capital=self.account.capital + earned)
            self._hold(None)
        self.buy = None

    def take(self, intents: tuple[Intent, ...]) -> None:
        """Let a limit rest: a buy for one candle, a sell until another replaces it."""
        for intent in intents:
            if intent.move is Move.ENTER:
                self.bought.append((intent, self.account.capital))
                self.buy = intent
            else:
                self.sell = intent

    def _hold(self, holding: Holding | None) -> None:
        self.account = replace(self.account, holding=holding)
        self.sell = None


def limit_of(intent: Intent) -> Decimal:
    assert intent.limit_price is not None
    return intent.limit_price


def a_market(seed: int) -> tuple[Bars, Instrument]:
    """Calm and wild, cheap and dear, each with steps that fit."""
    random = np.random.default_rng(seed)
    digits = int(random.integers(2, 6))
    start = float(random.choice([0.5, 30.0, 3000.0]) if digits > 3 else 3000.0)
    walk = a_walk(
        seed,
        250,
        start=start,
        volatility=float(random.choice([0.005, 0.01, 0.03])),
        pull=float(random.choice([0.0, 0.02, 0.05])),
        digits=digits,
    )
    step = random.choice(["0.01", "0.1", "1"]) if start < 100 else "0.0001"
    return bars_of(walk), an_instrument(price_tick=f"1e-{digits}", quantity_step=str(step))


def played(bars: Bars, instrument: Instrument) -> Market:
    feed = Feed(definition("channel"), {"period": 40}, MINUTES_30)
    market = Market(instrument)
    for bar in bars:
        market.trade(bar)
        market.take(feed.close(bar, market.account))
    return market


def test_over_200_markets_it_sells_at_a_profit_buys_a_fifth_and_only_past_the_threshold() -> None:
    bought = sold = 0
    for seed in range(200):
        bars, instrument = a_market(seed)
        market = played(bars, instrument)
        place = {bar.closed_at: at for at, bar in enumerate(bars)}

        for intent, capital in market.bought:
            at = place[intent.decided_at]
            base = exact(bars.lows[at - 40 : at].min())
            share = limit_of(intent) * (intent.quantity or 0) / capital
            assert abs(share - Decimal("0.2")) <= Decimal("0.001"), seed
            assert limit_of(intent) >= base * Decimal("1.02"), seed
            assert exact(bars.closes[at - 1]) < base * Decimal("1.02"), seed
        for holding, price in market.sold:
            spent = holding.cost + holding.open_fees
            earned = holding.quantity * price * (1 - FEE)
            assert earned >= spent * Decimal("1.005"), seed
            assert price >= sale_floor(holding, Decimal("0.005"), instrument), seed
        bought += len(market.bought)
        sold += len(market.sold)

    assert bought > 200
    assert sold > 100
