"""The closed choices of a signal."""

from app.core.words import Word


class SignalAction(Word):
    """What a signal does to the book."""

    OPEN = "open"
    ADD = "add"
    CLOSE = "close"
    REDUCE = "reduce"

    @property
    def opens(self) -> bool:
        """Whether it takes on risk, and so needs a decision and every rule."""
        return self in {SignalAction.OPEN, SignalAction.ADD}
