"""A past that is made up: BTC contracts, one strategy, a candle a minute."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from app.backtests.what_if.past import (
    Fate,
    Key,
    Past,
    PastAlarm,
    PastSignal,
    PastStrategy,
    Trip,
)
from app.backtests.what_if.replay.run import Setting
from app.backtests.what_if.replay.tape import Prices, Tape
from app.core.ids import new_id
from app.market.prices import PriceKey
from app.pipeline.alarms.reading import understand
from app.pipeline.risk.exposure import Limits
from app.pipeline.risk.sizing import SizeAsked
from app.strategies.words import Approval, OnOpposite, Sides, SizingMode
from app.trading.timeframe import Timeframe
from app.trading.words import CloseReason, MarginMode, MarketType, PositionSide
from tests.builders import LINEAR, an_alert, d
from tests.fakes.market import an_instrument

NOON: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
MARKET: Final = PriceKey("paper", MarketType.LINEAR, LINEAR)
STRATEGY: Final = PastStrategy(
    id=new_id(),
    account_id=new_id(),
    exchange="paper",
    market_type=MarketType.LINEAR,
    approval=Approval.MANUAL,
    approve_exits=Approval.AUTO,
    sizing=SizeAsked(SizingMode.FROM_ALERT, None),
    follows_alert=True,
    leverage=1,
    margin_mode=MarginMode.ISOLATED,
    stop_loss=None,
    take_profit=None,
    sides=Sides.BOTH,
    on_opposite=OnOpposite.CLOSE,
    max_entries=1,
    allocation=None,
    reinvest=False,
    raise_to_min_notional=False,
    allowed_symbols=None,
    signal_ttl=timedelta(minutes=15),
    max_holding=None,
    max_drift=None,
)
OPENING: Final = frozenset({"buy", "sell", "long", "short", "add"})
# What leads to no signal.
WITHOUT_SIGNAL: Final = frozenset({Fate.STALE, Fate.IGNORED, Fate.REFUSED, Fate.ENDED})


def minute(number: float) -> datetime:
    """So many minutes past noon."""
    return NOON + timedelta(minutes=number)


def heard(at: float, fate: Fate = Fate.TAKEN, code: str = "", **fields: Any) -> PastAlarm:
    """A native alert of so many minutes past noon, and what became of it.

    Args:
        at: in minutes.
        fate: of the alarm and of its one signal.
        code: of its reason; the fate's own word when empty.
        fields: of the alert; `seen` is what the server saw when it sent the order, `side` the
            position's.
    """
    seen, side = fields.pop("seen", None), PositionSide(fields.pop("side", "long"))
    alarm_id, word = new_id(), code or fate.value
    meaning = understand(an_alert(**fields))
    signal = PastSignal(
        key=Key(alarm_id, 0),
        symbol=LINEAR,
        position_side=side,
        opens=fields.get("action", "buy") in OPENING,
        fate=fate,
        code=word,
        reason=None,
        sentence="an alert",
        sent_at=minute(at) if fate is Fate.TAKEN else None,
        seen_price=None if seen is None else d(seen),
    )
    return PastAlarm(
        id=alarm_id,
        strategy_id=STRATEGY.id,
        received_at=minute(at),
        fate=fate,
        code=word,
        reason=None,
        symbol=LINEAR,
        sentence="an alert",
        meaning=meaning,
        signals=() if fate in WITHOUT_SIGNAL else (signal,),
    )


def a_trip(alarm: PastAlarm | None, net: str, **changes: Any) -> Trip:
    """A real position that this alarm opened and that is closed, with what it brought."""
    values: dict[str, Any] = {
        "key": None if alarm is None else Key(alarm.id, 0),
        "strategy_id": STRATEGY.id,
        "symbol": LINEAR,
        "position_side": PositionSide.LONG,
        "quantity": d("0.1"),
        "entry_price": d("60000"),
        "exit_price": d("61000"),
        "opened_at": minute(1),
        "closed_at": minute(10),
        "close_reason": CloseReason.SIGNAL,
        "booked_at": minute(10),
        "gross": d(net),
    }
    return Trip(**{**values, **changes})


def a_past(*alarms: PastAlarm, trips: Sequence[Trip] = (), **changes: Any) -> Past:
    """Those alarms, within an hour."""
    strategy = changes.pop("strategy", STRATEGY)
    values: dict[str, Any] = {
        "since": NOON,
        "until": minute(60),
        "alarms": alarms,
        "trips": trips,
        "strategies": {strategy.id: strategy},
        "symbols": {(strategy.id, "BTCUSDT.P"): LINEAR},
        "instruments": {MARKET: an_instrument(LINEAR)},
        "limits": Limits(),
        "zone": ZoneInfo("UTC"),
        "currency": "USDT",
        "is_paper": True,
    }
    return Past(**{**values, **changes})


def steady(number: int) -> Decimal:
    """60,000 at noon, and ten more each minute."""
    return Decimal(60_000 + 10 * number)


def a_tape(price: Callable[[int], Decimal] = steady, *, count: int = 60) -> Tape:
    """Minutes that open at these prices and close at the next one's."""
    candles = []
    for number in range(count):
        opened, closed = price(number), price(number + 1)
        high, low = max(opened, closed), min(opened, closed)
        candles.append(Prices(minute(number), opened, high, low, closed))
    return Tape(MARKET, Timeframe.M1, candles)


def a_setting(past: Past, tape: Tape | None = None, *, slippage: str = "0") -> Setting:
    """What a replay needs, with 100,000 USDT."""
    tapes = {MARKET: tape or a_tape()}
    return Setting(past=past, tapes=tapes, capital=Decimal(100_000), slippage=d(slippage))


def key_of(alarm: PastAlarm) -> Key:
    """Of its first signal."""
    return Key(alarm.id, 0)


def nobody() -> UUID:
    """An id that no alarm has."""
    return new_id()
