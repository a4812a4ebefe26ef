"""The enums that orders, positions and venues have in common."""

from typing import assert_never

from app.core.words import Word


class Side(Word):
    """Of an order."""

    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> "Side":
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY


class PositionSide(Word):
    """Of a holding."""

    LONG = "long"
    SHORT = "short"

    @property
    def sign(self) -> int:
        """+1 for a long, -1 for a short."""
        return 1 if self is PositionSide.LONG else -1

    @property
    def opposite(self) -> "PositionSide":
        """The other side."""
        return PositionSide.SHORT if self is PositionSide.LONG else PositionSide.LONG

    @property
    def opening_side(self) -> Side:
        """The order side that adds to this holding."""
        match self:
            case PositionSide.LONG:
                return Side.BUY
            case PositionSide.SHORT:
                return Side.SELL
            case _:
                assert_never(self)

    @property
    def closing_side(self) -> Side:
        """The order side that reduces this holding."""
        return self.opening_side.opposite


class OrderType(Word):
    """How an order executes; conditional types come with stops that rest at the venue."""

    MARKET = "market"
    LIMIT = "limit"


class TimeInForce(Word):
    """How long an order stays."""

    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    POST_ONLY = "post_only"


class MarketType(Word):
    """What kind of market an account trades."""

    SPOT = "spot"
    LINEAR = "linear"
    INVERSE = "inverse"


class MarginMode(Word):
    """How margin is shared between the positions of an account."""

    ISOLATED = "isolated"
    CROSS = "cross"


class Purpose(Word):
    """What an order is for."""

    ENTRY = "entry"
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    EXIT = "exit"


class CloseReason(Word):
    """Why a position was closed."""

    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    TRAILING_STOP = "trailing_stop"
    SIGNAL = "signal"
    USER_STOPPED = "user_stopped"
    SCHEDULED = "scheduled"
    RISK = "risk"
    LIQUIDATED = "liquidated"
    EXTERNAL = "external"
