"""What a strategy script wants to hold now: its pending signals follow the list it sends."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import ExchangeAccount
from app.core.errors import AppError, Denied, Invalid, NotFound
from app.market.instruments import InstrumentBook
from app.pipeline.alarms.meaning import Action, Intent, Level, LevelKind, Size, SizeKind, TakeProfit
from app.pipeline.alarms.sentences import sentence
from app.pipeline.signals import repository, service
from app.pipeline.signals.models import Signal
from app.pipeline.signals.pending import change_pending, end_pending
from app.pipeline.signals.schemas import (
    ActiveIn,
    ActiveOut,
    ActiveResult,
    ActiveSignalIn,
    ActiveWord,
)
from app.pipeline.signals.service import SignalDraft
from app.pipeline.signals.status import SignalStatus
from app.pipeline.signals.words import SignalAction
from app.strategies import repository as strategies
from app.strategies.models import Strategy
from app.trading.tickers import resolve_ticker, to_ticker

SUPERSEDED: Final = "superseded: A newer signal took its place."
MISSING: Final = "expired: The strategy does not list it any more."
# Decided for good: sending the same external_id again asks for nothing new.
DECIDED: Final = frozenset(
    {
        SignalStatus.APPROVED,
        SignalStatus.EXECUTING,
        SignalStatus.EXECUTED,
        SignalStatus.REJECTED,
    }
)


@dataclass(slots=True)
class Update:
    """One call, while it is carried out.

    Attributes:
        may_need_second: as in a draft.
        results: what became of each item, in the order of the call.
        ended: older signals that an item took the place of.
        named: symbols that the call mentions, also in refused items; of an item whose symbol is
            not known its external id.
    """

    session: AsyncSession
    instruments: InstrumentBook
    user_id: UUID
    actor: str
    now: datetime
    may_need_second: bool = False
    results: list[ActiveResult] = field(default_factory=list)
    ended: list[Signal] = field(default_factory=list)
    named: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Wish:
    """One item whose strategy and market are known."""

    item: ActiveSignalIn
    strategy: Strategy
    symbol: str


async def update_active(update: Update, wanted: ActiveIn) -> ActiveOut:
    """Make, change and end pending signals so that they are what the call lists, all or nothing.

    Raises:
        Invalid: `complete` with no strategy, or with several.
    """
    ids = {item.strategy_id for item in wanted.signals}
    if wanted.complete and len(ids) != 1:
        raise Invalid(
            f"complete: list the signals of exactly one strategy, not of {len(ids)}.",
            code="complete_needs_one_strategy",
        )
    owned = await _locked(update, ids)
    for item in wanted.signals:
        update.results.append(await _result_of(update, item, owned))
    expired: list[UUID] = []
    if wanted.complete:
        expired = [await _expire(update, one) for one in await _missing(update, owned)]
    return ActiveOut(items=[*_final(update)], expired=expired)


async def _locked(update: Update, ids: Iterable[UUID]) -> dict[UUID, Strategy]:
    """The caller's strategies among these; two calls for one strategy wait for each other."""
    found = {}
    for strategy_id in sorted(ids):
        row = await strategies.locked(update.session, strategy_id)
        if row is not None and row.user_id == update.user_id:
            found[strategy_id] = row
    return found


async def _result_of(
    update: Update, item: ActiveSignalIn, owned: dict[UUID, Strategy]
) -> ActiveResult:
    name = item.external_id
    try:
        wish = await _wish(update, item, owned)
        name = wish.symbol
        _refuse_nonsense(item)
        return await _put(update, wish)
    except AppError as refusal:
        reason = f"{refusal.code}: {refusal.detail}"
        return ActiveResult(
            signal_id=None,
            external_id=item.external_id,
            result=ActiveWord.REFUSED,
            reason=reason,
        )
    finally:
        if name is not None:
            update.named.add(name)


async def _wish(update: Update, item: ActiveSignalIn, owned: dict[UUID, Strategy]) -> Wish:
    strategy = owned.get(item.strategy_id)
    if strategy is None:
        raise NotFound(f"There is no strategy {item.strategy_id}.")
    account = await update.session.get_one(ExchangeAccount, strategy.account_id)
    symbol = resolve_ticker(
        item.symbol,
        update.instruments.all(account.exchange, account.market_type),
        market_type=account.market_type,
        ticker_map=strategy.ticker_map,
    )
    if not strategy.is_active:
        raise Denied("This strategy is switched off.", code="strategy_inactive")
    return Wish(item, strategy, symbol)


def _refuse_nonsense(item: ActiveSignalIn) -> None:
    """A stop or target on the wrong side of the entry price, where the item gives one."""
    price, sign = item.entry_price, item.position_side.sign
    if price is None:
        return
    if item.stop_loss is not None and (price - item.stop_loss) * sign <= 0:
        raise Invalid(
            f"The stop of a {item.position_side.value} is on the wrong side of its entry.",
            code="stop_on_wrong_side",
        )
    if item.take_profit is not None and (item.take_profit - price) * sign <= 0:
        raise Invalid(
            f"The target of a {item.position_side.value} is on the wrong side of its entry.",
            code="target_on_wrong_side",
        )


async def _put(update: Update, wish: Wish) -> ActiveResult:
    decided = await _decided(update, wish)
    if decided is not None:
        reason = f"already_decided: This signal is {decided.status.value} already."
        return _said(decided, ActiveWord.UNCHANGED, reason)
    same: Signal | None = None
    for signal in await _pending(update, wish.strategy.id, wish.symbol):
        if same is None and _is_same(signal, wish.item):
            same = signal
        else:
            await _supersede(update, signal)
    # What a second person was asked about is not changed under their eyes: it ends.
    if same is not None and not (_asks_anew(wish, same) and await _supersede(update, same)):
        return await _change(update, wish, same)
    made = await service.create(update.session, wish.strategy, _draft(update, wish), now=update.now)
    return _said(made, ActiveWord.CREATED)


async def _decided(update: Update, wish: Wish) -> Signal | None:
    """The signal of the same name, when somebody has decided it already."""
    if wish.item.external_id is None:
        return None
    last = await repository.latest_named(
        update.session, wish.strategy.id, wish.symbol, wish.item.external_id
    )
    if last is None or last.status not in DECIDED:
        return None
    return last if last.position_side is wish.item.position_side else None


def _is_same(signal: Signal, item: ActiveSignalIn) -> bool:
    is_named_alike = item.external_id is None or signal.external_id == item.external_id
    return is_named_alike and signal.position_side is item.position_side


async def _pending(update: Update, strategy_id: UUID, symbol: str | None) -> Sequence[Signal]:
    found = await repository.pending(update.session, strategy_id, symbol)
    return [signal for signal in found if signal.action.opens]


def _asks_anew(wish: Wish, signal: Signal) -> bool:
    """Whether somebody has approved it, once, as it was: another wish is then another signal."""
    return signal.decided_by is not None and _differs(wish, signal)


def _differs(wish: Wish, signal: Signal) -> bool:
    return any(getattr(signal, name) != value for name, value in _wanted(wish, signal).items())


def _wanted(wish: Wish, signal: Signal) -> dict[str, Any]:
    return _values(wish, reference=wish.item.entry_price or signal.reference_price)


async def _change(update: Update, wish: Wish, signal: Signal) -> ActiveResult:
    if not _differs(wish, signal):
        return _said(signal, ActiveWord.UNCHANGED)
    valid_for = timedelta(seconds=wish.strategy.signal_ttl_seconds)
    values = _wanted(wish, signal) | {
        "sentence": sentence(_intent(wish)),
        "expires_at": service.expiry(update.now, valid_for),
    }
    if await change_pending(update.session, signal, values, actor=update.actor, now=update.now):
        return _said(signal, ActiveWord.UPDATED)
    reason = f"already_decided: This signal is {signal.status.value} already."
    return _said(signal, ActiveWord.UNCHANGED, reason)


def _values(wish: Wish, *, reference: Any) -> dict[str, Any]:
    """What an item says, by column; `entry_price` is the price of reference (TRADING 23)."""
    item = wish.item
    return {
        "size_kind": SizeKind.DEFAULT if item.quantity is None else SizeKind.QUANTITY,
        "size_value": item.quantity,
        "stop_kind": None if item.stop_loss is None else LevelKind.PRICE,
        "stop_value": item.stop_loss,
        "target_kind": None if item.take_profit is None else LevelKind.PRICE,
        "target_value": item.take_profit,
        "reference_price": reference,
    }


def _draft(update: Update, wish: Wish) -> SignalDraft:
    return SignalDraft(
        action=SignalAction.OPEN,
        symbol=wish.symbol,
        position_side=wish.item.position_side,
        sentence=sentence(_intent(wish)),
        received_at=update.now,
        external_id=wish.item.external_id,
        made_by=update.actor,
        may_need_second=update.may_need_second,
        **_values(wish, reference=wish.item.entry_price),
    )


def _intent(wish: Wish) -> Intent:
    item = wish.item
    stop, target = item.stop_loss, item.take_profit
    return Intent(
        action=Action.OPEN,
        ticker=to_ticker(wish.symbol),
        position_side=item.position_side,
        size=Size() if item.quantity is None else Size(SizeKind.QUANTITY, item.quantity),
        stop_loss=None if stop is None else Level(LevelKind.PRICE, stop),
        take_profits=() if target is None else (TakeProfit(Level(LevelKind.PRICE, target)),),
    )


async def _missing(update: Update, owned: dict[UUID, Strategy]) -> list[Signal]:
    """Pending entries of the one strategy that the call does not mention."""
    return [
        signal
        for strategy_id in owned
        for signal in await _pending(update, strategy_id, None)
        if signal.symbol not in update.named and signal.external_id not in update.named
    ]


async def _expire(update: Update, signal: Signal) -> UUID:
    await _end(update, signal, SignalStatus.EXPIRED, MISSING)
    return signal.id


async def _supersede(update: Update, signal: Signal) -> bool:
    won = await _end(update, signal, SignalStatus.SUPERSEDED, SUPERSEDED)
    if won:
        update.ended.append(signal)
    return won


async def _end(update: Update, signal: Signal, status: SignalStatus, reason: str) -> bool:
    return await end_pending(
        update.session, signal, status, reason=reason, actor=update.actor, now=update.now
    )


def _final(update: Update) -> Iterable[ActiveResult]:
    """Each item's result, then the older signals that were superseded."""
    ended = {signal.id: _said(signal, ActiveWord.SUPERSEDED, SUPERSEDED) for signal in update.ended}
    for result in update.results:
        taken = None if result.signal_id is None else ended.pop(result.signal_id, None)
        yield result if taken is None else taken
    yield from ended.values()


def _said(signal: Signal, result: ActiveWord, reason: str | None = None) -> ActiveResult:
    return ActiveResult(
        signal_id=signal.id, external_id=signal.external_id, result=result, reason=reason
    )
