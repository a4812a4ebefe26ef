"""A venue in memory: small, honest about money and ids, and able to fail the way venues fail."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import partial

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
from app.exchanges.permissions import KeyPermissions
from app.exchanges.venue import (
    Abilities,
    BalanceReport,
    FillReport,
    FundingReport,
    News,
    NewsKind,
    OrderReport,
    OrderRequest,
    PositionReport,
)
from app.trading.instrument import Instrument
from app.trading.words import MarginMode, MarketType, OrderType, Side
from tests.fakes.ledger import Ledger
from tests.fakes.market import FakeMarketData, an_instrument
from tests.fakes.matching import Firing, Matcher, Resting

__all__ = [
    "CONTRACTS",
    "HARMLESS",
    "SPOT",
    "UNANSWERED",
    "FakeMarketData",
    "FakeVenue",
    "Firing",
    "Gate",
    "Outcome",
    "an_instrument",
]

UNANSWERED = Retryable("asking the venue: no answer")
SPOT = Abilities(
    rests_stops=True, rests_targets=True, locks_coins=True, pairs=True, streams_news=True
)
# A key as it should be: it trades, from listed addresses, and moves nothing away.
HARMLESS = KeyPermissions(
    reading=True,
    spot_trading=True,
    contract_trading=True,
    withdrawals=False,
    transfers=False,
    is_address_bound=True,
)
CONTRACTS = replace(SPOT, locks_coins=False, pairs=False)


class Outcome(StrEnum):
    """What becomes of the next order; of both legs of a pair."""

    ACCEPT = "accept"
    DROP_BEFORE_ACCEPT = "drop_before_accept"
    DROP_AFTER_ACCEPT = "drop_after_accept"
    REFUSE = "refuse"
    REFUSE_CONDITIONAL = "refuse_conditional"
    RATE_LIMIT = "rate_limit"
    NO_FUNDS = "no_funds"


NOT_ACCEPTED: Mapping[Outcome, Callable[[], ExchangeError]] = {
    Outcome.DROP_BEFORE_ACCEPT: partial(OutcomeUnknown, "placing the order: connection lost"),
    Outcome.REFUSE: partial(OrderRefused, "placing the order: told to refuse it"),
    Outcome.REFUSE_CONDITIONAL: partial(OrderRefused, "no such", code="conditional_not_taken"),
    Outcome.RATE_LIMIT: partial(RateLimited, "placing the order: slow down"),
    Outcome.NO_FUNDS: partial(InsufficientFunds, "placing the order: Margin is insufficient."),
}


@dataclass
class Gate:
    """Where an order hangs until the test lets it go on."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    open: asyncio.Event = field(default_factory=asyncio.Event)


class FakeVenue:
    """One account. Market orders fill wholly at the price; limit orders rest or fill wholly.

    Conditional orders wait for their price and fire in `match`. On contracts they live apart from
    the others, so that a look-up in the wrong place finds nothing, and become a new order with a
    number of its own; on spot they keep theirs and lock the coins.

    Args:
        market: where its prices come from.
        instruments: what it trades; all of one market type.
        balances: coins of the account at the start.
        abilities: what it carries; `SPOT` or `CONTRACTS` when left out.

    Attributes:
        next_outcomes: what becomes of the next orders, in order; `ACCEPT` when empty.
        failure: what every question raises, until it is None again.
        sent: every order request that was made, also those that never arrived.
        pairs: every pair id that was asked for.
        cancels: every client id that was asked to be cancelled.
        are_fills_hidden: executions happen but are not shown yet, as on a venue that lags.
        is_silent: the private stream stays open and says nothing.
        key: what its key may do.
    """

    def __init__(
        self,
        market: FakeMarketData,
        *instruments: Instrument,
        balances: Mapping[str, Decimal],
        clock: Clock | None = None,
        abilities: Abilities | None = None,
    ) -> None:
        by_symbol = {instrument.symbol: instrument for instrument in instruments}
        self._matcher = Matcher(market, by_symbol, self._tell_of)
        self._ledger = Ledger(
            market,
            by_symbol,
            balances,
            clock=clock or SystemClock(),
            locked=self._matcher.locked,
        )
        self._matcher.work_on(self._ledger)
        self._market, self._instruments = market, by_symbol
        is_spot = instruments[0].market_type is MarketType.SPOT
        self.abilities = abilities or (SPOT if is_spot else CONTRACTS)
        self._gates: dict[str, Gate] = {}
        self._readers: list[asyncio.Queue[News]] = []
        self._is_cut = False
        self.next_outcomes: deque[Outcome] = deque()
        self.failure: ExchangeError | None = None
        self.sent: list[OrderRequest] = []
        self.pairs: list[str] = []
        self.cancels: list[str] = []
        self.are_fills_hidden = False
        self.is_silent = False
        self.key = HARMLESS

    async def place(self, request: OrderRequest) -> OrderReport:
        self.sent.append(request)
        (report,) = await self._arrive((request,))
        return report

    async def place_pair(
        self, pair_id: str, *, stop: OrderRequest, target: OrderRequest
    ) -> tuple[OrderReport, OrderReport]:
        self.sent += [stop, target]
        self.pairs.append(pair_id)
        if not self.abilities.pairs:
            raise OrderRefused("no such order here", code="conditional_not_taken")
        first, second = await self._arrive((stop, target), pair_id)
        return first, second

    async def _arrive(
        self, requests: tuple[OrderRequest, ...], pair_id: str = ""
    ) -> list[OrderReport]:
        await asyncio.sleep(0)
        gate = self._gates.get(requests[0].symbol)
        if gate is not None:
            gate.reached.set()
            await gate.open.wait()
        outcome = self.next_outcomes.popleft() if self.next_outcomes else Outcome.ACCEPT
        if outcome in NOT_ACCEPTED:
            raise NOT_ACCEPTED[outcome]()
        reports = self._matcher.accept(requests, pair_id)
        if outcome is Outcome.DROP_AFTER_ACCEPT:
            raise OutcomeUnknown("placing the order: connection lost")
        return [replace(row, fills=()) if self.are_fills_hidden else row for row in reports]

    async def cancel(
        self, symbol: str, client_order_id: str, *, is_conditional: bool = False
    ) -> None:
        self.cancels.append(client_order_id)
        await self._asked()
        order = self._matcher.known(symbol, client_order_id, is_conditional=is_conditional)
        if order is None or not order.is_open:
            raise OrderNotFound("unknown order sent")
        self._matcher.cancel(order)

    async def find_order(
        self, symbol: str, client_order_id: str, *, is_conditional: bool = False
    ) -> OrderReport:
        await self._asked()
        order = self._matcher.known(symbol, client_order_id, is_conditional=is_conditional)
        if order is None:
            raise OrderNotFound("order does not exist")
        return replace(order.report, fills=())

    async def find_foreign(self, symbol: str, exchange_order_id: str) -> OrderReport:
        await self._asked()
        for order in self._matcher.orders:
            report = order.report
            is_known_by_it = report.triggered_order_id is not None
            if not is_known_by_it and self._matcher.is_apart(order.request):
                continue
            if (report.symbol, report.executing_order_id) == (symbol, exchange_order_id):
                return replace(
                    report,
                    exchange_order_id=exchange_order_id,
                    trigger_price=None if is_known_by_it else report.trigger_price,
                    triggered_order_id=None,
                    fills=(),
                )
        raise OrderNotFound("order does not exist")

    async def fills(
        self, symbol: str, exchange_order_id: str, since: datetime
    ) -> Sequence[FillReport]:
        trades = await self.trades(symbol, since)
        return [fill for fill in trades if fill.exchange_order_id == exchange_order_id]

    async def trades(self, symbol: str, since: datetime) -> Sequence[FillReport]:
        await self._asked()
        return [] if self.are_fills_hidden else self._ledger.since(symbol, since)

    async def open_orders(self, symbol: str) -> Sequence[OrderReport]:
        await self._asked()
        orders = self._matcher.orders
        return [row.report for row in orders if row.is_open and row.report.symbol == symbol]

    async def balances(self) -> Sequence[BalanceReport]:
        await self._asked()
        return self._ledger.balances()

    async def positions(self) -> Sequence[PositionReport]:
        await self._asked()
        return self._ledger.positions()

    async def funding(self, since: datetime) -> Sequence[FundingReport]:
        await self._asked()
        return [row for row in self._ledger.fundings if row.paid_at >= since]

    async def is_one_way(self) -> bool:
        await self._asked()
        return True

    async def permissions(self) -> KeyPermissions:
        await self._asked()
        return self.key

    async def prepare(self, symbol: str, *, leverage: int, margin_mode: MarginMode) -> None:
        await self._asked()
        settings = self._ledger.settings
        if self._ledger.is_spot or settings.get(symbol) == (leverage, margin_mode):
            return
        if self._ledger.held(symbol):
            raise OrderRefused("margin type cannot be changed if there exists position")
        settings[symbol] = (leverage, margin_mode)

    async def news(self) -> AsyncGenerator[News, None]:
        queue: asyncio.Queue[News] = asyncio.Queue()
        self._readers.append(queue)
        if not self._is_cut:
            queue.put_nowait(News(NewsKind.CONNECTED))
        try:
            while True:
                yield await queue.get()
        finally:
            self._readers.remove(queue)

    async def close(self) -> None:
        self._matcher.orders.clear()

    async def _asked(self) -> None:
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure

    @property
    def next_firings(self) -> deque[Firing]:
        """What becomes of the next triggers that are reached; `FIRE` when empty."""
        return self._matcher.next_firings

    @property
    def next_parts(self) -> deque[Decimal]:
        """How much of the next orders that cross is executed at once; the rest waits."""
        return self._matcher.next_parts

    @property
    def refuses_conditionals(self) -> bool:
        """Whether it takes no conditional order at all."""
        return self._matcher.refuses_conditionals

    @refuses_conditionals.setter
    def refuses_conditionals(self, is_refusing: bool) -> None:
        self._matcher.refuses_conditionals = is_refusing

    @property
    def flat_fee(self) -> tuple[Decimal, str] | None:
        """Amount and coin that every execution costs; the venue's own way when None."""
        return self._ledger.flat_fee

    @flat_fee.setter
    def flat_fee(self, fee: tuple[Decimal, str] | None) -> None:
        self._ledger.flat_fee = fee

    def hold(self, symbol: str) -> Gate:
        """Let the next orders of a symbol arrive, and hang until the gate is opened."""
        return self._gates.setdefault(symbol, Gate())

    def let_go(self, symbol: str) -> None:
        """Hold no further orders of the symbol; those that hang have lost their sender."""
        self._gates.pop(symbol)

    def relist(self, symbol: str, **changes: object) -> None:
        """Check orders by other steps or minimums from now on, and list them so."""
        self._market.relist(symbol, **changes)
        listed = self._instruments[symbol]
        self._instruments[symbol] = replace(listed, **changes)  # type: ignore[arg-type]  # any field

    def match(self) -> None:
        """Let the price that was set fire triggers and fill resting orders."""
        self._matcher.match()

    def fill_part(self, client_order_id: str, quantity: Decimal) -> None:
        """Fill some of an order at its limit, or at the price; all that is left fills it wholly."""
        order = self._newest(client_order_id)
        self._matcher.fill(order, self._matcher.own_price(order.request), quantity)
        self._tell_of(order)

    def report_of(self, client_order_id: str) -> OrderReport | None:
        """What the venue has of an order, without a request."""
        orders = [row for row in self._matcher.orders if _id(row) == client_order_id]
        return orders[-1].report if orders else None

    def held(self, symbol: str) -> Decimal:
        """Signed net quantity of a contract, all the coins on spot; without a request."""
        return self._ledger.held(symbol)

    def pay_funding(self, symbol: str, amount: Decimal) -> FundingReport:
        """A funding payment; negative when the account pays."""
        return self._ledger.pay_funding(symbol, amount)

    def close_by_hand(self, symbol: str, quantity: Decimal | None = None) -> OrderReport:
        """The trader closes some of what is held, or all of it, at market."""
        held = self._ledger.held(symbol)
        side = Side.SELL if held > 0 else Side.BUY
        return self._by_hand("web_", symbol, side, abs(held) if quantity is None else quantity)

    def add_by_hand(self, symbol: str, side: Side, quantity: Decimal) -> OrderReport:
        """The trader buys or sells at market."""
        return self._by_hand("web_", symbol, side, quantity)

    def cancel_by_hand(self, client_order_id: str) -> None:
        """The trader cancels an open order."""
        order = self._newest(client_order_id)
        assert order.is_open
        self._matcher.cancel(order)
        self._tell_of(order)

    def liquidate(self, symbol: str, name: str = "autoclose-") -> OrderReport:
        """The venue closes the whole position, by an order of that name; what rests there stays."""
        held = self._ledger.held(symbol)
        side = Side.SELL if held > 0 else Side.BUY
        return self._by_hand(name, symbol, side, abs(held))

    def _by_hand(self, prefix: str, symbol: str, side: Side, quantity: Decimal) -> OrderReport:
        name = f"{prefix}{self._ledger.next_id()}"
        request = OrderRequest(name, symbol, side, OrderType.MARKET, quantity)
        (report,) = self._matcher.accept((request,))
        self._tell_of(self._newest(name))
        return report

    def _newest(self, client_order_id: str) -> Resting:
        return [row for row in self._matcher.orders if _id(row) == client_order_id][-1]

    def tell(self, news: News) -> None:
        """Put something on the private stream; lost while it is cut, silent, or nobody listens."""
        for queue in () if self._is_cut or self.is_silent else self._readers:
            queue.put_nowait(news)

    def _tell_of(self, order: Resting) -> None:
        report = order.report
        # Conditional orders are numbered apart from those that execute.
        number = None if order.request.is_conditional else report.exchange_order_id
        self.tell(News(NewsKind.ORDER, report.symbol, _id(order), number))

    def cut_stream(self) -> None:
        """What happens from now on is never told."""
        self._is_cut = True

    def mend_stream(self) -> None:
        """The stream is connected again, and says so."""
        self._is_cut = False
        self.tell(News(NewsKind.CONNECTED))


def _id(order: Resting) -> str:
    return order.request.client_order_id
