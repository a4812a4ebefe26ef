"""How an algorithm that follows a side enters and leaves: at the turn, and only from flat."""

from collections.abc import Collection
from decimal import Decimal

from app.algorithms.bars import Bar
from app.algorithms.intents import Account, Intent, Move
from app.trading.words import PositionSide


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
        reason: str,
        stop_loss: Decimal | None = None,
    ) -> list[Intent]:
        """What follows from a candle: first the exit, then the entry.

        Args:
            side: that the candle speaks for, if any.
            bar: the base candle.
            account: an entry comes only where nothing is held, or nothing will be.
            ended: sides whose holdings have lost their reason.
            reason: a sentence for a trader.
            stop_loss: of an entry.
        """
        has_turned = self._is_known and side is not None and side is not self.side
        self.side, self._is_known = side, True
        intents, held = [], account.side
        if held is not None and held in ended:
            intents.append(Intent(Move.EXIT, held, reason, bar.closed_at))
            held = None
        if has_turned and side is not None and held is None:
            intents.append(Intent(Move.ENTER, side, reason, bar.closed_at, stop_loss=stop_loss))
        return intents
