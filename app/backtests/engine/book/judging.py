"""An entry as the corridor would judge it: sized, levelled, and held against every rule."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Final
from uuid import UUID

from app.backtests.engine.terms import Terms
from app.backtests.engine.wishes import EntryWish, WishedTarget
from app.core.decimals import EXACT
from app.pipeline.risk.exposure import Entry, Exposure, Limits, StrategyLimits
from app.pipeline.risk.levels import stop_from, targets_from
from app.pipeline.risk.rules import check_entry, first_denial
from app.pipeline.risk.sizing import Sized, SizingBasis, size_entry
from app.strategies.words import LevelKind
from app.trading.instrument import Instrument
from app.trading.targets import Target
from app.trading.words import PositionSide

HUNDRED: Final = Decimal(100)


@dataclass(frozen=True, slots=True)
class Case:
    """A wish with everything that its judgement depends on.

    Attributes:
        owner: the strategy's id.
        at: aware; the moment of the order.
        price: at which the market stands, quote per base.
        equity: what the strategy may size by, settle currency.
    """

    owner: UUID
    wish: EntryWish
    terms: Terms
    instrument: Instrument
    exposure: Exposure
    limits: Limits
    at: datetime
    price: Decimal
    equity: Decimal

    @property
    def limit_price(self) -> Decimal | None:
        """The wish's limit on the tick, never worse than it was wished for."""
        wished = self.wish.limit_price
        if wished is None:
            return None
        is_long = self.wish.position_side is PositionSide.LONG
        return (
            self.instrument.floor_price(wished) if is_long else self.instrument.ceil_price(wished)
        )

    @property
    def entry_price(self) -> Decimal:
        """What it is sized by: its limit, else the market, quote per base."""
        limit = self.limit_price
        return self.price if limit is None else limit

    @property
    def leverage(self) -> int:
        """A wish may lower the strategy's, never raise it (TRADING 14)."""
        return min(self.terms.leverage, self.wish.leverage or self.terms.leverage)


@dataclass(frozen=True, slots=True)
class Judged:
    """An entry that may go.

    Attributes:
        limit_price: on the tick; None at market.
        stop_loss: a fixed one, on the tick; None without.
        trailing: fraction of the best price that a stop follows at; None without.
        targets: nearest first.
    """

    wish: EntryWish
    sized: Sized
    limit_price: Decimal | None
    stop_loss: Decimal | None
    trailing: Decimal | None
    targets: tuple[Target, ...]
    leverage: int

    @property
    def side(self) -> PositionSide:
        """Long or short."""
        return self.wish.position_side


def judge(case: Case) -> Judged:
    """Size an entry and ask every rule, as the corridor does before it sends one.

    Raises:
        Denied: it cannot be sized, a level is on the wrong side, or a rule forbids it; the code
            says which.
        Invalid: `bad_fraction`, or `target_cannot_trail`.
    """
    wish, terms = case.wish, case.terms
    stop, trailing = _stop(case)
    targets = _targets(case)
    basis = SizingBasis(
        instrument=case.instrument,
        entry_price=case.entry_price,
        equity=case.equity,
        fee_rate=case.instrument.taker_fee_rate,
        stop_price=stop,
        min_notional=case.limits.min_notional,
    )
    sized = size_entry(
        wish.size or terms.sizing,
        basis,
        fraction=wish.fraction,
        raise_to_min_notional=terms.raise_to_min_notional,
    )
    entry = _entry(case, sized, targets[0].price if targets else None)
    denial = first_denial(check_entry(entry, case.exposure, case.limits, now=case.at))
    if denial is not None:
        raise denial
    return Judged(
        wish=wish,
        sized=sized,
        limit_price=case.limit_price,
        stop_loss=stop if trailing is None else None,
        trailing=trailing,
        targets=targets,
        leverage=case.leverage,
    )


def _stop(case: Case) -> tuple[Decimal | None, Decimal | None]:
    """The stop price, and the trailing fraction when it follows the price."""
    level = case.wish.stop_loss or case.terms.stop_loss
    if level is None:
        return None, None
    price = stop_from(
        level,
        entry_price=case.entry_price,
        position_side=case.wish.position_side,
        instrument=case.instrument,
    )
    if level.kind is not LevelKind.TRAILING_PERCENT:
        return price, None
    with localcontext(EXACT):
        return price, level.value / HUNDRED


def _targets(case: Case) -> tuple[Target, ...]:
    """The wish's targets, or the strategy's one; nearest first."""
    own: tuple[WishedTarget, ...] = ()
    if case.terms.take_profit is not None:
        own = ((case.terms.take_profit, None),)
    wished = case.wish.targets or own
    if not wished:
        return ()
    return targets_from(
        wished,
        entry_price=case.entry_price,
        position_side=case.wish.position_side,
        instrument=case.instrument,
    )


def _entry(case: Case, sized: Sized, target: Decimal | None) -> Entry:
    wish, terms = case.wish, case.terms
    return Entry(
        strategy_id=case.owner,
        instrument=case.instrument,
        position_side=wish.position_side,
        sized=sized,
        executable_price=case.price,
        price_at=case.at,
        reference_price=wish.reference_price,
        limit_price=case.limit_price,
        target_price=target,
        leverage=Decimal(case.leverage),
        margin_mode=terms.margin_mode,
        maintenance_rate=terms.maintenance_rate,
        strategy=StrategyLimits(
            sides=frozenset(side for side in PositionSide if terms.sides.allows(side)),
            max_entries=terms.max_entries,
            max_price_drift=terms.max_price_drift,
        ),
        is_auto=wish.is_auto,
        is_add=wish.is_add,
        # Whoever replays a market cannot be asked: the second person always consents.
        has_second_approval=True,
    )
