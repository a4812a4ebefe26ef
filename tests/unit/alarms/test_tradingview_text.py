from decimal import Decimal

import pytest

from app.pipeline.alarms.meaning import Action, Size, SizeKind, Unreadable
from app.pipeline.alarms.reading import understand
from app.trading.words import PositionSide

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
ALL = Size(SizeKind.ALL)


def filled(side: str, contracts: str, position: str, *, ticker: str = "BTCUSDT") -> str:
    return f"order {side} @ {contracts} filled on {ticker}. New strategy position is {position}"


def half() -> Size:
    return Size(SizeKind.POSITION_PERCENT, Decimal(50))


def quantity(value: str) -> Size:
    return Size(SizeKind.QUANTITY, Decimal(value))


@pytest.mark.parametrize(
    ("text", "action", "side", "size"),
    [
        (filled("buy", "0.01", "0.01"), Action.OPEN, LONG, quantity("0.01")),
        (filled("sell", "2", "-2"), Action.OPEN, SHORT, quantity("2")),
        (filled("sell", "0.01", "0"), Action.CLOSE, LONG, ALL),
        (filled("buy", "0.01", "0"), Action.CLOSE, SHORT, ALL),
        (filled("sell", "0.03", "-0.02"), Action.FLIP, SHORT, quantity("0.02")),
        (filled("buy", "0.03", "0.01"), Action.FLIP, LONG, quantity("0.01")),
        (filled("buy", "1", "3"), Action.ADD, LONG, quantity("1")),
        (filled("sell", "1", "1"), Action.REDUCE, LONG, half()),
        (filled("buy", "1", "-1"), Action.REDUCE, SHORT, half()),
        (filled("buy", "1", "\u22121"), Action.REDUCE, SHORT, half()),
        (f"RSI Bot (14, close): {filled('buy', '1', '1')}.", Action.OPEN, LONG, quantity("1")),
    ],
)
def test_the_new_position_decides(
    text: str, action: Action, side: PositionSide, size: Size
) -> None:
    meaning = understand(text.encode())
    (intent,) = meaning.intents

    assert meaning.dialect == "tradingview_text"
    assert (intent.action, intent.position_side, intent.size) == (action, side, size)
    assert intent.is_bare is False


@pytest.mark.parametrize("ticker", ["BTCUSDT.P", "BINANCE:BTCUSDT.P", "BTC1!", "EURUSD"])
def test_the_ticker_keeps_its_signs(ticker: str) -> None:
    meaning = understand(filled("buy", "1", "1", ticker=ticker).encode())

    assert meaning.intents[0].ticker == ticker


def test_two_sentences_are_two_intents_in_order() -> None:
    text = f"{filled('sell', '1', '0')}\n{filled('sell', '2', '-2')}"

    actions = [intent.action for intent in understand(text.encode()).intents]

    assert actions == [Action.CLOSE, Action.OPEN]


@pytest.mark.parametrize("text", [filled("buy", "1,5", "1"), filled("buy", "0", "0")])
def test_numbers_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(Unreadable) as refused:
        understand(text.encode())

    assert refused.value.code == "invalid_size"


def test_an_order_against_its_own_position_is_refused() -> None:
    with pytest.raises(Unreadable) as refused:
        understand(b'{"symbol":"X","action":"sell","market_position":"long"}')

    assert refused.value.code == "no_size"
