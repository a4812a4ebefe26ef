"""Where a bot is, and where it may go."""

from typing import Final

from app.core.state import Transitions
from app.core.words import Word


class BotStatus(Word):
    """What a bot does.

    Attributes:
        STOPPED: nothing; its trader has not started it yet, or has stopped it.
        STARTING: it is started, or has changed hands, and is being warmed up.
        RUNNING: it decides at the close of each candle.
        FAILED: it has ended by itself; its reason says why.
    """

    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    FAILED = "failed"


BOT_MOVES: Final[Transitions[BotStatus]] = {
    BotStatus.STOPPED: frozenset({BotStatus.STARTING}),
    BotStatus.STARTING: frozenset({BotStatus.RUNNING, BotStatus.STOPPED, BotStatus.FAILED}),
    # Whoever takes it up after a restart warms it up first.
    BotStatus.RUNNING: frozenset({BotStatus.STARTING, BotStatus.STOPPED, BotStatus.FAILED}),
    BotStatus.FAILED: frozenset({BotStatus.STARTING, BotStatus.STOPPED}),
}
AT_WORK: Final = (BotStatus.STARTING, BotStatus.RUNNING)
