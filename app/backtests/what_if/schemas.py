"""What a what-if answers, as it crosses HTTP."""

from typing import Self
from uuid import UUID

from pydantic import ConfigDict, Field

from app.backtests.what_if.answer import Answer, Change, Decided, Line, Outcome
from app.backtests.what_if.figures import Figures, Source
from app.backtests.what_if.past import Fate
from app.backtests.what_if.replay.played import LeftOut
from app.http.schemas import Moment, Out
from app.trading.money import Money
from app.trading.timeframe import Timeframe


class FiguresOut(Out):
    """Trades added up, in `currency`.

    `net` is booked; `open_result` is what is still open at the last price; `total` is both.
    `max_drawdown` is that of the booked results.
    """

    net: Money
    open_result: Money
    total: Money
    gross: Money
    fees: Money
    funding: Money
    trades: int
    wins: int
    losses: int
    open_trades: int
    max_drawdown: Money

    @classmethod
    def of(cls, one: Figures) -> Self:
        """Shape them."""
        values = {name: getattr(one, name) for name in cls.model_fields if name != "open_trades"}
        return cls(**values, open_trades=one.open_trips)


class ChangeOut(Out):
    """A trade that a scenario changes: what it was worth, and what it would have been.

    `was` null: there was none; `is_now` null: there would be none. `source` is that of `is_now`.
    """

    alarm_id: UUID
    part: int
    was: Money | None
    is_now: Money | None
    source: Source | None

    @classmethod
    def of(cls, one: Change) -> Self:
        """Shape it."""
        return cls(
            alarm_id=one.key.alarm_id,
            part=one.key.part,
            was=one.was,
            is_now=one.is_now,
            source=one.source,
        )


class LeftOutOut(Out):
    """An entry that was not made: by a decision, or, with a `detail`, by a rule of the replay."""

    alarm_id: UUID
    part: int
    fate: Fate
    code: str
    detail: str | None

    @classmethod
    def of(cls, one: LeftOut) -> Self:
        """Shape it."""
        return cls(
            alarm_id=one.key.alarm_id,
            part=one.key.part,
            fate=one.fate,
            code=one.code,
            detail=one.detail,
        )


class OutcomeOut(Out):
    """What a scenario would have brought.

    In `figures` the trades that it does not touch (`from_books`) are the real ones; `simulated`
    has all from candles. `difference` is the total less that of the baseline.
    """

    name: str
    difference: Money
    figures: FiguresOut
    simulated: FiguresOut
    from_books: int
    changes: list[ChangeOut]
    left_out: list[LeftOutOut]

    @classmethod
    def of(cls, one: Outcome) -> Self:
        """Shape it."""
        return cls(
            name=one.scenario.name,
            difference=one.difference,
            figures=FiguresOut.of(one.figures),
            simulated=FiguresOut.of(one.simulated),
            from_books=one.from_books,
            changes=list(map(ChangeOut.of, one.changes)),
            left_out=list(map(LeftOutOut.of, one.left_out)),
        )


class DecidedOut(Out):
    """What one kind of decision, or one rule, has earned; below 0 it has cost.

    `alone` takes each of the entries that it stopped by itself, as far as that can be told
    (`counted`); `together` lets all of them through at once, with everything else as it was, and is
    null for a rule that no setting undoes.
    """

    code: str
    fate: Fate
    entries: int
    counted: int
    alone: Money
    together: Money | None
    words: str

    @classmethod
    def of(cls, one: Decided, currency: str) -> Self:
        """Shape it."""
        return cls(
            code=one.code,
            fate=one.fate,
            entries=one.entries,
            counted=one.counted,
            alone=one.alone,
            together=one.together,
            words=one.words(currency),
        )


class LineOut(Out):
    """One alarm: what became of it, and what it brought or would have.

    `real` is from the books, `simulated` from the replay of the settings as they were, `alone` what
    an entry that was left out would have brought by itself.
    """

    alarm_id: UUID
    strategy_id: UUID
    received_at: Moment
    symbol: str | None
    sentence: str
    fate: Fate
    code: str
    reason: str | None
    decided_by: str | None
    decided_at: Moment | None
    real: Money | None
    simulated: Money | None
    alone: Money | None
    is_open: bool

    @classmethod
    def of(cls, line: Line) -> Self:
        """Shape it."""
        alarm = line.alarm
        last = alarm.signals[-1] if alarm.signals else None
        return cls(
            alarm_id=alarm.id,
            strategy_id=alarm.strategy_id,
            received_at=alarm.received_at,
            symbol=alarm.symbol,
            sentence=alarm.sentence,
            fate=alarm.fate,
            code=alarm.code,
            reason=alarm.reason,
            decided_by=None if last is None else last.decided_by,
            decided_at=None if last is None else last.decided_at,
            real=line.real,
            simulated=line.simulated,
            alone=line.alone,
            is_open=line.is_open,
        )


class CandlesOut(Out):
    """The candles that a market was replayed on; the shorter, the nearer to what happened."""

    exchange: str
    symbol: str
    timeframe: Timeframe
    count: int
    missing: int


class WhatIfOut(Out):
    """What happened, and what would have.

    `baseline` is from the books: what the trades that these alarms opened have brought in the
    range; `others` is what was booked beside them. All else is simulated on `candles`, and
    `simulation_error` says how far off: the replay of the settings as they were, less the baseline.
    """

    model_config = ConfigDict(populate_by_name=True)

    since: Moment = Field(alias="from")
    until: Moment = Field(alias="to")
    currency: str
    is_paper: bool
    alarms: int
    candles: list[CandlesOut]
    baseline: FiguresOut
    others: FiguresOut
    simulated_baseline: FiguresOut
    simulation_error: Money
    scenarios: list[OutcomeOut]
    decisions: list[DecidedOut]
    by_alarm: list[LineOut]
    notes: list[str]

    @classmethod
    def of(cls, one: Answer) -> Self:
        """Shape an answer."""
        past = one.setting.past
        return cls(
            since=past.since,
            until=past.until,
            currency=past.currency,
            is_paper=past.is_paper,
            alarms=len(past.alarms),
            candles=[
                CandlesOut(
                    exchange=market.exchange,
                    symbol=market.symbol,
                    timeframe=tape.timeframe,
                    count=len(tape),
                    missing=tape.missing,
                )
                for market, tape in one.setting.tapes.items()
            ],
            baseline=FiguresOut.of(one.baseline),
            others=FiguresOut.of(one.others),
            simulated_baseline=FiguresOut.of(one.simulated),
            simulation_error=one.error,
            scenarios=list(map(OutcomeOut.of, one.outcomes)),
            decisions=[DecidedOut.of(each, past.currency) for each in one.decisions],
            by_alarm=list(map(LineOut.of, one.lines)),
            notes=list(one.notes()),
        )
