"""What came of wishes: fills, trades, funding, and what was refused and why."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from app.pipeline.pnl.rules import TradeSummary
from app.trading.words import CloseReason, PositionSide, Purpose, Side

# When in a candle a level was reached nobody knows. It is dated like a venue's close time, so that
# it belongs to the candle's own day and comes before the next open.
BEFORE_CLOSE: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution.

    Attributes:
        at: the open of its candle, the moment that was given for it, or the last millisecond of
            the candle in which a level was reached.
        purpose: entry, stop, target, or any other exit.
        close_reason: of an exit; None of an entry.
        quantity: base units, contracts on inverse; above 0, on the lot.
        price: quote per base, slippage in it.
        fee: in `fee_asset`, positive when paid.
        fee_asset: base of a buy on spot, else the settle currency.
        is_maker: it rested.
        reason: a sentence for a trader.
        tag: of the wish that led to it; of an exit by a level that of the newest entry.
    """

    at: datetime
    side: Side
    position_side: PositionSide
    purpose: Purpose
    close_reason: CloseReason | None
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool
    reason: str
    tag: str | None


@dataclass(frozen=True, slots=True)
class Trade:
    """One closed round trip.

    Attributes:
        summary: prices, fees, funding and result, as the corridor books them.
        close_reason: of its last exit.
        entries: how many made it.
        tag: of its first entry.
    """

    summary: TradeSummary
    close_reason: CloseReason
    entries: int
    tag: str | None


@dataclass(frozen=True, slots=True)
class Payment:
    """Funding of one position: settle currency, negative when paid."""

    at: datetime
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Refusal:
    """A wish that came to nothing.

    Attributes:
        code: the rule or the reason, stable: `already_in_position`, `below_min_notional`,
            `expired`, `nothing_to_close`.
        detail: a sentence with the figures.
        tag: of the wish.
    """

    at: datetime
    position_side: PositionSide
    code: str
    detail: str
    tag: str | None
