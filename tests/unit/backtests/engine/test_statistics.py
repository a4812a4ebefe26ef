"""The figures of a run, worked out by hand."""

from dataclasses import fields, replace
from datetime import timedelta
from decimal import Decimal
from math import isfinite, sqrt

import numpy as np
import pytest

from app.backtests.engine.facts import Payment, Trade
from app.backtests.engine.outcome import Outcome
from app.backtests.engine.statistics import statistics
from app.pipeline.pnl.rules import TradeSummary
from app.trading.words import CloseReason
from tests.unit.algorithms.builders import MONDAY, an_instrument
from tests.unit.backtests.engine.builders import (
    LONG,
    a_linear,
    a_simulator,
    at,
    d,
    enter,
    leave,
    meet,
)

DAY = timedelta(days=1)


def an_outcome(
    *equity: float, every: timedelta = DAY, held: int = 0, results: tuple[str, ...] = ()
) -> Outcome:
    """A run from 100 with that equity at each close, held at the first of them."""
    closed_at = np.datetime64(MONDAY.replace(tzinfo=None), "us") + np.timedelta64(
        every
    ) * np.arange(1, len(equity) + 1)
    return Outcome(
        instrument=a_linear(),
        capital=d("100"),
        began_at=MONDAY,
        ended_at=MONDAY + every * len(equity),
        warm_up=0,
        closed_at=closed_at,
        equity=np.array(equity),
        is_held=np.arange(len(equity)) < held,
        balance=Decimal(str(equity[-1])),
        holding=None,
        unrealised=d("0"),
        fills=(),
        trades=tuple(a_trade(result) for result in results),
        payments=(Payment(MONDAY, d("-0.5")),),
        refusals=(),
    )


def a_trade(result: str) -> Trade:
    summary = TradeSummary(
        position_side=LONG,
        quantity=d("1"),
        dust_quantity=d("0"),
        entry_price=d("100"),
        exit_price=d("100"),
        gross=d(result),
        fees=d("0"),
        funding=d("0"),
        realized_pnl=d(result),
        opened_at=MONDAY,
        closed_at=MONDAY,
        is_provisional=False,
    )
    return Trade(summary, CloseReason.SIGNAL, 1, None)


def test_profit_and_the_fall_from_a_peak() -> None:
    found = statistics(an_outcome(110, 88, 99, 121, 115, held=3))

    assert found.net_profit == d("15")
    assert found.net_return == pytest.approx(0.15)
    # From 110 to 88; from the second day's peak back to it on the fourth.
    assert found.max_drawdown == pytest.approx(22)
    assert found.max_drawdown_fraction == pytest.approx(0.2)
    assert found.longest_drawdown == 3 * DAY
    assert found.exposure == pytest.approx(0.6)
    assert found.funding == d("-0.5")


def test_a_fall_at_once_is_one_from_the_capital() -> None:
    found = statistics(an_outcome(90, 95))

    assert found.max_drawdown == pytest.approx(10)
    assert found.longest_drawdown == 2 * DAY


def test_who_only_rises_has_never_fallen() -> None:
    found = statistics(an_outcome(100, 101, 101, 102))

    assert found.max_drawdown == 0
    assert found.longest_drawdown == timedelta(0)


def test_sharpe_is_of_days_whatever_the_candles() -> None:
    # Returns of 10 %, -10 % and 10 %: mean 1/30, deviation √(4/300).
    wanted = (1 / 30) / sqrt(4 / 300) * sqrt(365)

    daily = statistics(an_outcome(110, 99, 108.9))
    half_daily = statistics(an_outcome(104, 110, 120, 99, 90, 108.9, every=DAY / 2))

    assert daily.sharpe == pytest.approx(wanted)
    assert half_daily.sharpe == pytest.approx(wanted)


def test_sharpe_of_weeks_counts_weeks() -> None:
    daily = statistics(an_outcome(110, 99, 108.9))
    weekly = statistics(an_outcome(110, 99, 108.9, every=7 * DAY))

    assert daily.sharpe is not None
    assert weekly.sharpe == pytest.approx(daily.sharpe / sqrt(7))


@pytest.mark.parametrize("equity", [(110.0,), (100.0, 100.0, 100.0), (110.0, -5.0, 3.0)])
def test_where_nothing_can_be_said_nothing_is_said(equity: tuple[float, ...]) -> None:
    found = statistics(an_outcome(*equity))

    assert found.sharpe is None
    assert (found.profit_factor, found.win_rate, found.expectancy) == (None, None, None)
    numbers = [getattr(found, one.name) for one in fields(found)]
    assert all(isfinite(one) for one in numbers if isinstance(one, float))


def test_trades_are_counted_by_their_net_result() -> None:
    found = statistics(an_outcome(100, results=("6", "-2", "0", "-1")))

    assert (found.trades, found.wins, found.losses) == (4, 1, 2)
    assert found.win_rate == pytest.approx(0.25)
    assert (found.gross_profit, found.gross_loss) == (d("6"), d("3"))
    assert found.profit_factor == pytest.approx(2)
    assert found.expectancy == d("0.75")


def test_fees_are_counted_in_settle_currency_whatever_coin_paid_them() -> None:
    simulator = a_simulator(instrument=an_instrument())
    simulator.at_next_open(enter())
    meet(simulator, "100")
    simulator.exit(leave(), at=at(1), price=d("200"))
    outcome = replace(an_outcome(100), instrument=an_instrument(), fills=tuple(simulator.fills))

    # 0.001 coins at 100, and 0.1 % of 0.999 · 200
    assert statistics(outcome).fees == d("0.2998")
