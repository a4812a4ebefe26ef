from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from app.backtests.runs.terms import Circumstances, RunTerms
from app.core.ids import new_id
from app.pipeline.risk.exposure import Limits
from app.pipeline.risk.levels import PriceLevel
from app.pipeline.risk.sizing import SizeAsked
from app.strategies.words import LevelKind, Sides, SizingMode
from app.trading.words import MarginMode, MarketType
from tests.backtest_builders import SINCE
from tests.builders import LINEAR, a_strategy, d
from tests.fakes.clock import NOON
from tests.fakes.market import an_instrument


def a_row(**changes: object) -> RunTerms:
    values: dict[str, object] = {
        "sizing_mode": SizingMode.RISK_PERCENT,
        "sizing_value": d("1"),
        "default_stop_loss_kind": LevelKind.PERCENT,
        "default_stop_loss_value": d("2"),
        "reinvest": False,
        "leverage": 3,
        "margin_mode": MarginMode.ISOLATED,
        "sides": Sides.LONG,
        "max_entries": 1,
        "max_price_drift_percent": d("0.5"),
        "raise_to_min_notional": False,
        "signal_ttl_seconds": 900,
    }
    return RunTerms.of_strategy(a_strategy(new_id(), new_id(), NOON, **{**values, **changes}))


def test_a_strategy_says_how_it_trades() -> None:
    terms = a_row().terms()

    assert terms.sizing == SizeAsked(SizingMode.RISK_PERCENT, d("1"))
    assert terms.stop_loss == PriceLevel(LevelKind.PERCENT, d("2"))
    assert (terms.take_profit, terms.leverage, terms.sides) == (None, 3, Sides.LONG)
    assert terms.max_price_drift == d("0.005")
    assert (terms.entry_ttl, terms.max_holding) == (timedelta(minutes=15), None)


def test_what_is_sent_goes_before_what_the_strategy_says_and_nothing_else_does() -> None:
    sent = RunTerms.model_validate({"leverage": 1, "stop_loss": None})

    terms = a_row().with_changes(sent)

    assert (terms.leverage, terms.stop_loss) == (1, None)
    assert (terms.sides, terms.sizing.mode) == (Sides.LONG, SizingMode.RISK_PERCENT)


def test_an_intent_without_a_size_falls_to_the_notional_of_the_strategy() -> None:
    fallen = a_row(sizing_mode=SizingMode.FROM_ALERT, sizing_value=d("500")).terms()
    nothing = a_row(sizing_mode=SizingMode.FROM_ALERT, sizing_value=None).terms()

    assert fallen.sizing == SizeAsked(SizingMode.NOTIONAL, d("500"))
    assert nothing.sizing == SizeAsked(SizingMode.FROM_ALERT, None)


def test_terms_are_stored_as_text_and_read_the_same() -> None:
    terms = RunTerms.model_validate({"slippage_percent": "0.00000001", "max_holding_seconds": 60})

    stored = terms.stored()

    assert stored["slippage_percent"] == "0.00000001"
    assert RunTerms.model_validate(stored) == terms


def test_circumstances_are_stored_exactly() -> None:
    limits = Limits(
        max_daily_loss=Decimal("123.000000000000000001"),
        allowed_symbols=frozenset({LINEAR}),
        max_price_age=timedelta(seconds=2.5),
    )
    before = Circumstances(
        replace(an_instrument(LINEAR), price_tick=Decimal("1E-8")), limits, ZoneInfo("Asia/Tokyo")
    )

    assert Circumstances.read(before.stored()) == before


def test_limits_count_unless_they_are_not_to() -> None:
    strict = Circumstances(an_instrument(), Limits(max_open_positions=0), ZoneInfo("UTC"))

    assert strict.means(RunTerms()).limits.max_open_positions == 0
    free = RunTerms.model_validate({"under_my_limits": False})
    assert strict.means(free).limits.max_open_positions is None


def test_fees_are_the_exchanges_unless_they_are_given() -> None:
    listed = an_instrument(LINEAR)
    given = RunTerms.model_validate({"taker_fee_percent": "0.05"}).instrument(listed)

    assert RunTerms().instrument(listed) == listed
    assert (given.taker_fee_rate, given.maker_fee_rate) == (d("0.0005"), listed.maker_fee_rate)


def test_assumed_funding_falls_due_every_eight_hours_on_contracts_alone() -> None:
    terms = RunTerms.model_validate({"funding_percent": "0.01"})
    until = SINCE + timedelta(days=1)

    linear = list(terms.funding(MarketType.LINEAR, SINCE, until))

    assert [one.at.hour for one in linear] == [8, 16, 0]
    assert {one.rate for one in linear} == {d("0.0001")}
    assert list(terms.funding(MarketType.SPOT, SINCE, until)) == []
    assert list(RunTerms().funding(MarketType.LINEAR, SINCE, until)) == []


def test_a_target_cannot_trail() -> None:
    with pytest.raises(ValidationError, match="cannot trail"):
        RunTerms.model_validate({"take_profit": {"kind": "trailing_percent", "value": "2"}})
