"""What brings a strategy's book to where TradingView says it is (TRADING 10, 35).

TradingView's sizes are its own: unless the strategy takes its sizes from alerts, only the side
counts, and the ratio by which the missed alerts changed its position.
"""

from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Final

from app.core.decimals import EXACT
from app.pipeline.alarms.gaps.chain import Missing, Reported
from app.pipeline.alarms.meaning import (
    DEFAULT_SIZE,
    WHOLE,
    Action,
    Intent,
    Size,
    SizeKind,
)
from app.trading.words import PositionSide

HUNDRED: Final = Decimal(100)
# A fee taken from what was bought and the venue's lot make a book smaller than was asked for.
NEAR: Final = Decimal("0.005")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A book beside TradingView's position.

    Attributes:
        ticker: the market, for the trader.
        reported: TradingView's position now.
        missing: what its missed alerts changed.
        book_side: our side; None when flat.
        book_size: our size in TradingView's units.
        is_sized_by_alerts: whether the strategy takes its sizes from alerts.
    """

    ticker: str
    reported: Reported
    missing: Missing
    book_side: PositionSide | None
    book_size: Decimal
    is_sized_by_alerts: bool


def adoption(at: Standing) -> Intent | None:
    """The one thing to do; None when the book is there already."""
    if at.reported.side is None:
        return None if at.book_side is None else _intent(at, Action.CLOSE, WHOLE, at.book_side)
    if at.book_side is not at.reported.side:
        return _intent(at, Action.OPEN, _entry_size(at, at.reported.size))
    held, wanted = _sizes(at)
    if held is None or wanted is None or abs(wanted - held) <= held * NEAR:
        return None
    if wanted > held:
        return _intent(at, Action.ADD, _entry_size(at, wanted - held))
    with localcontext(EXACT):
        share = (held - wanted) / held * HUNDRED
    return _intent(at, Action.REDUCE, Size(SizeKind.POSITION_PERCENT, round(share, 8)))


def _sizes(at: Standing) -> tuple[Decimal | None, Decimal | None]:
    """What is held and what should be: in the alert's units, or only as a ratio."""
    if at.is_sized_by_alerts and at.reported.size is not None:
        return at.book_size, at.reported.size
    before, after = at.missing.expected, at.missing.reported
    if before.side is not at.book_side or after.side is not at.book_side:
        return None, None
    return before.size, after.size


def _entry_size(at: Standing, size: Decimal | None) -> Size:
    if not at.is_sized_by_alerts or size is None:
        return DEFAULT_SIZE
    return Size(SizeKind.QUANTITY, size)


def _intent(at: Standing, action: Action, size: Size, side: PositionSide | None = None) -> Intent:
    return Intent(
        action=action, ticker=at.ticker, position_side=side or at.reported.side, size=size
    )
