"""What a server's database says, in the words of the invariants. Nothing here comes from `app`."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Account:
    """One exchange account of the trader."""

    id: str
    market_type: str


@dataclass(frozen=True, slots=True)
class Strategy:
    """The rules of a strategy that an invariant asks about."""

    id: str
    account_id: str
    leverage: int
    margin_mode: str
    max_price_drift_percent: Decimal | None


@dataclass(frozen=True, slots=True)
class Instrument:
    """Steps and minimums of a symbol, as the venue publishes them."""

    symbol: str
    market_type: str
    quantity_step: Decimal
    min_quantity: Decimal
    min_notional: Decimal


@dataclass(frozen=True, slots=True)
class Alarm:
    """One distinct alert."""

    id: str
    strategy_id: str
    status: str
    reason: str | None
    body: bytes
    deliveries: int
    signal_id: str | None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Signal:
    """One intention."""

    id: str
    alarm_id: str | None
    part: int
    strategy_id: str
    account_id: str
    symbol: str
    action: str
    status: str
    reason: str | None
    quantity: Decimal | None
    reference_price: Decimal | None
    decided_by: str | None
    decided_at: datetime | None
    received_at: datetime
    expires_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Order:
    """One intent towards the venue, or a venue-made order that is linked to a book."""

    id: str
    account_id: str
    strategy_id: str
    signal_id: str | None
    position_id: str | None
    client_order_id: str
    pair_id: str | None
    exchange_order_id: str | None
    triggered_order_id: str | None
    origin: str
    symbol: str
    side: str
    order_type: str
    quantity: Decimal
    limit_price: Decimal | None
    trigger_price: Decimal | None
    reduce_only: bool
    leverage: int | None
    margin_mode: str | None
    purpose: str
    close_reason: str | None
    reference_price: Decimal
    status: str
    reason: str | None
    evidence: str | None
    filled_quantity: Decimal
    fee: Decimal
    cancel_requested_at: datetime | None
    expires_at: datetime | None
    created_at: datetime
    submitted_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime

    @property
    def is_entry(self) -> bool:
        """Whether it opens or enlarges a position."""
        return self.purpose == "entry"

    @property
    def rests(self) -> bool:
        """Whether it waits at the venue for a price, as a stop or a target."""
        return self.trigger_price is not None and not self.is_entry


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution as the server booked it."""

    id: str
    account_id: str
    order_id: str
    position_id: str | None
    exchange_trade_id: str
    symbol: str
    side: str
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    executed_at: datetime


@dataclass(frozen=True, slots=True)
class Position:
    """One book."""

    id: str
    account_id: str
    strategy_id: str
    symbol: str
    position_side: str
    status: str
    quantity: Decimal
    cost: Decimal
    open_fees: Decimal
    fees: Decimal
    funding: Decimal
    dust_quantity: Decimal
    is_provisional: bool
    realized_pnl: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    trailing_percent: Decimal | None
    trailing_peak: Decimal | None
    trigger_by: str
    protection: str
    protection_note: str | None
    naked_seconds: Decimal
    close_reason: str | None
    opened_at: datetime | None
    closed_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def sign(self) -> int:
        """+1 for a long, -1 for a short."""
        return 1 if self.position_side == "long" else -1

    @property
    def is_closed(self) -> bool:
        """Whether it is history."""
        return self.status == "closed"


@dataclass(frozen=True, slots=True)
class Trade:
    """One closed round trip."""

    id: str
    position_id: str
    account_id: str
    currency: str
    is_paper: bool
    gross_pnl: Decimal
    fees: Decimal
    funding: Decimal
    realized_pnl: Decimal
    is_provisional: bool
    close_reason: str


@dataclass(frozen=True, slots=True)
class Booking:
    """What one closing fill, or a rest put aside, earned on one day."""

    id: str
    position_id: str
    fill_id: str | None
    is_paper: bool
    currency: str
    day: date
    gross_pnl: Decimal
    fees: Decimal
    net_pnl: Decimal


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the trader."""

    day: date
    currency: str
    is_paper: bool
    realized_pnl: Decimal
    fees: Decimal
    funding: Decimal
    trades: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the trader was told."""

    id: str
    code: str
    subject_kind: str
    subject_id: str
    created_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Audit:
    """One line of the audit trail."""

    id: str
    at: datetime
    actor: str
    action: str
    subject_kind: str
    subject_id: str
    detail: str


@dataclass(frozen=True, slots=True)
class External:
    """What the venue holds beyond our books, signed."""

    account_id: str
    symbol: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Trader:
    """Whose books these are."""

    id: str
    timezone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Everything of one moment, each relation in the order it was born."""

    accounts: tuple[Account, ...] = ()
    instruments: tuple[Instrument, ...] = ()
    strategies: tuple[Strategy, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    signals: tuple[Signal, ...] = ()
    orders: tuple[Order, ...] = ()
    fills: tuple[Fill, ...] = ()
    positions: tuple[Position, ...] = ()
    trades: tuple[Trade, ...] = ()
    bookings: tuple[Booking, ...] = ()
    days: tuple[Day, ...] = ()
    notices: tuple[Notice, ...] = ()
    audit: tuple[Audit, ...] = ()
    external: tuple[External, ...] = ()
    traders: tuple[Trader, ...] = ()


def market_of(symbol: str) -> tuple[str, str]:
    """Market and Binance's name of a symbol: `BTC/USDT:USDT` is linear `BTCUSDT`."""
    pair, _, settle = symbol.partition(":")
    return ("linear" if settle else "spot"), pair.replace("/", "")


def base_of(symbol: str) -> str:
    """The coin that is bought: `BTC` of `BTC/USDT`."""
    return symbol.partition("/")[0]
