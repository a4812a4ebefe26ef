"""Conditional futures orders: their own numbers, their own states, and what sets them off."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from app.trading.words import Side

_ZERO = Decimal(0)


class AlgoStatus(StrEnum):
    """Binance's words; only the first three are open."""

    NEW = "NEW"
    TRIGGERING = "TRIGGERING"
    TRIGGERED = "TRIGGERED"
    FINISHED = "FINISHED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


class AlgoType(StrEnum):
    """Binance's words: the first four wait for a price, the last follows it."""

    STOP_MARKET = "STOP_MARKET"
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"
    STOP = "STOP"
    TAKE_PROFIT = "TAKE_PROFIT"
    TRAILING_STOP_MARKET = "TRAILING_STOP_MARKET"

    @property
    def is_limit(self) -> bool:
        """Whether a limit order comes out of it."""
        return self in {AlgoType.STOP, AlgoType.TAKE_PROFIT}

    @property
    def is_take_profit(self) -> bool:
        """Whether it waits for the price to become better."""
        return self in {AlgoType.TAKE_PROFIT, AlgoType.TAKE_PROFIT_MARKET}


class WorkingType(StrEnum):
    """Which price sets it off."""

    MARK_PRICE = "MARK_PRICE"
    CONTRACT_PRICE = "CONTRACT_PRICE"


@dataclass(slots=True)
class AlgoOrder:
    """One conditional order from acceptance to its end.

    Attributes:
        quantity: base units; 0 with `close_position`, which takes all there is at the trigger.
        limit_price: of the order that comes out of it; 0 for a market order.
        trigger_price: 0 on a trailing stop.
        activate_price: where a trailing stop begins to follow; 0 for at once.
        callback_percent: how far the price comes back, as Binance writes it: 1 is 1 %.
        extreme: best price since it began to follow; 0 before.
        triggered_at: milliseconds, 0 before.
        actual_order_id: the normal order that came out of it, 0 before.
        reason: why it was rejected or expired.
    """

    id: int
    account_id: int
    symbol: str
    client_algo_id: str
    side: Side
    algo_type: AlgoType
    time_in_force: str
    quantity: Decimal
    limit_price: Decimal
    trigger_price: Decimal
    working_type: WorkingType
    reduce_only: bool
    close_position: bool
    activate_price: Decimal
    callback_percent: Decimal
    created_at: int
    updated_at: int
    status: AlgoStatus = AlgoStatus.NEW
    extreme: Decimal = _ZERO
    triggered_at: int = 0
    actual_order_id: int = 0
    reason: str = ""

    @property
    def is_open(self) -> bool:
        """Whether anything can still come of it."""
        return self.status in {AlgoStatus.NEW, AlgoStatus.TRIGGERING, AlgoStatus.TRIGGERED}

    @property
    def waits_for_rise(self) -> bool:
        """Whether a price at or above the trigger sets it off."""
        return (self.side is Side.BUY) != self.algo_type.is_take_profit

    def is_reached(self, price: Decimal) -> bool:
        """Whether this price sets it off; a trailing stop compares with its best price."""
        trigger = self.trigger_price
        if self.algo_type is AlgoType.TRAILING_STOP_MARKET:
            if self.extreme == 0:
                return False
            distance = self.callback_percent / 100
            trigger = self.extreme * (1 + (distance if self.side is Side.BUY else -distance))
        return price >= trigger if self.waits_for_rise else price <= trigger

    def follow(self, price: Decimal) -> bool:
        """Let a trailing stop see a price; true when its best price changed."""
        if self.algo_type is not AlgoType.TRAILING_STOP_MARKET:
            return False
        is_buy = self.side is Side.BUY
        if self.extreme == 0:
            waits = price > self.activate_price if is_buy else price < self.activate_price
            if self.activate_price > 0 and waits:
                return False
        elif (price >= self.extreme) if is_buy else (price <= self.extreme):
            return False
        self.extreme = price
        return True
