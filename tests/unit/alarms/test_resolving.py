from decimal import Decimal

import pytest

from app.pipeline.alarms.meaning import Action, Intent, Level, LevelKind, SizeKind
from app.pipeline.alarms.reading import understand
from app.pipeline.alarms.resolving import Rules, resolve
from app.strategies.words import OnOpposite, Sides
from app.trading.words import MarketType, PositionSide

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
CLOSES = Rules()
FLIPS = Rules(on_opposite=OnOpposite.FLIP)
SPOT = Rules(market_type=MarketType.SPOT, on_opposite=OnOpposite.FLIP)
LONG_ONLY = Rules(sides=Sides.LONG, on_opposite=OnOpposite.FLIP)


def an_intent(fields: str) -> Intent:
    return understand(f'{{"symbol":"BTCUSDT",{fields}}}'.encode()).intents[0]


BUY = '"action":"buy","quantity":1,"stop_loss":50'
SELL = '"action":"sell","quantity":1'
TO_FLAT = '"action":"sell","market_position":"flat"'
PARTIAL = (
    '"action":"sell","market_position":"long","market_position_size":1,'
    '"prev_market_position":"long","prev_market_position_size":2'
)
PYRAMID = PARTIAL.replace('"sell"', '"buy"').replace('_size":2', '_size":0.5')
TARGET = '"action":"target","quantity":-2'
FLAT_TARGET = '"action":"target","quantity":0'


@pytest.mark.parametrize(
    ("alert", "book", "rules", "action", "side"),
    [
        (BUY, None, CLOSES, Action.OPEN, LONG),
        (BUY, LONG, CLOSES, Action.OPEN, LONG),
        (BUY, SHORT, CLOSES, Action.CLOSE, SHORT),
        (BUY, SHORT, FLIPS, Action.FLIP, LONG),
        (SELL, None, CLOSES, Action.OPEN, SHORT),
        (SELL, LONG, CLOSES, Action.CLOSE, LONG),
        (SELL, LONG, FLIPS, Action.FLIP, SHORT),
        (SELL, LONG, SPOT, Action.CLOSE, LONG),
        (SELL, LONG, LONG_ONLY, Action.CLOSE, LONG),
        ('"action":"long"', SHORT, CLOSES, Action.FLIP, LONG),
        ('"action":"short"', LONG, SPOT, Action.CLOSE, LONG),
        ('"action":"short"', None, SPOT, Action.OPEN, SHORT),
        ('"action":"close"', SHORT, CLOSES, Action.CLOSE, SHORT),
        (TO_FLAT, SHORT, CLOSES, Action.CLOSE, SHORT),
        (PARTIAL, LONG, CLOSES, Action.REDUCE, LONG),
        (PYRAMID, LONG, CLOSES, Action.ADD, LONG),
        ('"action":"add"', SHORT, CLOSES, Action.ADD, SHORT),
        ('"action":"flip"', LONG, CLOSES, Action.FLIP, SHORT),
        ('"action":"flip"', LONG, SPOT, Action.CLOSE, LONG),
        ('"action":"flip","position_side":"short"', None, CLOSES, Action.OPEN, SHORT),
        ('"action":"flip","position_side":"short"', SHORT, CLOSES, Action.OPEN, SHORT),
        (TARGET, None, CLOSES, Action.OPEN, SHORT),
        (TARGET, SHORT, CLOSES, Action.TARGET, SHORT),
        (TARGET, LONG, CLOSES, Action.FLIP, SHORT),
        (TARGET, LONG, SPOT, Action.CLOSE, LONG),
        (FLAT_TARGET, LONG, CLOSES, Action.CLOSE, LONG),
        ('"action":"cancel"', None, CLOSES, Action.CANCEL, None),
    ],
)
def test_resolve_against_the_book(
    alert: str, book: PositionSide | None, rules: Rules, action: Action, side: PositionSide | None
) -> None:
    intent = resolve(an_intent(alert), book_side=book, rules=rules)

    assert (intent.action, intent.position_side, intent.is_bare) == (action, side, False)


@pytest.mark.parametrize(
    ("alert", "book", "rules", "code"),
    [
        (SELL, None, SPOT, "nothing_to_close"),
        (SELL, None, LONG_ONLY, "nothing_to_close"),
        ('"action":"close"', None, CLOSES, "nothing_to_close"),
        ('"action":"reduce","quantity":1', None, CLOSES, "nothing_to_close"),
        ('"action":"close","position_side":"long"', SHORT, CLOSES, "nothing_to_close"),
        (TO_FLAT, None, CLOSES, "nothing_to_close"),
        (FLAT_TARGET, None, CLOSES, "nothing_to_close"),
        (PARTIAL, None, CLOSES, "not_in_position"),
        (PARTIAL, SHORT, CLOSES, "not_in_position"),
        (PYRAMID, None, CLOSES, "not_in_position"),
        (PYRAMID, SHORT, CLOSES, "not_in_position"),
        ('"action":"add"', None, CLOSES, "not_in_position"),
        ('"action":"flip"', None, CLOSES, "not_in_position"),
    ],
)
def test_resolve_ignores_what_has_no_position(
    alert: str, book: PositionSide | None, rules: Rules, code: str
) -> None:
    intent = resolve(an_intent(alert), book_side=book, rules=rules)

    assert intent.action is Action.IGNORE
    assert intent.reason is not None
    assert intent.reason.code == code


def test_resolve_closes_the_whole_book_and_drops_the_entrys_stop() -> None:
    intent = resolve(an_intent(BUY), book_side=SHORT, rules=CLOSES)

    assert (intent.size.kind, intent.stop_loss) == (SizeKind.ALL, None)


def test_resolve_opens_a_target_with_its_whole_size() -> None:
    intent = resolve(an_intent(TARGET), book_side=None, rules=CLOSES)

    assert (intent.size.kind, intent.size.value) == (SizeKind.QUANTITY, Decimal(2))


def test_resolve_keeps_an_entrys_stop() -> None:
    intent = resolve(an_intent(BUY), book_side=None, rules=CLOSES)

    assert intent.stop_loss == Level(LevelKind.PRICE, Decimal(50))
