"""One replay: the alarms in their order, each against the book as it is then."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from heapq import heappop, heappush
from itertools import count
from typing import Final, TypeAlias
from uuid import UUID

from app.backtests.engine.purse import Purse
from app.backtests.engine.simulator import Simulator
from app.backtests.engine.terms import Means
from app.backtests.engine.wishes import ExitWish
from app.backtests.what_if.past import Fate, Key, Past, PastAlarm, Trip
from app.backtests.what_if.replay.decisions import decide_entry, decide_exit, signal_for
from app.backtests.what_if.replay.played import LeftOut, Played, fills_of_holding, trips_of
from app.backtests.what_if.replay.tape import Playback, Tapes
from app.backtests.what_if.replay.wishes import Ask, entry_wish, exit_wish, price_seen, terms_of
from app.backtests.what_if.scenario import Scenario
from app.core.errors import Invalid
from app.pipeline.alarms.meaning import Action, Intent
from app.pipeline.alarms.resolving import Rules
from app.pipeline.flow.intents import Ignored, refuse_unsupported, steps_of
from app.trading.words import CloseReason

# Closed by somebody's hand, or beside us: the market did not do it, so candles do not tell of it.
BY_HAND: Final = frozenset(
    {
        CloseReason.USER_STOPPED,
        CloseReason.SCHEDULED,
        CloseReason.RISK,
        CloseReason.EXTERNAL,
    }
)
Event: TypeAlias = PastAlarm | Ask | Trip


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What all replays of one question have in common.

    Attributes:
        tapes: of every market that is entered.
        capital: of each account at the beginning, settle currency.
        slippage: fraction of the price.
    """

    past: Past
    tapes: Tapes
    capital: Decimal
    slippage: Decimal


def play(setting: Setting, scenario: Scenario) -> Played:
    """All alarms under other settings; the same arguments give the same answer."""
    return _Replay(setting, scenario).run(setting.past.alarms)


def play_alone(setting: Setting, scenario: Scenario, key: Key) -> Trip | None:
    """One entry by itself, with the money of a whole account, until its book is flat.

    Args:
        setting: its limits are those of the scenario.
        scenario: one that lets the entry through.
        key: which entry; all others are left out.

    Returns:
        What came of it; None when the rules of size or level do not let it be.
    """
    index, first = next(
        (index, one) for index, one in enumerate(setting.past.alarms) if one.id == key.alarm_id
    )
    later = [one for one in setting.past.alarms[index:] if one.strategy_id == first.strategy_id]
    return _Replay(setting, scenario, only=key).run(later).trip(key)


class _Replay:
    def __init__(self, setting: Setting, scenario: Scenario, *, only: Key | None = None) -> None:
        self._setting = setting
        self._past = setting.past
        self._scenario = scenario
        self._only = only
        self._strategies = {
            name: scenario.strategy(one) for name, one in self._past.strategies.items()
        }
        self._purses: dict[UUID, Purse] = {}
        self._books: dict[tuple[UUID, str], Playback] = {}
        self._events: list[tuple[datetime, int, Event]] = []
        self._numbers = count()
        self._left_out: list[LeftOut] = []

    def run(self, alarms: Sequence[PastAlarm]) -> Played:
        for alarm in alarms:
            if alarm.id not in self._scenario.without:
                self._put(alarm.received_at, alarm)
        for trip in self._past.trips:
            if trip.closed_at is not None and trip.close_reason in BY_HAND:
                self._put(trip.closed_at, trip)
        while self._events and not self._is_over():
            at, _, event = heappop(self._events)
            self._meet(at, event)
        self._advance(self._past.until)
        trips = [trip for name in self._books for trip in self._trips(name)]
        trips.sort(key=lambda one: (one.opened_at or self._past.since, str(one.key)))
        return Played(tuple(trips), tuple(self._left_out))

    def _put(self, at: datetime, event: Event) -> None:
        heappush(self._events, (at, next(self._numbers), event))

    def _is_over(self) -> bool:
        """Whether the only entry that counts has come and gone."""
        if self._only is None:
            return False
        return bool(self._left_out) or any(
            one.simulator.fills and one.simulator.holding is None for one in self._books.values()
        )

    def _trips(self, name: tuple[UUID, str]) -> list[Trip]:
        strategy_id, symbol = name
        instrument = self._past.instrument(strategy_id, symbol)
        return trips_of(self._books[name].simulator, strategy_id, instrument)

    def _meet(self, at: datetime, event: Event) -> None:
        self._advance(at)
        if isinstance(event, PastAlarm):
            self._hear(event)
        elif isinstance(event, Ask):
            self._carry_out(at, event)
        else:
            self._close_by_hand(at, event)

    def _advance(self, moment: datetime) -> None:
        for book in self._books.values():
            book.advance(moment)

    def _hear(self, alarm: PastAlarm) -> None:
        """What an alarm asks for, each part at the moment at which it is carried out."""
        taken: list[Key] = []
        for intent in () if alarm.meaning is None else alarm.meaning.intents:
            for ask in self._asks(alarm, intent, taken):
                taken.append(ask.key)
                if ask.decision.is_taken and ask.decision.at <= alarm.received_at:
                    self._carry_out(alarm.received_at, ask)
                elif ask.decision.is_taken:
                    self._put(ask.decision.at, ask)
                elif ask.opens:
                    self._leave_out(ask, ask.decision.fate, ask.decision.code)

    def _asks(self, alarm: PastAlarm, intent: Intent, taken: list[Key]) -> Iterator[Ask]:
        symbol = self._past.symbols.get((alarm.strategy_id, intent.ticker or ""))
        if symbol is None or intent.action is Action.IGNORE:
            return
        book = self._book(alarm.strategy_id, symbol, alarm.received_at)
        if self._is_heard(alarm):
            # A newer alarm ends what rests of older ones (TRADING 20, 24).
            book.simulator.cancel()
        if intent.action is Action.CANCEL:
            return
        for step in self._steps(alarm, intent, book.simulator):
            ask = self._ask(alarm, step, symbol, taken)
            if ask is not None:
                yield ask

    def _is_heard(self, alarm: PastAlarm) -> bool:
        """Whether it counts at all: what was stale or refused ends nothing."""
        is_out = alarm.fate in {Fate.STALE, Fate.REFUSED}
        return not is_out or alarm.code in self._scenario.codes()

    def _steps(self, alarm: PastAlarm, intent: Intent, simulator: Simulator) -> list[Intent]:
        strategy, holding = self._strategies[alarm.strategy_id], simulator.holding
        rules = Rules(
            sides=strategy.sides,
            on_opposite=strategy.on_opposite,
            market_type=strategy.market_type,
        )
        held = None if holding is None else (holding.position_side, holding.quantity)
        try:
            steps = steps_of(intent, rules, held=held, follows_alert=strategy.follows_alert)
            refuse_unsupported(steps)
        except (Ignored, Invalid):
            return []
        return steps

    def _ask(self, alarm: PastAlarm, intent: Intent, symbol: str, taken: list[Key]) -> Ask | None:
        side = intent.position_side
        if side is None:
            return None
        strategy = self._strategies[alarm.strategy_id]
        opens = not intent.action.only_reduces
        signal = signal_for(alarm, symbol, opens=opens, taken=taken)
        decide = decide_entry if opens else decide_exit
        decision = decide(alarm, signal, strategy, self._scenario)
        part = len(alarm.signals) + len(taken) if signal is None else signal.key.part
        key = Key(alarm.id, part)
        if opens and self._only is not None and key != self._only:
            return None
        return Ask(key, alarm, intent, symbol, side, strategy, decision)

    def _carry_out(self, at: datetime, ask: Ask) -> None:
        book = self._book(ask.alarm.strategy_id, ask.symbol, at)
        seen = price_seen(ask, at)
        price = book.tape.price_at(at) if seen is None else seen
        simulator = book.simulator
        if not ask.opens:
            simulator.exit(exit_wish(ask, lambda: price), at=at, price=price)
            return
        allowed = ask.strategy.allowed_symbols
        if allowed is not None and ask.symbol not in allowed:
            detail = f"{ask.symbol} is not among the symbols that the strategy allows"
            self._leave_out(ask, Fate.DENIED, "symbol_not_allowed", detail)
            return
        wish = entry_wish(ask, self._scenario, simulator.account)
        before, was_flat = len(simulator.refusals), simulator.holding is None
        fill = simulator.enter(wish, at=at, price=price)
        if fill is not None and was_flat:
            book.entered(at, fill.price)
        for refusal in simulator.refusals[before:]:
            self._leave_out(ask, Fate.DENIED, refusal.code, refusal.detail)

    def _close_by_hand(self, at: datetime, trip: Trip) -> None:
        """What a hand closed is closed at that moment here, too, if the same entry opened it."""
        book = self._books.get((trip.strategy_id, trip.symbol))
        if book is None or trip.exit_price is None or trip.close_reason is None:
            return
        simulator = book.simulator
        holding = simulator.holding
        if holding is None:
            return
        instrument = self._past.instrument(trip.strategy_id, trip.symbol)
        first = fills_of_holding(simulator.fills, holding.quantity, instrument)[0]
        if trip.key is None or first.tag != trip.key.tag:
            return
        wish = ExitWish(
            position_side=trip.position_side, wished_at=at, close_reason=trip.close_reason
        )
        simulator.exit(wish, at=at, price=trip.exit_price)

    def _leave_out(self, ask: Ask, fate: Fate, code: str, detail: str | None = None) -> None:
        self._left_out.append(
            LeftOut(
                ask.key,
                ask.alarm.strategy_id,
                ask.symbol,
                ask.alarm.received_at,
                fate,
                code,
                ask.words,
                detail,
            )
        )

    def _book(self, strategy_id: UUID, symbol: str, moment: datetime) -> Playback:
        """The book of a strategy and symbol; it begins with the first alarm about it."""
        name = (strategy_id, symbol)
        if name not in self._books:
            strategy = self._strategies[strategy_id]
            simulator = Simulator(
                terms_of(strategy, slippage=self._setting.slippage),
                self._past.instrument(strategy_id, symbol),
                self._purse(strategy.account_id),
                owner=strategy_id,
            )
            tape = self._setting.tapes[strategy.market(symbol)]
            self._books[name] = Playback(simulator, tape, since=moment)
        return self._books[name]

    def _purse(self, account_id: UUID) -> Purse:
        if account_id not in self._purses:
            limits = self._scenario.limits_of(self._past.limits)
            means = Means(capital=self._setting.capital, limits=limits, zone=self._past.zone)
            self._purses[account_id] = Purse(means)
        return self._purses[account_id]
