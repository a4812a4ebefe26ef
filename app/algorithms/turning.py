"""How an algorithm that follows a side enters and leaves: at the turn, and only from flat."""

from collections.abc import Callable, Collection
from decimal import Decimal
from typing import TypeAlias

from app.algorithms.bars import Bar
from app.algorithms.intents import Account, Intent, Move
from app.trading.words import PositionSide

# A sentence, or how to make it: most candles turn nothing, and then nobody reads it.
Reason: TypeAlias = str | Callable[[], str]
StopLoss: TypeAlias = Decimal | Callable[[], Decimal] | None


class Turning:
    """Remembers the side that the candles speak for, and acts when it turns.

    The first side that is known is no turn: it may have been so for a long time.
    """

    __slots__ = ("_is_known", "side")

    def __init__(self) -> None:
        self.side: PositionSide | None = None
        self._is_known = False

    def step(
        self,
        side: PositionSide | None,
        bar: Bar,
        account: Account,
        *,
        ended: Collection[PositionSide],
        reason: Reason,
        stop_loss: StopLoss = None,
    ) -> list[Intent]:
        """What follows from a candle: first the exit, then the entry.

        Args:
            side: that the candle speaks for, if any.
            bar: the base candle.
            account: an entry comes only where nothing is held, or nothing will be.
            ended: sides whose holdings have lost their reason.
            reason: a sentence for a trader; made only where it is read, as is `stop_loss`.
            stop_loss: of an entry.
        """
        has_turned = self._is_known and side is not None and side is not self.side
        self.side, self._is_known = side, True
        held = account.side
        leaves = held if held is not None and held in ended else None
        enters = side if has_turned and (held is None or leaves is not None) else None
        if leaves is None and enters is None:
            return []
        intents: list[Intent] = []
        said = reason if isinstance(reason, str) else reason()
        if leaves is not None:
            intents.append(Intent(Move.EXIT, leaves, said, bar.closed_at))
        if enters is not None:
            stop = stop_loss() if callable(stop_loss) else stop_loss
            intents.append(Intent(Move.ENTER, enters, said, bar.closed_at, stop_loss=stop))
        return intents
