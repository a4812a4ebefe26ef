"""Spot orders that wait for a price, and pairs of which one ends the other."""

from dataclasses import dataclass
from decimal import Decimal

from app.paper_exchange.engine import refusals
from app.paper_exchange.engine.models import Account, Order, OrderType, Quote, Ticket
from app.paper_exchange.engine.refusals import Refusal, refuse
from app.paper_exchange.symbols import LISTINGS
from app.trading.words import MarketType, Side


@dataclass(frozen=True, slots=True)
class OrderList:
    """Two orders that cancel each other; what became of them is in the orders."""

    id: int
    account_id: int
    symbol: str
    list_client_order_id: str
    created_at: int


def waits_for_rise(side: Side, order_type: OrderType) -> bool:
    """Whether a price at or above the stop price sets it off."""
    return (side is Side.BUY) != order_type.is_take_profit


def is_reached(order: Order | Ticket, last: Decimal) -> bool:
    """Whether the last price sets a stop order off."""
    if waits_for_rise(order.side, order.order_type):
        return last >= order.stop_price
    return last <= order.stop_price


def check_not_reached(ticket: Ticket, quote: Quote) -> None:
    """A stop order must have something to wait for.

    Raises:
        Refusal: -2010 when its price is reached already.
    """
    if ticket.stop_price > 0 and is_reached(ticket, quote.last):
        raise refuse(refusals.STOP_AT_ONCE)


def check_pair(above: Ticket, below: Ticket, last: Decimal) -> None:
    """One leg lies above the price and the other below it.

    Raises:
        Refusal: -2010 when they do not, -1128 when both would wait for the same thing.
    """
    stops = {OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT}
    if (above.order_type in stops) == (below.order_type in stops):
        raise Refusal(-1128, "Combination of optional parameters invalid.")
    if not _level(above) > last > _level(below):
        raise refuse(refusals.PRICE_RELATION)


def twin_of(account: Account, order: Order) -> Order | None:
    """The other open order of a pair."""
    if order.order_list_id == -1:
        return None
    legs = (o for o in account.orders.values() if o.order_list_id == order.order_list_id)
    return next((leg for leg in legs if leg.id != order.id), None)


def can_pay(account: Account, order: Order, price: Decimal) -> bool:
    """Whether a spot order that takes the market's price has the coins for it.

    A stop order has locked coins at its stop price, and a gap may make it dearer than the purse
    is full; what a partial fill left over has locked nothing, and its coins may be gone.
    """
    listing = LISTINGS[order.market, order.symbol]
    if order.market is not MarketType.SPOT or not order.order_type.is_market:
        return True
    if order.side is Side.SELL:
        needed = order.remaining if order.stop_price == 0 else Decimal(0)
        return needed <= account.balance(order.market, listing.base).free
    needed = (price - order.reserve_price) * order.remaining
    return needed <= account.balance(order.market, listing.quote).free


def _level(ticket: Ticket) -> Decimal:
    return ticket.stop_price if ticket.stop_price > 0 else ticket.limit_price
