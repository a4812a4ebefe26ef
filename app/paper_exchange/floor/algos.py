"""Conditional futures orders: taken in, watched, and turned into normal orders."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from app.paper_exchange.engine import filters, refusals
from app.paper_exchange.engine.algo import AlgoOrder, AlgoStatus, WorkingType
from app.paper_exchange.engine.fairness import Fate
from app.paper_exchange.engine.journal import Journal
from app.paper_exchange.engine.matching import Matcher
from app.paper_exchange.engine.models import (
    ZERO,
    Account,
    Order,
    OrderType,
    Quote,
    Ticket,
    TimeInForce,
)
from app.paper_exchange.engine.refusals import Refusal, refuse
from app.paper_exchange.symbols import LISTINGS, Listing
from app.trading.words import MarketType

_LARGEST_COUNT = 200


@dataclass(frozen=True, slots=True)
class Prices:
    """The two prices a conditional order can wait for, and what its order would trade at."""

    quote: Quote
    mark: Decimal

    def of(self, working_type: WorkingType) -> Decimal:
        """The price of a kind."""
        return self.mark if working_type is WorkingType.MARK_PRICE else self.quote.last


@dataclass(frozen=True, slots=True)
class AlgoBook:
    """Conditional orders of the futures market."""

    matcher: Matcher

    def place(
        self,
        account: Account,
        listing: Listing,
        algo: AlgoOrder,
        *,
        prices: Prices,
        journal: Journal,
    ) -> AlgoOrder:
        """Take an order in; margin and reduce-only are looked at when it triggers.

        Raises:
            Refusal: -2021 when its price is reached, -4116 for a used client id, -4130 for a
                second one that closes the position, -4045 for too many, and the filters' codes.
        """
        self._check(account, listing, algo)
        price = prices.of(algo.working_type)
        if algo.trigger_price > 0 and algo.is_reached(price):
            raise refuse(refusals.TRIGGER_AT_ONCE)
        algo.follow(price)
        self.matcher.counters.algo += 1
        algo.id = self.matcher.counters.algo
        account.algos[algo.id] = algo
        journal.algo(algo)
        return algo

    def end(
        self,
        account: Account,
        algo: AlgoOrder,
        status: AlgoStatus,
        *,
        now: int,
        journal: Journal,
        reason: str = "",
    ) -> None:
        """Cancel, reject or expire an order."""
        algo.status, algo.updated_at, algo.reason = status, now, reason
        account.algos.pop(algo.id, None)
        journal.algo(algo)

    def cross(
        self,
        accounts: Iterable[Account],
        symbol: str,
        *,
        prices: Prices,
        now: int,
        journal: Journal,
    ) -> None:
        """Set off every order of a symbol that these prices reach, oldest first."""
        if self.matcher.treatment.is_halted(MarketType.LINEAR, symbol):
            return
        for account in accounts:
            for algo in list(account.algos.values()):
                if algo.symbol != symbol or algo.status is not AlgoStatus.NEW:
                    continue
                price = prices.of(algo.working_type)
                if algo.is_reached(price):
                    self._set_off(account, algo, prices.quote, now=now, journal=journal)
                elif algo.follow(price):
                    journal.algos[algo.id] = algo

    def finish(self, account: Account, *, now: int, journal: Journal) -> None:
        """End those whose normal order has ended."""
        for algo in list(account.algos.values()):
            is_done = algo.actual_order_id and algo.actual_order_id not in account.orders
            if algo.status is AlgoStatus.TRIGGERED and is_done:
                self.end(account, algo, AlgoStatus.FINISHED, now=now, journal=journal)

    def _check(self, account: Account, listing: Listing, algo: AlgoOrder) -> None:
        others = [each for each in account.algos.values() if each.symbol == algo.symbol]
        if len(others) >= _LARGEST_COUNT:
            raise refuse(refusals.TOO_MANY_STOPS)
        if any(each.client_algo_id == algo.client_algo_id for each in account.algos.values()):
            raise refuse(refusals.DUPLICATE_LINEAR)
        if algo.close_position and any(
            each.close_position
            and each.side is algo.side
            and each.algo_type.is_take_profit is algo.algo_type.is_take_profit
            for each in others
        ):
            raise refuse(refusals.SECOND_CLOSE)
        filters.check_conditional(listing, algo)

    def _set_off(
        self, account: Account, algo: AlgoOrder, quote: Quote, *, now: int, journal: Journal
    ) -> None:
        fate = self.matcher.treatment.fate(algo)
        algo.status, algo.triggered_at, algo.updated_at = AlgoStatus.TRIGGERING, now, now
        journal.algo(algo)
        if fate is Fate.STICK:
            return
        try:
            if fate is Fate.REJECT:
                raise refuse(refusals.NO_MARGIN)
            order = self._forward(account, algo, quote, now=now, journal=journal)
        except Refusal as refusal:
            has_nothing = refusal.code in {-2022, -4003}
            status = AlgoStatus.EXPIRED if has_nothing else AlgoStatus.REJECTED
            reason = "Reduce Only reject" if has_nothing else refusal.message
            self.end(account, algo, status, now=now, journal=journal, reason=reason)
            return
        algo.status, algo.actual_order_id = AlgoStatus.TRIGGERED, order.id
        journal.algo(algo)

    def _forward(
        self, account: Account, algo: AlgoOrder, quote: Quote, *, now: int, journal: Journal
    ) -> Order:
        """The normal order; its number is new, its client id is the conditional order's."""
        quantity = algo.quantity
        if algo.close_position:
            quantity = abs(account.position(algo.symbol).quantity)
        is_limit = algo.algo_type.is_limit
        ticket = Ticket(
            side=algo.side,
            order_type=OrderType.LIMIT if is_limit else OrderType.MARKET,
            time_in_force=TimeInForce(algo.time_in_force) if is_limit else TimeInForce.GTC,
            quantity=quantity,
            quote_quantity=ZERO,
            limit_price=algo.limit_price,
            client_order_id=algo.client_algo_id,
            reduce_only=algo.reduce_only or algo.close_position,
        )
        listing = LISTINGS[MarketType.LINEAR, algo.symbol]
        return self.matcher.place(account, listing, ticket, quote=quote, now=now, journal=journal)
