"""The answer: what happened, what a replay makes of it, and what each setting and decision did."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import Final
from uuid import UUID

from app.backtests.what_if.figures import (
    Figures,
    LastPrice,
    Source,
    Sourced,
    as_happened,
    by_key,
    figures_of,
    total_of,
)
from app.backtests.what_if.past import Fate, Key, PastAlarm, Trip
from app.backtests.what_if.replay.played import LeftOut
from app.backtests.what_if.replay.run import Setting, play, play_alone
from app.backtests.what_if.scenario import NO_LIMITS, Scenario, lifting
from app.core.decimals import EXACT, plain

ZERO: Final = Decimal(0)
AS_IT_WAS: Final = Scenario(name="as it was")
# Kinds of decisions that are undone by a replay of their own; the rest is counted alone.
MOST_UNDONE: Final = 12


@dataclass(frozen=True, slots=True)
class Change:
    """A trip that a scenario changes.

    Attributes:
        was: what it really brought, open results in it; None when there was none.
        is_now: what it would have brought; None when there would be none.
        source: of the figures now; None when there would be none.
    """

    key: Key
    was: Decimal | None
    is_now: Decimal | None
    source: Source | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a scenario would have brought.

    Attributes:
        figures: trips that it does not change are the real ones.
        simulated: the same, all of it from candles.
        difference: total of `figures` less that of the baseline; above 0 when it were better.
        from_books: how many of its trips are the real ones.
        changes: every trip that it changes, adds or takes away.
        left_out: entries that it does not make.
    """

    scenario: Scenario
    figures: Figures
    simulated: Figures
    difference: Decimal
    from_books: int
    changes: tuple[Change, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class Decided:
    """What one kind of decision, or one rule, has earned or cost; settle currency.

    Attributes:
        code: `rejected`, `expired`, or of the rule.
        entries: how many it stopped.
        alone: what it earned, each of those entries taken by itself: less what they would have
            brought. Above 0 when they would have lost.
        counted: for how many of them that could be told.
        together: what it earned with all of them in the replay at once, where they stand in each
            other's way; None when that was not replayed, or no setting undoes the rule.
    """

    code: str
    fate: Fate
    entries: int
    alone: Decimal
    counted: int
    together: Decimal | None

    def words(self, currency: str) -> str:
        """A sentence for a trader."""
        many = "1 entry" if self.entries == 1 else f"{self.entries} entries"
        is_plain = self.code == self.fate.value
        what = self.code if is_plain else f"{self.fate} ({self.code})"
        return f"{many}, {what}: {self._worth(currency)}."

    def _worth(self, currency: str) -> str:
        earned = self.alone if self.together is None else self.together
        if self.together is None and self.counted == 0:
            return "what that was worth cannot be told"
        if earned == 0:
            return "that made no difference"
        did = "saved" if earned > 0 else "cost"
        return f"that {did} {plain(abs(earned))} {currency}"


@dataclass(frozen=True, slots=True)
class Line:
    """One alarm, and what came of it or would have.

    Attributes:
        real: what its trip has brought by the books, open results in it; None without one.
        simulated: the same in the replay of the settings as they were.
        alone: what it would have brought by itself, where it was left out.
        is_open: whether that trip would still be open.
    """

    alarm: PastAlarm
    real: Decimal | None
    simulated: Decimal | None
    alone: Decimal | None
    is_open: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything that was asked.

    Attributes:
        baseline: what really happened, of the trips that these alarms opened, by the books.
        others: what was booked in the range of positions that they did not open.
        simulated: the replay of the settings as they were.
        error: its total less that of the baseline: how wrong the simulation is, in money.
        refused: entries that were made in reality, and that the replay refuses.
    """

    setting: Setting
    baseline: Figures
    others: Figures
    simulated: Figures
    error: Decimal
    outcomes: tuple[Outcome, ...]
    decisions: tuple[Decided, ...]
    lines: tuple[Line, ...]
    refused: tuple[LeftOut, ...]

    def notes(self) -> Iterator[str]:
        """What a trader has to know to read the figures, in sentences."""
        if self.refused:
            codes = ", ".join(sorted({one.code for one in self.refused}))
            yield (
                f"{len(self.refused)} of the trades that were made are refused in the replay "
                f"({codes}): limits and settings of today are not those of then, or a price was "
                "another one."
            )
        if self.baseline.funding != 0:
            yield "Funding is in the baseline and not in the simulation."
        if any(one.missing for one in self.setting.tapes.values()):
            yield "Some candles are missing; while they last, no stop and no target is reached."
        if self.others.trades or self.others.open_trips:
            yield (
                "Positions that none of these alarms opened, from before the range or by a script, "
                "are in `others` and in no replay."
            )


def answer(setting: Setting, scenarios: Sequence[Scenario]) -> Answer:
    """Work everything out; the same arguments give the same answer.

    Args:
        setting: the past, candles and means.
        scenarios: checked ones, each a replay of its own.
    """
    return _Desk(setting).answer(scenarios)


class _Desk:
    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._past = setting.past
        self._real = by_key(self._past.trips)
        self._played = play(setting, AS_IT_WAS)
        self._unchanged = by_key(self._played.trips)

    def answer(self, scenarios: Sequence[Scenario]) -> Answer:
        baseline = self._figures(list(self._real.values()))
        simulated = self._figures(self._played.trips)
        alone = dict(self._alone())
        others = [one for one in self._past.trips if one.key is None]
        return Answer(
            setting=self._setting,
            baseline=baseline,
            others=self._figures(others),
            simulated=simulated,
            error=_difference(simulated, baseline),
            outcomes=tuple(self._outcome(one, baseline) for one in scenarios),
            decisions=tuple(self._decisions(alone, simulated)),
            lines=tuple(self._lines(alone)),
            refused=tuple(one for one in self._played.left_out if one.key in self._real),
        )

    def _figures(self, trips: Sequence[Trip]) -> Figures:
        return figures_of(trips, self._last_price)

    def _last_price(self, trip: Trip) -> Decimal | None:
        market = self._past.strategies[trip.strategy_id].market(trip.symbol)
        tape = self._setting.tapes.get(market)
        return None if tape is None else tape.last_price

    def _outcome(self, scenario: Scenario, baseline: Figures) -> Outcome:
        played = play(self._setting, scenario)
        trips = as_happened(played.trips, unchanged=self._unchanged, real=self._real)
        figures = self._figures([one.trip for one in trips])
        return Outcome(
            scenario=scenario,
            figures=figures,
            simulated=self._figures(played.trips),
            difference=_difference(figures, baseline),
            from_books=sum(one.source is Source.REAL for one in trips),
            changes=tuple(_changes(trips, self._real, self._last_price)),
            left_out=played.left_out,
        )

    def _alone(self) -> Iterator[tuple[Key, Trip | None]]:
        """What each entry that a decision or a rule left out would have brought by itself."""
        for one in self._played.left_out:
            if _is_decision(one):
                yield one.key, play_alone(self._setting, _alone_of(one.code), one.key)

    def _decisions(self, alone: Mapping[Key, Trip | None], simulated: Figures) -> Iterator[Decided]:
        """The most frequent first; of as many, by their code."""
        kinds: defaultdict[tuple[str, Fate], list[LeftOut]] = defaultdict(list)
        for one in self._played.left_out:
            if _is_decision(one):
                kinds[one.code, one.fate].append(one)
        ranked = sorted(kinds.items(), key=lambda item: (-len(item[1]), item[0]))
        for number, ((code, fate), some) in enumerate(ranked):
            trips = [trip for one in some if (trip := alone[one.key]) is not None]
            together = self._undone(code, some, simulated) if number < MOST_UNDONE else None
            with localcontext(EXACT):
                lost = -sum((total_of(one, self._last_price) for one in trips), ZERO)
            yield Decided(code, fate, len(some), lost, len(trips), together)

    def _undone(self, code: str, some: Sequence[LeftOut], simulated: Figures) -> Decimal | None:
        """What a kind of decision earned; None where its entries are stopped by it all the same."""
        played = play(self._setting, lifting(code))
        stopped = {one.key for one in played.left_out if one.code == code}
        if stopped.issuperset(one.key for one in some):
            return None
        return _difference(simulated, self._figures(played.trips))

    def _lines(self, alone: Mapping[Key, Trip | None]) -> Iterator[Line]:
        real, simulated = self._by_alarm(self._real), self._by_alarm(self._unchanged)
        by_itself = self._by_alarm(alone)
        still_open = {
            key.alarm_id
            for key, trip in alone.items()
            if trip is not None and trip.closed_at is None
        }
        for alarm in self._past.alarms:
            yield Line(
                alarm,
                real.get(alarm.id),
                simulated.get(alarm.id),
                by_itself.get(alarm.id),
                alarm.id in still_open,
            )

    def _by_alarm(self, trips: Mapping[Key, Trip | None]) -> dict[UUID, Decimal]:
        """What the trips of each alarm have brought, open results in it."""
        sums: dict[UUID, Decimal] = {}
        with localcontext(EXACT):
            for key, trip in trips.items():
                if trip is not None:
                    total = total_of(trip, self._last_price)
                    sums[key.alarm_id] = sums.get(key.alarm_id, ZERO) + total
        return sums


def _is_decision(one: LeftOut) -> bool:
    """Whether it was left out in reality, too; a rule of the replay has a sentence of its own."""
    return one.detail is None and one.fate is not Fate.UNDECIDED


def _alone_of(code: str) -> Scenario:
    """What lets one entry through, with nothing beside it that a limit could count."""
    return replace(lifting(code), limits=NO_LIMITS)


def _difference(one: Figures, other: Figures) -> Decimal:
    with localcontext(EXACT):
        return one.total - other.total


def _changes(
    trips: Sequence[Sourced], real: Mapping[Key, Trip], last_price: LastPrice
) -> Iterator[Change]:
    """What is not from the books, and what of the books is gone."""
    there = set()
    for trip, source in trips:
        if trip.key is None:
            continue
        there.add(trip.key)
        if source is Source.SIMULATED:
            before = real.get(trip.key)
            was = None if before is None else total_of(before, last_price)
            yield Change(trip.key, was, total_of(trip, last_price), source)
    for key, before in real.items():
        if key not in there:
            yield Change(key, total_of(before, last_price), None, None)
