"""The venue itself: state in memory, written through to its file before anybody is told."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from app.core.clock import Clock, iso
from app.paper_exchange.catalog import Catalog
from app.paper_exchange.engine.fairness import Fair, Treatment
from app.paper_exchange.engine.journal import Journal
from app.paper_exchange.engine.models import ZERO, Account, Quote
from app.paper_exchange.floor.floor import Floor
from app.paper_exchange.floor.funding import Funding
from app.paper_exchange.prices.board import Key, PriceBoard
from app.paper_exchange.prices.walk import Source
from app.paper_exchange.storage import accounts as stored
from app.paper_exchange.storage.candles import StoredCandles
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
        floor: what can be done to orders and positions.
        before_commit: called with each step before it is kept; may add to it.
        observers: called with each step after it was kept.
    """

    def __init__(self, folder: Path, prices: Prices, clock: Clock) -> None:
        self.clock = ShiftedClock(clock)
        self.catalog = Catalog()
        self.funding = Funding()
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
            history=lambda key: StoredCandles(self.database.connection, key),
        )
        self.journal = Journal()
        self._load()

    def now(self) -> int:
        """The venue's time in milliseconds."""
        return int(self.clock.now().timestamp() * 1000)

    def keep_minute(self) -> None:
        """Keep the minute that is under way: this venue is about to go away."""
        self.database.write_market(self.board.tracks, self.board.running())

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

    def rights(self, account: Account) -> Mapping[str, object]:
        """What the account's key may do that is not as usual, by Binance's names."""
        return stored.load_rights(self.database, account.id)

    def give_rights(self, account: Account, rights: Mapping[str, object]) -> None:
        """Let the key have these rights beside the usual ones from now on."""
        stored.save_rights(self.database, account.id, rights)

    def customers(self, number: int | None = None) -> list[Account]:
        """Everybody, or the one with a number."""
        accounts = self._accounts.values()
        return [account for account in accounts if number in {None, account.id}]

    def hold(self, keys: Iterable[Key], price: Decimal, mark: Decimal | None = None) -> None:
        """Set prices by hand and fill what they reach."""
        keys = list(keys)
        for key in keys:
            self.journal.hold(*key, price, mark)
            self.board.hold(key, price, self.now(), mark=mark)
        self.floor.cross(self._accounts.values(), keys)
        self.commit()
        self.on_prices(keys)

    def release(self, keys: Iterable[Key]) -> None:
        """Let prices move again."""
        for key in keys:
            self.journal.release(*key)
            self.board.release(key)
        self.commit()

    def tick(self) -> None:
        """One step of the market; also shows held prices again, so that streams stay fresh."""
        self.board.advance(self.now())
        self.floor.cross(self._accounts.values(), LISTINGS)
        for symbol in self.funding.due(self.now()):
            self.floor.pay_funding(self._accounts.values(), symbol)
        self.commit()
        closed = self.board.closed()
        self.database.write_market(self.board.tracks, closed)
        self.board.kept(closed)
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
        self.floor = Floor(self, stored.load_counters(self.database), self._treatment)


def both_markets(balances: Mapping[str, Decimal]) -> Balances:
    """The same coins on every market; on linear only USDT, which is what it settles in."""
    linear = {asset: amount for asset, amount in balances.items() if asset == "USDT"}
    return {MarketType.SPOT: dict(balances), MarketType.LINEAR: linear or {"USDT": ZERO}}


def _nothing(_journal: Journal) -> None:
    return None


def _nobody(_keys: Iterable[Key]) -> None:
    return None
