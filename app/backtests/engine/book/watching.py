"""Which candles have something to do: a backtest runs past all others."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from math import inf, nextafter
from typing import Final, TypeAlias

from app.backtests.engine.book.standing import Standing
from app.trading.words import PositionSide

Quiet: TypeAlias = tuple[float, float]
NEVER_QUIET: Final[Quiet] = (inf, -inf)


def quiet_between(standing: Standing, *, balance: Decimal) -> Quiet:
    """The two prices between which a candle changes nothing.

    A hair wide: a level that is no float of its own must not be missed, and whether it is reached
    is decided by decimals.

    Args:
        standing: what is held and what rests.
        balance: of the account, settle currency.

    Returns:
        A price that the low stays above, and one that the high stays below, quote per base.
    """
    levels = tuple(_levels(standing, balance))
    below = [level for level, is_below in levels if is_below]
    above = [level for level, is_below in levels if not is_below]
    return (
        nextafter(float(max(below)), inf) if below else -inf,
        nextafter(float(min(above)), -inf) if above else inf,
    )


def due_at(
    standing: Standing,
    *,
    funding_at: datetime | None,
    midnight: datetime | None,
    max_holding: timedelta | None,
) -> datetime | None:
    """The moment from which a candle has something to do whatever its prices; None without one.

    Args:
        standing: what is held and what rests.
        funding_at: when the position pays next.
        midnight: the trader's next, where the day's loss is limited.
        max_holding: how old a position may get.
    """
    moments = [funding_at, *(entry.expires_at for entry in standing.resting)]
    if standing.position is not None:
        moments.append(midnight)
        opened_at = standing.position.book.opened_at
        if max_holding is not None and opened_at is not None:
            moments.append(opened_at + max_holding)
    return min((moment for moment in moments if moment is not None), default=None)


def _levels(standing: Standing, balance: Decimal) -> Iterator[tuple[Decimal, bool]]:
    """Each price that matters, and whether a falling market comes to it."""
    for entry in standing.resting:
        yield entry.limit_price, entry.judged.side is PositionSide.LONG
    position = standing.position
    if position is None:
        return
    is_long = position.side is PositionSide.LONG
    stop, target = position.stop(balance), position.target
    if stop is not None:
        yield stop[0], is_long
    if target is not None:
        yield target[0], not is_long
    if position.trailing is not None:
        yield position.trailing.peak, not is_long
    if standing.exit is not None and standing.exit.limit_price is not None:
        yield standing.exit.limit_price, not is_long
