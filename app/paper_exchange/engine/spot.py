"""Spot: coins move between two purses, and what is received pays the fee."""

from decimal import Decimal

from app.core.decimals import floor_to
from app.paper_exchange.engine import filters, refusals
from app.paper_exchange.engine.clearing import (
    Execution,
    Settlement,
    fee_in_third_coin,
    fee_of,
)
from app.paper_exchange.engine.journal import Journal
from app.paper_exchange.engine.models import ZERO, Account, Order, Quote, Ticket
from app.paper_exchange.engine.refusals import refuse
from app.paper_exchange.engine.stops import check_not_reached
from app.paper_exchange.symbols import LISTINGS, Listing
from app.trading.words import MarketType, Side

SPOT = MarketType.SPOT


class SpotClearing:
    """The money side of the spot market."""

    def admit(self, account: Account, listing: Listing, ticket: Ticket, quote: Quote) -> Decimal:
        """Check filters, client id, post-only and funds.

        Returns:
            Base quantity; for an order by quote, what the quote buys, rounded down to the step.

        Raises:
            Refusal: -1013, -1111, -2010.
        """
        filters.check_spot(listing, ticket, quote)
        if account.open_with_client_id(SPOT, ticket.client_order_id) is not None:
            raise refuse(refusals.DUPLICATE_SPOT)
        check_not_reached(ticket, quote)
        if ticket.is_post_only and ticket.is_marketable(quote):
            raise refuse(refusals.WOULD_TAKE)
        price = quote.executable(ticket.side)
        quantity = ticket.quantity
        if ticket.quote_quantity > 0:
            quantity = floor_to(ticket.quote_quantity / price, listing.quantity_step)
        if not ticket.order_type.is_market:
            price = ticket.limit_price
        elif ticket.stop_price > 0:
            price = ticket.stop_price
        asset, amount = _outlay(listing, ticket.side, quantity, price)
        if amount > account.balance(SPOT, asset).free:
            raise refuse(refusals.NO_FUNDS)
        return quantity

    def reserve(self, account: Account, order: Order, journal: Journal) -> None:
        """Lock what the order would cost."""
        self._lock(account, order, 1, journal)

    def release(self, account: Account, order: Order, journal: Journal) -> None:
        """Unlock what is left of it."""
        self._lock(account, order, -1, journal)

    def settle(
        self, account: Account, order: Order, execution: Execution, journal: Journal
    ) -> Settlement:
        """Exchange the coins; the fee comes off the coin that is received.

        Returns:
            The fee in base on a buy, in quote on a sell.
        """
        listing = LISTINGS[SPOT, order.symbol]
        value = execution.price * execution.quantity
        if order.side is Side.BUY:
            pay, paid, receive, received = listing.quote, value, listing.base, execution.quantity
        else:
            pay, paid, receive, received = listing.base, execution.quantity, listing.quote, value
        terms = execution.terms
        third = None
        if terms is not None:
            third = fee_in_third_coin(account, SPOT, terms, value=value, journal=journal)
        rate = listing.maker_fee_rate if execution.is_maker else listing.taker_fee_rate
        fee = ZERO if third else fee_of(received, rate if terms is None else terms.rate)
        purse = account.balance(SPOT, pay)
        if execution.uses_reserve:
            locked = _outlay(listing, order.side, execution.quantity, order.reserve_price)[1]
            purse.locked -= locked
            purse.free += locked
        purse.free -= paid
        journal.balance(account, SPOT, pay, -paid, "trade")
        account.balance(SPOT, receive).free += received - fee
        journal.balance(account, SPOT, receive, received - fee, "trade")
        return third or Settlement(fee, receive, ZERO)

    def fillable(self, account: Account, order: Order) -> Decimal:  # noqa: ARG002 (Clearing)
        """All of it: the coins are locked."""
        return order.remaining

    def _lock(self, account: Account, order: Order, sign: int, journal: Journal) -> None:
        if order.shares_lock or order.reserve_price == 0:
            return
        listing = LISTINGS[SPOT, order.symbol]
        asset, amount = _outlay(listing, order.side, order.remaining, order.reserve_price)
        balance = account.balance(SPOT, asset)
        balance.free -= sign * amount
        balance.locked += sign * amount
        journal.balance(account, SPOT, asset, ZERO, "lock" if sign > 0 else "unlock")


def _outlay(listing: Listing, side: Side, quantity: Decimal, price: Decimal) -> tuple[str, Decimal]:
    if side is Side.BUY:
        return listing.quote, quantity * price
    return listing.base, quantity
