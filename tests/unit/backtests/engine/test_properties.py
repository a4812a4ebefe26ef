"""What holds in any market, whatever is wished."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from app.algorithms.bars import Bar, exact
from app.backtests.engine.facts import Fill
from app.backtests.engine.purse import Purse
from app.backtests.engine.simulator import Simulator
from app.backtests.engine.terms import FundingRate, Terms
from app.backtests.engine.wishes import EntryWish, ExitWish, Wish
from app.core.decimals import EXACT
from app.trading.words import PositionSide, Purpose, Side
from tests.unit.algorithms.builders import MINUTES_5, bars_of
from tests.unit.algorithms.markets import a_walk
from tests.unit.backtests.engine.builders import a_linear, d, percent, some_means, some_terms

CANDLES = 40
SEEDS = st.integers(0, 10**6)
ZERO = Decimal(0)


@dataclass(frozen=True)
class Story:
    """A made-up market, what was wished in it after which candle, and under which terms."""

    bars: Sequence[Bar]
    wishes: Sequence[tuple[int, Wish]]
    terms: Terms
    funding: Sequence[FundingRate]


def a_story(seed: int) -> Story:
    dice = np.random.default_rng(seed)
    bars = list(bars_of(a_walk(seed, CANDLES, volatility=0.02, digits=2), MINUTES_5))
    wishes = [(at, a_wish(dice, bars[at])) for at in range(CANDLES - 1) if dice.random() < 0.3]
    levels = [None, percent("1"), percent("3"), percent("2", trailing=True)]
    terms = some_terms(
        stop_loss=levels[dice.integers(4)],
        take_profit=levels[dice.integers(3)],
        max_entries=int(dice.integers(3)),
        slippage=(ZERO, d("0.0005"))[dice.integers(2)],
        leverage=int(dice.choice([1, 10])),
        max_holding=(None, 8 * MINUTES_5)[dice.integers(2)],
    )
    rates = [FundingRate(bar.opened_at, d("0.0003")) for bar in bars[::7]]
    return Story(bars, wishes, terms, rates)


def a_wish(dice: np.random.Generator, bar: Bar) -> Wish:
    side = PositionSide.LONG if dice.random() < 0.5 else PositionSide.SHORT
    limit = None
    if dice.random() < 0.4:
        limit = exact(round(bar.close * (1 + dice.normal(0, 0.01)), 2))
    if dice.random() < 0.4:
        fraction = d("1") if dice.random() < 0.5 else d("0.4")
        return ExitWish(
            position_side=side, wished_at=bar.closed_at, fraction=fraction, limit_price=limit
        )
    targets = ((percent("1"), d("30")), (percent("2"), None)) if dice.random() < 0.3 else ()
    return EntryWish(
        position_side=side, wished_at=bar.closed_at, limit_price=limit, targets=targets
    )


def told(story: Story, bars: Sequence[Bar] | None = None) -> tuple[Simulator, Purse]:
    purse = Purse(some_means())
    simulator = Simulator(story.terms, a_linear(), purse, funding=story.funding)
    wishes = dict(story.wishes)
    for index, bar in enumerate(story.bars if bars is None else bars):
        simulator.meet(bar)
        if index in wishes:
            simulator.at_next_open(wishes[index])
    return simulator, purse


def signed(fill: Fill) -> Decimal:
    return fill.quantity if fill.side is Side.BUY else -fill.quantity


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_the_balance_is_what_the_fills_and_funding_leave(seed: int) -> None:
    story = a_story(seed)
    simulator, purse = told(story)
    last = exact(story.bars[-1].close)

    with localcontext(EXACT):
        held = sum((signed(fill) for fill in simulator.fills), ZERO)
        cash = d("10000") - sum(
            (signed(one) * one.price + one.fee for one in simulator.fills), ZERO
        )
        cash += sum((payment.amount for payment in simulator.payments), ZERO)
        equity = purse.balance + simulator.unrealised(last)

        assert equity == cash + held * last == purse.equity()
    holding = simulator.holding
    sign = 0 if holding is None else holding.position_side.sign
    assert held == (ZERO if holding is None else sign * holding.quantity)


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_the_trades_are_what_the_balance_gained_while_flat(seed: int) -> None:
    story = a_story(seed)
    simulator, purse = told(story)
    holding = simulator.holding
    if holding is not None:
        price = exact(story.bars[-1].close)
        close = ExitWish(position_side=holding.position_side, wished_at=story.bars[-1].closed_at)
        simulator.exit(close, at=story.bars[-1].closed_at, price=price)

    with localcontext(EXACT):
        earned = sum((trade.summary.realized_pnl for trade in simulator.trades), ZERO)
    assert purse.balance == d("10000") + earned


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_no_exit_turns_a_position_round(seed: int) -> None:
    simulator, _ = told(a_story(seed))

    held = ZERO
    for fill in simulator.fills:
        before, held = held, held + signed(fill)
        if fill.purpose is Purpose.ENTRY:
            assert abs(held) > abs(before)
        else:
            assert before * held >= 0
            assert abs(held) < abs(before)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(1, CANDLES - 1))
def test_later_candles_change_nothing_that_has_happened(seed: int, changed: int) -> None:
    story, others = a_story(seed), a_story(seed + 1)
    moment = story.bars[changed].opened_at

    as_it_was, _ = told(story)
    otherwise, _ = told(story, [*story.bars[:changed], *others.bars[changed:]])

    def earlier(simulator: Simulator) -> list[Fill]:
        return [fill for fill in simulator.fills if fill.at < moment]

    assert earlier(as_it_was) == earlier(otherwise)


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_the_same_comes_of_the_same_and_a_quiet_candle_need_not_be_met(seed: int) -> None:
    story = a_story(seed)
    simulator, purse = told(story)
    again, same = told(story)
    hasty, third = Purse(some_means()), dict(story.wishes)
    skipping = Simulator(story.terms, a_linear(), hasty, funding=story.funding)
    for index, bar in enumerate(story.bars):
        below, above = skipping.quiet
        is_due = skipping.due_at is not None and bar.opened_at >= skipping.due_at
        if is_due or bar.low <= below or bar.high >= above:
            skipping.meet(bar)
        if index in third:
            skipping.at_next_open(third[index])

    assert simulator.fills == again.fills == skipping.fills
    assert simulator.trades == again.trades == skipping.trades
    assert simulator.payments == again.payments == skipping.payments
    assert purse.balance == same.balance == hasty.balance
    codes = [refusal.code for refusal in simulator.refusals]
    assert codes == [refusal.code for refusal in skipping.refusals]
