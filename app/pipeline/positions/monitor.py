"""Guards open positions: every quote of their symbols against an index of their levels."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from app.market.prices import PriceBoard, PriceKey
from app.pipeline.positions.models import Position
from app.pipeline.positions.service import levels_of
from app.pipeline.positions.status import PositionStatus
from app.pipeline.positions.triggers import TriggerIndex
from app.trading.quote import Quote
from app.trading.words import CloseReason

OnTrigger = Callable[[UUID, CloseReason], None]


class Monitor:
    """Follows the prices of what is held and says which position has reached a level.

    A position is watched from its first fill; its symbol is streamed as long as anything is held
    of it. A price that is too old triggers nothing.

    Args:
        prices: streams each symbol once, whatever the number of positions.
        now: the time that ages are counted in.
        max_price_age: how old a quote may be to trigger anything.
        on_trigger: told each position that has to be closed, once per quote until it is released
            or guarded anew; must not block.
    """

    def __init__(
        self,
        prices: PriceBoard,
        *,
        now: Callable[[], datetime],
        max_price_age: timedelta,
        on_trigger: OnTrigger,
    ) -> None:
        self._prices = prices
        self._now = now
        self._max_price_age = max_price_age
        self._on_trigger = on_trigger
        self._indexes: dict[PriceKey, TriggerIndex] = {}
        self._keys: dict[UUID, PriceKey] = {}
        self._leave = prices.listen(self._on_quote)
        self.last_tick_at: datetime | None = None

    def guard(self, position: Position, key: PriceKey) -> None:
        """Watch a position by its levels as they are now.

        While it is being closed its levels rest: the exit is on its way.
        """
        if position.id not in self._keys:
            self._keys[position.id] = key
            self._prices.watch(key)
        index = self._indexes.setdefault(key, TriggerIndex())
        if position.status is PositionStatus.CLOSING or position.is_closed:
            index.remove(position.id)
            return
        levels = levels_of(position)
        if position.id in index:
            index.update(position.id, levels)
        else:
            index.add(position.id, levels)
        quote = self._prices.latest(key)
        if quote is not None:
            # The level may have been passed before it was set: do not wait for the next quote.
            self._check(key, quote)

    def release(self, position_id: UUID) -> None:
        """Stop watching a position that is flat."""
        key = self._keys.pop(position_id, None)
        if key is None:
            return
        self._indexes[key].remove(position_id)
        if not len(self._indexes[key]) and key not in self._keys.values():
            del self._indexes[key]
        self._prices.unwatch(key)

    def peaks(self) -> dict[UUID, Decimal]:
        """Best price so far of every trailing position, to be kept across a restart."""
        found = {}
        for position_id, key in self._keys.items():
            index = self._indexes.get(key)
            levels = None if index is None else index.levels_of(position_id)
            if levels is not None and levels.trailing is not None:
                found[position_id] = levels.trailing.peak
        return found

    def stale_keys(self) -> list[PriceKey]:
        """Markets with something to guard whose price is too old to guard it by."""
        now = self._now()
        return [
            key
            for key, index in self._indexes.items()
            if len(index) and not self._is_fresh(self._prices.latest(key), now)
        ]

    @property
    def guarded(self) -> int:
        """How many positions are watched."""
        return len(self._keys)

    @property
    def guarded_ids(self) -> frozenset[UUID]:
        """Which positions are watched at this moment."""
        return frozenset(self._keys)

    def close(self) -> None:
        """Stop listening."""
        self._leave()

    def _on_quote(self, key: PriceKey, quote: Quote) -> None:
        self.last_tick_at = self._now()
        if key in self._indexes:
            self._check(key, quote)

    def _check(self, key: PriceKey, quote: Quote) -> None:
        if not self._is_fresh(quote, self._now()):
            return
        for position_id, reason in self._indexes[key].hits(quote):
            self._on_trigger(position_id, reason)

    def _is_fresh(self, quote: Quote | None, now: datetime) -> bool:
        return quote is not None and quote.age(now) <= self._max_price_age
