"""The venue's ledger, read: what it was asked, what it did, and when, on the machine's clock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

CREATING: Final = {
    ("POST", "/api/v3/order"),
    ("POST", "/fapi/v1/order"),
    ("POST", "/fapi/v1/algoOrder"),
    ("POST", "/api/v3/orderList/oco"),
}
CLIENT_IDS: Final = (
    "newClientOrderId",
    "clientAlgoId",
    "listClientOrderId",
    "aboveClientOrderId",
    "belowClientOrderId",
)
# Asking for a listen key, or keeping it, changes nothing that trades.
HARMLESS: Final = {"/fapi/v1/listenKey"}
LIVE: Final = {"NEW", "PARTIALLY_FILLED"}
SECOND: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the venue; `at` is its arrival, `status` 0 when nobody was answered."""

    seq: int
    at: int
    account_id: int | None
    method: str
    path: str
    params: Mapping[str, str]
    status: int

    @property
    def client_ids(self) -> tuple[str, ...]:
        """Every client id that it brings."""
        return tuple(self.params[name] for name in CLIENT_IDS if self.params.get(name))

    @property
    def creates(self) -> bool:
        """Whether it asks for an order."""
        return (self.method, self.path) in CREATING

    @property
    def mutates(self) -> bool:
        """Whether it may change something that trades."""
        return self.method != "GET" and self.path not in HARMLESS


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """An order, plain or conditional, came to be or changed its state.

    Attributes:
        is_conditional: whether it is of the futures' conditional kind, with numbers of its own.
        trigger_price: 0 for one that is live at once.
        actual_order_id: the order that a conditional one became, else 0.
    """

    seq: int
    at: int
    event: str
    account_id: int
    market: str
    symbol: str
    order_id: int
    client_order_id: str
    side: str
    order_type: str
    quantity: Decimal
    limit_price: Decimal
    trigger_price: Decimal
    reduce_only: bool
    status: str
    is_conditional: bool = False
    actual_order_id: int = 0
    list_id: int = -1
    executed_quantity: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class VenueFill:
    """One execution; `order_status` is the order's after it."""

    seq: int
    at: int
    account_id: int
    market: str
    symbol: str
    trade_id: str
    order_id: int
    client_order_id: str
    side: str
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    realized_pnl: Decimal
    opened: Decimal
    order_status: str

    @property
    def signed(self) -> Decimal:
        """Quantity, negative when sold."""
        return self.quantity if self.side == "buy" else -self.quantity


@dataclass(frozen=True, slots=True)
class BalanceChange:
    """A purse changed; `reason` is the venue's word."""

    seq: int
    at: int
    account_id: int
    market: str
    asset: str
    change: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class VenueEvent:
    """Anything else: held prices, positions, faults."""

    seq: int
    at: int
    event: str
    body: Mapping[str, Any]


@dataclass(slots=True)
class Ledger:
    """All of it, in order."""

    requests: list[Request] = field(default_factory=list)
    orders: list[OrderEvent] = field(default_factory=list)
    fills: list[VenueFill] = field(default_factory=list)
    balances: list[BalanceChange] = field(default_factory=list)
    events: list[VenueEvent] = field(default_factory=list)
    last_seq: int = 0

    def take(self, items: Iterable[Mapping[str, Any]]) -> "Ledger":
        """Add what `GET /control/ledger` gave."""
        for item in items:
            self._take_one(item)
            self.last_seq = int(item["seq"])
        return self

    def account_of(self, market: str) -> int | None:
        """Whose requests trade that market; None before the first.

        Raises:
            ValueError: several accounts do, so that nobody can say whose is whose.
        """
        prefix = "/fapi/" if market == "linear" else "/api/"
        found = {
            one.account_id
            for one in self.requests
            if one.account_id is not None and one.path.startswith(prefix)
        }
        if len(found) > 1:
            raise ValueError(f"accounts {sorted(found)} trade {market}")
        return next(iter(found), None)

    def net(self, account_id: int | None, market: str, symbol: str) -> Decimal:
        """Signed sum of every execution."""
        return sum(
            (
                one.signed
                for one in self.fills
                if (one.account_id, one.market, one.symbol) == (account_id, market, symbol)
            ),
            Decimal(0),
        )

    def purse(self, account_id: int | None, market: str, asset: str) -> Decimal:
        """What is in a purse, free and locked."""
        return sum(
            (
                one.change
                for one in self.balances
                if (one.account_id, one.market, one.asset) == (account_id, market, asset)
            ),
            Decimal(0),
        )

    def live_orders(self) -> list[OrderEvent]:
        """Every order that may still be filled, as it was last heard of."""
        last: dict[tuple[bool, str, int], OrderEvent] = {}
        ended = set()
        for one in self.orders:
            last[one.is_conditional, one.market, one.order_id] = one
        for fill in self.fills:
            if fill.order_status not in LIVE:
                ended.add((False, fill.market, fill.order_id))
        return [one for key, one in last.items() if key not in ended and one.status in LIVE]

    def _take_one(self, item: Mapping[str, Any]) -> None:
        match item["kind"]:
            case "request":
                self.requests.append(_request(item))
            case "order":
                self.orders.append(_order(item))
            case "algo":
                self.orders.append(_algo(item))
            case "fill":
                self.fills.append(_fill(item))
            case "balance":
                self.balances.append(_balance(item))
            case "event":
                at = int(item["monotonic_ns"])
                self.events.append(VenueEvent(int(item["seq"]), at, item["event"], item))


def _request(item: Mapping[str, Any]) -> Request:
    return Request(
        seq=int(item["seq"]),
        at=int(item["arrived_monotonic_ns"]),
        account_id=item["account_id"],
        method=item["method"],
        path=item["path"],
        params={str(name): str(value) for name, value in item["params"].items()},
        status=int(item["status"]),
    )


def _order(item: Mapping[str, Any]) -> OrderEvent:
    return OrderEvent(
        **_common(item),
        event=item["event"],
        market=item["market"],
        order_id=int(item["order_id"]),
        client_order_id=item["client_order_id"],
        order_type=item["order_type"],
        trigger_price=Decimal(item["stop_price"]),
        list_id=int(item["order_list_id"]),
        executed_quantity=Decimal(item["executed_quantity"]),
    )


def _algo(item: Mapping[str, Any]) -> OrderEvent:
    return OrderEvent(
        **_common(item),
        event=item["event"],
        market="linear",
        order_id=int(item["algo_id"]),
        client_order_id=item["client_algo_id"],
        order_type=item["algo_type"],
        trigger_price=Decimal(item["trigger_price"]),
        is_conditional=True,
        actual_order_id=int(item["actual_order_id"] or 0),
    )


def _common(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "seq": int(item["seq"]),
        "at": int(item["monotonic_ns"]),
        "account_id": int(item["account_id"]),
        "symbol": item["symbol"],
        "side": item["side"],
        "quantity": Decimal(item["quantity"]),
        "limit_price": Decimal(item["limit_price"]),
        "reduce_only": bool(item["reduce_only"]),
        "status": item["status"],
    }


def _fill(item: Mapping[str, Any]) -> VenueFill:
    return VenueFill(
        seq=int(item["seq"]),
        at=int(item["monotonic_ns"]),
        account_id=int(item["account_id"]),
        market=item["market"],
        symbol=item["symbol"],
        trade_id=str(item["trade_id"]),
        order_id=int(item["order_id"]),
        client_order_id=item["client_order_id"],
        side=item["side"],
        price=Decimal(item["price"]),
        quantity=Decimal(item["quantity"]),
        fee=Decimal(item["fee"]),
        fee_asset=item["fee_asset"],
        realized_pnl=Decimal(item["realized_pnl"]),
        opened=Decimal(item.get("opened") or 0),
        order_status=item["order_status"],
    )


def _balance(item: Mapping[str, Any]) -> BalanceChange:
    return BalanceChange(
        seq=int(item["seq"]),
        at=int(item["monotonic_ns"]),
        account_id=int(item["account_id"]),
        market=item["market"],
        asset=item["asset"],
        change=Decimal(item["change"]),
        reason=item["reason"],
    )
