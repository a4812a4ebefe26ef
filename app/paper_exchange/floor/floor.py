"""The trading floor: what can be done to orders and positions, on both markets."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Protocol

from app.paper_exchange.engine.algo import AlgoOrder, AlgoStatus
from app.paper_exchange.engine.clearing import Clearing
from app.paper_exchange.engine.fairness import Treatment
from app.paper_exchange.engine.journal import Counters, Journal
from app.paper_exchange.engine.linear import LinearClearing
from app.paper_exchange.engine.matching import Matcher
from app.paper_exchange.engine.models import Account, Order, Ticket
from app.paper_exchange.engine.spot import SpotClearing
from app.paper_exchange.floor.algos import AlgoBook, Prices
from app.paper_exchange.floor.funding import Funding
from app.paper_exchange.floor.liquidation import Liquidator
from app.paper_exchange.prices.board import Key, PriceBoard
from app.paper_exchange.symbols import Listing
from app.trading.words import MarketType

SPOT, LINEAR = MarketType.SPOT, MarketType.LINEAR


class House(Protocol):
    """What the floor needs of the venue; the journal is another one after every commit."""

    board: PriceBoard
    journal: Journal
    funding: Funding

    def now(self) -> int: ...


class Floor:
    """Both markets' matching, and what the venue does by itself.

    Args:
        house: whose prices, time and journal are used.
        counters: the last numbers given out.
        treatment: how orders are treated.
    """

    def __init__(self, house: House, counters: Counters, treatment: Treatment) -> None:
        self._house = house
        clearings: dict[MarketType, Clearing] = {
            SPOT: SpotClearing(),
            LINEAR: LinearClearing(house.board.marks),
        }
        self._matchers = {
            market: Matcher(market, clearing, counters, treatment)
            for market, clearing in clearings.items()
        }
        self._algos = AlgoBook(self._matchers[LINEAR])
        self._liquidator = Liquidator(self._matchers[LINEAR])

    def place(self, account: Account, listing: Listing, ticket: Ticket) -> Order:
        """Accept an order and match it.

        Raises:
            Refusal: nothing has changed.
        """
        house, now = self._house, self._house.now()
        order = self._matchers[listing.market].place(
            account,
            listing,
            ticket,
            quote=house.board.quote(listing.market, listing.symbol),
            now=now,
            journal=house.journal,
        )
        if account.algos:
            self._algos.finish(account, now=now, journal=house.journal)
        return order

    def check(self, account: Account, listing: Listing, ticket: Ticket) -> None:
        """Everything `place` checks, without placing.

        Raises:
            Refusal: as `place` would.
        """
        quote = self._house.board.quote(listing.market, listing.symbol)
        self._matchers[listing.market].clearing.admit(account, listing, ticket, quote)

    def place_pair(
        self, account: Account, listing: Listing, tickets: tuple[Ticket, Ticket]
    ) -> tuple[Order, Order]:
        """Accept two orders that cancel each other.

        Raises:
            Refusal: nothing has changed.
        """
        house = self._house
        return self._matchers[listing.market].place_pair(
            account,
            listing,
            tickets,
            quote=house.board.quote(listing.market, listing.symbol),
            now=house.now(),
            journal=house.journal,
        )

    def cancel(self, account: Account, order: Order) -> None:
        """Take an open order off the book, and its twin with it."""
        now, journal = self._house.now(), self._house.journal
        self._matchers[order.market].cancel(account, order, now=now, journal=journal)
        self._algos.finish(account, now=now, journal=journal)

    def expire(self, account: Account, order: Order) -> None:
        """End an open order without its owner's doing."""
        now, journal = self._house.now(), self._house.journal
        self._matchers[order.market].expire(account, order, now=now, journal=journal)
        self._algos.finish(account, now=now, journal=journal)

    def fill(self, account: Account, order: Order) -> None:
        """Fill what is left of an order at the present price."""
        now, journal = self._house.now(), self._house.journal
        quote = self._house.board.quote(order.market, order.symbol)
        matcher = self._matchers[order.market]
        matcher.fill_resting(account, order, quote, now=now, journal=journal)
        self._algos.finish(account, now=now, journal=journal)

    def place_algo(self, account: Account, listing: Listing, algo: AlgoOrder) -> AlgoOrder:
        """Accept a conditional futures order.

        Raises:
            Refusal: nothing has changed.
        """
        prices, journal = self._prices(listing.symbol), self._house.journal
        return self._algos.place(account, listing, algo, prices=prices, journal=journal)

    def cancel_algo(self, account: Account, algo: AlgoOrder) -> None:
        """End a conditional futures order."""
        now, journal = self._house.now(), self._house.journal
        self._algos.end(account, algo, AlgoStatus.CANCELED, now=now, journal=journal)

    def liquidate(self, account: Account, symbol: str) -> None:
        """Close a futures position for want of margin."""
        now, journal = self._house.now(), self._house.journal
        mark, position = self._house.board.marks[symbol], account.position(symbol)
        self._liquidator.liquidate(account, position, mark=mark, now=now, journal=journal)
        self._algos.finish(account, now=now, journal=journal)

    def close_position(self, account: Account, symbol: str, quantity: Decimal, name: str) -> None:
        """Close part of a futures position with an order of the venue's own."""
        self._liquidator.close(
            account,
            account.position(symbol),
            quantity,
            name=name,
            mark=self._house.board.marks[symbol],
            now=self._house.now(),
            journal=self._house.journal,
        )

    def pay_funding(self, accounts: Iterable[Account], symbol: str) -> int:
        """Pay a symbol's funding now; how many accounts hold it."""
        return self._house.funding.pay(
            accounts,
            symbol,
            mark=self._house.board.marks[symbol],
            now=self._house.now(),
            counters=self._matchers[LINEAR].counters,
            journal=self._house.journal,
        )

    def cross(self, accounts: Iterable[Account], keys: Iterable[Key]) -> None:
        """Do everything these prices bring about: fills, triggers, liquidations."""
        busy = [account for account in accounts if _has_business(account)]
        if not busy:
            return
        now, journal = self._house.now(), self._house.journal
        for market, symbol in keys:
            quote = self._house.board.quote(market, symbol)
            self._matchers[market].cross(busy, symbol, quote=quote, now=now, journal=journal)
            if market is LINEAR:
                self._cross_linear(busy, symbol, now)
        for account in busy:
            self._algos.finish(account, now=now, journal=journal)

    def _cross_linear(self, accounts: list[Account], symbol: str, now: int) -> None:
        prices, journal = self._prices(symbol), self._house.journal
        self._algos.cross(accounts, symbol, prices=prices, now=now, journal=journal)
        for account in accounts:
            if symbol in account.positions:
                self._liquidator.check(
                    account, mark=prices.mark, symbol=symbol, now=now, journal=journal
                )

    def _prices(self, symbol: str) -> Prices:
        board = self._house.board
        return Prices(board.quote(LINEAR, symbol), board.marks[symbol])


def _has_business(account: Account) -> bool:
    if account.orders or account.algos:
        return True
    return any(position.quantity for position in account.positions.values())
