import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.pipeline.alarms.meaning import (
    Action,
    Intent,
    Level,
    LevelKind,
    Meaning,
    Size,
    SizeKind,
    TakeProfit,
    Unreadable,
)
from app.pipeline.alarms.reading import understand
from app.trading.words import OrderType, PositionSide

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


def traderspost(**fields: object) -> Meaning:
    meaning = understand(json.dumps({"ticker": "ETHUSDT.P", "action": "buy"} | fields).encode())
    assert meaning.dialect == "traderspost"
    return meaning


def the_intent(**fields: object) -> Intent:
    (intent,) = traderspost(**fields).intents
    return intent


def refusal(**fields: object) -> str:
    with pytest.raises(Unreadable) as refused:
        traderspost(**fields)
    return refused.value.code


@pytest.mark.parametrize(
    ("fields", "action", "side", "is_bare"),
    [
        ({"action": "buy"}, Action.OPEN, LONG, True),
        ({"action": "Sell"}, Action.OPEN, SHORT, True),
        ({"action": "exit"}, Action.CLOSE, None, False),
        ({"action": "cancel"}, Action.CANCEL, None, False),
        ({"action": "add"}, Action.ADD, None, False),
        ({"action": "add", "sentiment": "bearish"}, Action.ADD, SHORT, False),
        ({"action": "buy", "sentiment": "bullish"}, Action.OPEN, LONG, False),
        ({"action": "sell", "sentiment": "short"}, Action.OPEN, SHORT, False),
        ({"action": "sell", "sentiment": "flat"}, Action.CLOSE, LONG, False),
        ({"action": "buy", "sentiment": "flat"}, Action.CLOSE, SHORT, False),
        ({"action": "sell", "sentiment": "long", "quantity": 1}, Action.REDUCE, LONG, False),
        ({"action": "exit", "quantity": 1}, Action.REDUCE, None, False),
        ({"action": "exit", "sentiment": "bullish"}, Action.CLOSE, None, False),
    ],
)
def test_action_and_sentiment(
    fields: dict[str, object], action: Action, side: PositionSide | None, *, is_bare: bool
) -> None:
    intent = the_intent(**fields)

    assert (intent.action, intent.position_side, intent.is_bare) == (action, side, is_bare)


@pytest.mark.parametrize(
    ("quantity_type", "kind"),
    [
        (None, SizeKind.QUANTITY),
        ("fixed_quantity", SizeKind.QUANTITY),
        ("dollar_amount", SizeKind.NOTIONAL),
        ("risk_dollar_amount", SizeKind.RISK_QUOTE),
        ("risk_percent", SizeKind.RISK_PERCENT),
        ("percent_of_equity", SizeKind.EQUITY_PERCENT),
    ],
)
def test_quantity_type_is_the_unit(quantity_type: str | None, kind: SizeKind) -> None:
    assert the_intent(quantity=10, quantityType=quantity_type).size == Size(kind, Decimal(10))


def test_percent_of_position_reduces() -> None:
    intent = the_intent(action="sell", quantityType="percent_of_position", quantity=25)

    assert (intent.action, intent.position_side) == (Action.REDUCE, LONG)
    assert intent.size == Size(SizeKind.POSITION_PERCENT, Decimal(25))


@pytest.mark.parametrize(
    ("given", "level"),
    [
        ({"limitPrice": 2500.5}, Level(LevelKind.PRICE, Decimal("2500.5"))),
        ({"percent": 10}, Level(LevelKind.PERCENT, Decimal(10))),
        ({"amount": "75"}, Level(LevelKind.DISTANCE, Decimal(75))),
    ],
)
def test_take_profit(given: dict[str, object], level: Level) -> None:
    assert the_intent(takeProfit=given).take_profits == (TakeProfit(level),)


@pytest.mark.parametrize(
    ("given", "level"),
    [
        ({"type": "stop", "stopPrice": 1900}, Level(LevelKind.PRICE, Decimal(1900))),
        ({"percent": 5}, Level(LevelKind.PERCENT, Decimal(5))),
        ({"amount": 50}, Level(LevelKind.DISTANCE, Decimal(50))),
        (
            {"type": "trailing_stop", "trailPercent": 3},
            Level(LevelKind.TRAILING_PERCENT, Decimal(3), is_trailing=True),
        ),
        (
            {"type": "trailing_stop", "percent": 3},
            Level(LevelKind.TRAILING_PERCENT, Decimal(3), is_trailing=True),
        ),
        (
            {"type": "trailing_stop", "trailAmount": "40"},
            Level(LevelKind.DISTANCE, Decimal(40), is_trailing=True),
        ),
    ],
)
def test_stop_loss(given: dict[str, object], level: Level) -> None:
    assert the_intent(stopLoss=given).stop_loss == level


def test_a_stop_limit_is_a_stop_with_a_warning() -> None:
    meaning = traderspost(stopLoss={"type": "stop_limit", "stopPrice": 1900, "limitPrice": 1890})
    (intent,) = meaning.intents

    assert intent.stop_loss == Level(LevelKind.PRICE, Decimal(1900), limit_price=Decimal(1890))
    assert [problem.code for problem in meaning.problems] == ["stop_limit_not_used"]


def test_a_limit_order() -> None:
    intent = the_intent(orderType="limit", limitPrice="1999.5", price=2001)

    assert (intent.order_type, intent.limit_price) == (OrderType.LIMIT, Decimal("1999.5"))


def test_a_stop_order_waits_for_its_trigger() -> None:
    stop = the_intent(orderType="stop", stopPrice=2100)
    stop_limit = the_intent(orderType="stop_limit", stopPrice=2100, limitPrice=2110)

    assert stop.trigger == Level(LevelKind.PRICE, Decimal(2100))
    assert (stop_limit.order_type, stop_limit.limit_price) == (OrderType.LIMIT, Decimal(2110))


def test_an_exit_by_trailing_stop_is_not_an_exit_at_once() -> None:
    trail = Level(LevelKind.DISTANCE, Decimal(15), is_trailing=True)

    intent = the_intent(action="exit", orderType="trailing_stop", trailAmount="15")

    assert (intent.action, intent.trigger, intent.stop_loss) == (Action.CLOSE, trail, trail)


def test_price_is_a_reference_and_time_is_the_alerts() -> None:
    meaning = traderspost(price="2001.25", time="2026-03-01T09:30:05Z")

    assert meaning.reference_price == Decimal("2001.25")
    assert meaning.alert_at == datetime(2026, 3, 1, 9, 30, 5, tzinfo=UTC)
    assert meaning.intents[0].order_type is OrderType.MARKET


def test_unknown_fields_are_left_alone() -> None:
    assert traderspost(**{"my note": "x", "interval": "5", "extras": {"a": 1}}).problems == ()


def test_a_test_alert_trades_nothing() -> None:
    intent = the_intent(test=True)

    assert intent.action is Action.IGNORE
    assert intent.reason is not None
    assert intent.reason.code == "test_alert"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"delay": 60}, "not_supported"),
        ({"action": "exit", "sentiment": "flat"}, "sentiment_not_used"),
    ],
)
def test_what_is_not_used_is_said(fields: dict[str, object], code: str) -> None:
    assert [problem.code for problem in traderspost(**fields).problems] == [code]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"action": "hold"}, "unknown_action"),
        ({"action": ""}, "no_action"),
        ({"ticker": ""}, "no_symbol"),
        ({"quantity": 0}, "invalid_size"),
        ({"quantity": "-1"}, "invalid_size"),
        ({"quantity": 1, "quantityType": "lots"}, "unit_unknown"),
        ({"quantity": 150, "quantityType": "percent_of_position"}, "invalid_size"),
        ({"orderType": "limit"}, "no_limit_price"),
        ({"orderType": "stop"}, "no_stop_price"),
        ({"orderType": "trailing_stop"}, "no_stop_price"),
        ({"orderType": "iceberg"}, "unsupported_order_type"),
        ({"takeProfit": {}}, "invalid_level"),
        ({"takeProfit": {"percent": 5, "amount": 5}}, "invalid_level"),
        ({"takeProfit": {"percent": -5}}, "invalid_level"),
        ({"takeProfit": 2500}, "invalid_field"),
        ({"stopLoss": {"type": "trailing_stop", "stopPrice": 1}}, "no_stop_price"),
        ({"stopLoss": {"trailPercent": 1, "trailAmount": 2}}, "two_stops"),
        ({"sentiment": "sideways"}, "invalid_field"),
        ({"action": "sell", "sentiment": "long"}, "no_size"),
        ({"action": "add", "sentiment": "flat"}, "contradictory_position"),
        ({"test": "perhaps"}, "invalid_field"),
        ({"quantity": 1, "sl": 1900}, "invalid_field"),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, object], code: str) -> None:
    assert refusal(**fields) == code


def test_another_products_names_are_not_left_unread() -> None:
    meaning = understand(b'{"ticker":"ETHUSDT","action":"buy","qty":1,"sl":1900,"tp":2200}')

    assert meaning.dialect == "generic"
    assert meaning.intents[0].stop_loss == Level(LevelKind.PRICE, Decimal(1900))
