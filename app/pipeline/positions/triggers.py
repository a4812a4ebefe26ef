"""Every level of one symbol, ordered, so that a tick finds what it fires and looks at nothing else.

Fixed levels lie in four sorted lists: by the price that fires them (mark, last) and by the way
they are reached (price falls to them, price rises to them). Scheduled exits have lists of
their own: they wait for what a market order would get.

Trailing stops move with every new best price, all of them at once, so their prices are not stored.
Positions that have the same peak form a *herd*: inside it they are ordered by fraction, which is
the order of their trailing prices whatever the peak is. A new best price merges the herds that it
overtakes into one, the smaller into the larger, and gives it the new peak: no position is touched
but those that change herds, each O(log n) times in its life. Each herd shows its tightest
trailing price in one sorted list. Shorts are kept with negated prices, so one code serves both.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal, localcontext
from typing import TypeAlias
from uuid import UUID

from sortedcontainers import SortedDict, SortedList

from app.core.decimals import EXACT
from app.pipeline.positions.exits import (
    ExitLevels,
    Trailing,
    exit_reason,
    trigger_price,
)
from app.trading.quote import Quote
from app.trading.words import CloseReason, PositionSide, TriggerBy

_Placed: TypeAlias = tuple[Decimal, UUID]


class TriggerIndex:
    """The exit levels of the open positions of one symbol.

    Adding, changing and removing cost O(log n); a quote costs O((hits + 1) · log n) plus the
    merging of herds, which adds up to O(log² n) per position over its life.
    """

    def __init__(self) -> None:
        self._levels: dict[UUID, ExitLevels] = {}
        self._fixed = {by: _FixedLevels() for by in TriggerBy}
        self._scheduled = {side: _FixedLevels() for side in PositionSide}
        self._trailing = {
            (by, side): _TrailingStops(side) for by in TriggerBy for side in PositionSide
        }

    def __len__(self) -> int:
        return len(self._levels)

    def __contains__(self, position_id: UUID) -> bool:
        return position_id in self._levels

    def add(self, position_id: UUID, levels: ExitLevels) -> None:
        """Watch a position; one that is watched already gets these levels instead."""
        self.remove(position_id)
        self._levels[position_id] = levels
        for fixed, is_below, price in self._fixed_levels(levels):
            fixed.add(position_id, price, is_below=is_below)
        if levels.trailing is not None:
            self._herds_of(levels).add(position_id, levels.trailing)

    def update(self, position_id: UUID, levels: ExitLevels) -> None:
        """Change the levels of a position that is watched; one that is not stays unwatched.

        A peak that has moved on since the caller read it is kept: a trailing stop never loosens.
        """
        known = self.levels_of(position_id)
        if known is not None:
            self.add(position_id, _with_better_peak(levels, known))

    def remove(self, position_id: UUID) -> None:
        """Stop watching a position; one that is not watched is no error."""
        levels = self._levels.pop(position_id, None)
        if levels is None:
            return
        for fixed, is_below, price in self._fixed_levels(levels):
            fixed.remove(position_id, price, is_below=is_below)
        if levels.trailing is not None:
            self._herds_of(levels).remove(position_id, levels.trailing.fraction)

    def levels_of(self, position_id: UUID) -> ExitLevels | None:
        """The levels of a position with its peak of this moment; None when it is not watched."""
        levels = self._levels.get(position_id)
        if levels is None or levels.trailing is None:
            return levels
        peak = self._herds_of(levels).peak_of(position_id)
        return replace(levels, trailing=replace(levels.trailing, peak=peak))

    def hits(self, quote: Quote) -> list[tuple[UUID, CloseReason]]:
        """Which positions these prices close, and why; moves the peaks of trailing stops first.

        A position that was hit stays watched, and is named again by the next quote, until the
        caller removes it.

        Args:
            quote: fresh prices of the symbol; stale ones must not come here.

        Returns:
            Each position once, with what `exit_reason` says of it, in order of id.
        """
        found: set[UUID] = set()
        with localcontext(EXACT):
            for by in TriggerBy:
                price = trigger_price(quote, by)
                found.update(self._fixed[by].reached(price))
                for side in PositionSide:
                    herds = self._trailing[by, side]
                    herds.follow(price)
                    found.update(herds.reached(price))
            for side, fixed in self._scheduled.items():
                found.update(fixed.reached(quote.executable(side.closing_side)))
        reasons = ((position_id, self._reason(position_id, quote)) for position_id in sorted(found))
        return [(position_id, reason) for position_id, reason in reasons if reason is not None]

    def _reason(self, position_id: UUID, quote: Quote) -> CloseReason | None:
        levels = self.levels_of(position_id)
        return None if levels is None else exit_reason(levels, quote)

    def _herds_of(self, levels: ExitLevels) -> "_TrailingStops":
        return self._trailing[levels.stop_by, levels.position_side]

    def _fixed_levels(self, levels: ExitLevels) -> Iterator[tuple["_FixedLevels", bool, Decimal]]:
        """Where each level lies, whether a falling price reaches it, and its price."""
        side = levels.position_side
        is_long = side is PositionSide.LONG
        if levels.stop_loss is not None:
            yield self._fixed[levels.stop_by], is_long, levels.stop_loss
        if levels.take_profit is not None:
            yield self._fixed[levels.target_by], not is_long, levels.take_profit
        if levels.scheduled is not None:
            yield self._scheduled[side], not is_long, levels.scheduled


def _with_better_peak(levels: ExitLevels, known: ExitLevels) -> ExitLevels:
    if levels.trailing is None or known.trailing is None or levels.stop_by is not known.stop_by:
        return levels
    better = max if levels.position_side is PositionSide.LONG else min
    peak = better(levels.trailing.peak, known.trailing.peak)
    return replace(levels, trailing=replace(levels.trailing, peak=peak))


class _FixedLevels:
    """Levels that one kind of price reaches."""

    def __init__(self) -> None:
        self._below: SortedList[_Placed] = SortedList()
        self._above: SortedList[_Placed] = SortedList()

    def add(self, position_id: UUID, price: Decimal, *, is_below: bool) -> None:
        (self._below if is_below else self._above).add((price, position_id))

    def remove(self, position_id: UUID, price: Decimal, *, is_below: bool) -> None:
        (self._below if is_below else self._above).remove((price, position_id))

    def reached(self, price: Decimal) -> Iterator[UUID]:
        fallen_to: Iterable[_Placed] = self._below.irange((price, _FIRST))
        risen_to: Iterable[_Placed] = self._above.irange(None, (price, _LAST))
        for _, position_id in fallen_to:
            yield position_id
        for _, position_id in risen_to:
            yield position_id


@dataclass(slots=True, eq=False)
class _Herd:
    """Positions with one peak, tightest trailing stop first; `peak` is signed."""

    peak: Decimal
    members: SortedList[_Placed] = field(default_factory=SortedList)

    def trailing_price(self, fraction: Decimal) -> Decimal:
        return self.peak - fraction * abs(self.peak)

    @property
    def tightest(self) -> Decimal:
        return self.trailing_price(self.members[0][0])


class _TrailingStops:
    """Trailing stops of one side by one kind of price, in signed prices: higher is better."""

    def __init__(self, side: PositionSide) -> None:
        self._side = side
        self._herds: SortedDict[Decimal, _Herd] = SortedDict()
        self._herd_of: dict[UUID, _Herd] = {}
        self._tightest: SortedList[tuple[Decimal, Decimal]] = SortedList()

    def add(self, position_id: UUID, trailing: Trailing) -> None:
        peak = trailing.peak * self._side.sign
        with localcontext(EXACT):
            herd = self._herds.get(peak)
            if herd is None:
                herd = _Herd(peak)
            else:
                self._hide(herd)
            self._join(herd, position_id, trailing.fraction)
            self._show(herd)

    def remove(self, position_id: UUID, fraction: Decimal) -> None:
        with localcontext(EXACT):
            herd = self._herd_of.pop(position_id)
            self._hide(herd)
            herd.members.remove((fraction, position_id))
            if herd.members:
                self._show(herd)

    def peak_of(self, position_id: UUID) -> Decimal:
        return self._herd_of[position_id].peak * self._side.sign

    def follow(self, price: Decimal) -> None:
        signed = price * self._side.sign
        overtaken = list(self._herds.irange(None, signed, inclusive=(True, False)))
        if not overtaken:
            return
        herds = [self._herds[peak] for peak in overtaken]
        level = self._herds.get(signed)
        herds += [] if level is None else [level]
        for herd in herds:
            self._hide(herd)
        largest = max(herds, key=lambda herd: len(herd.members))
        for herd in herds:
            if herd is not largest:
                for fraction, position_id in herd.members:
                    self._join(largest, position_id, fraction)
        largest.peak = signed
        self._show(largest)

    def reached(self, price: Decimal) -> Iterator[UUID]:
        signed = price * self._side.sign
        for _, peak in self._tightest.irange((signed, _LOWEST)):
            herd = self._herds[peak]
            for fraction, position_id in herd.members:
                if herd.trailing_price(fraction) < signed:
                    break
                yield position_id

    def _join(self, herd: _Herd, position_id: UUID, fraction: Decimal) -> None:
        herd.members.add((fraction, position_id))
        self._herd_of[position_id] = herd

    def _show(self, herd: _Herd) -> None:
        self._herds[herd.peak] = herd
        self._tightest.add((herd.tightest, herd.peak))

    def _hide(self, herd: _Herd) -> None:
        del self._herds[herd.peak]
        self._tightest.remove((herd.tightest, herd.peak))


_FIRST = UUID(int=0)
_LAST = UUID(int=2**128 - 1)
_LOWEST = Decimal("-Infinity")
