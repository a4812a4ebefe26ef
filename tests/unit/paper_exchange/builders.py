"""Accounts, quotes and tickets for engine tests: valid by default, overridden by keyword."""

from dataclasses import replace
from decimal import Decimal
from itertools import count

from app.paper_exchange.engine.clearing import Clearing
from app.paper_exchange.engine.journal import Counters, Journal
from app.paper_exchange.engine.linear import LinearClearing
from app.paper_exchange.engine.matching import Matcher
from app.paper_exchange.engine.models import (
    Account,
    Balance,
    Order,
    OrderType,
    Quote,
    Ticket,
    TimeInForce,
)
from app.paper_exchange.engine.spot import SpotClearing
from app.paper_exchange.symbols import LISTINGS
from app.trading.words import MarketType, Side

SYMBOL = "BTCUSDT"
_numbers = count()


def d(text: str) -> Decimal:
    return Decimal(text)


def a_quote(price: str) -> Quote:
    return Quote(d(price), d(price), d(price))


def a_ticket(side: Side, quantity: str, limit_price: str = "0", **changes: object) -> Ticket:
    """A market order, or a GTC limit order when it has a price."""
    is_limit = limit_price != "0"
    ticket = Ticket(
        side=side,
        order_type=OrderType.LIMIT if is_limit else OrderType.MARKET,
        time_in_force=TimeInForce.GTC,
        quantity=d(quantity),
        quote_quantity=Decimal(0),
        limit_price=d(limit_price),
        client_order_id=str(changes.pop("client_order_id", f"id{next(_numbers)}")),
    )
    return replace(ticket, **changes)  # type: ignore[arg-type]  # overrides by name, as builders do


class Desk:
    """One market with one customer and a price that tests set."""

    def __init__(self, market: MarketType, price: str = "60000", **purse: str) -> None:
        self.market = market
        self.account = Account(1, "k", "s")
        for asset, amount in (purse or {"USDT": "10000"}).items():
            self.account.purses.setdefault(market, {})[asset] = Balance(d(amount))
        self.marks = {SYMBOL: d(price)}
        self.quote = a_quote(price)
        is_spot = market is MarketType.SPOT
        clearing: Clearing = SpotClearing() if is_spot else LinearClearing(self.marks)
        self.matcher = Matcher(market, clearing, Counters())
        self.journal = Journal()
        self.listing = LISTINGS[market, SYMBOL]

    def place(self, ticket: Ticket) -> Order:
        return self.matcher.place(
            self.account, self.listing, ticket, quote=self.quote, now=1, journal=self.journal
        )

    def buy(self, quantity: str, limit_price: str = "0", **changes: object) -> Order:
        return self.place(a_ticket(Side.BUY, quantity, limit_price, **changes))

    def sell(self, quantity: str, limit_price: str = "0", **changes: object) -> Order:
        return self.place(a_ticket(Side.SELL, quantity, limit_price, **changes))

    def cancel(self, order: Order) -> None:
        self.matcher.cancel(self.account, order, now=2, journal=self.journal)

    def move(self, price: str) -> None:
        self.marks[SYMBOL] = d(price)
        self.quote = a_quote(price)
        self.matcher.cross([self.account], SYMBOL, quote=self.quote, now=2, journal=self.journal)

    def balance(self, asset: str) -> Balance:
        return self.account.balance(self.market, asset)
