"""The closed choices of a strategy."""

from app.core.words import Word
from app.trading.words import PositionSide


class Approval(Word):
    """Who says yes to a signal."""

    MANUAL = "manual"
    AUTO = "auto"


class Sides(Word):
    """Which way a strategy may open."""

    LONG = "long"
    SHORT = "short"
    BOTH = "both"

    def allows(self, side: PositionSide) -> bool:
        """Whether it may open that side."""
        return self is Sides.BOTH or self.value == side.value


class OnOpposite(Word):
    """What a bare order against the open book means."""

    CLOSE = "close"
    FLIP = "flip"


class SizingMode(Word):
    """How an entry is sized."""

    QUANTITY = "quantity"
    NOTIONAL = "notional"
    EQUITY_PERCENT = "equity_percent"
    RISK_PERCENT = "risk_percent"
    FROM_ALERT = "from_alert"


class LevelKind(Word):
    """How a default stop or target is given."""

    PRICE = "price"
    PERCENT = "percent"
    DISTANCE = "distance"
    TRAILING_PERCENT = "trailing_percent"
