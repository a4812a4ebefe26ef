"""An algorithm over candles, against a slow run that meets every one of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from app.algorithms.algorithm import Definition, Parameters
from app.algorithms.bars import Bar, Bars, exact, in_closing_order
from app.algorithms.feed import Feed
from app.algorithms.intents import Account, Intent, Move
from app.algorithms.registry import definition
from app.backtests.engine.outcome import Outcome
from app.backtests.engine.purse import Purse
from app.backtests.engine.run import run
from app.backtests.engine.simulator import Simulator
from app.backtests.engine.terms import FundingRate, Terms
from app.backtests.engine.wishes import wish_of
from app.core.errors import Invalid
from app.pipeline.risk.sizing import SizeAsked
from app.strategies.words import SizingMode
from app.trading.instrument import Instrument
from app.trading.words import MarketType, PositionSide
from tests.unit.algorithms.builders import (
    FOUR_HOURS,
    HOUR,
    MINUTES_30,
    aggregated,
    an_instrument,
    bars_of,
)
from tests.unit.algorithms.markets import a_walk
from tests.unit.backtests.engine.builders import d, percent, some_means, some_terms

BARS = bars_of(a_walk(3, 1200, pull=0.02))
TERMS = some_terms(
    sizing=SizeAsked(SizingMode.NOTIONAL, d("1000")),
    stop_loss=percent("2"),
    take_profit=percent("3"),
    slippage=d("0.0005"),
)
LINEAR = an_instrument(MarketType.LINEAR)
EMA_RSI, SMA_HMA, CHANNEL = (definition(name) for name in ("ema_rsi", "sma_hma", "channel"))
SMALL = {"sma_period": 20, "hma_period": 6}
QUICK = {"fast": 5, "slow": 12, "rsi_period": 5}


def ran(
    of: Definition[Any] = EMA_RSI,
    parameters: dict[str, Any] = QUICK,
    bars: Bars = BARS,
    **more: Any,
) -> Outcome:
    values: dict[str, Any] = {"instrument": LINEAR, "terms": TERMS, "means": some_means()}
    return run(of, parameters, bars, **{**values, **more})


def slowly(
    of: Definition[Any],
    parameters: dict[str, Any],
    bars: Bars,
    *,
    instrument: Instrument = LINEAR,
    terms: Terms = TERMS,
    larger: Sequence[Bars] = (),
    funding: Sequence[FundingRate] = (),
) -> tuple[Simulator, list[Decimal]]:
    """Every candle through `Feed` and `meet`, the equity asked for at each close."""
    begin = of.warm_up(of.validated(parameters))
    purse = Purse(some_means())
    simulator = Simulator(terms, instrument, purse, funding=funding)
    feed, equity, count = Feed(of, parameters, bars.length), [], 0
    for bar in in_closing_order(*larger, bars):
        is_traded = bar.length == bars.length and count >= begin
        if is_traded:
            simulator.meet(bar)
        intents = feed.close(bar, simulator.account)
        count += bar.length == bars.length
        if is_traded:
            equity.append(purse.equity())
            for intent in intents:
                if intent.move is Move.ENTER or intent.position_side is simulator.account.side:
                    simulator.at_next_open(wish_of(intent, price=exact(bar.close)))
    return simulator, equity


@pytest.mark.parametrize(
    ("of", "parameters", "larger", "instrument"),
    [
        (EMA_RSI, QUICK, (), LINEAR),
        (SMA_HMA, SMALL, (HOUR, FOUR_HOURS), LINEAR),
        (CHANNEL, {"period": 30}, (), an_instrument()),
    ],
    ids=["ema_rsi", "sma_hma", "channel"],
)
def test_a_run_is_what_meeting_every_candle_gives(
    of: Definition[Any],
    parameters: dict[str, Any],
    larger: Sequence[timedelta],
    instrument: Instrument,
) -> None:
    # The hour and the four hours have their warm-up before the first base candle.
    start = 200 if larger else 0
    bars = Bars.of(MINUTES_30, list(BARS)[start:])
    others = [aggregated(BARS, length) for length in larger]
    funding = [FundingRate(bar.opened_at, d("0.0001")) for bar in list(bars)[::16]]
    how: dict[str, Any] = {"instrument": instrument, "larger": others, "funding": funding}

    outcome = ran(of, parameters, bars, **how)

    simulator, equity = slowly(of, parameters, bars, **how)
    assert len(outcome.fills) > 10
    assert list(outcome.fills) == list(simulator.fills)
    assert list(outcome.trades) == list(simulator.trades)
    assert list(outcome.payments) == list(simulator.payments)
    assert outcome.warm_up == of.warm_up(of.validated(parameters))
    assert np.allclose(outcome.equity, [float(one) for one in equity], rtol=1e-12, atol=0)
    assert outcome.equity[-1] == pytest.approx(float(outcome.balance + outcome.unrealised))


def test_the_same_run_gives_the_same_twice() -> None:
    one, two = ran(), ran()

    assert one.fills == two.fills
    assert one.trades == two.trades
    assert one.balance == two.balance
    assert np.array_equal(one.equity, two.equity)


def test_what_is_decided_at_a_close_is_filled_at_the_next_open() -> None:
    opens = {bar.opened_at: exact(bar.open) for bar in BARS}

    outcome = ran(terms=some_terms())

    assert outcome.fills
    assert all(fill.price == opens[fill.at] for fill in outcome.fills)


def test_later_candles_change_no_earlier_fill() -> None:
    other = bars_of(a_walk(4, 1200, pull=0.02))
    mixed = Bars.of(MINUTES_30, [*list(BARS)[:800], *list(other)[800:]])
    moment = list(BARS)[800].opened_at

    as_it_was, otherwise = ran(), ran(bars=mixed)

    before = [fill for fill in as_it_was.fills if fill.at < moment]
    assert before
    assert before == [fill for fill in otherwise.fills if fill.at < moment]
    assert np.array_equal(as_it_was.equity[: 800 - 132], otherwise.equity[: 800 - 132])


def test_the_curve_begins_with_the_first_candle_that_counts() -> None:
    outcome = ran()

    # An EMA of 12 has forgotten its beginning after 11 · 12, an RSI of 5 after 21 · 5.
    assert outcome.warm_up == 132
    assert outcome.began_at == list(BARS)[132].opened_at
    assert outcome.ended_at == list(BARS)[-1].closed_at
    assert len(outcome.equity) == len(outcome.closed_at) == len(outcome.is_held) == 1200 - 132
    assert outcome.fills[0].at > outcome.began_at


@pytest.mark.parametrize(
    ("of", "parameters", "larger", "code"),
    [
        (EMA_RSI, {"fast": 0}, (), "bad_parameters"),
        (EMA_RSI, QUICK, (HOUR,), "bad_timeframe"),
        (SMA_HMA, SMALL, (HOUR,), "bad_timeframe"),
        (EMA_RSI, {"slow": 1000}, (), "too_few_candles"),
        # 1200 half hours are 150 times four hours, of which 201 are fed.
        (SMA_HMA, {"sma_period": 20, "hma_period": 200}, (HOUR, FOUR_HOURS), "too_few_candles"),
    ],
)
def test_a_run_that_cannot_be_is_refused(
    of: Definition[Any], parameters: dict[str, Any], larger: Sequence[timedelta], code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        ran(of, parameters, larger=[aggregated(BARS, length) for length in larger])

    assert refused.value.code == code


class Listening:
    """Writes down what it is fed, and wants nothing."""

    def __init__(self, heard: list[tuple[timedelta, Any]]) -> None:
        self.heard = heard

    def on_close(self, bar: Bar, account: Account) -> Sequence[Intent]:
        assert account.side is None
        self.heard.append((bar.length, bar.closed_at))
        return ()

    def on_larger(self, bar: Bar) -> None:
        self.heard.append((bar.length, bar.closed_at))

    @property
    def lines(self) -> dict[str, float | None]:
        return {}

    @property
    def outlook(self) -> PositionSide | None:
        return None


@pytest.mark.parametrize("base", [MINUTES_30, HOUR])
def test_candles_are_fed_in_the_order_in_which_they_close(base: timedelta) -> None:
    heard: list[tuple[timedelta, Any]] = []
    listening = Definition(
        name="listening",
        version=1,
        summary="",
        parameters=Parameters,
        build=lambda _: Listening(heard),
        warm_up=lambda _: 0,
        larger=(HOUR, FOUR_HOURS),
    )
    bars, fours = aggregated(BARS, base), aggregated(BARS, FOUR_HOURS)
    larger = [fours] if base == HOUR else [aggregated(BARS, HOUR), fours]

    ran(listening, {}, bars, larger=larger)

    everything = [(bar.length, bar.closed_at) for bar in in_closing_order(*larger, bars)]
    # An hour that is the base is fed as an hour and as the base.
    own = 2 if base == HOUR else 1
    assert heard == [one for one in everything for _ in range(own if one[0] == base else 1)]


def test_whoever_watches_hears_how_far_it_is_and_may_end_it() -> None:
    class Ended(Exception):
        pass

    heard: list[float] = []

    def end(share: float) -> None:
        heard.append(share)
        if share > 0.5:
            raise Ended

    with pytest.raises(Ended):
        ran(watch=end)

    assert heard == sorted(heard)
    assert 30 < len(heard) < 60


def test_a_run_over_a_gap_trades_on_where_the_market_opens_again() -> None:
    opened = BARS.opened_at.copy()
    opened[600:] += np.timedelta64(3, "D")
    rare = replace(TERMS, entry_ttl=timedelta(minutes=30))

    outcome = ran(bars=replace(BARS, opened_at=opened), terms=rare)

    assert {refusal.code for refusal in outcome.refusals} <= {"expired"}
    assert outcome.fills[-1].at > list(BARS)[700].opened_at
