"""The venue itself: state in memory, written through to its file before anybody is told."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from app.core.clock import Clock, iso
from app.paper_exchange.catalog import Catalog
from app.paper_exchange.engine.algo import AlgoOrder, AlgoStatus
from app.paper_exchange.engine.clearing import Clearing
from app.paper_exchange.engine.fairness import Fair, Treatment
from app.paper_exchange.engine.journal import Journal
from app.paper_exchange.engine.linear import LinearClearing
from app.paper_exchange.engine.matching import Matcher
from app.paper_exchange.engine.models import ZERO, Account, Order, Quote, Ticket
from app.paper_exchange.engine.spot import SpotClearing
from app.paper_exchange.floor.algos import AlgoBook
from app.paper_exchange.floor.algos import Prices as TriggerPrices
from app.paper_exchange.floor.funding import Funding
from app.paper_exchange.floor.liquidation import Liquidator
from app.paper_exchange.prices.board import Key, PriceBoard
from app.paper_exchange.prices.walk import Source
from app.paper_exchange.storage import accounts as stored
from app.paper_exchange.storage.database import Database
from app.paper_exchange.symbols import LISTINGS, Listing
from app.trading.words import MarketType

Balances = Mapping[MarketType, Mapping[str, Decimal]]


@dataclass(frozen=True, slots=True)
class Prices:
    """Where prices come from, and the seed that names a made-up past."""

    source: Source
    seed: int


@dataclass(slots=True)
class ShiftedClock:
    """The venue's clock, which a fault may put ahead or back."""

    clock: Clock
    offset: timedelta = timedelta(0)

    def now(self) -> datetime:
        """The venue's idea of the moment."""
        return self.clock.now() + self.offset


class Venue:
    """Everything a request can ask for; a step is collected and then kept by `commit`.

    Attributes:
        on_prices: called with what changed, after it was kept.
        catalog: what is listed, and how.
        permissions: what a key may do that is not as usual, by account.
        before_commit: called with each step before it is kept; may add to it.
        observers: called with each step after it was kept.
    """

    def __init__(self, folder: Path, prices: Prices, clock: Clock) -> None:
        self.clock = ShiftedClock(clock)
        self.catalog = Catalog()
        self.funding = Funding()
        self.permissions: dict[int, dict[str, object]] = {}
        self._treatment: Treatment = Fair()
        self.before_commit: Callable[[Journal], None] = _nothing
        self.observers: list[Callable[[Journal], None]] = []
        self.database = Database(folder)
        self.on_prices: Callable[[Iterable[Key]], None] = _nobody
        self._prices = prices
        self.board = PriceBoard(
            prices.source,
            seed=prices.seed,
            at=self.now(),
            tracks=stored.load_tracks(self.database),
            held=stored.load_held(self.database),
        )
        self.journal = Journal()
        self._load()

    def now(self) -> int:
        """The venue's time in milliseconds."""
        return int(self.clock.now().timestamp() * 1000)

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def account(self, api_key: str) -> Account | None:
        """Whose key this is; also finds accounts another process has just opened."""
        if api_key not in self._accounts:
            for account in stored.load_accounts(self.database, api_key=api_key):
                self._accounts[account.api_key] = account
        return self._accounts.get(api_key)

    def quote(self, listing: Listing) -> Quote:
        """The present price of a listing."""
        return self.board.quote(listing.market, listing.symbol)

    def open_account(self, balances: Balances) -> Account:
        """A new account with its first coins."""
        account = stored.insert_account(self.database, iso(self.clock.now()))
        self.journal.event("account_opened", account_id=account.id)
        for market, purse in balances.items():
            for asset, amount in purse.items():
                account.balance(market, asset).free = amount
                self.journal.balance(account, market, asset, amount, "deposit")
        self.commit()
        self._accounts[account.api_key] = account
        return account

    def place(self, account: Account, listing: Listing, ticket: Ticket) -> Order:
        """Accept an order and match it.

        Raises:
            Refusal: nothing has changed.
        """
        now = self.now()
        order = self._matchers[listing.market].place(
            account,
            listing,
            ticket,
            quote=self.quote(listing),
            now=now,
            journal=self.journal,
        )
        if account.algos:
            self.algos.finish(account, now=now, journal=self.journal)
        return order

    def check(self, account: Account, listing: Listing, ticket: Ticket) -> None:
        """Everything `place` checks, without placing.

        Raises:
            Refusal: as `place` would.
        """
        clearing = self._matchers[listing.market].clearing
        clearing.admit(account, listing, ticket, self.quote(listing))

    def place_pair(
        self, account: Account, listing: Listing, tickets: tuple[Ticket, Ticket]
    ) -> tuple[Order, Order]:
        """Accept two orders that cancel each other.

        Raises:
            Refusal: nothing has changed.
        """
        return self._matchers[listing.market].place_pair(
            account,
            listing,
            tickets,
            quote=self.quote(listing),
            now=self.now(),
            journal=self.journal,
        )

    def cancel(self, account: Account, order: Order) -> None:
        """Take an open order off the book, and its twin with it."""
        matcher = self._matchers[order.market]
        matcher.cancel(account, order, now=self.now(), journal=self.journal)
        self.algos.finish(account, now=self.now(), journal=self.journal)

    def customers(self, number: int | None = None) -> list[Account]:
        """Everybody, or the one with a number."""
        accounts = self._accounts.values()
        return [account for account in accounts if number in {None, account.id}]

    def fill(self, account: Account, order: Order) -> None:
        """Fill what is left of an order at the present price."""
        quote = self.board.quote(order.market, order.symbol)
        self._matchers[order.market].fill_resting(
            account, order, quote, now=self.now(), journal=self.journal
        )
        self.algos.finish(account, now=self.now(), journal=self.journal)

    def expire(self, account: Account, order: Order) -> None:
        """End an open order without its owner's doing."""
        self._matchers[order.market].expire(account, order, now=self.now(), journal=self.journal)

    def liquidate(self, account: Account, symbol: str) -> None:
        """Close a futures position for want of margin."""
        self.liquidator.liquidate(
            account,
            account.position(symbol),
            mark=self.board.marks[symbol],
            now=self.now(),
            journal=self.journal,
        )
        self.algos.finish(account, now=self.now(), journal=self.journal)

    def close_position(self, account: Account, symbol: str, quantity: Decimal, name: str) -> None:
        """Close part of a futures position with an order of the venue's own."""
        self.liquidator.close(
            account,
            account.position(symbol),
            quantity,
            name=name,
            mark=self.board.marks[symbol],
            now=self.now(),
            journal=self.journal,
        )

    def place_algo(self, account: Account, listing: Listing, algo: AlgoOrder) -> AlgoOrder:
        """Accept a conditional futures order.

        Raises:
            Refusal: nothing has changed.
        """
        prices = self._trigger_prices(listing.symbol)
        return self.algos.place(account, listing, algo, prices=prices, journal=self.journal)

    def cancel_algo(self, account: Account, algo: AlgoOrder) -> None:
        """End a conditional futures order."""
        self.algos.end(account, algo, AlgoStatus.CANCELED, now=self.now(), journal=self.journal)

    def hold(self, keys: Iterable[Key], price: Decimal) -> None:
        """Set prices by hand and fill what they reach."""
        keys = list(keys)
        for key in keys:
            self.journal.hold(*key, price)
            self.board.hold(key, price, self.now())
        self._cross(keys)
        self.commit()
        self.on_prices(keys)

    def release(self, keys: Iterable[Key]) -> None:
        """Let prices move again."""
        for key in keys:
            self.journal.release(*key)
            self.board.release(key)
        self.commit()

    def pay_funding(self, symbol: str) -> int:
        """Pay a symbol's funding now; how many accounts hold it."""
        return self.funding.pay(
            self._accounts.values(),
            symbol,
            mark=self.board.marks[symbol],
            now=self.now(),
            counters=self._matchers[MarketType.LINEAR].counters,
            journal=self.journal,
        )

    def tick(self) -> None:
        """One step of the market; also shows held prices again, so that streams stay fresh."""
        self.board.advance(self.now())
        self._cross(LISTINGS)
        for symbol in self.funding.due(self.now()):
            self.pay_funding(symbol)
        self.commit()
        self.database.write_tracks(self.board.tracks)
        self.on_prices(LISTINGS)

    def commit(self, request: dict[str, object] | None = None) -> None:
        """Keep what has happened since the last commit, the request before its consequences."""
        self.before_commit(self.journal)
        journal, self.journal = self.journal, Journal()
        try:
            self.database.write(journal, at=iso(self.clock.now()), request=request)
        except sqlite3.Error:
            # Memory is ahead of the file now; the file is the truth.
            self._load()
            raise
        for observe in self.observers:
            observe(journal)

    def discard(self) -> None:
        """Forget an unfinished step: back to what the file says."""
        self._load()

    def treat(self, treatment: Treatment) -> None:
        """Treat orders another way from now on."""
        self._treatment = treatment
        self._load()

    def _load(self) -> None:
        accounts = stored.load_accounts(self.database)
        self._accounts = {account.api_key: account for account in accounts}
        self.journal = Journal()
        counters = stored.load_counters(self.database)
        clearings: dict[MarketType, Clearing] = {
            MarketType.SPOT: SpotClearing(),
            MarketType.LINEAR: LinearClearing(self.board.marks),
        }
        self._matchers = {
            market: Matcher(market, clearing, counters, self._treatment)
            for market, clearing in clearings.items()
        }
        linear = self._matchers[MarketType.LINEAR]
        self.algos, self.liquidator = AlgoBook(linear), Liquidator(linear)

    def _cross(self, keys: Iterable[Key]) -> None:
        busy = [each for each in self._accounts.values() if _has_business(each)]
        if not busy:
            return
        now = self.now()
        for market, symbol in keys:
            quote = self.board.quote(market, symbol)
            self._matchers[market].cross(busy, symbol, quote=quote, now=now, journal=self.journal)
            if market is MarketType.LINEAR:
                prices = self._trigger_prices(symbol)
                self.algos.cross(busy, symbol, prices=prices, now=now, journal=self.journal)
                self._check_margins(busy, symbol, prices.mark, now)
        for account in busy:
            self.algos.finish(account, now=now, journal=self.journal)

    def _check_margins(
        self, accounts: Iterable[Account], symbol: str, mark: Decimal, now: int
    ) -> None:
        for account in accounts:
            if symbol in account.positions:
                self.liquidator.check(
                    account, mark=mark, symbol=symbol, now=now, journal=self.journal
                )

    def _trigger_prices(self, symbol: str) -> TriggerPrices:
        return TriggerPrices(self.board.quote(MarketType.LINEAR, symbol), self.board.marks[symbol])


def both_markets(balances: Mapping[str, Decimal]) -> Balances:
    """The same coins on every market; on linear only USDT, which is what it settles in."""
    linear = {asset: amount for asset, amount in balances.items() if asset == "USDT"}
    return {MarketType.SPOT: dict(balances), MarketType.LINEAR: linear or {"USDT": ZERO}}


def _has_business(account: Account) -> bool:
    if account.orders or account.algos:
        return True
    return any(position.quantity for position in account.positions.values())


def _nothing(_journal: Journal) -> None:
    return None


def _nobody(_keys: Iterable[Key]) -> None:
    return None
