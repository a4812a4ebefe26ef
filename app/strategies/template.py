"""The alert text to paste into TradingView for one strategy, as the strategy is set."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from app.core.decimals import plain
from app.strategies.models import Strategy
from app.strategies.words import Approval, LevelKind, Sides, SizingMode

PASTE_TEXT: Final = (
    "In TradingView's alert window replace everything under Message by this text, as it is: "
    "TradingView fills in the {{…}}."
)
# Of an indicator's alert TradingView knows no size: this one is for the trader to change.
EXAMPLE_QUANTITY: Final = "0.01"
_PLACEHOLDER: Final = re.compile(r"\{\{([^{}]+)\}\}")
_SIZES: Final[Mapping[SizingMode, str]] = {
    SizingMode.QUANTITY: "Every entry is {} in base units, whatever size the alert names.",
    SizingMode.NOTIONAL: "Every entry is worth {} in quote, whatever size the alert names.",
    SizingMode.EQUITY_PERCENT: "Every entry is {} % of the equity, whatever the alert names.",
    SizingMode.RISK_PERCENT: "Every entry risks {} % of the equity, whatever the alert names.",
}
_LEVELS: Final[Mapping[LevelKind, str]] = {
    LevelKind.PRICE: "at {}",
    LevelKind.PERCENT: "{} % from the entry",
    LevelKind.DISTANCE: "{} from the entry, in quote",
    LevelKind.TRAILING_PERCENT: "trailing by {} %",
}


def strategy_alert(strategy: Strategy) -> dict[str, str]:
    """Fields of an alert on a Pine strategy: one text for entries, exits and reversals."""
    sized = strategy.sizing_mode is SizingMode.FROM_ALERT
    return {
        "symbol": "{{ticker}}",
        "action": "{{strategy.order.action}}",
        **({"quantity": "{{strategy.order.contracts}}"} if sized else {}),
        "market_position": "{{strategy.market_position}}",
        "prev_market_position": "{{strategy.prev_market_position}}",
        "market_position_size": "{{strategy.market_position_size}}",
        "prev_market_position_size": "{{strategy.prev_market_position_size}}",
        "order_id": "{{strategy.order.id}}",
        "price": "{{strategy.order.price}}",
        "time": "{{timenow}}",
    }


def indicator_alert(strategy: Strategy) -> dict[str, str]:
    """Fields of an alert on an indicator, which says buy or sell itself."""
    needs_size = strategy.sizing_mode is SizingMode.FROM_ALERT and strategy.sizing_value is None
    return {
        "symbol": "{{ticker}}",
        "action": "sell" if strategy.sides is Sides.SHORT else "buy",
        **({"quantity": EXAMPLE_QUANTITY} if needs_size else {}),
        "price": "{{close}}",
        "time": "{{timenow}}",
    }


def as_text(fields: Mapping[str, str]) -> str:
    """The text to paste."""
    return json.dumps(fields, indent=2, ensure_ascii=False)


def filled(fields: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """The fields as TradingView would send them.

    Args:
        fields: of a template.
        values: by the placeholder's name; a field whose placeholder has none is left out.
    """
    sent = {}
    for name, text in fields.items():
        if all(found in values for found in _PLACEHOLDER.findall(text)):
            sent[name] = _PLACEHOLDER.sub(lambda found: values[found[1]], text)
    return sent


def paste_url(strategy: Strategy) -> str:
    """Where the strategy's address belongs."""
    return (
        "In TradingView's alert window tick Webhook URL under Notifications and paste this "
        f"strategy's address, which ends in {strategy.token_hint}. It is shown only when it is "
        "made: rotate the token for a new one."
    )


def notes_for(strategy: Strategy) -> list[str]:
    """What happens with what the text leaves out, and what to add for something else."""
    return [
        "An indicator alert says buy or sell itself: change the word for each alert.",
        _size_note(strategy),
        _stop_note(strategy),
        _target_note(strategy),
        _approval_note(strategy),
        f"An entry older than {strategy.max_alarm_age_seconds} s is not made, and an exit older "
        f"than {strategy.exit_max_age_seconds} s neither.",
    ]


def _size_note(strategy: Strategy) -> str:
    value = strategy.sizing_value
    if strategy.sizing_mode is not SizingMode.FROM_ALERT and value is not None:
        return _SIZES[strategy.sizing_mode].format(plain(value))
    counts = "The alert's size counts: TradingView's contracts as base units."
    if value is not None:
        return f"{counts} An alert without a size trades {plain(value)} in quote."
    return (
        f"{counts} An alert without one is denied: in the indicator alert put your own size in "
        f"place of {EXAMPLE_QUANTITY}, or `notional` for an amount in quote."
    )


def _stop_note(strategy: Strategy) -> str:
    kind, value = strategy.default_stop_loss_kind, strategy.default_stop_loss_value
    if kind is not None and value is not None:
        return f"Without a stop_loss in the alert the stop is {_level(kind, value)}."
    hint = 'add "stop_loss": "2%" (or a price) to the text'
    if strategy.sizing_mode is SizingMode.RISK_PERCENT:
        return f"This strategy sizes by its stop and has none of its own: {hint}, or it is denied."
    return f"This strategy has no stop of its own: {hint}, or a position is not protected."


def _target_note(strategy: Strategy) -> str:
    kind, value = strategy.default_take_profit_kind, strategy.default_take_profit_value
    if kind is not None and value is not None:
        return f"Without a take_profit in the alert the target is {_level(kind, value)}."
    return 'There is no target unless the alert has one: add "take_profit": "4%" or a price.'


def _approval_note(strategy: Strategy) -> str:
    if strategy.approval is Approval.AUTO:
        return "Entries are sent at once, without asking you."
    ttl = strategy.signal_ttl_seconds
    return f"Entries wait for your approval, {ttl} s at most."


def _level(kind: LevelKind, value: Decimal) -> str:
    return _LEVELS[kind].format(plain(value))
