"""A venue in memory: small, honest about money and ids, and able to fail the way venues fail."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from itertools import count

from app.core.clock import Clock, SystemClock
from app.core.errors import (
    ExchangeError,
    InsufficientFunds,
    OrderNotFound,
    OrderRefused,
    OutcomeUnknown,
    RateLimited,
    Retryable,
)
from app.exchanges.venue import (
    BalanceReport,
    FillReport,
    OrderReport,
    OrderRequest,
    PositionReport,
    VenueStatus,
)
from app.trading.instrument import Instrument
from app.trading.quote import Quote
from app.trading.words import (
    MarginMode,
    MarketType,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
)

ZERO = Decimal(0)
OPEN = {VenueStatus.OPEN, VenueStatus.PARTIALLY_FILLED}


def an_instrument(symbol: str = "BTC/USDT", **changes: object) -> Instrument:
    """BTC with the paper exchange's steps; a symbol with a settle coin is linear."""
    market_type = MarketType.LINEAR if ":" in symbol else MarketType.SPOT
    values = {
        "symbol": symbol,
        "market_type": market_type,
        "base": symbol.partition("/")[0],
        "quote": "USDT",
        "settle": "USDT",
        "quantity_step": Decimal("0.001"),
        "price_tick": Decimal("0.1"),
        "min_quantity": Decimal("0.001"),
        "max_quantity": None,
        "min_notional": Decimal(5),
        "contract_size": Decimal(1),
        "taker_fee_rate": Decimal("0.001"),
        "maker_fee_rate": Decimal("0.001"),
    }
    return Instrument(**{**values, **changes})  # type: ignore[arg-type]  # a builder takes any field


class Outcome(StrEnum):
    """What becomes of the next order."""

    ACCEPT = "accept"
    DROP_BEFORE_ACCEPT = "drop_before_accept"
    DROP_AFTER_ACCEPT = "drop_after_accept"
    REFUSE = "refuse"
    RATE_LIMIT = "rate_limit"
    NO_FUNDS = "no_funds"


class FakeMarketData:
    """Prices that a test sets; every stream hears them at once.

    Attributes:
        failure: what the next requests by REST raise, until it is None again.
        requests: how many quotes were asked for by REST.
        streams: how many streams are open, by symbol.
    """

    def __init__(self, *instruments: Instrument, clock: Clock | None = None) -> None:
        self._instruments = {instrument.symbol: instrument for instrument in instruments}
        self._clock = clock or SystemClock()
        self._quotes: dict[str, Quote] = {}
        self._queues: dict[str, list[asyncio.Queue[Quote | None]]] = {}
        self.failure: ExchangeError | None = None
        self.requests = 0

    @property
    def streams(self) -> dict[str, int]:
        return {symbol: len(queues) for symbol, queues in self._queues.items() if queues}

    def set_price(self, symbol: str, price: Decimal, *, is_streamed: bool = True) -> Quote:
        """Bid, ask, last and mark become this price."""
        mark = price if ":" in symbol else None
        quote = Quote(symbol, price, price, price, mark, self._clock.now())
        self._quotes[symbol] = quote
        for queue in self._queues.get(symbol, ()) if is_streamed else ():
            queue.put_nowait(quote)
        return quote

    def end_streams(self, symbol: str) -> None:
        """Every open stream of the symbol ends, as if the adapter gave up."""
        for queue in self._queues.get(symbol, ()):
            queue.put_nowait(None)

    async def instruments(self) -> Mapping[str, Instrument]:
        if self.failure is not None:
            raise self.failure
        return dict(self._instruments)

    async def quote(self, symbol: str) -> Quote:
        self.requests += 1
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        return replace(self.at_hand(symbol), at=self._clock.now())

    def at_hand(self, symbol: str) -> Quote:
        """The price as it is, without a request."""
        if symbol not in self._quotes:
            raise OrderRefused(f"no such symbol: {symbol}")
        return self._quotes[symbol]

    async def stream(self, symbol: str) -> AsyncGenerator[Quote, None]:
        if symbol not in self._instruments:
            raise OrderRefused(f"no such symbol: {symbol}")
        queue: asyncio.Queue[Quote | None] = asyncio.Queue()
        queues = self._queues.setdefault(symbol, [])
        queues.append(queue)
        try:
            if symbol in self._quotes:
                yield self._quotes[symbol]
            while (quote := await queue.get()) is not None:
                yield quote
        finally:
            queues.remove(queue)

    async def close(self) -> None:
        self._quotes.clear()


@dataclass
class Gate:
    """Where an order hangs until the test lets it go on."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    open: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class _Order:
    request: OrderRequest
    report: OrderReport

    @property
    def is_open(self) -> bool:
        return self.report.status in OPEN


@dataclass
class _Position:
    quantity: Decimal = ZERO
    entry_price: Decimal = ZERO


class FakeVenue:
    """One account. Market orders fill wholly at the price; limit orders rest or fill wholly.

    Args:
        market: where its prices come from.
        instruments: what it trades; all of one market type.
        balances: coins of the account at the start.

    Attributes:
        next_outcomes: what becomes of the next orders, in order; `ACCEPT` when empty.
        failure: what every question raises, until it is None again.
        sent: every order request that was made, also those that never arrived.
        cancels: every client id that was asked to be cancelled.
        flat_fee: amount and coin that every execution costs; the venue's own way when None.
        are_fills_hidden: executions happen but are not shown yet, as on a venue that lags.
    """

    def __init__(
        self,
        market: FakeMarketData,
        *instruments: Instrument,
        balances: Mapping[str, Decimal],
        clock: Clock | None = None,
    ) -> None:
        self._market = market
        self._instruments = {instrument.symbol: instrument for instrument in instruments}
        self._is_spot = instruments[0].market_type is MarketType.SPOT
        self._clock = clock or SystemClock()
        self._balances = dict(balances)
        self._orders: dict[str, _Order] = {}
        self._fills: list[FillReport] = []
        self._positions: dict[str, _Position] = {}
        self._settings: dict[str, tuple[int, MarginMode]] = {}
        self._ids = count(1)
        self.next_outcomes: deque[Outcome] = deque()
        self.failure: ExchangeError | None = None
        self.sent: list[OrderRequest] = []
        self.cancels: list[str] = []
        self.flat_fee: tuple[Decimal, str] | None = None
        self.are_fills_hidden = False
        self._gates: dict[str, Gate] = {}

    def hold(self, symbol: str) -> "Gate":
        """Let the next orders of a symbol arrive, and hang until the gate is opened."""
        return self._gates.setdefault(symbol, Gate())

    def let_go(self, symbol: str) -> None:
        """Hold no further orders of the symbol; those that hang have lost their sender."""
        self._gates.pop(symbol)

    async def place(self, request: OrderRequest) -> OrderReport:
        self.sent.append(request)
        await asyncio.sleep(0)
        gate = self._gates.get(request.symbol)
        if gate is not None:
            gate.reached.set()
            await gate.open.wait()
        match self.next_outcomes.popleft() if self.next_outcomes else Outcome.ACCEPT:
            case Outcome.DROP_BEFORE_ACCEPT:
                raise OutcomeUnknown("placing the order: connection lost")
            case Outcome.REFUSE:
                raise OrderRefused("placing the order: told to refuse it")
            case Outcome.RATE_LIMIT:
                raise RateLimited("placing the order: slow down")
            case Outcome.NO_FUNDS:
                raise InsufficientFunds("placing the order: Margin is insufficient.")
            case Outcome.DROP_AFTER_ACCEPT:
                self._accept(request)
                raise OutcomeUnknown("placing the order: connection lost")
            case Outcome.ACCEPT:
                return self._accept(request)

    def _accept(self, request: OrderRequest) -> OrderReport:
        instrument = self._checked(request)
        price = self._crossing_price(request)
        kind = request.time_in_force
        if price is not None and kind is TimeInForce.POST_ONLY:
            raise OrderRefused("would immediately match and take")
        self._pay_check(request, instrument, price)
        report = self._remember(request)
        if price is not None:
            return self._fill(request.client_order_id, price, instrument.taker_fee_rate)
        if kind in {TimeInForce.IOC, TimeInForce.FOK}:
            return self._set_status(request.client_order_id, VenueStatus.EXPIRED)
        return report

    def _checked(self, request: OrderRequest) -> Instrument:
        instrument = self._instruments.get(request.symbol)
        if instrument is None:
            raise OrderRefused(f"no such symbol: {request.symbol}")
        known = self._orders.get(request.client_order_id)
        if known is not None and known.is_open:
            raise OutcomeUnknown("duplicate order sent", code="duplicate_client_order_id")
        if request.quantity < instrument.min_quantity:
            raise OrderRefused("below the smallest quantity")
        if instrument.floor_quantity(request.quantity) != request.quantity:
            raise OrderRefused("not on the lot")
        price = request.limit_price
        if price is not None and instrument.floor_price(price) != price:
            raise OrderRefused("not on the tick")
        return instrument

    def _crossing_price(self, request: OrderRequest) -> Decimal | None:
        """What it would fill at now; None when it would rest."""
        price = self._market.at_hand(request.symbol).executable(request.side)
        limit = request.limit_price
        if request.order_type is OrderType.MARKET or limit is None:
            return price
        is_crossing = limit >= price if request.side is Side.BUY else limit <= price
        return price if is_crossing else None

    def _pay_check(
        self, request: OrderRequest, instrument: Instrument, price: Decimal | None
    ) -> None:
        worth = request.quantity * (price or request.limit_price or ZERO)
        held = self._held(request.symbol)
        if request.reduce_only and not self._is_spot:
            is_reducing = held and (held > 0) == (request.side is Side.SELL)
            if not is_reducing or request.quantity > abs(held):
                raise OrderRefused("reduce-only order is rejected")
            return
        if worth < instrument.min_notional:
            raise OrderRefused(f"notional below {instrument.min_notional}")
        if self._is_spot and request.side is Side.SELL:
            if self._free(instrument.base) < request.quantity:
                raise InsufficientFunds(f"not enough {instrument.base}")
        elif self._free(instrument.quote) < worth / self._leverage(request.symbol):
            raise InsufficientFunds(f"not enough {instrument.quote}")

    def _remember(self, request: OrderRequest) -> OrderReport:
        number = str(next(self._ids))
        report = OrderReport(
            client_order_id=request.client_order_id,
            exchange_order_id=number,
            symbol=request.symbol,
            status=VenueStatus.OPEN,
            quantity=request.quantity,
            filled_quantity=ZERO,
            average_price=None,
        )
        self._orders[request.client_order_id] = _Order(request, report)
        return report

    def _fill(
        self,
        client_order_id: str,
        price: Decimal,
        fee_rate: Decimal,
        part: Decimal | None = None,
    ) -> OrderReport:
        order = self._orders[client_order_id]
        request, report = order.request, order.report
        instrument = self._instruments[request.symbol]
        quantity = request.quantity - report.filled_quantity if part is None else part
        fee, fee_asset = self._fee(request, instrument, quantity * fee_rate, price)
        fill = FillReport(
            exchange_trade_id=str(next(self._ids)),
            exchange_order_id=report.exchange_order_id,
            symbol=request.symbol,
            side=request.side,
            price=price,
            quantity=quantity,
            fee=fee,
            fee_asset=fee_asset,
            executed_at=self._clock.now(),
        )
        self._fills.append(fill)
        self._book(fill, instrument)
        filled = report.filled_quantity + quantity
        is_whole = filled == request.quantity
        order.report = replace(
            report,
            status=VenueStatus.FILLED if is_whole else VenueStatus.PARTIALLY_FILLED,
            filled_quantity=filled,
            average_price=price,
            fills=(fill,) if self._is_spot and part is None and not self.are_fills_hidden else (),
        )
        return order.report

    def _fee(
        self, request: OrderRequest, instrument: Instrument, share: Decimal, price: Decimal
    ) -> tuple[Decimal, str]:
        """Bought coins pay on spot, the quote elsewhere, unless the test names a fee."""
        if self.flat_fee is not None:
            return self.flat_fee
        if self._is_spot and request.side is Side.BUY:
            return share, instrument.base
        return share * price, instrument.quote

    def _book(self, fill: FillReport, instrument: Instrument) -> None:
        self._add(fill.fee_asset, -fill.fee)
        signed = fill.quantity if fill.side is Side.BUY else -fill.quantity
        if self._is_spot:
            self._add(instrument.base, signed)
            self._add(instrument.quote, -signed * fill.price)
            return
        position = self._positions.setdefault(fill.symbol, _Position())
        closed = _overlap(position.quantity, signed)
        self._add(instrument.quote, closed * (fill.price - position.entry_price))
        left, added = position.quantity - closed, signed + closed
        position.quantity = left + added
        if added:
            cost = left * position.entry_price + added * fill.price
            position.entry_price = cost / position.quantity

    def _set_status(self, client_order_id: str, status: VenueStatus) -> OrderReport:
        order = self._orders[client_order_id]
        order.report = replace(order.report, status=status)
        return order.report

    def match(self) -> None:
        """Fill every resting order that the price has reached, at its own price."""
        for name, order in self._orders.items():
            limit = order.request.limit_price
            if order.is_open and limit is not None and self._crossing_price(order.request):
                rate = self._instruments[order.request.symbol].maker_fee_rate
                self._fill(name, limit, rate)

    def fill_part(self, client_order_id: str, quantity: Decimal) -> None:
        """Fill some of a resting order at its own price; all that is left fills it wholly."""
        request = self._orders[client_order_id].request
        assert request.limit_price is not None
        rate = self._instruments[request.symbol].maker_fee_rate
        self._fill(client_order_id, request.limit_price, rate, quantity)

    def report_of(self, client_order_id: str) -> OrderReport | None:
        """What the venue has of an order, without a request."""
        order = self._orders.get(client_order_id)
        return None if order is None else order.report

    def held(self, symbol: str) -> Decimal:
        """Signed net quantity of a contract, without a request."""
        return self._held(symbol)

    async def cancel(self, symbol: str, client_order_id: str) -> None:
        self.cancels.append(client_order_id)
        await self._asked()
        order = self._orders.get(client_order_id)
        if order is None or not order.is_open or order.report.symbol != symbol:
            raise OrderNotFound("unknown order sent")
        self._set_status(client_order_id, VenueStatus.CANCELED)

    async def find_order(self, symbol: str, client_order_id: str) -> OrderReport:
        await self._asked()
        order = self._orders.get(client_order_id)
        if order is None or order.report.symbol != symbol:
            raise OrderNotFound("order does not exist")
        return replace(order.report, fills=())

    async def fills(
        self, symbol: str, exchange_order_id: str, since: datetime
    ) -> Sequence[FillReport]:
        await self._asked()
        return [
            fill
            for fill in (() if self.are_fills_hidden else self._fills)
            if (fill.symbol, fill.exchange_order_id) == (symbol, exchange_order_id)
            and fill.executed_at >= since
        ]

    async def open_orders(self, symbol: str) -> Sequence[OrderReport]:
        await self._asked()
        orders = self._orders.values()
        return [row.report for row in orders if row.is_open and row.report.symbol == symbol]

    async def balances(self) -> Sequence[BalanceReport]:
        await self._asked()
        unrealized = sum((row.unrealized_pnl for row in self._open_positions()), ZERO)
        rows = []
        for asset, total in sorted(self._balances.items()):
            whole = total + unrealized if asset == "USDT" and not self._is_spot else total
            free = self._free(asset)
            if whole or free:
                rows.append(BalanceReport(asset, free, whole - free))
        return rows

    async def positions(self) -> Sequence[PositionReport]:
        await self._asked()
        return self._open_positions()

    def _open_positions(self) -> list[PositionReport]:
        return [
            self._position_report(symbol, position)
            for symbol, position in self._positions.items()
            if position.quantity
        ]

    def _position_report(self, symbol: str, position: _Position) -> PositionReport:
        mark = self._market.at_hand(symbol).fair
        is_long = position.quantity > 0
        return PositionReport(
            symbol=symbol,
            position_side=PositionSide.LONG if is_long else PositionSide.SHORT,
            quantity=abs(position.quantity),
            entry_price=position.entry_price,
            mark_price=mark,
            liquidation_price=None,
            unrealized_pnl=position.quantity * (mark - position.entry_price),
            leverage=None,
        )

    async def is_one_way(self) -> bool:
        await self._asked()
        return True

    async def prepare(self, symbol: str, *, leverage: int, margin_mode: MarginMode) -> None:
        await self._asked()
        if self._is_spot or self._settings.get(symbol) == (leverage, margin_mode):
            return
        if self._held(symbol):
            raise OrderRefused("margin type cannot be changed if there exists position")
        self._settings[symbol] = (leverage, margin_mode)

    async def close(self) -> None:
        self._orders.clear()

    async def _asked(self) -> None:
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure

    def _held(self, symbol: str) -> Decimal:
        return self._positions.get(symbol, _Position()).quantity

    def _leverage(self, symbol: str) -> int:
        return 1 if self._is_spot else self._settings.get(symbol, (20, MarginMode.CROSS))[0]

    def _add(self, asset: str, change: Decimal) -> None:
        self._balances[asset] = self._balances.get(asset, ZERO) + change

    def _free(self, asset: str) -> Decimal:
        total = self._balances.get(asset, ZERO)
        if not self._is_spot:
            used = (self._used_by(row) for row in self._open_positions())
            unrealized = sum((row.unrealized_pnl for row in self._open_positions()), ZERO)
            return total + unrealized - sum(used, ZERO) if asset == "USDT" else total
        resting = [row.request for row in self._orders.values() if row.is_open]
        return total - sum((self._locked_by(request, asset) for request in resting), ZERO)

    def _used_by(self, position: PositionReport) -> Decimal:
        price = position.mark_price or position.entry_price
        return position.quantity * price / self._leverage(position.symbol)

    def _locked_by(self, request: OrderRequest, asset: str) -> Decimal:
        instrument = self._instruments[request.symbol]
        if request.side is Side.SELL:
            return request.quantity if asset == instrument.base else ZERO
        worth = request.quantity * (request.limit_price or ZERO)
        return worth if asset == instrument.quote else ZERO


def _overlap(held: Decimal, change: Decimal) -> Decimal:
    """How much of what is held the change takes away, with the sign of what is held."""
    if held == 0 or (held > 0) == (change > 0):
        return ZERO
    return min(abs(held), abs(change)) * (1 if held > 0 else -1)


UNANSWERED = Retryable("asking the venue: no answer")
