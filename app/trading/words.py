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


class TriggerBy(Word):
    """Which price fires a stop."""

    MARK = "mark"
    LAST = "last"


class TriggerKind(Word):
    """What a conditional order waits for: the price getting worse, or getting better."""

    STOP = "stop"
    TARGET = "target"


class OrderOrigin(Word):
    """Who made an order: we, the trader at the venue, or the venue itself."""

    OURS = "ours"
    TRADER = "trader"
    VENUE = "venue"


class Protection(Word):
    """Who guards an open position at this moment.

    Attributes:
        NONE: it has no stop and no target, or its orders are being replaced.
        VENUE: its stop rests at the venue for exactly what can be sold.
        MONITOR: this program watches the price; the venue cannot carry the stop, or there is none.
    """

    NONE = "none"
    VENUE = "venue"
    MONITOR = "monitor"
