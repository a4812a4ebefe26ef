"""Whether an order has a size and a price its symbol allows, before money is looked at."""

from decimal import Decimal

from app.core.decimals import floor_to
from app.paper_exchange.engine import refusals
from app.paper_exchange.engine.algo import AlgoOrder
from app.paper_exchange.engine.models import OrderType, Quote, Ticket
from app.paper_exchange.engine.refusals import filter_failure, refuse
from app.paper_exchange.symbols import Listing
from app.trading.words import Side


def check_spot(listing: Listing, ticket: Ticket, quote: Quote) -> None:
    """Binance's spot filters, in the order Binance reports them.

    Raises:
        Refusal: -1013 with the name of the filter, -1111 for more than eight decimals.
    """
    for price in (ticket.limit_price, ticket.stop_price):
        if price != 0 or (price is ticket.limit_price and not ticket.order_type.is_market):
            _spot_price(listing, price, quote)
    notional = ticket.quote_quantity
    if notional == 0:
        _spot_quantity(listing, ticket)
        notional = ticket.quantity * _reference_price(ticket, quote)
    if notional < listing.min_notional:
        raise filter_failure("NOTIONAL")


def check_linear(listing: Listing, ticket: Ticket, quote: Quote) -> None:
    """Binance's USDT-M filters.

    Raises:
        Refusal: -4003, -4005, -4023, -1111 for the quantity; -4001, -4014, -4016, -4024, -1111
            for the price; -4164 below the smallest notional unless it reduces.
    """
    _linear_quantity(listing, ticket)
    if ticket.order_type is not OrderType.MARKET:
        _linear_price(listing, ticket, quote)
    notional = ticket.quantity * _reference_price(ticket, quote)
    if notional < listing.min_notional and not ticket.reduce_only:
        raise refusals.below_min_notional(listing.min_notional)


def check_conditional(listing: Listing, algo: AlgoOrder) -> None:
    """A conditional order's own numbers; what its order needs is looked at when it triggers.

    Raises:
        Refusal: -1111, -4003, -4005, -4023 for the quantity, -1111, -4001, -4014 for a price.
    """
    if not algo.close_position:
        _check_steps(listing, algo.quantity, is_market=not algo.algo_type.is_limit)
    for price in (algo.trigger_price, algo.limit_price, algo.activate_price):
        if price != 0:
            _check_tick(listing, price)


def _reference_price(ticket: Ticket, quote: Quote) -> Decimal:
    if ticket.order_type.is_market:
        return ticket.stop_price if ticket.stop_price > 0 else quote.last
    return ticket.limit_price


def _spot_price(listing: Listing, price: Decimal, quote: Quote) -> None:
    if _decimals(price) > 8:
        raise refuse(refusals.BAD_PRECISION)
    if price <= 0 or not _fits(price, listing.price_tick):
        raise filter_failure("PRICE_FILTER")
    low, high = quote.last * listing.price_down, quote.last * listing.price_up
    if not low <= price <= high:
        raise filter_failure("PERCENT_PRICE_BY_SIDE")


def _spot_quantity(listing: Listing, ticket: Ticket) -> None:
    quantity = ticket.quantity
    if _decimals(quantity) > 8:
        raise refuse(refusals.BAD_PRECISION)
    too_large = quantity > listing.max_quantity
    if quantity <= 0 or too_large or not _fits(quantity, listing.quantity_step):
        raise filter_failure("LOT_SIZE")
    if ticket.order_type.is_market and quantity > listing.max_market_quantity:
        raise filter_failure("MARKET_LOT_SIZE")


def _linear_quantity(listing: Listing, ticket: Ticket) -> None:
    _check_steps(listing, ticket.quantity, is_market=ticket.order_type.is_market)


def _check_steps(listing: Listing, quantity: Decimal, *, is_market: bool) -> None:
    if quantity <= 0:
        raise refuse(refusals.ZERO_QUANTITY)
    if _decimals(quantity) > _decimals(listing.quantity_step):
        raise refuse(refusals.BAD_PRECISION)
    if not _fits(quantity, listing.quantity_step):
        raise refuse(refusals.BAD_STEP)
    if quantity > (listing.max_market_quantity if is_market else listing.max_quantity):
        raise refuse(refusals.TOO_MUCH)


def _linear_price(listing: Listing, ticket: Ticket, quote: Quote) -> None:
    price = ticket.limit_price
    _check_tick(listing, price)
    if ticket.side is Side.BUY and price > quote.last * listing.price_up:
        raise refusals.price_too_high(quote.last * listing.price_up)
    if ticket.side is Side.SELL and price < quote.last * listing.price_down:
        raise refusals.price_too_low(quote.last * listing.price_down)


def _check_tick(listing: Listing, price: Decimal) -> None:
    if price <= 0:
        raise refuse(refusals.ZERO_PRICE)
    if _decimals(price) > _decimals(listing.price_tick):
        raise refuse(refusals.BAD_PRECISION)
    if not _fits(price, listing.price_tick):
        raise refuse(refusals.BAD_TICK)


def _fits(value: Decimal, step: Decimal) -> bool:
    return floor_to(value, step) == value


def _decimals(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
