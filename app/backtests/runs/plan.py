"""A backtest before it is run: which algorithm, on which candles, by which terms."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from app.algorithms.algorithm import Definition
from app.algorithms.feed import Feed
from app.backtests.runs.models import Backtest
from app.backtests.runs.terms import Circumstances, RunTerms
from app.core.errors import Conflict, Invalid
from app.market.bars import BY_LENGTH, length_of
from app.market.candles.series import Series
from app.market.fetching.job import checked_count
from app.market.prices import PriceKey
from app.own_algorithms.faults import STUCK, AlgorithmFault
from app.trading.timeframe import Timeframe

# Two years of minutes.
MOST_CANDLES: Final = 1_100_000
# What is decided at a close is carried out at the next open.
LEAST_CANDLES: Final = 2
# So that no warm-up begins before the calendar does.
BEFORE_ALL_MARKETS: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What has to be known of a backtest, whoever asked for it and however often it is run.

    Attributes:
        since: the first candle that counts opens then.
        until: the last one opens before that.
    """

    definition: Definition[Any]
    market: PriceKey
    timeframe: Timeframe
    since: datetime
    until: datetime
    terms: RunTerms
    circumstances: Circumstances

    @property
    def length(self) -> timedelta:
        """Of the base timeframe.

        Raises:
            Invalid: as `length_of`.
        """
        return length_of(self.timeframe)

    @property
    def count(self) -> int:
        """How many base candles there are if none is missing."""
        return self.timeframe.how_many(self.since, self.until)

    def check(self, settings: Mapping[str, Any], *, now: datetime) -> None:
        """See that it can be run, as far as that is known before its candles are.

        Args:
            settings: parameters of the algorithm; of a sweep those of one run.
            now: nothing after it is known.

        Raises:
            Invalid: `bad_parameters`; `bad_timeframe`; `before_all_markets`, `future_range`,
                `reversed_range`, `nothing_closed`; `too_few_candles`, `too_many_candles`.
        """
        Feed(self.definition, settings, self.length)
        if self.since < BEFORE_ALL_MARKETS:
            raise Invalid("from: no market is that old.", code="before_all_markets")
        count = checked_count(self.timeframe, self.since, self.until, now=now)
        if count < LEAST_CANDLES:
            detail = f"{count} candle is too few: what it decides is carried out at the next one."
            raise Invalid(detail, code="too_few_candles")
        if count > MOST_CANDLES:
            detail = f"These are {count} candles; a backtest takes {MOST_CANDLES} at most."
            raise Invalid(detail, code="too_many_candles")

    def series(self, cases: Iterable[Mapping[str, Any]]) -> dict[Series, datetime]:
        """The series that are needed, the base first, and from when on.

        Args:
            cases: parameters of each run; those that are refused need no candles.

        Raises:
            AlgorithmFault: `algorithm_stuck`; a run would wait longer for the same.
        """
        warm_up = max(self._warm_ups(cases), default=0)
        timeframes = [
            BY_LENGTH[length] for length in dict.fromkeys((self.length, *self.definition.larger))
        ]
        return {
            Series.of(self.market, one): one.open_of(self.since) - warm_up * length_of(one)
            for one in timeframes
        }

    def _warm_ups(self, cases: Iterable[Mapping[str, Any]]) -> Iterable[int]:
        for settings in cases:
            try:
                yield self.definition.warm_up(self.definition.validated(settings))
            except Invalid as refusal:
                if isinstance(refusal, AlgorithmFault) and refusal.code == STUCK:
                    raise


def closed_range(
    timeframe: Timeframe, since: datetime, until: datetime, *, now: datetime
) -> tuple[datetime, datetime]:
    """A range from the open of its first candle to the end of what has closed.

    What has not closed by now does not count when the run is gone on with later, either. A range
    without any candle, or from before all markets, stays as it is, for `Plan.check` to refuse.
    """
    closed = timeframe.open_of(now)
    if not BEFORE_ALL_MARKETS <= since < min(closed, until):
        return since, until
    first = next(timeframe.opens(since, min(closed, until)), since)
    return first, min(closed, until)


def plan_of(row: Backtest, found: Definition[Any]) -> Plan:
    """The plan of a stored backtest.

    Args:
        row: as it was asked for.
        found: the algorithm of that name, as it is now.

    Raises:
        Conflict: `algorithm_changed`: it would decide otherwise by now, or nobody knows.
    """
    circumstances = Circumstances.read(row.circumstances)
    if found.version != row.version:
        raise Conflict(
            f"{found.name} is version {found.version} by now, and this was asked for with version "
            f"{row.version}: ask for it again.",
            code="algorithm_changed",
        )
    if circumstances.algorithm_digest != digest_of(found):
        raise Conflict(
            f"The file of {found.name} is not what it was when this was asked for: ask for it "
            "again.",
            code="algorithm_changed",
        )
    return Plan(
        definition=found,
        market=PriceKey(row.exchange, row.market_type, row.symbol),
        timeframe=row.timeframe,
        since=row.since,
        until=row.until,
        terms=RunTerms.model_validate(row.terms),
        circumstances=circumstances,
    )


def digest_of(found: Definition[Any]) -> str | None:
    """Of the file of an own algorithm; None of one of the program: that has its version."""
    return None if found.source is None else found.source.digest
