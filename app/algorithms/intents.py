"""What an algorithm wants, and what it may know of the money."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.core.words import Word
from app.trading.instrument import Instrument
from app.trading.words import PositionSide


class Move(Word):
    """Into a position, or out of it."""

    ENTER = "enter"
    EXIT = "exit"


@dataclass(frozen=True, slots=True)
class Intent:
    """One wish of an algorithm at the close of a candle.

    Attributes:
        position_side: of the holding that is opened or closed.
        reason: a sentence for a trader.
        decided_at: the close of the candle that decided it, never later than what was known.
        quantity: base units, a multiple of the lot; None: the strategy sizes an entry, and an exit
            is all of the holding.
        limit_price: on the tick; None for a market order. Of an exit it rests until it is filled or
            another exit replaces it.
        stop_loss: trigger price for an entry, on the tick; None: the strategy's own.
        take_profit: trigger price for an entry, on the tick; None: the strategy's own.
    """

    move: Move
    position_side: PositionSide
    reason: str
    decided_at: datetime
    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """What the strategy holds of the symbol, by its totals.

    Attributes:
        quantity: base units (contracts on inverse), above 0.
        cost: what that cost, fees apart, in quote.
        open_fees: entry fees that no exit has booked yet, in quote.
    """

    position_side: PositionSide
    quantity: Decimal
    cost: Decimal
    open_fees: Decimal


@dataclass(frozen=True, slots=True)
class Account:
    """What an algorithm may know of the money at the close of a candle.

    Attributes:
        instrument: steps, minimums and fees of the symbol.
        capital: what the strategy sizes by, in settle currency (TRADING 12).
        holding: None while it is flat.
    """

    instrument: Instrument
    capital: Decimal
    holding: Holding | None = None

    @property
    def side(self) -> PositionSide | None:
        """Of the holding."""
        return None if self.holding is None else self.holding.position_side
