"""From a row to a value: alarms are read anew, decisions and results are as they were stored."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import Final
from uuid import UUID

from app.accounts.models import ExchangeAccount
from app.backtests.what_if.history.repository import Sent
from app.backtests.what_if.past import (
    Fate,
    Key,
    PastAlarm,
    PastSignal,
    PastStrategy,
    Trip,
)
from app.core.decimals import EXACT
from app.core.errors import Invalid
from app.market.instruments import InstrumentBook
from app.market.prices import PriceKey
from app.pipeline.alarms.hiding import hide_tokens
from app.pipeline.alarms.meaning import Meaning, Unreadable
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.reading import understand
from app.pipeline.alarms.status import AlarmStatus
from app.pipeline.pnl.models import Booking, FundingPayment
from app.pipeline.positions.models import Position
from app.pipeline.positions.service import book_of
from app.pipeline.risk.levels import PriceLevel
from app.pipeline.risk.sizing import SizeAsked
from app.pipeline.signals.models import Signal
from app.pipeline.signals.service import AUTO_RULE
from app.pipeline.signals.status import SignalStatus
from app.strategies.models import Strategy
from app.strategies.words import LevelKind, SizingMode
from app.trading.instrument import Instrument
from app.trading.tickers import resolve_ticker

ZERO: Final = Decimal(0)
HUNDRED: Final = Decimal(100)
_OF_SIGNALS: Final[Mapping[SignalStatus, Fate]] = {
    SignalStatus.PENDING: Fate.WAITING,
    SignalStatus.APPROVED: Fate.WAITING,
    SignalStatus.EXECUTING: Fate.TAKEN,
    SignalStatus.EXECUTED: Fate.TAKEN,
    SignalStatus.REJECTED: Fate.REJECTED,
    SignalStatus.DENIED: Fate.DENIED,
    SignalStatus.EXPIRED: Fate.EXPIRED,
    SignalStatus.SUPERSEDED: Fate.SUPERSEDED,
    SignalStatus.FAILED: Fate.FAILED,
}
_OF_ALARMS: Final[Mapping[AlarmStatus, Fate]] = {
    AlarmStatus.RECEIVED: Fate.WAITING,
    AlarmStatus.ACCEPTED: Fate.ENDED,
    AlarmStatus.STALE: Fate.STALE,
    AlarmStatus.IGNORED: Fate.IGNORED,
    AlarmStatus.REFUSED: Fate.REFUSED,
}

Owned = Mapping[UUID, tuple[Strategy, ExchangeAccount]]


class Markets:
    """Finds the market of each ticker and symbol, each once.

    Attributes:
        symbols: what each ticker means on its strategy's account; what means nothing is not there.
        instruments: of all that was found.
    """

    def __init__(self, owned: Owned, book: InstrumentBook) -> None:
        self._owned = owned
        self._book = book
        self._unknown: set[tuple[UUID, str]] = set()
        self.symbols: dict[tuple[UUID, str], str] = {}
        self.instruments: dict[PriceKey, Instrument] = {}

    def find(self, strategy_id: UUID, ticker: str) -> None:
        """What a ticker means, if it means anything there."""
        name = (strategy_id, ticker)
        if name in self.symbols or name in self._unknown:
            return
        strategy, account = self._owned[strategy_id]
        try:
            symbol = resolve_ticker(
                ticker,
                self._book.all(account.exchange, account.market_type),
                market_type=account.market_type,
                ticker_map=strategy.ticker_map,
            )
        except Invalid:
            self._unknown.add(name)
            return
        self.symbols[name] = symbol
        self.instrument(strategy_id, symbol)

    def instrument(self, strategy_id: UUID, symbol: str) -> Instrument | None:
        """The instrument of a symbol on a strategy's account; None when it is not known."""
        _, account = self._owned[strategy_id]
        found = self._book.get(account.exchange, account.market_type, symbol)
        if found is not None:
            self.instruments[PriceKey(account.exchange, account.market_type, symbol)] = found
        return found


def past_strategy(strategy: Strategy, account: ExchangeAccount) -> PastStrategy:
    """A strategy as it is set now."""
    allowed, drift = strategy.allowed_symbols, strategy.max_price_drift_percent
    return PastStrategy(
        id=strategy.id,
        account_id=account.id,
        exchange=account.exchange,
        market_type=account.market_type,
        approval=strategy.approval,
        approve_exits=strategy.approve_exits,
        sizing=_sizing(strategy.sizing_mode, strategy.sizing_value),
        follows_alert=strategy.sizing_mode is SizingMode.FROM_ALERT,
        leverage=strategy.leverage,
        margin_mode=strategy.margin_mode,
        stop_loss=_level(strategy.default_stop_loss_kind, strategy.default_stop_loss_value),
        take_profit=_level(strategy.default_take_profit_kind, strategy.default_take_profit_value),
        sides=strategy.sides,
        on_opposite=strategy.on_opposite,
        max_entries=strategy.max_entries,
        allocation=strategy.allocation,
        reinvest=strategy.reinvest,
        raise_to_min_notional=strategy.raise_to_min_notional,
        allowed_symbols=None if allowed is None else frozenset(allowed),
        signal_ttl=timedelta(seconds=strategy.signal_ttl_seconds),
        max_holding=_seconds(strategy.max_holding_seconds),
        max_drift=None if drift is None else drift / HUNDRED,
    )


def _sizing(mode: SizingMode, value: Decimal | None) -> SizeAsked:
    """An alert without a size has the strategy's notional, if there is one (flow.judging)."""
    is_fallback = mode is SizingMode.FROM_ALERT and value is not None
    return SizeAsked(SizingMode.NOTIONAL if is_fallback else mode, value)


def _level(kind: LevelKind | None, value: Decimal | None) -> PriceLevel | None:
    return None if kind is None or value is None else PriceLevel(kind, value)


def _seconds(count: int | None) -> timedelta | None:
    return None if count is None else timedelta(seconds=count)


def past_signal(signal: Signal, orders: Sequence[Sent]) -> PastSignal:
    """A signal with what was sent for it; `orders` oldest first.

    Raises:
        ValueError: it came of no alarm.
    """
    if signal.alarm_id is None:
        raise ValueError(f"signal {signal.id} has no alarm")
    first = orders[0] if orders else None
    fate = _OF_SIGNALS[signal.status]
    return PastSignal(
        key=Key(signal.alarm_id, signal.part),
        symbol=signal.symbol,
        position_side=signal.position_side,
        opens=signal.action.opens,
        fate=fate,
        code=_code(signal.reason, fate),
        reason=signal.reason,
        sentence=signal.sentence,
        decided_at=signal.decided_at,
        decided_by=signal.decided_by,
        is_auto=signal.decided_by == AUTO_RULE,
        fraction=signal.approved_fraction,
        quantity=None if first is None else first.quantity,
        sent_at=None if first is None else first.created_at,
        seen_price=None if first is None else first.reference_price,
        receipt_price=signal.reference_price,
    )


def past_alarm(alarm: Alarm, signals: Sequence[PastSignal], meaning: Meaning | None) -> PastAlarm:
    """An alarm with what it led to."""
    last = signals[-1] if signals else None
    fate = _OF_ALARMS[alarm.status] if last is None else last.fate
    return PastAlarm(
        id=alarm.id,
        strategy_id=alarm.strategy_id,
        received_at=alarm.received_at,
        fate=fate,
        code=_code(alarm.reason, fate) if last is None else last.code,
        reason=alarm.reason if last is None else last.reason,
        symbol=alarm.symbol,
        sentence=alarm.sentence or alarm.reason or "",
        meaning=meaning,
        signals=tuple(signals),
    )


def _code(reason: str | None, fate: Fate) -> str:
    """The word before the colon; what was taken has no reason that stopped it."""
    code, colon, _ = (reason or "").partition(":")
    return code if colon and fate is not Fate.TAKEN else fate.value


def meaning_of(alarm: Alarm, strategy: Strategy) -> Meaning | None:
    """What the bytes say, read as today; None when they cannot be read."""
    try:
        return understand(hide_tokens(alarm.body, strategy.token_digests))
    except Unreadable:
        return None


def trip_of(
    position: Position,
    key: Key | None,
    *,
    until: datetime,
    bookings: Sequence[Booking],
    funding: Sequence[FundingPayment],
    instrument: Instrument | None,
) -> Trip:
    """A position with what was booked of it in the range, which ends at `until`; oldest first."""
    is_over = position.closed_at is not None and position.closed_at < until
    # What was sold of it after the range is not told apart from what was held at its end.
    is_known = instrument is not None and position.closed_at is None
    with localcontext(EXACT):
        return Trip(
            key=key,
            strategy_id=position.strategy_id,
            symbol=position.symbol,
            position_side=position.position_side,
            quantity=position.sold_quantity,
            entry_price=position.entry_price,
            exit_price=position.exit_price,
            opened_at=position.opened_at,
            closed_at=position.closed_at if is_over else None,
            close_reason=position.close_reason if is_over else None,
            booked_at=bookings[-1].booked_at if bookings else None,
            gross=sum((one.gross_pnl for one in bookings), ZERO),
            fees=sum((one.fees for one in bookings), ZERO),
            funding=sum((one.amount for one in funding), ZERO),
            held=book_of(position, instrument) if instrument is not None and is_known else None,
        )


def openers(signals: Iterable[PastSignal], orders: Mapping[Key, Sequence[Sent]]) -> dict[UUID, Key]:
    """Which signal opened each position: the first of those that it was entered by."""
    first: dict[UUID, tuple[Sent, Key]] = {}
    for signal in signals:
        for order in orders.get(signal.key, ()) if signal.opens else ():
            if order.position_id is None:
                continue
            known = first.get(order.position_id)
            if known is None or order.created_at < known[0].created_at:
                first[order.position_id] = (order, signal.key)
    return {position_id: key for position_id, (_, key) in first.items()}
