"""Stops, targets and the estimated liquidation of one entry, as prices on the tick."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import assert_never

from app.core.decimals import EXACT, plain
from app.core.errors import Denied, Invalid
from app.strategies.words import LevelKind
from app.trading.instrument import Instrument
from app.trading.targets import Target
from app.trading.words import MarketType, PositionSide

HUNDRED = Decimal(100)
FRACTION_PLACES = Decimal("1e-18")


@dataclass(frozen=True, slots=True)
class PriceLevel:
    """A stop or a target as it was asked for.

    Attributes:
        value: quote per base for `PRICE` and `DISTANCE`; percent of the entry price for the
            percent kinds, 2 = 2 %.
    """

    kind: LevelKind
    value: Decimal


def stop_from(
    level: PriceLevel, *, entry_price: Decimal, position_side: PositionSide, instrument: Instrument
) -> Decimal:
    """Where the stop of an entry goes; a trailing stop starts at its distance from the entry.

    Args:
        level: as the alert or the strategy says it.
        entry_price: the limit, or the executable price, quote per base; above 0.
        position_side: a long is stopped below its entry, a short above.
        instrument: its tick; rounded towards entry (TRADING 33).

    Returns:
        Quote per base, above 0, strictly on the losing side of the entry.

    Raises:
        Denied: `stop_on_wrong_side`, when it is at or beyond the entry, or not above 0.
    """
    away = _away(level, entry_price=entry_price, sign=-position_side.sign)
    price = instrument.stop_price(away, position_side)
    if price <= 0 or (entry_price - price) * position_side.sign <= 0:
        where = "below" if position_side is PositionSide.LONG else "above"
        raise Denied(
            f"the stop of a {position_side} belongs {where} its entry: stop {plain(price)}, "
            f"entry {plain(entry_price)}",
            code="stop_on_wrong_side",
        )
    return price


def target_from(
    level: PriceLevel, *, entry_price: Decimal, position_side: PositionSide, instrument: Instrument
) -> Decimal:
    """Where the target of an entry goes.

    Args:
        level: as the alert or the strategy says it; any kind but `TRAILING_PERCENT`.
        entry_price: the limit, or the executable price, quote per base; above 0.
        position_side: a long aims above its entry, a short below.
        instrument: its tick; rounded towards entry (TRADING 33).

    Returns:
        Quote per base, above 0, strictly on the winning side of the entry.

    Raises:
        Denied: `target_on_wrong_side`, when it is at or beyond the entry, or not above 0.
        Invalid: `target_cannot_trail`.
    """
    if level.kind is LevelKind.TRAILING_PERCENT:
        raise Invalid("only a stop can trail; give the target a price", code="target_cannot_trail")
    away = _away(level, entry_price=entry_price, sign=position_side.sign)
    price = instrument.target_price(away, position_side)
    if price <= 0 or (price - entry_price) * position_side.sign <= 0:
        where = "above" if position_side is PositionSide.LONG else "below"
        raise Denied(
            f"the target of a {position_side} belongs {where} its entry: target {plain(price)}, "
            f"entry {plain(entry_price)}",
            code="target_on_wrong_side",
        )
    return price


def targets_from(
    levels: Sequence[tuple[PriceLevel, Decimal | None]],
    *,
    entry_price: Decimal,
    position_side: PositionSide,
    instrument: Instrument,
) -> tuple[Target, ...]:
    """Where the targets of an entry go, and what share of the position each sells.

    Args:
        levels: each with its share in percent, 25 = 25 %; None for an equal share of what the
            others leave. Two at the same price become one.
        entry_price: as for `target_from`.
        position_side: as for `target_from`.
        instrument: as for `target_from`.

    Returns:
        Nearest first; shares above 0 that add up to at most 1.

    Raises:
        Denied: `target_on_wrong_side`; `targets_exceed_position`, when they would sell more than
            there is.
    """
    shares: dict[Decimal, Decimal] = {}
    with localcontext(EXACT):
        given = sum((share for _, share in levels if share is not None), Decimal(0))
        open_ended = sum(1 for _, share in levels if share is None)
        spare = HUNDRED - given
        if spare < 0 or (open_ended and spare == 0):
            raise Denied(
                f"the targets would sell {plain(given)} % of the position, and others wait for "
                "a share"
                if open_ended
                else f"the targets would sell {plain(given)} % of it",
                code="targets_exceed_position",
            )
        for level, share in levels:
            percent = spare / open_ended if share is None else share
            price = target_from(
                level,
                entry_price=entry_price,
                position_side=position_side,
                instrument=instrument,
            )
            fraction = (percent / HUNDRED).quantize(FRACTION_PLACES)
            shares[price] = shares.get(price, Decimal(0)) + fraction
    is_long = position_side is PositionSide.LONG
    return tuple(Target(price, shares[price]) for price in sorted(shares, reverse=not is_long))


def tighter_stop(
    current: Decimal | None, proposed: Decimal | None, *, position_side: PositionSide
) -> Decimal | None:
    """The stop of a book after an add: the new one, unless it is further away (TRADING 7).

    Args:
        current: stop of the whole book, quote per base; None when it has none.
        proposed: stop that came with the add; None when it brought none.
        position_side: a long's tighter stop is the higher one.
    """
    if current is None or proposed is None:
        return proposed if current is None else current
    tighter = max if position_side is PositionSide.LONG else min
    return tighter(current, proposed)


def liquidation_estimate(
    entry_price: Decimal,
    leverage: Decimal,
    *,
    position_side: PositionSide,
    market_type: MarketType,
    maintenance_rate: Decimal,
) -> Decimal | None:
    """Where an isolated position is liquidated, before fees and funding (TRADING 13).

    Linear: entry · (1 ∓ 1/leverage ± maintenance). Inverse, from margin and loss in coin:
    entry · (1 ± maintenance) / (1 ± 1/leverage).

    Args:
        entry_price: average entry of the whole book, quote per base.
        leverage: at least 1.
        position_side: upper signs for a long.
        market_type: spot is never liquidated.
        maintenance_rate: fraction of the notional, 0.005 = 0.5 %.

    Returns:
        Quote per base, unrounded; None when no price liquidates it.
    """
    sign = position_side.sign
    with localcontext(EXACT):
        match market_type:
            case MarketType.SPOT:
                return None
            case MarketType.LINEAR:
                return entry_price * (1 - sign * (1 / leverage - maintenance_rate))
            case MarketType.INVERSE:
                room = 1 + sign / leverage
                return None if room <= 0 else entry_price * (1 + sign * maintenance_rate) / room
            case _:
                assert_never(market_type)


def average_price(lots: Iterable[tuple[Decimal, Decimal]], *, market_type: MarketType) -> Decimal:
    """Average entry of several lots; harmonic on inverse (TRADING 29).

    Args:
        lots: quantity in the instrument's units and price in quote per base, each above 0; at
            least one.
        market_type: decides the mean.

    Returns:
        Quote per base, unrounded.
    """
    lots = tuple(lots)
    with localcontext(EXACT):
        quantity = sum((size for size, _ in lots), Decimal(0))
        if market_type is MarketType.INVERSE:
            return quantity / sum((size / price for size, price in lots), Decimal(0))
        return sum((size * price for size, price in lots), Decimal(0)) / quantity


def _away(level: PriceLevel, *, entry_price: Decimal, sign: int) -> Decimal:
    with localcontext(EXACT):
        match level.kind:
            case LevelKind.PRICE:
                return level.value
            case LevelKind.DISTANCE:
                return entry_price + sign * level.value
            case LevelKind.PERCENT | LevelKind.TRAILING_PERCENT:
                return entry_price * (1 + sign * level.value / 100)
            case _:
                assert_never(level.kind)
