"""From what an alarm asks for to what a simulator is asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Final

from app.algorithms.intents import Account
from app.backtests.engine.terms import Terms
from app.backtests.engine.wishes import EntryWish, ExitWish
from app.backtests.what_if.past import Key, PastAlarm, PastStrategy
from app.backtests.what_if.replay.decisions import Decision
from app.backtests.what_if.scenario import Scenario
from app.core.decimals import EXACT
from app.pipeline.alarms.meaning import Action, Intent, Level, Size, SizeKind
from app.pipeline.alarms.sentences import sentence
from app.pipeline.flow.judging import ASKED_BY_ALERT
from app.pipeline.risk.levels import PriceLevel
from app.pipeline.risk.sizing import SizeAsked
from app.strategies.words import SizingMode
from app.trading.words import PositionSide

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)
HUNDRED: Final = Decimal(100)


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing that an alarm asks of a book, with what becomes of it.

    Attributes:
        intent: as it stood against the book: nothing is left bare, flipped or targeted.
        strategy: as the scenario has it.
    """

    key: Key
    alarm: PastAlarm
    intent: Intent
    symbol: str
    position_side: PositionSide
    strategy: PastStrategy
    decision: Decision

    @property
    def opens(self) -> bool:
        """Whether it takes on risk."""
        return not self.intent.action.only_reduces

    @property
    def words(self) -> str:
        """What it asks for, as the real signal said it."""
        signal = self.decision.signal
        return sentence(self.intent) if signal is None else signal.sentence


def terms_of(strategy: PastStrategy, *, slippage: Decimal) -> Terms:
    """What a simulator trades by; `slippage` is a fraction of the price."""
    return Terms(
        sizing=strategy.sizing,
        allocation=strategy.allocation,
        reinvest=strategy.reinvest,
        leverage=strategy.leverage,
        margin_mode=strategy.margin_mode,
        stop_loss=strategy.stop_loss,
        take_profit=strategy.take_profit,
        sides=strategy.sides,
        max_entries=strategy.max_entries,
        max_price_drift=strategy.max_drift,
        raise_to_min_notional=strategy.raise_to_min_notional,
        max_holding=strategy.max_holding,
        entry_ttl=strategy.signal_ttl,
        slippage=slippage,
    )


def entry_wish(ask: Ask, scenario: Scenario, account: Account) -> EntryWish:
    """An entry as the simulator takes it.

    Args:
        ask: an opening one.
        scenario: what is different.
        account: of the book, at this moment: some sizes are shares of what is held or there.
    """
    intent, decision, signal = ask.intent, ask.decision, ask.decision.signal
    size, fraction = _size(ask, scenario, account)
    return EntryWish(
        position_side=ask.position_side,
        wished_at=ask.alarm.received_at,
        reason=ask.words,
        size=size,
        fraction=fraction,
        limit_price=intent.limit_price,
        stop_loss=None if scenario.changes_stop else _level(intent.stop_loss),
        targets=(
            ()
            if scenario.changes_target
            else tuple(
                (PriceLevel(one.level.kind, one.level.value), one.portion_percent)
                for one in intent.take_profits
            )
        ),
        leverage=None if intent.leverage is None else max(1, int(intent.leverage)),
        # What was sent then was near enough then.
        reference_price=None if decision.is_as_then or signal is None else signal.receipt_price,
        is_auto=decision.is_auto,
        is_add=intent.action is Action.ADD,
        tag=ask.key.tag,
    )


def _size(ask: Ask, scenario: Scenario, account: Account) -> tuple[SizeAsked | None, Decimal]:
    """What to ask for, and the part of it that was approved."""
    signal = ask.decision.signal
    if signal is not None and signal.quantity is not None and not _changes_size(ask, scenario):
        # Sized by the equity of that day, which nobody has kept; the part is in it.
        return SizeAsked(SizingMode.QUANTITY, signal.quantity), ONE
    fraction = ONE if signal is None or signal.fraction is None else signal.fraction
    if not ask.strategy.follows_alert:
        return None, fraction
    return _by_alert(ask.intent.size, account), fraction


def _changes_size(ask: Ask, scenario: Scenario) -> bool:
    """Whether the scenario sizes it another way; a risk is one of the distance to the stop."""
    by_risk = ask.strategy.sizing.mode is SizingMode.RISK_PERCENT or (
        ask.strategy.follows_alert
        and ask.intent.size.kind in {SizeKind.RISK_PERCENT, SizeKind.RISK_QUOTE}
    )
    return scenario.sizing is not None or (scenario.changes_stop and by_risk)


def _by_alert(size: Size, account: Account) -> SizeAsked | None:
    """The alert's own size, as `flow.judging` reads it; None: the strategy's."""
    kind, value = size.kind, size.value
    if kind in ASKED_BY_ALERT:
        return SizeAsked(ASKED_BY_ALERT[kind], value)
    if value is None:
        return None
    with localcontext(EXACT):
        if kind is SizeKind.RISK_QUOTE and account.capital > 0:
            return SizeAsked(SizingMode.RISK_PERCENT, value / account.capital * HUNDRED)
        if kind is SizeKind.POSITION_PERCENT:
            held = ZERO if account.holding is None else account.holding.quantity
            return SizeAsked(SizingMode.QUANTITY, held * value / HUNDRED)
    return None


def exit_wish(ask: Ask, price: Callable[[], Decimal]) -> ExitWish:
    """An exit as the simulator takes it.

    Args:
        ask: a reducing one.
        price: what the market costs; asked for only where a notional has to be sold.
    """
    size, quantity, fraction = ask.intent.size, None, ONE
    if ask.intent.action is Action.REDUCE and size.value is not None:
        with localcontext(EXACT):
            if size.kind is SizeKind.POSITION_PERCENT:
                fraction = min(ONE, size.value / HUNDRED)
            elif size.kind is SizeKind.NOTIONAL:
                quantity = size.value / price()
            elif size.kind is SizeKind.QUANTITY:
                quantity = size.value
    return ExitWish(
        position_side=ask.position_side,
        wished_at=ask.alarm.received_at,
        reason=ask.words,
        quantity=quantity,
        fraction=fraction,
        tag=ask.key.tag,
    )


def price_seen(ask: Ask, at: datetime) -> Decimal | None:
    """What the server itself wrote down of the market at that moment; None where it did not."""
    signal = ask.decision.signal
    if signal is None:
        return None
    if ask.decision.is_as_then:
        return signal.seen_price
    meaning = ask.alarm.meaning
    is_ours = meaning is not None and meaning.reference_price is None
    return signal.receipt_price if is_ours and at == ask.alarm.received_at else None


def _level(level: Level | None) -> PriceLevel | None:
    return None if level is None else PriceLevel(level.kind, level.value)
