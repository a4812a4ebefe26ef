"""Brings a part of a trader's past together, with one question per table."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import ExchangeAccount
from app.backtests.what_if.history import repository
from app.backtests.what_if.history.repository import Choice, Sent
from app.backtests.what_if.history.shaping import (
    Markets,
    meaning_of,
    openers,
    past_alarm,
    past_signal,
    past_strategy,
    trip_of,
)
from app.backtests.what_if.past import Key, Past, PastAlarm, PastSignal, Trip
from app.core.clock import iso
from app.core.errors import Denied, NotFound
from app.market.instruments import InstrumentBook
from app.pipeline.alarms.models import Alarm
from app.pipeline.risk import repository as risk
from app.pipeline.risk.in_force import limits_at
from app.strategies.models import Strategy

# What can be answered while somebody waits.
MOST_ALARMS: Final = 500
ValueT = TypeVar("ValueT")
RowT = TypeVar("RowT")
KeyT = TypeVar("KeyT")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose past, and which part of it.

    Attributes:
        strategy_ids: None: all of the user's.
        since: inclusive; None: from the first alarm on.
        until: exclusive.
        zone: of the trader: where a day begins.
    """

    user_id: UUID
    strategy_ids: Sequence[UUID] | None
    since: datetime | None
    until: datetime
    zone: ZoneInfo


async def load(
    session: AsyncSession, wanted: Wanted, instruments: InstrumentBook, *, now: datetime
) -> Past:
    """Everything that a replay of that part of the past starts from.

    Args:
        session: where to read; a handful of questions, whatever the number of alarms.
        wanted: which part.
        instruments: what the venues list.
        now: whose limits count.

    Raises:
        NotFound: a strategy is not there, or not the user's.
        Denied: `no_alarms`, `too_many_alarms`, or `several_scopes` when live and paper, or results
            in different coins, would have to be added up.
    """
    owned = await _strategies(session, wanted)
    choice = Choice(list(owned), wanted.since, wanted.until)
    stored = await _alarms(session, choice)
    markets = Markets(owned, instruments)
    alarms, opened_by = await _read(session, choice, stored, owned, markets)
    trips = await _trips(session, choice, opened_by, markets)
    used = {one.strategy_id for one in alarms} | {one.strategy_id for one in trips}
    coins = {one.settle for one in markets.instruments.values()}
    if not coins:
        raise Denied("None of these alarms names a market that is known.", code="no_alarms")
    return Past(
        since=wanted.since or stored[0].received_at,
        until=wanted.until,
        alarms=alarms,
        trips=trips,
        strategies={one: past_strategy(*owned[one]) for one in owned if one in used},
        symbols=markets.symbols,
        instruments=markets.instruments,
        limits=limits_at(await risk.profile(session, wanted.user_id), now=now).in_force,
        zone=wanted.zone,
        currency=_only(coins, "results in different coins"),
        is_paper=_only({owned[one][1].is_paper for one in used}, "paper and live results"),
    )


async def _strategies(
    session: AsyncSession, wanted: Wanted
) -> dict[UUID, tuple[Strategy, ExchangeAccount]]:
    found = {
        strategy.id: (strategy, account)
        for strategy, account in await repository.strategies(session, wanted.user_id)
    }
    if wanted.strategy_ids is None:
        return found
    for one in wanted.strategy_ids:
        if one not in found:
            raise NotFound(f"There is no strategy {one}.")
    return {one: found[one] for one in wanted.strategy_ids}


async def _alarms(session: AsyncSession, choice: Choice) -> Sequence[Alarm]:
    stored = await repository.alarms(session, choice, most=MOST_ALARMS + 1)
    if not stored:
        raise Denied("No alarm of these strategies was received in that time.", code="no_alarms")
    if len(stored) > MOST_ALARMS:
        raise Denied(
            f"There are more than {MOST_ALARMS} alarms in that time: set `to` to "
            f"{iso(stored[-1].received_at)} or earlier, or name fewer strategies.",
            code="too_many_alarms",
        )
    return stored


async def _read(
    session: AsyncSession,
    choice: Choice,
    stored: Sequence[Alarm],
    owned: dict[UUID, tuple[Strategy, ExchangeAccount]],
    markets: Markets,
) -> tuple[list[PastAlarm], dict[UUID, Key]]:
    """The alarms with what they led to, and which of them opened each position."""
    orders = _grouped(await repository.orders(session, choice), lambda one: one.signal_id)
    signals: list[PastSignal] = []
    sent: dict[Key, Sequence[Sent]] = {}
    for row in await repository.signals(session, choice):
        signal = past_signal(row, orders.get(row.id, ()))
        signals.append(signal)
        sent[signal.key] = orders.get(row.id, ())
    led_to = _grouped(signals, lambda one: one.key.alarm_id)
    alarms = []
    for alarm in stored:
        meaning = meaning_of(alarm, owned[alarm.strategy_id][0])
        for intent in () if meaning is None else meaning.intents:
            if intent.ticker is not None:
                markets.find(alarm.strategy_id, intent.ticker)
        alarms.append(past_alarm(alarm, led_to.get(alarm.id, ()), meaning))
    return alarms, openers(signals, sent)


async def _trips(
    session: AsyncSession, choice: Choice, opened_by: dict[UUID, Key], markets: Markets
) -> list[Trip]:
    """Positions that something was booked of, or that an alarm of the range opened."""
    bookings = _grouped(await repository.bookings(session, choice), lambda one: one.position_id)
    funding = _grouped(await repository.funding(session, choice), lambda one: one.position_id)
    return [
        trip_of(
            one,
            opened_by.get(one.id),
            until=choice.until,
            bookings=bookings.get(one.id, ()),
            funding=funding.get(one.id, ()),
            instrument=markets.instrument(one.strategy_id, one.symbol),
        )
        for one in await repository.positions(session, choice)
        if one.id in opened_by or one.id in bookings or one.id in funding
    ]


def _grouped(rows: Iterable[RowT], key: Callable[[RowT], KeyT]) -> dict[KeyT, list[RowT]]:
    groups: defaultdict[KeyT, list[RowT]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def _only(values: set[ValueT], what: str) -> ValueT:
    """The one value there is.

    Raises:
        Denied: `several_scopes`.
    """
    first, *others = values
    if others:
        raise Denied(
            f"These alarms would have {what} added up, which is never done: name strategies that "
            "belong together.",
            code="several_scopes",
        )
    return first
