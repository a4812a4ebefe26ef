"""Which candles are missing between those there are."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from app.trading.timeframe import Timeframe


@dataclass(frozen=True, slots=True)
class MissingCandles:
    """A row of candles that are not there.

    Attributes:
        since: when the first of them opens.
        until: when the first one opens that is there again, or is not asked about.
        count: how many there are.
    """

    since: datetime
    until: datetime
    count: int


class GapFinder:
    """Compares the open times of a range with those that ought to be, in one go.

    Args:
        timeframe: of the candles.
        since: where the range begins, inclusive.
        until: where it ends, exclusive.
    """

    def __init__(self, timeframe: Timeframe, since: datetime, until: datetime) -> None:
        self._timeframe = timeframe
        self._expected = next(timeframe.opens(since, until), until)
        self._until = until

    def look(self, opens: Iterable[datetime]) -> Iterator[MissingCandles]:
        """The gaps before each of these open times, which go on where the last ones ended."""
        for opened in opens:
            if opened > self._expected:
                yield self._gap(opened)
            self._expected = self._timeframe.close_of(opened)

    def end(self) -> Iterator[MissingCandles]:
        """What is missing after the last of them."""
        if self._expected < self._until:
            yield self._gap(self._until)

    def _gap(self, until: datetime) -> MissingCandles:
        count = self._timeframe.how_many(self._expected, until)
        return MissingCandles(self._expected, until, count)
