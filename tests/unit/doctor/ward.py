"""A small installation as rows: one round trip that ended, and one position that is open."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.accounts.models import AccountState, ExchangeAccount, ExternalHolding, User
from app.commands.doctor.finding import Finding
from app.commands.doctor.rows import Rows, Step, Waiting
from app.commands.doctor.venues import VenueView
from app.core.ids import new_client_order_id, new_id
from app.exchanges.venue import (
    BalanceReport,
    FillReport,
    OrderReport,
    PositionReport,
    VenueStatus,
)
from app.pipeline.alarms.meaning import SizeKind
from app.pipeline.orders.models import Fill, Order
from app.pipeline.orders.status import OrderStatus
from app.pipeline.pnl.models import Booking, DailyPnl, FundingPayment, Trade
from app.pipeline.positions.models import Position
from app.pipeline.positions.status import PositionStatus
from app.pipeline.signals.models import Signal
from app.pipeline.signals.status import SignalStatus
from app.pipeline.signals.words import SignalAction
from app.trading.words import (
    CloseReason,
    OrderOrigin,
    OrderType,
    PositionSide,
    Protection,
    Purpose,
    Side,
    TriggerBy,
    TriggerKind,
)
from tests.builders import LINEAR, a_user, an_account, d
from tests.fakes.exchange import an_instrument
from tests.unit.positions.builders import NOON

ZERO = Decimal(0)
LATER = NOON + timedelta(minutes=10)
TODAY = date(2026, 1, 24)
START = d("10000")


@dataclass
class Ward:
    """Rows that a test may spoil, and the venue's side of the same story."""

    user: User
    account: ExchangeAccount
    signals: list[Signal] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    positions: list[Position] = field(default_factory=list)
    bookings: list[Booking] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    days: list[DailyPnl] = field(default_factory=list)
    funding: list[FundingPayment] = field(default_factory=list)
    told: set[tuple[str, str]] = field(default_factory=set)
    external: list[ExternalHolding] = field(default_factory=list)
    states: list[AccountState] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    history: list[Step] = field(default_factory=list)
    view: VenueView | None = None

    @property
    def closed(self) -> Position:
        return self.positions[0]

    @property
    def held(self) -> Position:
        return self.positions[1]

    @property
    def stop(self) -> Order:
        return self.orders[-1]

    @property
    def rows(self) -> Rows:
        instrument = an_instrument(LINEAR)
        return Rows(
            now=LATER,
            users={self.user.id: self.user},
            accounts={self.account.id: self.account},
            instruments={("paper", self.account.market_type, LINEAR): instrument},
            waiting=self.waiting,
            signals=self.signals,
            orders=self.orders,
            fills=self.fills,
            positions=self.positions,
            bookings=self.bookings,
            trades=self.trades,
            days=self.days,
            funding=self.funding,
            told=frozenset(self.told),
            external=self.external,
            states=self.states,
            history=self.history,
        )

    @property
    def venue(self) -> VenueView:
        assert self.view is not None
        return self.view

    def at_venue(self, **changes: Any) -> None:
        """The venue says something else."""
        self.view = replace(self.venue, **changes)

    def said(self, subject: UUID, *actions: str, actor: str = "system") -> None:
        for action in actions:
            self.history.append(Step(str(subject), action, actor, NOON))

    def forget(self, action: str) -> None:
        self.history = [step for step in self.history if step.action != action]


Spoil = Callable[[Ward], object]


def a_ward() -> Ward:
    """Bought 0.1 at 60,000 and sold at 61,000; bought 0.2 at 60,000 and holds it with a stop."""
    user = a_user(NOON)
    ward = Ward(user, an_account(user.id, NOON, name="Paper futures", credentials="sealed"))
    ward.said(ward.account.id, "exchange_account.created")
    _round_trip(ward)
    _open_position(ward)
    executions = [
        FillReport(
            exchange_trade_id=one.exchange_trade_id,
            exchange_order_id=next(
                str(order.exchange_order_id) for order in ward.orders if order.id == one.order_id
            ),
            symbol=one.symbol,
            side=one.side,
            price=one.price,
            quantity=one.quantity,
            fee=one.fee,
            fee_asset=one.fee_asset,
            executed_at=one.executed_at,
        )
        for one in ward.fills
    ]
    # 10,000 + 93.95 earned - 6 of entry fees, and 200 unrealised at 61,000
    ward.view = VenueView(
        account=ward.account,
        since=NOON - timedelta(hours=1),
        open_orders=[a_report(ward.stop)],
        executions=executions,
        positions=[a_holding()],
        balances=[BalanceReport("USDT", d("10000"), d("287.95"))],
    )
    return ward


def _round_trip(ward: Ward) -> None:
    position = a_position(
        ward,
        status=PositionStatus.CLOSED,
        average_quantity=d("0.1"),
        average_cost=d("6000"),
        sold_quantity=d("0.1"),
        sold_cost=d("6000"),
        exit_value=d("6100"),
        fees=d("6.05"),
        realized_pnl=d("93.95"),
        close_reason=CloseReason.SIGNAL,
        closed_at=NOON,
    )
    entry = an_order(ward, position, Side.BUY, "0.1")
    a_fill(ward, entry, "60000", fee="3")
    leave = an_order(ward, position, Side.SELL, "0.1", purpose=Purpose.EXIT, reduce_only=True)
    sold = a_fill(ward, leave, "61000", fee="3.05")
    ward.said(position.id, "position.opened", "position.closing", "position.closed")
    common = {"user_id": ward.user.id, "strategy_id": position.strategy_id, "is_paper": True}
    ward.bookings.append(
        Booking(
            id=new_id(),
            position_id=position.id,
            fill_id=sold.id,
            currency="USDT",
            day=TODAY,
            gross_pnl=d("100"),
            fees=d("6.05"),
            net_pnl=d("93.95"),
            booked_at=NOON,
            **common,
        )
    )
    ward.trades.append(
        Trade(
            id=new_id(),
            account_id=ward.account.id,
            position_id=position.id,
            symbol=LINEAR,
            position_side=PositionSide.LONG,
            currency="USDT",
            quantity=d("0.1"),
            entry_price=d("60000"),
            exit_price=d("61000"),
            gross_pnl=d("100"),
            fees=d("6.05"),
            funding=ZERO,
            realized_pnl=d("93.95"),
            is_provisional=False,
            close_reason=CloseReason.SIGNAL,
            opened_at=NOON,
            closed_at=NOON,
            **common,
        )
    )
    ward.days.append(
        DailyPnl(
            user_id=ward.user.id,
            day=TODAY,
            currency="USDT",
            is_paper=True,
            realized_pnl=d("93.95"),
            fees=d("6.05"),
            funding=ZERO,
            trades=1,
            wins=1,
            losses=0,
        )
    )


def _open_position(ward: Ward) -> None:
    position = a_position(
        ward,
        quantity=d("0.2"),
        cost=d("12000"),
        open_fees=d("6"),
        average_quantity=d("0.2"),
        average_cost=d("12000"),
        stop_loss=d("57000"),
        protection=Protection.VENUE,
    )
    signal = a_signal(ward)
    entry = an_order(ward, position, Side.BUY, "0.2", signal_id=signal.id)
    a_fill(ward, entry, "60000", fee="6")
    an_order(
        ward,
        position,
        Side.SELL,
        "0.2",
        purpose=Purpose.STOP_LOSS,
        status=OrderStatus.OPEN,
        reduce_only=True,
        trigger_price=d("57000"),
        trigger_by=TriggerBy.MARK,
        trigger_kind=TriggerKind.STOP,
    )
    ward.said(position.id, "position.opened")


def a_position(ward: Ward, **changes: Any) -> Position:
    """A long of the ward's account, open, with nothing in it."""
    numbers = (
        "quantity cost open_fees average_quantity average_cost sold_quantity sold_cost exit_value"
        " fees funding dust_quantity realized_pnl naked_seconds"
    )
    values: dict[str, Any] = {
        "id": new_id(),
        "user_id": ward.user.id,
        "account_id": ward.account.id,
        "strategy_id": new_id(),
        "symbol": LINEAR,
        "position_side": PositionSide.LONG,
        "status": PositionStatus.OPEN,
        "protection": Protection.NONE,
        "opened_at": NOON,
        "last_fill_at": NOON,
        "created_at": NOON,
        "is_provisional": False,
        **dict.fromkeys(numbers.split(), ZERO),
    }
    ward.positions.append(Position(**{**values, **changes}))
    return ward.positions[-1]


def a_signal(ward: Ward, **changes: Any) -> Signal:
    """An entry of 0.2 that was approved and executed."""
    values: dict[str, Any] = {
        "id": new_id(),
        "user_id": ward.user.id,
        "account_id": ward.account.id,
        "strategy_id": new_id(),
        "symbol": LINEAR,
        "action": SignalAction.OPEN,
        "size_kind": SizeKind.QUANTITY,
        "status": SignalStatus.EXECUTED,
        "quantity": d("0.2"),
        "expires_at": NOON + timedelta(minutes=15),
    }
    ward.signals.append(Signal(**{**values, **changes}))
    signal = ward.signals[-1]
    ward.said(signal.id, "signal.created", "signal.approved", "signal.executed")
    return signal


def an_order(ward: Ward, position: Position, side: Side, quantity: str, **changes: Any) -> Order:
    """A filled market entry unless it is said otherwise."""
    values: dict[str, Any] = {
        "id": new_id(),
        "user_id": ward.user.id,
        "account_id": ward.account.id,
        "strategy_id": position.strategy_id,
        "position_id": position.id,
        "client_order_id": new_client_order_id(),
        "exchange_order_id": f"x{len(ward.orders)}",
        "origin": OrderOrigin.OURS,
        "symbol": LINEAR,
        "side": side,
        "order_type": OrderType.MARKET,
        "quantity": d(quantity),
        "filled_quantity": ZERO,
        "purpose": Purpose.ENTRY,
        "reduce_only": False,
        "status": OrderStatus.FILLED,
        "created_at": NOON,
        "submitted_at": NOON,
        "updated_at": NOON,
    }
    order = Order(**{**values, **changes})
    ward.orders.append(order)
    ward.said(order.id, "order.created")
    if order.status is not OrderStatus.CREATED:
        ward.said(order.id, f"order.{order.status.value}")
    return order


def a_fill(ward: Ward, order: Order, price: str, *, fee: str) -> Fill:
    """All of the order at one price."""
    order.filled_quantity = order.quantity
    fill = Fill(
        id=new_id(),
        user_id=ward.user.id,
        account_id=ward.account.id,
        order_id=order.id,
        position_id=order.position_id,
        exchange_trade_id=f"t{len(ward.fills)}",
        symbol=LINEAR,
        side=order.side,
        price=d(price),
        quantity=order.quantity,
        fee=d(fee),
        fee_asset="USDT",
        executed_at=NOON,
        recorded_at=NOON,
    )
    ward.fills.append(fill)
    return fill


def a_report(order: Order, **changes: Any) -> OrderReport:
    """What the venue says of an order that it has as we do."""
    values: dict[str, Any] = {
        "client_order_id": order.client_order_id,
        "exchange_order_id": order.exchange_order_id,
        "symbol": order.symbol,
        "status": VenueStatus.OPEN,
        "quantity": order.quantity,
        "filled_quantity": order.filled_quantity,
        "average_price": None,
        "side": order.side,
        "trigger_price": order.trigger_price,
    }
    return OrderReport(**{**values, **changes})


def a_holding(quantity: str = "0.2", **changes: Any) -> PositionReport:
    """The venue's net: long, at 61,000."""
    values: dict[str, Any] = {
        "symbol": LINEAR,
        "position_side": PositionSide.LONG,
        "quantity": d(quantity),
        "entry_price": d("60000"),
        "mark_price": d("61000"),
        "liquidation_price": None,
        "unrealized_pnl": d("200"),
        "leverage": 1,
    }
    return PositionReport(**{**values, **changes})


def words(finding: Finding) -> str:
    """Everything a finding says, for a search."""
    return " | ".join(finding.problems)


def shown(one: object) -> str:
    """A parameter as a test names it: the same in every process, so without addresses."""
    return getattr(one, "__name__", None) or str(one)[:60]
