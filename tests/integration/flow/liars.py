"""A venue that answers, and not with the truth: it denies, it forgets, it lags behind."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from app.core.errors import OrderNotFound
from app.exchanges.venue import (
    BalanceReport,
    FillReport,
    News,
    OrderReport,
    OrderRequest,
    PositionReport,
)
from app.trading.words import MarginMode
from tests.fakes.clock import FakeClock
from tests.fakes.exchange import UNANSWERED, FakeVenue
from tests.integration.flow.desk import FUNDS, Desk


@dataclass
class _Then:
    """What was true when it began to lag."""

    orders: dict[str, OrderReport] = field(default_factory=dict)
    open_orders: list[OrderReport] = field(default_factory=list)
    trades: set[str] = field(default_factory=set)
    positions: Sequence[PositionReport] = ()
    balances: Sequence[BalanceReport] = ()


class LyingVenue(FakeVenue):
    """One that answers every question, as told.

    Attributes:
        denies: look-ups of single orders, by whatever id, find nothing.
        hides_open: nothing seems to rest.
        shows_nothing_held: no positions and no coins, as if that were an answer.
        lists_nothing: it answers for coins and positions, and fails to list orders and trades.
        garbles: the answer to an order that was accepted cannot be read.
        withdrawn: coins that have left the account without a sale.
        tells_numbers: its stream says the number of an order that it names.
        dawdles_seconds: how long it takes to set leverage and margin mode.
    """

    denies = False
    hides_open = False
    shows_nothing_held = False
    lists_nothing = False
    garbles = False
    tells_numbers = False
    dawdles_seconds = 0.0
    _then: _Then | None = None
    withdrawn: dict[str, Decimal]
    clock: FakeClock

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.withdrawn = {}

    async def lag(self, symbol: str) -> None:
        """From now on every look-up shows what is true at this moment."""
        opened = list(await super().open_orders(symbol))
        executed = await super().trades(symbol, datetime.min.replace(tzinfo=UTC))
        self._then = _Then(
            orders={one.client_order_id: one for one in opened},
            open_orders=opened,
            trades={one.exchange_trade_id for one in executed},
            positions=await super().positions(),
            balances=await super().balances(),
        )

    def catch_up(self) -> None:
        """The truth again."""
        self._then, self.denies, self.hides_open = None, False, False
        self.shows_nothing_held = False

    def tell(self, news: News) -> None:
        super().tell(news if self.tells_numbers else replace(news, exchange_order_id=None))

    async def prepare(self, symbol: str, *, leverage: int, margin_mode: MarginMode) -> None:
        await super().prepare(symbol, leverage=leverage, margin_mode=margin_mode)
        self.clock.advance(self.dawdles_seconds)

    async def place(self, request: OrderRequest) -> OrderReport:
        report = await super().place(request)
        if self.garbles:
            raise ValueError("unexpected end of JSON")
        return report

    async def find_order(
        self, symbol: str, client_order_id: str, *, is_conditional: bool = False
    ) -> OrderReport:
        found = await super().find_order(symbol, client_order_id, is_conditional=is_conditional)
        if self.denies or (self._then and client_order_id not in self._then.orders):
            raise OrderNotFound("order does not exist")
        return self._then.orders[client_order_id] if self._then else found

    async def find_foreign(self, symbol: str, exchange_order_id: str) -> OrderReport:
        if self.denies:
            raise OrderNotFound("order does not exist")
        return await super().find_foreign(symbol, exchange_order_id)

    async def open_orders(self, symbol: str) -> Sequence[OrderReport]:
        found = await super().open_orders(symbol)
        if self.lists_nothing:
            raise UNANSWERED
        if self.hides_open:
            return []
        return self._then.open_orders if self._then else found

    async def trades(self, symbol: str, since: datetime) -> Sequence[FillReport]:
        found = await super().trades(symbol, since)
        known = self._then.trades if self._then else {one.exchange_trade_id for one in found}
        return [one for one in found if one.exchange_trade_id in known]

    async def positions(self) -> Sequence[PositionReport]:
        found = await super().positions()
        if self.shows_nothing_held:
            return []
        return self._then.positions if self._then else found

    async def balances(self) -> Sequence[BalanceReport]:
        found = [
            replace(one, free=one.free - self.withdrawn.get(one.asset, Decimal(0)))
            for one in await super().balances()
        ]
        if self.shows_nothing_held:
            return []
        return self._then.balances if self._then else found


async def trade_at_a_liar(desk: Desk) -> LyingVenue:
    """From now on the desk's account is at such a venue, and nothing has happened there."""
    kind = desk.account.market_type
    venue = LyingVenue(
        desk.town.markets[kind],
        *desk.town.instruments[kind],
        balances={"USDT": FUNDS},
        clock=desk.clock,
    )
    venue.clock = desk.clock
    desk.town.venues[desk.account.id] = venue
    await desk.restart()
    return venue
