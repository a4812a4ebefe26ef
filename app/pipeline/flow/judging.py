"""What an entry would be at the prices of this moment, and what every rule says to it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.decimals import EXACT
from app.core.errors import Denied
from app.exchanges.venue import BalanceReport
from app.pipeline.alarms.meaning import SizeKind
from app.pipeline.flow.exposure import (
    Holdings,
    collect,
    equity_of,
    holdings_beside,
    standing_of,
)
from app.pipeline.flow.tools import Place, Tools, place_of
from app.pipeline.positions import repository as positions
from app.pipeline.risk.exposure import Entry, Limits, StrategyLimits
from app.pipeline.risk.in_force import limits_at
from app.pipeline.risk.levels import PriceLevel, stop_from, targets_from
from app.pipeline.risk.models import RiskProfile
from app.pipeline.risk.rules import Verdict, check_entry, first_denial
from app.pipeline.risk.sizing import SizeAsked, Sized, SizingBasis, size_entry
from app.pipeline.signals import repository as signals
from app.pipeline.signals.models import Signal
from app.pipeline.signals.service import AUTO_RULE
from app.pipeline.signals.status import SignalStatus
from app.pipeline.signals.words import SignalAction
from app.strategies.models import Strategy
from app.strategies.words import LevelKind, Sides, SizingMode
from app.trading.quote import Quote
from app.trading.targets import Target
from app.trading.words import PositionSide

ONE: Final = Decimal(1)
HUNDRED: Final = Decimal(100)
ASKED_BY_ALERT: Final = {
    SizeKind.QUANTITY: SizingMode.FROM_ALERT,
    SizeKind.NOTIONAL: SizingMode.NOTIONAL,
    SizeKind.EQUITY_PERCENT: SizingMode.EQUITY_PERCENT,
    SizeKind.RISK_PERCENT: SizingMode.RISK_PERCENT,
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """An entry as it would be sent now, with the verdict of every rule."""

    entry: Entry
    sized: Sized
    stop_loss: Decimal | None
    targets: tuple[Target, ...]
    trailing_percent: Decimal | None
    leverage: int
    verdicts: tuple[Verdict, ...]

    @property
    def take_profit(self) -> Decimal | None:
        """The nearest target, quote per base."""
        return self.targets[0].price if self.targets else None

    @property
    def denial(self) -> Denied | None:
        """The gravest broken rule; None when the entry may go."""
        return first_denial(self.verdicts)


@dataclass(frozen=True, slots=True)
class Outside:
    """What was asked of the outside before the transaction began."""

    quote: Quote
    balances: Sequence[BalanceReport]


@dataclass(frozen=True, slots=True)
class EntryCase:
    """An opening signal with everything its judgement depends on."""

    signal: Signal
    strategy: Strategy
    place: Place
    outside: Outside

    @property
    def entry_price(self) -> Decimal:
        """What it would pay or get: its limit, else the other side of the book, quote per base."""
        side = self.signal.position_side.opening_side
        return self.limit_price or self.outside.quote.executable(side)

    @property
    def limit_price(self) -> Decimal | None:
        """The alert's limit on the venue's tick, never worse than it was asked for."""
        asked = self.signal.limit_price
        if asked is None:
            return None
        is_long = self.signal.position_side is PositionSide.LONG
        instrument = self.place.instrument
        return instrument.floor_price(asked) if is_long else instrument.ceil_price(asked)


async def look_outside(tools: Tools, account_id: UUID, symbol: str) -> Outside:
    """A fresh price and the account's balances; no transaction may be open meanwhile.

    Raises:
        ExchangeError: the venue did not answer.
    """
    async with tools.database.read() as session:
        place = await place_of(session, tools, account_id, symbol)
    return await ask_outside(tools, place)


async def ask_outside(tools: Tools, place: Place) -> Outside:
    quote = await tools.fresh_quote(place.key)
    return Outside(quote, await tools.venues.balances(place.account.id))


def limits_in_force(tools: Tools, profile: RiskProfile | None, *, now: datetime) -> Limits:
    """What an entry is held against: the trader's limits, and those of the installation."""
    return replace(
        limits_at(profile, now=now).in_force,
        max_price_age=tools.max_price_age,
        liquidation_room=tools.settings.liquidation_margin_fraction,
    )


async def judge(
    session: AsyncSession,
    tools: Tools,
    case: EntryCase,
    *,
    now: datetime,
    held: Holdings | None = None,
    fraction: Decimal | None = None,
    ignore_order: UUID | None = None,
) -> Judgement:
    """Size the entry by today's prices and hold it against every rule.

    The preview, the approval and the last look before sending ask the same question.

    Args:
        session: where to read.
        tools: prices and instruments.
        case: the signal, its strategy and place, price and balances of this moment.
        now: the time of the question.
        held: what the trader holds besides, where it is known already.
        fraction: share to approve, for a preview; the approved one when None.
        ignore_order: the entry's own intent, when it exists already.

    Raises:
        Denied: it cannot be sized: no size, no stop, below the minimum, stop on the wrong side.
    """
    signal, strategy, place = case.signal, case.strategy, case.place
    balances = case.outside.balances
    held = held or await holdings_beside(session, place, ignore_order)
    standing = await standing_of(session, place, now=now)
    limits = limits_in_force(tools, standing.profile, now=now)
    stop, trailing = _stop(case)
    targets = _targets(case)
    basis = SizingBasis(
        instrument=place.instrument,
        entry_price=case.entry_price,
        equity=await equity_of(session, tools, place, strategy, balances, held=held),
        fee_rate=place.instrument.taker_fee_rate,
        stop_price=stop,
        min_notional=limits.min_notional,
    )
    sized = size_entry(
        await _asked(session, signal, strategy, basis),
        basis,
        fraction=fraction or signal.approved_fraction or ONE,
        approved_quantity=signal.quantity if signal.status is SignalStatus.APPROVED else None,
        raise_to_min_notional=strategy.raise_to_min_notional,
    )
    exposure = await collect(
        session,
        tools,
        place,
        strategy,
        balances,
        held=held,
        standing=standing,
        now=now,
        ignore_order=ignore_order,
    )
    leverage = min(strategy.leverage, signal.leverage or strategy.leverage)
    nearest = targets[0].price if targets else None
    entry = _entry(
        case,
        sized,
        target=nearest,
        leverage=leverage,
        has_second_approval=await _has_second_approval(session, signal, limits),
    )
    return Judgement(
        entry=entry,
        sized=sized,
        stop_loss=None if trailing is not None else stop,
        targets=targets,
        trailing_percent=trailing,
        leverage=leverage,
        verdicts=check_entry(entry, exposure, limits, now=now),
    )


def _stop(case: EntryCase) -> tuple[Decimal | None, Decimal | None]:
    """The stop price, and the trailing distance in percent when it follows the price."""
    signal, strategy = case.signal, case.strategy
    level = _level(signal.stop_kind, signal.stop_value) or _level(
        strategy.default_stop_loss_kind, strategy.default_stop_loss_value
    )
    if level is None:
        return None, None
    price = stop_from(
        level,
        entry_price=case.entry_price,
        position_side=signal.position_side,
        instrument=case.place.instrument,
    )
    return price, level.value if level.kind is LevelKind.TRAILING_PERCENT else None


def _targets(case: EntryCase) -> tuple[Target, ...]:
    """The alert's targets, or the strategy's one; nearest first."""
    signal, strategy = case.signal, case.strategy
    single = _level(signal.target_kind, signal.target_value) or _level(
        strategy.default_take_profit_kind, strategy.default_take_profit_value
    )
    levels = _wanted_targets(signal) or ([] if single is None else [(single, None)])
    if not levels:
        return ()
    return targets_from(
        levels,
        entry_price=case.entry_price,
        position_side=signal.position_side,
        instrument=case.place.instrument,
    )


def _wanted_targets(signal: Signal) -> list[tuple[PriceLevel, Decimal | None]]:
    """Several targets as the alert gave them, each with its share in percent."""
    found = []
    for one in signal.target_levels or ():
        portion = one["portion_percent"]
        level = PriceLevel(LevelKind(one["kind"]), Decimal(one["value"]))
        found.append((level, None if portion is None else Decimal(portion)))
    return found


def _level(kind: LevelKind | None, value: Decimal | None) -> PriceLevel | None:
    return None if kind is None or value is None else PriceLevel(kind, value)


async def _asked(
    session: AsyncSession, signal: Signal, strategy: Strategy, basis: SizingBasis
) -> SizeAsked:
    """The strategy's own size, or the alert's where the strategy follows it (TRADING 8)."""
    if strategy.sizing_mode is not SizingMode.FROM_ALERT:
        return SizeAsked(strategy.sizing_mode, strategy.sizing_value)
    kind, value = signal.size_kind, signal.size_value
    if kind in ASKED_BY_ALERT:
        return SizeAsked(ASKED_BY_ALERT[kind], value)
    with localcontext(EXACT):
        if kind is SizeKind.RISK_QUOTE and value is not None and basis.equity > 0:
            return SizeAsked(SizingMode.RISK_PERCENT, value / basis.equity * HUNDRED)
        if kind is SizeKind.POSITION_PERCENT and value is not None:
            book = await positions.held_by(session, signal.strategy_id, signal.symbol)
            held = book.quantity if book is not None else Decimal(0)
            return SizeAsked(SizingMode.QUANTITY, held * value / HUNDRED)
    if strategy.sizing_value is not None:
        return SizeAsked(SizingMode.NOTIONAL, strategy.sizing_value)
    return SizeAsked(SizingMode.FROM_ALERT, None)


async def _has_second_approval(session: AsyncSession, signal: Signal, limits: Limits) -> bool:
    """Whether another person has consented, looked up for traders who want that."""
    if limits.second_approval_above is None:
        return False
    found = await signals.second_approval(session, signal.id)
    return found is not None and found.confirmed_at is not None


def _entry(
    case: EntryCase,
    sized: Sized,
    *,
    target: Decimal | None,
    leverage: int,
    has_second_approval: bool,
) -> Entry:
    signal, strategy, quote = case.signal, case.strategy, case.outside.quote
    drift, allowed = strategy.max_price_drift_percent, strategy.allowed_symbols
    return Entry(
        strategy_id=strategy.id,
        instrument=case.place.instrument,
        position_side=signal.position_side,
        sized=sized,
        executable_price=quote.executable(signal.position_side.opening_side),
        price_at=quote.at,
        reference_price=signal.reference_price,
        limit_price=case.limit_price,
        target_price=target,
        leverage=Decimal(leverage),
        margin_mode=strategy.margin_mode,
        strategy=StrategyLimits(
            allowed_symbols=None if allowed is None else frozenset(allowed),
            sides=_sides(strategy.sides),
            max_entries=strategy.max_entries,
            max_price_drift=None if drift is None else drift / HUNDRED,
        ),
        is_auto=signal.decided_by == AUTO_RULE,
        is_add=signal.action is SignalAction.ADD,
        has_second_approval=has_second_approval,
    )


def _sides(sides: Sides) -> frozenset[PositionSide]:
    return frozenset(side for side in PositionSide if sides.allows(side))
