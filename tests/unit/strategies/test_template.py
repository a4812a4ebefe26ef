"""The text to paste: read when filled in, refused when not, and true to the settings."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from app.core.ids import new_id
from app.pipeline.alarms.meaning import Action, SizeKind, Unreadable
from app.pipeline.alarms.reading import understand
from app.strategies import template
from app.strategies.models import Strategy
from app.strategies.schemas import AlertTemplateOut
from app.strategies.words import Approval, LevelKind, Sides, SizingMode
from app.trading.words import PositionSide
from tests.builders import a_strategy, d

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
FILLED = {
    "ticker": "BTCUSDT.P",
    "close": "60000",
    "timenow": "2026-03-02T12:00:00Z",
    "strategy.order.action": "buy",
    "strategy.order.contracts": "0.02",
    "strategy.order.id": "Long",
    "strategy.order.price": "60000",
    "strategy.market_position": "long",
    "strategy.prev_market_position": "flat",
    "strategy.market_position_size": "0.02",
    "strategy.prev_market_position_size": "0",
}
SETTINGS: list[dict[str, Any]] = [
    {},
    {"sizing_value": d("250")},
    {"sizing_mode": SizingMode.NOTIONAL, "sizing_value": d("250")},
    {
        "sizing_mode": SizingMode.RISK_PERCENT,
        "sizing_value": d("1"),
        "default_stop_loss_kind": LevelKind.PERCENT,
        "default_stop_loss_value": d("2"),
    },
    {"sides": Sides.SHORT},
]


def set_to(**settings: Any) -> Strategy:
    """A strategy with the values a row has by default."""
    defaults = {
        "sizing_mode": SizingMode.FROM_ALERT,
        "sizing_value": None,
        "sides": Sides.BOTH,
        "max_alarm_age_seconds": 120,
        "exit_max_age_seconds": 900,
        "signal_ttl_seconds": 900,
    }
    return a_strategy(new_id(), new_id(), NOW, **{**defaults, **settings})


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_a_text_that_is_filled_in_is_understood(settings: dict[str, Any]) -> None:
    strategy = set_to(**settings)

    for fields in (template.strategy_alert(strategy), template.indicator_alert(strategy)):
        body = template.as_text(template.filled(fields, FILLED)).encode()
        meaning = understand(body)

        [intent] = meaning.intents
        assert (meaning.dialect, intent.action, meaning.problems) == ("native", Action.OPEN, ())
        assert meaning.alert_at == NOW
        assert meaning.reference_price == 60000


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_a_text_that_is_not_filled_in_is_refused(settings: dict[str, Any]) -> None:
    strategy = set_to(**settings)

    for fields in (template.strategy_alert(strategy), template.indicator_alert(strategy)):
        with pytest.raises(Unreadable) as refused:
            understand(template.as_text(fields).encode())

        assert refused.value.code == "unrendered_placeholder"


@pytest.mark.parametrize(
    ("change", "action", "side"),
    [
        ({}, Action.OPEN, PositionSide.LONG),
        (
            {
                "strategy.order.action": "sell",
                "strategy.market_position": "flat",
                "strategy.market_position_size": "0",
                "strategy.prev_market_position": "long",
                "strategy.prev_market_position_size": "0.02",
            },
            Action.CLOSE,
            PositionSide.LONG,
        ),
        (
            {
                "strategy.order.action": "sell",
                "strategy.market_position_size": "0.01",
                "strategy.prev_market_position": "long",
                "strategy.prev_market_position_size": "0.02",
            },
            Action.REDUCE,
            PositionSide.LONG,
        ),
        (
            {
                "strategy.order.action": "sell",
                "strategy.order.contracts": "0.04",
                "strategy.market_position": "short",
                "strategy.prev_market_position": "long",
                "strategy.prev_market_position_size": "0.02",
            },
            Action.FLIP,
            PositionSide.SHORT,
        ),
    ],
    ids=["entry", "exit", "partial exit", "reversal"],
)
@pytest.mark.parametrize("mode", [SizingMode.FROM_ALERT, SizingMode.NOTIONAL])
def test_one_text_serves_entries_exits_and_reversals(
    mode: SizingMode, change: dict[str, str], action: Action, side: PositionSide
) -> None:
    fields = template.strategy_alert(set_to(sizing_mode=mode, sizing_value=d("250")))

    body = template.as_text(template.filled(fields, {**FILLED, **change})).encode()

    [intent] = understand(body).intents
    assert (intent.action, intent.position_side) == (action, side)


def test_the_text_carries_a_size_only_where_the_alert_decides_it() -> None:
    from_alert = set_to()
    with_fall_back = set_to(sizing_value=d("250"))
    own = set_to(sizing_mode=SizingMode.QUANTITY, sizing_value=d("0.5"))

    def sizes(strategy: Strategy) -> tuple[str | None, str | None]:
        texts = (template.strategy_alert(strategy), template.indicator_alert(strategy))
        return texts[0].get("quantity"), texts[1].get("quantity")

    assert sizes(from_alert) == ("{{strategy.order.contracts}}", "0.01")
    assert sizes(with_fall_back) == ("{{strategy.order.contracts}}", None)
    assert sizes(own) == (None, None)


def test_an_indicator_of_a_strategy_for_shorts_sells() -> None:
    assert template.indicator_alert(set_to(sides=Sides.SHORT))["action"] == "sell"


def test_a_field_whose_placeholder_has_no_value_is_left_out() -> None:
    values = {name: value for name, value in FILLED.items() if name != "strategy.order.price"}

    sent = template.filled(template.strategy_alert(set_to()), values)

    assert "price" not in sent
    assert sent["action"] == "buy"


def test_the_page_says_what_applies_and_what_to_add() -> None:
    strategy = set_to(
        sizing_mode=SizingMode.EQUITY_PERCENT,
        sizing_value=d("10.0"),
        default_stop_loss_kind=LevelKind.TRAILING_PERCENT,
        default_stop_loss_value=d("2"),
        approval=Approval.AUTO,
    )

    notes = "\n".join(template.notes_for(strategy))

    assert "Every entry is 10 % of the equity" in notes
    assert "the stop is trailing by 2 %" in notes
    assert 'add "take_profit": "4%"' in notes
    assert "sent at once, without asking you" in notes
    assert "older than 120 s" in notes
    assert "ends in hint" in template.paste_url(strategy)


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        (SizingMode.FROM_ALERT, "or a position is not protected"),
        (SizingMode.RISK_PERCENT, "or it is denied"),
    ],
)
def test_without_a_stop_the_page_says_how_to_add_one(mode: SizingMode, words: str) -> None:
    notes = template.notes_for(set_to(sizing_mode=mode, sizing_value=d("1")))

    [hint] = [note for note in notes if '"stop_loss": "2%"' in note]
    assert words in hint


def test_the_hints_are_fields_that_are_read() -> None:
    fields = template.filled(template.indicator_alert(set_to()), FILLED)
    body = json.dumps({**fields, "stop_loss": "2%", "take_profit": "4%"}).encode()

    [intent] = understand(body).intents

    assert intent.size.kind is SizeKind.QUANTITY
    assert (intent.stop_loss and intent.stop_loss.value) == 2
    assert [one.level.value for one in intent.take_profits] == [4]


def test_the_schema_carries_all_of_it() -> None:
    strategy = set_to(
        id=new_id(), leverage=3, approve_exits=Approval.AUTO, max_entries=1, approval=Approval.AUTO
    )
    for name, value in {"on_opposite": "close", "margin_mode": "isolated"}.items():
        setattr(strategy, name, value)

    page = AlertTemplateOut.of(strategy)

    assert json.loads(page.strategy_alert)["symbol"] == "{{ticker}}"
    assert json.loads(page.indicator_alert)["action"] == "buy"
    assert (page.applies.leverage, page.applies.default_stop_loss) == (3, None)
