"""What should rest at the venue for a position, and how that differs from what rests there.

A *set* is what stands or falls together: one order, or a pair of which the first to fire cancels
the other. Several sets share a position without ever exceeding it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import Final, TypeAlias

from app.core.decimals import EXACT
from app.exchanges.venue import Abilities
from app.pipeline.positions.exits import ExitLevels
from app.trading.instrument import Instrument
from app.trading.targets import Target
from app.trading.words import MarketType, TriggerBy, TriggerKind

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)
FRACTION_PLACES: Final = Decimal("1e-18")
# Shares that were rounded to their places may add up to a little less than one.
ALL: Final = ONE - Decimal("1e-12")
# A trailing stop at the venue is moved when it lags by this share of its distance: each move costs
# a moment without it, and the monitor holds the exact price meanwhile.
TRAILING_STEP: Final = Decimal("0.1")


@dataclass(frozen=True, slots=True, order=True)
class RestingExit:
    """One conditional order that closes part of a position.

    Attributes:
        price: trigger, quote per base, on the tick.
        quantity: base units, on the lot.
    """

    kind: TriggerKind
    price: Decimal
    by: TriggerBy
    quantity: Decimal


RestingSet: TypeAlias = tuple[RestingExit, ...]


@dataclass(frozen=True, slots=True)
class Cover:
    """A position as its protection sees it.

    Attributes:
        quantity: what the book holds, base units.
        targets: nearest first; empty without a target.
        resting_stop: trigger of the stop that rests now, quote per base; a trailing stop that has
            hardly moved stays there.
    """

    levels: ExitLevels
    quantity: Decimal
    targets: tuple[Target, ...]
    instrument: Instrument
    resting_stop: Decimal | None = None

    @property
    def stop(self) -> Decimal | None:
        """The tighter of the fixed and the trailing stop, on the tick towards entry."""
        tightest = self.levels.effective_stop
        if tightest is None:
            return None
        price = self.instrument.stop_price(tightest, self.levels.position_side)
        return self._unmoved(price)

    def _unmoved(self, price: Decimal) -> Decimal:
        trailing, resting = self.levels.trailing, self.resting_stop
        if trailing is None or resting is None or price == self.levels.stop_loss:
            return price
        with localcontext(EXACT):
            gained = (price - resting) * self.levels.position_side.sign
            step = trailing.peak * trailing.fraction * TRAILING_STEP
        return resting if ZERO <= gained < step else price


@dataclass(frozen=True, slots=True)
class Wish:
    """What should rest at the venue.

    Attributes:
        sets: each once, in order.
        carries_stop: whether the venue holds the stop; the monitor does otherwise.
    """

    sets: tuple[RestingSet, ...]
    carries_stop: bool


NOTHING: Final = Wish((), carries_stop=False)


def wish(cover: Cover, abilities: Abilities) -> Wish:
    """The resting orders of a position, as far as the venue can carry them (TRADING 16, 17).

    Contracts: one reduce-only stop for all of it, and each target for its slice beside it. Where
    resting sells lock the coins: a pair for each slice, all with the stop's price, and a stop for
    what no target takes; where there are no pairs the stop rests and the monitor holds the target.
    A part below the venue's minimums is the monitor's (TRADING 28).
    """
    sellable = cover.instrument.floor_quantity(cover.quantity)
    stop = _stop(cover, sellable) if abilities.rests_stops else None
    paired_with = stop.price if stop and abilities.locks_coins else None
    targets = _targets(cover, sellable, paired_with) if abilities.rests_targets else ()
    if not abilities.locks_coins:
        singles = [(one,) for one in (*((stop,) if stop else ()), *targets)]
        return Wish(tuple(singles), carries_stop=stop is not None)
    if stop is None:
        # A target that locks the coins would stand in the way of a stop the monitor holds.
        is_stopless = cover.stop is None
        return Wish(tuple((one,) for one in targets) if is_stopless else (), carries_stop=False)
    if not targets or not abilities.pairs:
        return Wish(((stop,),), carries_stop=True)
    return Wish(_pairs(cover, stop, targets), carries_stop=True)


def difference(
    wanted: Sequence[RestingSet], resting: Sequence[RestingSet]
) -> tuple[list[RestingSet], list[int]]:
    """What is missing, and which of the resting ones (by index) should not be there."""
    missing = [tuple(sorted(one)) for one in wanted]
    surplus = []
    for index, one in enumerate(resting):
        found = tuple(sorted(one))
        if found in missing:
            missing.remove(found)
        else:
            surplus.append(index)
    return missing, surplus


def slices(
    quantity: Decimal,
    targets: Iterable[Target],
    instrument: Instrument,
    *,
    stop: Decimal | None = None,
) -> list[tuple[Decimal, Decimal]]:
    """Price and quantity of each target; one too small for an order joins its neighbour.

    Args:
        quantity: what can be sold, base units, on the lot.
        targets: nearest first; their fractions are of this quantity.
        instrument: the lot and the minimums.
        stop: price at which the same slice may be sold instead, where the two are a pair.

    Returns:
        Nearest first, never more than the quantity together. Shares that add up to one leave
        nothing over: the last takes what rounding left.
    """
    found: list[tuple[Decimal, Decimal]] = []
    taken = share = whole = ZERO
    with localcontext(EXACT):
        for target in targets:
            share += target.fraction
            is_all = share >= ALL
            whole = quantity if is_all else instrument.floor_quantity(quantity * share)
            worst = target.price if stop is None else min(target.price, stop)
            if not _is_too_small(whole - taken, worst, instrument):
                found.append((target.price, whole - taken))
                taken = whole
        if found and whole > taken:
            price, part = found[-1]
            found[-1] = (price, part + whole - taken)
    return found


def without_first(targets: tuple[Target, ...], price: Decimal | None) -> tuple[Target, ...]:
    """The targets after one was reached, with their shares of what is left.

    Args:
        targets: nearest first, at least one.
        price: which one; the nearest when None or unknown.
    """
    done = next((one for one in targets if one.price == price), targets[0])
    rest = [one for one in targets if one is not done]
    with localcontext(EXACT):
        left = ONE - done.fraction
        if left <= 0:
            return ()
        return tuple(replace(one, fraction=_share(one.fraction, left)) for one in rest)


def _share(fraction: Decimal, left: Decimal) -> Decimal:
    return min(ONE, (fraction / left).quantize(FRACTION_PLACES))


def _stop(cover: Cover, sellable: Decimal) -> RestingExit | None:
    price = cover.stop
    if price is None or _is_too_small(sellable, price, cover.instrument):
        return None
    return RestingExit(
        TriggerKind.STOP, price, _by(cover.instrument, cover.levels.stop_by), sellable
    )


def _targets(
    cover: Cover, sellable: Decimal, paired_with: Decimal | None
) -> tuple[RestingExit, ...]:
    by = _by(cover.instrument, cover.levels.target_by)
    return tuple(
        RestingExit(TriggerKind.TARGET, price, by, quantity)
        for price, quantity in slices(sellable, cover.targets, cover.instrument, stop=paired_with)
    )


def _pairs(
    cover: Cover, stop: RestingExit, targets: Sequence[RestingExit]
) -> tuple[RestingSet, ...]:
    sets: list[RestingSet] = [(replace(stop, quantity=one.quantity), one) for one in targets]
    left = stop.quantity - sum((one.quantity for one in targets), ZERO)
    if left and not _is_too_small(left, stop.price, cover.instrument):
        return (*sets, (replace(stop, quantity=left),))
    if left:
        first, last = sets[-1]
        sets[-1] = (
            replace(first, quantity=first.quantity + left),
            replace(last, quantity=last.quantity + left),
        )
    return tuple(sets)


def _by(instrument: Instrument, wanted: TriggerBy) -> TriggerBy:
    """Spot has no mark price."""
    return TriggerBy.LAST if instrument.market_type is MarketType.SPOT else wanted


def _is_too_small(quantity: Decimal, price: Decimal, instrument: Instrument) -> bool:
    """Whether no venue order can carry it; contract venues let small reduce-only orders pass."""
    if quantity <= 0 or quantity < instrument.min_quantity:
        return True
    if instrument.market_type is not MarketType.SPOT:
        return False
    return instrument.notional(quantity, price) < instrument.min_notional
