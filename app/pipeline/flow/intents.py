"""What one intent of an alert asks of the book as it is, and what forbids it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, TypeAlias

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import ExchangeAccount, User
from app.core.clock import iso
from app.core.decimals import percent_of, plain
from app.core.errors import Denied, Invalid
from app.pipeline.alarms import repository as alarms
from app.pipeline.alarms.meaning import (
    DEFAULT_SIZE,
    WHOLE,
    Action,
    Intent,
    Level,
    Meaning,
    Problem,
    Size,
    SizeKind,
)
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.resolving import Rules, resolve
from app.pipeline.alarms.sentences import sentence
from app.pipeline.flow.glance import Glance, newest_entry_alert
from app.pipeline.flow.tools import Tools, market_key
from app.pipeline.positions import repository as positions
from app.pipeline.positions.models import Position
from app.pipeline.risk.rules import why_stopped
from app.pipeline.signals.service import SignalDraft
from app.pipeline.signals.words import SignalAction
from app.strategies.models import Strategy
from app.strategies.words import SizingMode
from app.trading.words import CloseReason, OrderType, PositionSide

OUR_EXITS: Final = frozenset(
    {
        CloseReason.STOP_LOSS,
        CloseReason.TRAILING_STOP,
        CloseReason.TAKE_PROFIT,
        CloseReason.SCHEDULED,
        CloseReason.USER_STOPPED,
    }
)
# TradingView's clock counts whole seconds: an alert of the fill's own second is not before it.
ALERT_RESOLUTION: Final = timedelta(seconds=1)
ACTIONS: Final = {
    Action.OPEN: SignalAction.OPEN,
    Action.ADD: SignalAction.ADD,
    Action.CLOSE: SignalAction.CLOSE,
    Action.REDUCE: SignalAction.REDUCE,
}
# Side and quantity of an open book, in the instrument's units.
Held: TypeAlias = tuple[PositionSide, Decimal]


class Stale(Invalid):
    """The alert is too old to act on."""

    code = "stale"


class Ended(Invalid):
    """The alert asked for an end, and there was one; no signal comes of it."""

    code = "cancelled"


class Ignored(Invalid):
    """The alert asks for nothing that can be done."""

    code = "ignored"


@dataclass(frozen=True, slots=True)
class Case:
    """One alarm with everything its reading depends on.

    Attributes:
        may_need_second: whether its trader wants a second person's consent to large entries.
    """

    alarm: Alarm
    strategy: Strategy
    account: ExchangeAccount
    owner: User
    meaning: Meaning
    now: datetime
    may_need_second: bool = False


def resolved(case: Case, intent: Intent, book: Position | None) -> list[Intent]:
    """What the intent asks of the book as it is: nothing is left bare, flipped or targeted.

    Raises:
        Ignored: there is nothing that could be done.
    """
    rules = Rules(
        sides=case.strategy.sides,
        on_opposite=case.strategy.on_opposite,
        market_type=case.account.market_type,
    )
    return steps_of(
        intent,
        rules,
        held=None if book is None else (book.position_side, book.quantity),
        follows_alert=case.strategy.sizing_mode is SizingMode.FROM_ALERT,
    )


def steps_of(
    intent: Intent, rules: Rules, *, held: Held | None, follows_alert: bool
) -> list[Intent]:
    """What an intent asks of a book: one thing, or the two legs of a flip.

    Args:
        intent: as `understand` gave it.
        rules: the strategy's.
        held: side and quantity of the open book, in the instrument's units; None when flat.
        follows_alert: whether the strategy takes its sizes from the alert (TRADING 10).

    Raises:
        Ignored: there is nothing that could be done.
    """
    side = held[0] if held else None
    asked = resolve(intent, book_side=side, rules=rules)
    if asked.action is Action.IGNORE:
        raise ignored(asked.reason)
    if asked.action is Action.TARGET and held is not None:
        asked = _towards_target(asked, held[1], follows_alert=follows_alert)
    if asked.action is Action.FLIP and side is not None:
        close = replace(
            asked,
            action=Action.CLOSE,
            position_side=side,
            size=WHOLE,
            stop_loss=None,
            take_profits=(),
            order_type=OrderType.MARKET,
            limit_price=None,
        )
        return [close, replace(asked, action=Action.OPEN)]
    return [asked]


def _towards_target(intent: Intent, quantity: Decimal, *, follows_alert: bool) -> Intent:
    """A target on the book's own side: the difference to it (TRADING 10)."""
    target = intent.size.value or Decimal(0)
    if follows_alert:
        delta = target - quantity
        if delta > 0:
            return replace(intent, action=Action.ADD, size=Size(SizeKind.QUANTITY, delta))
        if delta < 0:
            return replace(intent, action=Action.REDUCE, size=Size(SizeKind.QUANTITY, -delta))
    previous = intent.placeholders.prev_market_position_size
    if not follows_alert and previous:
        if target < previous:
            size = Size(SizeKind.POSITION_PERCENT, percent_of(previous - target, previous))
            return replace(intent, action=Action.REDUCE, size=size)
        if target > previous:
            return replace(intent, action=Action.ADD, size=DEFAULT_SIZE)
    raise Ignored(f"The book holds {plain(quantity)} already.", code="at_target")


def refuse_unsupported(intents: Sequence[Intent]) -> None:
    for intent in intents:
        if intent.trigger is not None:
            raise Invalid(
                "Stop and trailing orders as entries or exits are not taken yet: send the alert "
                "when the price is there, or set stop_loss on the entry.",
                code="order_type_not_supported",
            )


def draft_of(
    tools: Tools, case: Case, intent: Intent, symbol: str, action: SignalAction, *, part: int
) -> SignalDraft:
    if intent.position_side is None:
        raise Invalid("The alert does not say long or short.", code="side_unknown")
    stop, target = intent.stop_loss, _first_target(intent)
    return SignalDraft(
        action=action,
        symbol=symbol,
        position_side=intent.position_side,
        sentence=sentence(intent),
        received_at=case.alarm.received_at,
        size_kind=intent.size.kind,
        size_value=intent.size.value,
        order_type=intent.order_type,
        limit_price=intent.limit_price,
        stop_kind=stop.kind if stop else None,
        stop_value=stop.value if stop else None,
        target_kind=target.kind if target else None,
        target_value=target.value if target else None,
        target_levels=_target_levels(intent),
        leverage=None if intent.leverage is None else max(1, int(intent.leverage)),
        comment=intent.comment,
        reference_price=case.meaning.reference_price or _price_now(tools, case, symbol),
        alert_at=case.alarm.alert_at,
        alarm_id=case.alarm.id,
        part=part,
        is_test=case.alarm.is_test,
        external_id=case.meaning.alert_id,
        may_need_second=case.may_need_second,
    )


def _first_target(intent: Intent) -> Level | None:
    return intent.take_profits[0].level if intent.take_profits else None


def _target_levels(intent: Intent) -> list[dict[str, Any]] | None:
    """All targets with their shares, as text; None where the first says everything."""
    if len(intent.take_profits) < 2 and not any(one.portion_percent for one in intent.take_profits):
        return None
    return [
        {
            "kind": one.level.kind.value,
            "value": plain(one.level.value),
            "portion_percent": None if one.portion_percent is None else plain(one.portion_percent),
        }
        for one in intent.take_profits
    ]


def _price_now(tools: Tools, case: Case, symbol: str) -> Decimal | None:
    quote = tools.prices.latest(market_key(case.account, symbol))
    if quote is None or quote.age(case.now) > tools.max_price_age:
        return None
    return quote.fair


async def refuse_stale(
    session: AsyncSession, case: Case, action: SignalAction, book: Position | None
) -> None:
    """Entries by the strategy's age; exits never of before the book (TRADING 4)."""
    alert_at = case.alarm.alert_at
    if alert_at is None:
        return
    age = case.alarm.received_at - alert_at
    most = case.strategy.max_alarm_age_seconds
    if not action.opens:
        most = case.strategy.exit_max_age_seconds
        await _refuse_before_entry(session, alert_at, book)
    elif case.meaning.max_age_seconds is not None:
        most = min(most, case.meaning.max_age_seconds)
    if age > timedelta(seconds=most):
        raise Stale(
            f"The alert is {int(age.total_seconds())} s old, {most} s is the limit.",
            code="too_old",
        )


def refuse_switched_off(case: Case) -> None:
    """Nothing is opened for what is switched off; what only reduces goes on.

    Raises:
        Denied: `owner_may_not_trade` or `strategy_inactive`.
    """
    denial = why_stopped(owner_barred=case.owner.why_no_entries)
    if denial is not None:
        raise denial
    if not case.strategy.is_active and not case.alarm.is_test:
        raise Denied("This strategy is switched off.", code="strategy_inactive")


async def _refuse_before_entry(
    session: AsyncSession, alert_at: datetime, book: Position | None
) -> None:
    opened = book.opened_at if book else None
    if book is None or opened is None or alert_at + ALERT_RESOLUTION > opened:
        return
    # Both alerts were late, and the exit is of before the fill: the sender's clock says whether it
    # is also of before the entry (docs/decisions/0025).
    entered = await newest_entry_alert(session, book)
    if entered is not None and alert_at > entered:
        return
    raise Stale(
        f"The alert is of {iso(alert_at)}, before this position was opened at {iso(opened)}.",
        code="before_entry",
    )


async def refuse_overtaken(session: AsyncSession, tools: Tools, case: Case, glance: Glance) -> None:
    """An entry never overtakes a newer alert, not even an exit that had nothing to close."""
    alert_at = case.alarm.alert_at
    if alert_at is None:
        return
    # No alert arrives before its own time but by the tolerance of clocks.
    since = alert_at - timedelta(seconds=tools.settings.future_alert_seconds)
    ended = await alarms.newest_end(session, case.strategy.id, glance.symbol, since=since)
    latest = max(filter(None, (glance.latest_alert_at, ended)), default=None)
    if latest is not None and alert_at < latest:
        raise Stale(
            f"A newer alert of {iso(latest)} came first; this one is of {iso(alert_at)}.",
            code="out_of_order",
        )


async def needs_human(session: AsyncSession, case: Case, intent: Intent, symbol: str) -> bool:
    """Whether a person must decide: a plain order right after our own exit may be a late exit.

    After a liquidation every entry waits for one (TRADING 6, 13).
    """
    last = await positions.last_closed(session, case.strategy.id, symbol)
    if last is not None and last.close_reason is CloseReason.LIQUIDATED:
        return True
    # A bot says close when it means that: its entry is no exit that came late.
    if intent.placeholders.is_known or case.alarm.is_from_bot:
        return False
    if last is None or last.closed_at is None or last.close_reason not in OUR_EXITS:
        return False
    window = timedelta(seconds=case.strategy.exit_max_age_seconds)
    is_opposite = last.position_side is not intent.position_side
    return is_opposite and case.now - last.closed_at <= window


def ignored(reason: Problem | None) -> Ignored:
    if reason is None:
        return Ignored("This alert asks for nothing.", code="notice")
    return Ignored(reason.detail, code=reason.code)
