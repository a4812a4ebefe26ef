"""An intent in plain English, as a trader would say it."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from app.core.decimals import plain
from app.pipeline.alarms.meaning import Action, Intent, Level, LevelKind, Size, SizeKind, TakeProfit
from app.trading.tickers import parse_ticker
from app.trading.words import OrderType, PositionSide

_SIZES: Final[Mapping[SizeKind, str]] = {
    SizeKind.QUANTITY: "{} {ticker}",
    SizeKind.TARGET_QUANTITY: "{} {ticker}",
    SizeKind.NOTIONAL: "{ticker} for {} {quote}",
    SizeKind.EQUITY_PERCENT: "{ticker} for {} % of equity",
    SizeKind.POSITION_PERCENT: "{} % of the {ticker} position",
    SizeKind.RISK_QUOTE: "{ticker}",
    SizeKind.RISK_PERCENT: "{ticker}",
    SizeKind.ALL: "all {ticker}",
    SizeKind.DEFAULT: "{ticker} in the strategy's size",
}
_RISKS: Final[Mapping[SizeKind, str]] = {
    SizeKind.RISK_QUOTE: "risking {} {quote}",
    SizeKind.RISK_PERCENT: "risking {} % of equity",
}
_QUOTES: Final = ("USDT", "USDC", "FDUSD", "BUSD", "USD", "EUR", "BTC", "ETH", "KRW", "THB")
_LEVELS: Final[Mapping[LevelKind, str]] = {
    LevelKind.PRICE: "{}",
    LevelKind.PERCENT: "{} % from entry",
    LevelKind.DISTANCE: "{} from entry",
    LevelKind.TRAILING_PERCENT: "trailing by {} %",
}


def sentence(intent: Intent) -> str:
    """What will be done, with its size and levels, unless the open book says otherwise."""
    return _SENTENCES[intent.action](intent)


def _open(intent: Intent) -> str:
    verb = "Buy" if intent.position_side is PositionSide.LONG else "Sell"
    if intent.is_bare:
        return f"{verb} {_sized(intent)} {_how(intent)}{_levels(intent)}."
    side = "" if intent.position_side is None else f" to open a {intent.position_side}"
    return f"{verb} {_sized(intent)} {_how(intent)}{side}{_levels(intent)}."


def _close(intent: Intent) -> str:
    return f"Close {_book(intent)} {_how(intent)}{_levels(intent)}."


def _reduce(intent: Intent) -> str:
    value = _value(intent.size)
    amounts = {
        SizeKind.QUANTITY: f"{value} of {_book(intent)}",
        SizeKind.NOTIONAL: f"{value} {_quote(intent)} of {_book(intent)}",
        SizeKind.POSITION_PERCENT: f"{value} % of {_book(intent)}",
    }
    amount = amounts.get(intent.size.kind, f"a part of {_book(intent)}")
    return f"Close {amount} {_how(intent)}{_levels(intent)}."


def _flip(intent: Intent) -> str:
    side = intent.position_side or "the other side"
    return f"Turn {_ticker(intent)} {side}: close, then open {_sized(intent)}{_end(intent)}."


def _add(intent: Intent) -> str:
    return f"Add {_sized(intent)} to {_book(intent, is_named=False)}{_end(intent)}."


def _target(intent: Intent) -> str:
    if intent.position_side is None:
        return f"Bring the {_ticker(intent)} position to 0{_end(intent)}."
    size = _sized(intent)
    if intent.size.kind is SizeKind.TARGET_QUANTITY:
        size = _value(intent.size)
    return f"Bring the {_ticker(intent)} position to {size} {intent.position_side}{_end(intent)}."


def _cancel(intent: Intent) -> str:
    if intent.ticker is None:
        return "Cancel the resting entries."
    return f"Cancel the resting entries of {_ticker(intent)}."


def _ignore(intent: Intent) -> str:
    why = "" if intent.reason is None else f": {intent.reason.detail}"
    return f"Nothing to do{why}."


_SENTENCES: Final[Mapping[Action, Callable[[Intent], str]]] = {
    Action.OPEN: _open,
    Action.CLOSE: _close,
    Action.REDUCE: _reduce,
    Action.FLIP: _flip,
    Action.ADD: _add,
    Action.TARGET: _target,
    Action.CANCEL: _cancel,
    Action.IGNORE: _ignore,
}


def _ticker(intent: Intent) -> str:
    return intent.ticker or "the strategy's market"


def _book(intent: Intent, *, is_named: bool = True) -> str:
    side = intent.position_side or "position"
    owner = intent.ticker or "strategy's"
    return f"the {owner} {side}" if is_named else f"the {side}"


def _value(size: Size) -> str:
    return "" if size.value is None else plain(round(size.value, 8))


def _sized(intent: Intent) -> str:
    words = _SIZES[intent.size.kind]
    return words.format(_value(intent.size), ticker=_ticker(intent), quote=_quote(intent))


def _quote(intent: Intent) -> str:
    """The coin that money is counted in, where the ticker's spelling shows it."""
    if intent.ticker is None:
        return "in quote"
    spelling = parse_ticker(intent.ticker)
    endings = (coin for coin in _QUOTES if spelling.pair.endswith(coin) and spelling.pair != coin)
    return spelling.quote or next(endings, "in quote")


def _how(intent: Intent) -> str:
    if intent.trigger is not None:
        if intent.trigger.is_trailing:
            return f"with an order {_level(intent.trigger)}"
        return f"when the price reaches {_level(intent.trigger)}"
    if intent.order_type is OrderType.LIMIT and intent.limit_price is not None:
        return f"at limit {plain(intent.limit_price)}"
    return "at market"


def _end(intent: Intent) -> str:
    return f" {_how(intent)}{_levels(intent)}"


def _levels(intent: Intent) -> str:
    parts = []
    if intent.size.kind in _RISKS:
        risk = _RISKS[intent.size.kind]
        parts.append(risk.format(_value(intent.size), quote=_quote(intent)))
    if intent.stop_loss is not None and intent.stop_loss != intent.trigger:
        parts.append(f"stop {_level(intent.stop_loss)}")
    if intent.take_profits:
        noun = "target" if len(intent.take_profits) == 1 else "targets"
        parts.append(f"{noun} {' and '.join(map(_take_profit, intent.take_profits))}")
    if intent.leverage is not None and intent.leverage != Decimal(1):
        parts.append(f"leverage {plain(intent.leverage)}x")
    return "".join(f", {part}" for part in parts)


def _level(level: Level) -> str:
    if level.is_trailing and level.kind is not LevelKind.TRAILING_PERCENT:
        return f"trailing by {plain(level.value)}"
    return _LEVELS[level.kind].format(plain(round(level.value, 8)))


def _take_profit(target: TakeProfit) -> str:
    portion = "" if target.portion_percent is None else f" ({plain(target.portion_percent)} %)"
    return f"{_level(target.level)}{portion}"
