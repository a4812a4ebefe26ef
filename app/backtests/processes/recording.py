"""What is kept of an outcome: figures as JSON takes them, and its lines in parts."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.backtests.engine.facts import Fill, Refusal, Trade
from app.backtests.engine.outcome import Outcome
from app.backtests.engine.statistics import statistics
from app.backtests.processes.packing import Line, Part, Strand, packed
from app.core.clock import iso
from app.core.decimals import EXACT, plain, to_places

# As long as there are fewer, each close is kept. Of more, those that a curve is drawn by.
MOST_POINTS: Final = 20_000
# First, lowest, highest and last of each stretch.
POINTS_OF_A_STRETCH: Final = 4
HUNDRED: Final = 100.0
SHOWN: Final = Decimal("1e-8")
MICROSECOND: Final = timedelta(microseconds=1)
EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def figures_of(outcome: Outcome) -> dict[str, Any]:
    """The figures of a run; amounts in settle currency and shares in percent, as plain text."""
    found = statistics(outcome)
    return {
        "capital": plain(outcome.capital),
        "equity": plain(to_places(outcome.balance + outcome.unrealised)),
        "net_profit": _money(found.net_profit),
        "net_return_percent": _shown(found.net_return, HUNDRED),
        "fees": _money(found.fees),
        "funding": _money(found.funding),
        "trades": found.trades,
        "wins": found.wins,
        "losses": found.losses,
        "win_rate_percent": _shown(found.win_rate, HUNDRED),
        "gross_profit": _money(found.gross_profit),
        "gross_loss": _money(found.gross_loss),
        "profit_factor": _shown(found.profit_factor),
        "expectancy": _money(found.expectancy),
        "max_drawdown": _shown(found.max_drawdown),
        "max_drawdown_percent": _shown(found.max_drawdown_fraction, HUNDRED),
        "longest_drawdown_seconds": int(found.longest_drawdown.total_seconds()),
        "sharpe": _shown(found.sharpe),
        "exposure_percent": _shown(found.exposure, HUNDRED),
        "candles": len(outcome.equity),
        "warm_up": outcome.warm_up,
        "began_at": iso(outcome.began_at),
        "ended_at": iso(outcome.ended_at),
        "is_open": outcome.holding is not None,
    }


def refusals_of(outcome: Outcome) -> dict[str, int]:
    """How many wishes came to nothing, by code."""
    return dict(Counter(one.code for one in outcome.refusals))


def parts_of(outcome: Outcome) -> Iterator[Part]:
    """Everything else that is kept of it."""
    yield from packed(Strand.TRADES, map(trade_line, outcome.trades))
    yield from packed(Strand.FILLS, map(fill_line, outcome.fills))
    yield from packed(Strand.REFUSALS, map(refusal_line, outcome.refusals))
    yield from packed(Strand.EQUITY, equity_lines(outcome))


def trade_line(one: Trade) -> Line:
    """A trade, as `runs.schemas` reads it."""
    summary = one.summary
    return [
        micros(summary.closed_at),
        micros(summary.opened_at),
        summary.position_side.value,
        plain(summary.quantity),
        _money(summary.entry_price),
        _money(summary.exit_price),
        _money(summary.gross),
        _money(summary.fees),
        _money(summary.funding),
        _money(summary.realized_pnl),
        one.close_reason.value,
        one.entries,
    ]


def fill_line(one: Fill) -> Line:
    """A fill, as `runs.schemas` reads it."""
    return [
        micros(one.at),
        one.side.value,
        one.position_side.value,
        one.purpose.value,
        None if one.close_reason is None else one.close_reason.value,
        plain(one.quantity),
        plain(to_places(one.price)),
        plain(to_places(one.fee)),
        one.fee_asset,
        one.is_maker,
        one.reason,
    ]


def refusal_line(one: Refusal) -> Line:
    """A refusal, as `runs.schemas` reads it."""
    return [micros(one.at), one.position_side.value, one.code, one.detail]


def equity_lines(outcome: Outcome) -> Iterator[Line]:
    """The equity at each close, or at those that a curve of so many points is drawn by."""
    chosen = kept_points(outcome.equity, MOST_POINTS)
    moments = outcome.closed_at[chosen].astype("datetime64[us]").astype(np.int64).tolist()
    values = outcome.equity[chosen].tolist()
    held = outcome.is_held[chosen].tolist()
    for moment, value, is_held in zip(moments, values, held, strict=True):
        yield [moment, _shown(value), is_held]


def kept_points(values: NDArray[np.float64], most: int) -> NDArray[np.intp]:
    """Which values a curve is drawn by: in each stretch the first, lowest, highest and last.

    A curve drawn through them has every peak and every fall of the whole one.

    Args:
        values: one after the other, NaN-free.
        most: how many may stay; all of them if there are no more than that.
    """
    if len(values) <= most:
        return np.arange(len(values))
    edges = np.linspace(0, len(values), most // POINTS_OF_A_STRETCH + 1).astype(np.intp)
    chosen: list[int] = []
    for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        stretch = values[begin:end]
        points = {begin, begin + int(stretch.argmin()), begin + int(stretch.argmax()), end - 1}
        chosen += sorted(points)
    return np.array(chosen, dtype=np.intp)


def micros(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - EPOCH) // MICROSECOND


def moment_of(micros_since_1970: int) -> datetime:
    """The moment, aware, UTC."""
    return EPOCH + micros_since_1970 * MICROSECOND


def _money(value: Decimal | None) -> str | None:
    return None if value is None else plain(to_places(value))


def _shown(value: float | None, factor: float = 1.0) -> str | None:
    """A figure with eight decimal places: it was measured, not booked."""
    if value is None:
        return None
    with localcontext(EXACT):
        return plain(Decimal(repr(float(value) * factor)).quantize(SHOWN))
