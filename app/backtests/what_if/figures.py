"""What trips add up to, and which of a replay's trips really happened like that."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Final, NamedTuple

from app.backtests.what_if.past import Key, Trip
from app.core.decimals import EXACT
from app.core.words import Word
from app.pipeline.pnl.rules import Outcome, deepest_fall, outcome_of
from app.pipeline.positions.book import unrealised

ZERO: Final = Decimal(0)
# The last price of what a trip holds; None where none is known.
LastPrice = Callable[[Trip], Decimal | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Trips added up, in settle currency.

    Attributes:
        net: booked: gross less fees plus funding.
        open_trips: still open at the end; `open_result` is what they would gain at the last
            price, before fees.
        trades: closed ones; `wins` and `losses` by their net result.
        max_drawdown: deepest fall of the booked results, trip by trip, below their peak.
    """

    net: Decimal
    gross: Decimal
    fees: Decimal
    funding: Decimal
    trades: int
    wins: int
    losses: int
    max_drawdown: Decimal
    open_trips: int
    open_result: Decimal

    @property
    def total(self) -> Decimal:
        """Booked, and what is open at the last price."""
        with localcontext(EXACT):
            return self.net + self.open_result


def figures_of(trips: Iterable[Trip], last_price: LastPrice) -> Figures:
    """Add trips up; in any order."""
    rows = list(trips)
    outcomes = [outcome_of(one.net) for one in rows if one.closed_at is not None]
    with localcontext(EXACT):
        return Figures(
            net=sum((one.net for one in rows), ZERO),
            gross=sum((one.gross for one in rows), ZERO),
            fees=sum((one.fees for one in rows), ZERO),
            funding=sum((one.funding for one in rows), ZERO),
            trades=len(outcomes),
            wins=outcomes.count(Outcome.WIN),
            losses=outcomes.count(Outcome.LOSS),
            max_drawdown=_drawdown(rows),
            open_trips=len(rows) - len(outcomes),
            open_result=sum((open_result(one, last_price) for one in rows), ZERO),
        )


def open_result(trip: Trip, last_price: LastPrice) -> Decimal:
    """What is held of a trip would gain at the last price, before fees; 0 where nothing is."""
    price = None if trip.held is None else last_price(trip)
    return ZERO if trip.held is None or price is None else unrealised(trip.held, price)


def total_of(trip: Trip, last_price: LastPrice) -> Decimal:
    """What a trip has booked, and what it holds at the last price."""
    with localcontext(EXACT):
        return trip.net + open_result(trip, last_price)


def _drawdown(trips: Sequence[Trip]) -> Decimal:
    booked = [(one.booked_at, str(one.key), one.net) for one in trips if one.booked_at is not None]
    return deepest_fall((at, net) for at, _, net in sorted(booked)).depth


class Source(Word):
    """Where a trip's figures come from.

    Attributes:
        REAL: the books: the replay trades it as it traded it under the settings as they were.
        SIMULATED: the replay on candles.
    """

    REAL = "real"
    SIMULATED = "simulated"


class Sourced(NamedTuple):
    """A trip with where its figures come from."""

    trip: Trip
    source: Source


def as_happened(
    played: Iterable[Trip],
    *,
    unchanged: Mapping[Key, Trip],
    real: Mapping[Key, Trip],
) -> list[Sourced]:
    """What really happened, but for the trips that a replay changes.

    What a setting does not touch is then exact, and the error of a simulation is only in what it
    does touch. Where the replay of the settings as they were is wrong about a trip (it has one that
    never was, or lacks one), and the other replay is wrong in the same way, the books are right.

    Args:
        played: of the replay under other settings.
        unchanged: of the replay under the settings as they were.
        real: from the books.
    """
    found = []
    replayed = by_key(played)
    for key in {**real, **replayed}:
        trip, as_it_was = replayed.get(key), unchanged.get(key)
        if trip == as_it_was and key in real:
            found.append(Sourced(real[key], Source.REAL))
        elif trip is not None and trip != as_it_was:
            found.append(Sourced(trip, Source.SIMULATED))
    return found


def by_key(trips: Iterable[Trip]) -> dict[Key, Trip]:
    """Those that an alarm opened; the first of each."""
    found: dict[Key, Trip] = {}
    for trip in trips:
        if trip.key is not None:
            found.setdefault(trip.key, trip)
    return found
