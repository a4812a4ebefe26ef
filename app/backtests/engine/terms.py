"""What a run trades by: the strategy's terms, the account's means, and what funding was paid."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from app.pipeline.risk.exposure import DEFAULT_MAINTENANCE, Limits
from app.pipeline.risk.levels import PriceLevel
from app.pipeline.risk.sizing import SizeAsked
from app.strategies.words import Sides
from app.trading.words import MarginMode

UTC: Final = ZoneInfo("UTC")
ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the account has, and what its trader allows.

    Attributes:
        capital: in the account at the beginning, settle currency, above 0.
        limits: the trader's, in force all the time; a second person consents to whatever is asked.
        zone: of the trader: the daily loss is counted from their midnight.
    """

    capital: Decimal
    limits: Limits = field(default_factory=Limits)
    zone: ZoneInfo = UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a strategy says about each of its trades, and how the market treats them.

    Attributes:
        sizing: of an entry that names no size of its own.
        allocation: what the strategy may size by, settle currency; None: the whole account.
        reinvest: whether profits raise the allocation; losses always lower it (TRADING 12).
        leverage: 1 or more; of no meaning on spot.
        margin_mode: an isolated position is backed by its margin, a crossed one by the account.
        maintenance_rate: fraction of the notional at which a contract position is liquidated.
        stop_loss: of an entry that brings none; None: it has none.
        take_profit: likewise; it cannot trail.
        sides: which way the strategy opens.
        max_entries: that one position may have; 0 = no limit (TRADING 7).
        max_price_drift: fraction of a wish's reference price; the tighter of this and the limits'.
        raise_to_min_notional: go up to the venue's minimum instead of being denied.
        max_holding: a position that is older is closed at the next open; None: never.
        entry_ttl: how long an entry is worth carrying out, and rests with a limit; None: for ever.
        slippage: fraction of the price by which whatever is filled at market is worse off, the
            spread in it; 0.0005 = 0.05 %.
    """

    sizing: SizeAsked
    allocation: Decimal | None = None
    reinvest: bool = False
    leverage: int = 1
    margin_mode: MarginMode = MarginMode.ISOLATED
    maintenance_rate: Decimal = DEFAULT_MAINTENANCE
    stop_loss: PriceLevel | None = None
    take_profit: PriceLevel | None = None
    sides: Sides = Sides.BOTH
    max_entries: int = 1
    max_price_drift: Decimal | None = None
    raise_to_min_notional: bool = False
    max_holding: timedelta | None = None
    entry_ttl: timedelta | None = None
    slippage: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class FundingRate:
    """What longs paid shorts at one moment (FACTS E).

    Attributes:
        at: aware.
        rate: fraction of the position's value; positive when longs pay.
        mark_price: the position is valued at, quote per base; None: the candle's open.
    """

    at: datetime
    rate: Decimal
    mark_price: Decimal | None = None
