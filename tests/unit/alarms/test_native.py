import json
from dataclasses import replace
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
from app.trading.words import OrderType, PositionSide, Side

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


def native(**fields: object) -> Meaning:
    return understand(json.dumps({"symbol": "BTCUSDT", "action": "buy"} | fields).encode())


def the_intent(**fields: object) -> Intent:
    (intent,) = native(**fields).intents
    return intent


def refusal(**fields: object) -> str:
    with pytest.raises(Unreadable) as refused:
        native(**fields)
    return refused.value.code


def positions(before: str, before_size: str, after: str, after_size: str) -> dict[str, object]:
    return {
        "prev_market_position": before,
        "prev_market_position_size": before_size,
        "market_position": after,
        "market_position_size": after_size,
    }


def quantity(value: str) -> Size:
    return Size(SizeKind.QUANTITY, Decimal(value))


def test_symbol_and_action_are_enough() -> None:
    meaning = native()

    assert meaning.dialect == "native"
    assert meaning.intents == (
        Intent(action=Action.OPEN, ticker="BTCUSDT", position_side=LONG, is_bare=True),
    )


def test_the_example_of_the_contract() -> None:
    meaning = native(
        quantity="0.01",
        stop_loss="58000",
        take_profit="64000",
        time="2026-03-01T09:30:05Z",
        id="a-1",
    )
    (intent,) = meaning.intents

    assert intent.size == quantity("0.01")
    assert intent.stop_loss == Level(LevelKind.PRICE, Decimal(58000))
    assert intent.take_profits == (TakeProfit(Level(LevelKind.PRICE, Decimal(64000))),)
    assert meaning.alert_at == datetime(2026, 3, 1, 9, 30, 5, tzinfo=UTC)
    assert meaning.alert_id == "a-1"


@pytest.mark.parametrize(
    "given",
    ["2026-03-01T09:30:05Z", "2026-03-01T11:30:05+02:00", "1772357405", "1772357405000"],
)
def test_time_in_any_usual_form_is_utc(given: str) -> None:
    assert native(time=given).alert_at == datetime(2026, 3, 1, 9, 30, 5, tzinfo=UTC)


@pytest.mark.parametrize("given", ["yesterday", "12", "1e37", "0001-01-01T00:00:00+23:00"])
def test_time_that_is_none_is_refused(given: str) -> None:
    assert refusal(time=given) == "invalid_time"


def test_price_of_a_market_order_is_only_a_reference() -> None:
    meaning = native(price="60000")

    assert meaning.reference_price == Decimal(60000)
    assert meaning.intents[0].limit_price is None


def test_price_of_a_limit_order_is_its_limit() -> None:
    intent = the_intent(order_type="LIMIT", price=59000.5)

    assert (intent.order_type, intent.limit_price) == (OrderType.LIMIT, Decimal("59000.5"))


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("quantity", SizeKind.QUANTITY),
        ("notional", SizeKind.NOTIONAL),
        ("equity_percent", SizeKind.EQUITY_PERCENT),
        ("risk_percent", SizeKind.RISK_PERCENT),
        ("risk_quote", SizeKind.RISK_QUOTE),
    ],
)
def test_each_size_has_its_unit(field: str, kind: SizeKind) -> None:
    assert the_intent(**{field: "2.5"}).size == Size(kind, Decimal("2.5"))


@pytest.mark.parametrize("value", ["-1", "0", -1, 0, "5.8/100", "10%", "1,5", "NaN", "", True, []])
def test_a_size_that_is_no_positive_number_is_refused(value: object) -> None:
    assert refusal(quantity=value) == "invalid_size"


def test_two_sizes_are_refused() -> None:
    assert refusal(quantity=1, notional=100) == "two_sizes"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"action": "hold"}, "unknown_action"),
        ({"action": None}, "no_action"),
        ({"symbol": None, "order_type": "market"}, "no_symbol"),
        ({"symbol": "rm -rf"}, "invalid_symbol"),
        ({"symbol": "\u0411TCUSDT"}, "invalid_symbol"),
        ({"symbol": "X" * 65}, "invalid_symbol"),
        ({"stop_loss": "-1"}, "invalid_level"),
        ({"stop_loss": 0}, "invalid_level"),
        ({"take_profit": "-4%"}, "invalid_level"),
        ({"take_profits": [{}]}, "invalid_level"),
        ({"take_profits": [{"price": 1, "percent": 1}]}, "invalid_level"),
        ({"take_profits": ["64000"]}, "invalid_field"),
        ({"stop_loss": "58000", "trailing_percent": 2}, "two_stops"),
        ({"order_type": "limit"}, "no_limit_price"),
        ({"order_type": "iceberg"}, "invalid_field"),
        ({"price": "-1"}, "invalid_price"),
        ({"leverage": "0"}, "invalid_number"),
        ({"position_side": "up"}, "invalid_field"),
        ({"comment": {}}, "invalid_field"),
        ({"Action": "sell"}, "duplicate_key"),
        ({"action": "reduce"}, "no_size"),
        ({"action": "reduce", "risk_percent": 1}, "invalid_size"),
        ({"action": "close", "position_percent": 101}, "invalid_size"),
        ({"action": "target"}, "no_size"),
        ({"action": "long", "market_position": "flat"}, "contradictory_position"),
        ({"action": "long", "position_side": "short"}, "contradictory_position"),
        ({"action": "add", "market_position": "flat"}, "contradictory_position"),
        ({"action": "buy", **positions("flat", "0", "short", "1")}, "contradictory_position"),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, object], code: str) -> None:
    assert refusal(**fields) == code


def test_a_problem_points_at_its_field() -> None:
    with pytest.raises(Unreadable) as refused:
        understand(b'{"symbol":"BTCUSDT","action":"buy","quantity":"-1"}')

    assert refused.value.problem.position == 35


@pytest.mark.parametrize("name", ["sl", "stoploss", "stop"])
def test_another_products_stop_is_never_left_unread(name: str) -> None:
    assert the_intent(**{name: "58000"}).stop_loss == Level(LevelKind.PRICE, Decimal(58000))


def test_an_unknown_field_is_said() -> None:
    assert [problem.code for problem in native(stop_los="58000").problems] == ["unknown_field"]


def test_several_targets_with_portions() -> None:
    intent = the_intent(
        take_profits=[{"price": "64000", "portion_percent": 40}, {"percent": "8"}],
    )

    assert intent.take_profits == (
        TakeProfit(Level(LevelKind.PRICE, Decimal(64000)), Decimal(40)),
        TakeProfit(Level(LevelKind.PERCENT, Decimal(8))),
    )


def test_a_stop_in_percent_and_a_trailing_stop() -> None:
    assert the_intent(stop_loss="2%").stop_loss == Level(LevelKind.PERCENT, Decimal(2))
    assert the_intent(trailing_percent="2").stop_loss == Level(
        LevelKind.TRAILING_PERCENT, Decimal(2), is_trailing=True
    )


@pytest.mark.parametrize(
    ("action", "expected", "side"),
    [
        ("long", Action.OPEN, LONG),
        ("SHORT", Action.OPEN, SHORT),
        ("flip", Action.FLIP, None),
        ("add", Action.ADD, None),
        ("close", Action.CLOSE, None),
        ("cancel", Action.CANCEL, None),
    ],
)
def test_explicit_words_are_never_bare(
    action: str, expected: Action, side: PositionSide | None
) -> None:
    intent = the_intent(action=action)

    assert (intent.action, intent.position_side, intent.is_bare) == (expected, side, False)


def test_sell_of_a_long_closes_it() -> None:
    whole = the_intent(action="sell", position_side="long")
    part = the_intent(action="sell", position_side="long", quantity="0.5")

    assert (whole.action, whole.size.kind, whole.side) == (Action.CLOSE, SizeKind.ALL, Side.SELL)
    assert (part.action, part.size) == (Action.REDUCE, quantity("0.5"))


def test_close_with_a_size_is_a_reduce() -> None:
    assert the_intent(action="close", position_percent=50).action is Action.REDUCE
    assert the_intent(action="close", position_percent=100).action is Action.CLOSE


@pytest.mark.parametrize(
    ("given", "side", "value"),
    [
        ({"quantity": "-0.5"}, SHORT, "0.5"),
        ({"quantity": 2}, LONG, "2"),
        ({"quantity": 0}, None, "0"),
    ],
)
def test_target_is_a_signed_position(
    given: dict[str, object], side: PositionSide | None, value: str
) -> None:
    intent = the_intent(action="target", **given)

    assert intent.action is Action.TARGET
    assert intent.position_side is side
    assert intent.size == Size(SizeKind.TARGET_QUANTITY, Decimal(value))


def test_target_takes_its_sign_from_position_side() -> None:
    assert the_intent(action="target", quantity=2, position_side="short").position_side is SHORT
    assert refusal(action="target", quantity=-2, position_side="long") == "contradictory_position"


ALL = Size(SizeKind.ALL)


@pytest.mark.parametrize(
    ("action", "before_after", "contracts", "expected", "side", "size"),
    [
        ("buy", ("flat", "0", "long", "1"), "1", Action.OPEN, LONG, quantity("1")),
        ("sell", ("flat", "0", "short", "1"), "1", Action.OPEN, SHORT, quantity("1")),
        ("sell", ("long", "1", "flat", "0"), "1", Action.CLOSE, LONG, ALL),
        ("buy", ("short", "1", "flat", "0"), "1", Action.CLOSE, SHORT, ALL),
        ("sell", ("long", "1", "short", "2"), "3", Action.FLIP, SHORT, quantity("2")),
        ("buy", ("short", "2", "long", "1"), "3", Action.FLIP, LONG, quantity("1")),
        ("buy", ("long", "1", "long", "3"), "2", Action.ADD, LONG, quantity("2")),
        ("long", ("long", "1", "long", "3"), "2", Action.ADD, LONG, quantity("2")),
        (
            *("sell", ("long", "4", "long", "1"), "3", Action.REDUCE, LONG),
            Size(SizeKind.POSITION_PERCENT, Decimal(75)),
        ),
        (
            *("buy", ("short", "4", "short", "3"), "1", Action.REDUCE, SHORT),
            Size(SizeKind.POSITION_PERCENT, Decimal(25)),
        ),
    ],
)
def test_positions_before_and_after_decide(
    *,
    action: str,
    before_after: tuple[str, str, str, str],
    contracts: str,
    expected: Action,
    side: PositionSide,
    size: Size,
) -> None:
    intent = the_intent(action=action, quantity=contracts, **positions(*before_after))

    assert (intent.action, intent.position_side, intent.size) == (expected, side, size)
    assert intent.is_bare is False


@pytest.mark.parametrize(
    ("action", "after", "after_size", "contracts", "expected"),
    [
        ("buy", "long", "1", "1", Action.OPEN),
        ("buy", "long", "1", "3", Action.FLIP),
        ("buy", "long", "3", "1", Action.ADD),
        ("sell", "long", "3", "1", Action.REDUCE),
        ("sell", "flat", "0", "1", Action.CLOSE),
    ],
)
def test_the_position_before_follows_from_the_order(
    action: str, after: str, after_size: str, contracts: str, expected: Action
) -> None:
    intent = the_intent(
        action=action, quantity=contracts, market_position=after, market_position_size=after_size
    )

    assert intent.action is expected


def test_only_the_side_after_is_known() -> None:
    entry = the_intent(action="buy", market_position="long")
    exit_of_all = the_intent(action="sell", market_position="flat")
    exit_of_some = the_intent(action="sell", market_position="long", quantity="0.2")

    assert (entry.action, entry.is_bare) == (Action.OPEN, False)
    assert (exit_of_all.action, exit_of_all.position_side) == (Action.CLOSE, LONG)
    assert (exit_of_some.action, exit_of_some.size) == (Action.REDUCE, quantity("0.2"))


@pytest.mark.parametrize("sentiment", ["bullish", "long"])
def test_sentiment_is_the_position_after(sentiment: str) -> None:
    assert the_intent(action="sell", sentiment="flat").action is Action.CLOSE
    assert the_intent(action="buy", sentiment=sentiment).is_bare is False


def test_a_flip_keeps_a_size_that_is_not_tradingviews() -> None:
    flip = positions("long", "1", "short", "2")

    assert the_intent(action="sell", notional=50, **flip).size.kind is SizeKind.NOTIONAL
    assert the_intent(action="sell", quantity="0.1", **flip).size == quantity("0.1")


def test_ticker_alone_is_native_when_another_field_is_ours() -> None:
    meaning = understand(b'{"ticker":"btcusdt","action":"buy","stop_loss":"58000"}')

    assert (meaning.dialect, meaning.intents[0].ticker) == ("native", "BTCUSDT")


def test_an_intent_keeps_its_own_words_for_the_screen() -> None:
    intent = the_intent(comment="breakout", leverage="3", order_id="Long")

    assert replace(intent, comment=None) != intent
    assert (intent.comment, intent.leverage) == ("breakout", Decimal(3))
    assert intent.placeholders.order_id == "Long"
