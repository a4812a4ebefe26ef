"""What an algorithm wants, in the words of an alert: our native format, as anybody sends it."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from app.algorithms.intents import Intent, Move
from app.core.clock import iso
from app.core.decimals import plain
from app.trading.words import OrderType, PositionSide

ENTRIES: Final = {PositionSide.LONG: "long", PositionSide.SHORT: "short"}
# An entry and the market exit of the other side, at one close.
FLIP: Final = "flip"


@dataclass(frozen=True, slots=True)
class Moment:
    """The close of a candle at which a bot decides.

    Attributes:
        symbol: in ccxt's form.
        price: of that close, in quote.
    """

    bot_id: UUID
    symbol: str
    closed_at: datetime
    price: Decimal


def alerts_of(moment: Moment, intents: Sequence[Intent]) -> list[bytes]:
    """One alert for each wish, in their order; a way out and into the other side are one flip.

    The corridor knows a flip: the close first, and the entry when it is proven flat. Two alerts
    would be two closes, for an entry against an open book asks for one as well.

    What two wishes of one close are told apart by is what they want, not their number: decided
    once more after a restart they would have the same names.
    """
    names = _Names(moment)
    return [_body(moment, names, intent, action) for intent, action in _joined(intents)]


def _joined(intents: Sequence[Intent]) -> Iterator[tuple[Intent, str]]:
    """Each wish with its verb; an exit that is one half of a flip is left out."""
    entered = {one.position_side for one in intents if one.move is Move.ENTER}
    ends = {one.position_side for one in intents if _is_whole_exit(one)}
    for intent in intents:
        other = intent.position_side.opposite
        if intent.move is Move.ENTER:
            yield intent, FLIP if other in ends else ENTRIES[intent.position_side]
        elif not (_is_whole_exit(intent) and other in entered):
            yield intent, "close"


def _is_whole_exit(intent: Intent) -> bool:
    is_market = intent.limit_price is None and intent.quantity is None
    return intent.move is Move.EXIT and is_market


@dataclass(slots=True)
class _Names:
    """What each alert is called: never the same for two, and never another for the same."""

    moment: Moment
    given: Counter[str] = field(default_factory=Counter)

    def next(self, intent: Intent) -> str:
        wish = f"{intent.move.value}-{intent.position_side.value}"
        number = self.given[wish]
        self.given[wish] += 1
        at = self.moment
        return f"{at.bot_id}:{at.symbol}:{int(at.closed_at.timestamp())}:{wish}:{number}"


def _body(moment: Moment, names: _Names, intent: Intent, action: str) -> bytes:
    order_type = OrderType.MARKET if intent.limit_price is None else OrderType.LIMIT
    fields: Mapping[str, str | None] = {
        "symbol": moment.symbol,
        "action": action,
        "position_side": intent.position_side.value,
        "quantity": _text(intent.quantity),
        "order_type": order_type.value,
        "price": plain(moment.price if intent.limit_price is None else intent.limit_price),
        "stop_loss": _text(intent.stop_loss),
        "take_profit": _text(intent.take_profit),
        "time": iso(moment.closed_at),
        "id": names.next(intent),
        "comment": intent.reason,
    }
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


def _text(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)


def dated(intent: Intent, moment: Moment) -> Intent:
    """A wish of an earlier close that is sent now."""
    reason = f"asked for at {intent.decided_at:%Y-%m-%d %H:%M} UTC: {intent.reason}"
    return replace(intent, reason=reason, decided_at=moment.closed_at)
