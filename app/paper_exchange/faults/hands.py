"""What the account's owner, the venue or the market does, out of turn, when a fault says so."""

import secrets
from collections.abc import Callable, Iterable
from decimal import Decimal

from app.core.decimals import floor_to, plain
from app.paper_exchange.engine.models import (
    ZERO,
    Account,
    OrderType,
    Ticket,
    TimeInForce,
)
from app.paper_exchange.engine.refusals import Refusal
from app.paper_exchange.faults.fault import BadFault, Fault
from app.paper_exchange.symbols import LISTINGS, MARKETS
from app.paper_exchange.venue import Venue
from app.trading.words import MarginMode, MarketType, Side

Hand = Callable[[Venue, Fault], list[str]]

_MODES = {"isolated": MarginMode.ISOLATED, "cross": MarginMode.CROSS}


def carry_out(venue: Venue, fault: Fault) -> list[str]:
    """Do it now.

    Returns:
        What was done, a line for each account that was touched.

    Raises:
        BadFault: the venue's own rules refuse it, or a field makes no sense.
    """
    try:
        return HANDS[fault.verb](venue, fault)
    except (Refusal, ValueError) as refusal:
        raise BadFault(f"{fault.verb}: {refusal}") from refusal


def _price_gap(venue: Venue, fault: Fault) -> list[str]:
    keys = [key for key in LISTINGS if key[1] == fault.symbol and fault.market in {None, key[0]}]
    if not keys:
        raise BadFault(f"symbol {fault.symbol!r} is not listed")
    last = venue.board.quote(*keys[0]).last
    price = fault.number("price", plain(last * (1 + fault.number("percent", "-10") / 100)))
    tick = LISTINGS[keys[0]].price_tick
    venue.hold(keys, max(tick, floor_to(price, tick)))
    return [f"{fault.symbol} at {plain(venue.board.quote(*keys[0]).last)}"]


def _user_close(venue: Venue, fault: Fault) -> list[str]:
    return _user_trades(venue, fault, lambda held, _step: held, reduces=True)


def _user_reduce(venue: Venue, fault: Fault) -> list[str]:
    def part(held: Decimal, step: Decimal) -> Decimal:
        return fault.number("quantity", plain(floor_to(held / 2, step)))

    return _user_trades(venue, fault, part, reduces=True)


def _user_add(venue: Venue, fault: Fault) -> list[str]:
    def more(held: Decimal, step: Decimal) -> Decimal:
        return fault.number("quantity", plain(max(step, held)))

    return _user_trades(venue, fault, more, reduces=False)


def _user_trades(
    venue: Venue, fault: Fault, size: Callable[[Decimal, Decimal], Decimal], *, reduces: bool
) -> list[str]:
    market = fault.market or MarketType.LINEAR
    listing = LISTINGS[market, fault.symbol]
    done = []
    for account in _accounts(venue, fault):
        held = _held(account, market, fault.symbol)
        if held == 0 and (reduces or (fault.account_id is None and not fault.options.get("side"))):
            continue
        side = _side(fault, held, reduces=reduces)
        quantity = floor_to(size(abs(held), listing.quantity_step), listing.quantity_step)
        ticket = _by_hand(side, quantity, reduces=reduces and market is MarketType.LINEAR)
        order = venue.floor.place(account, listing, ticket)
        done.append(f"account {account.id}: {side.value} {plain(quantity)} as order {order.id}")
    return done


def _side(fault: Fault, held: Decimal, *, reduces: bool) -> Side:
    if fault.options.get("side"):
        return Side(fault.option("side", "buy").lower())
    return Side.BUY if (held >= 0) != reduces else Side.SELL


def _held(account: Account, market: MarketType, symbol: str) -> Decimal:
    if market is MarketType.LINEAR:
        return account.position(symbol).quantity
    return account.balance(market, LISTINGS[market, symbol].base).free


def _by_hand(side: Side, quantity: Decimal, *, reduces: bool) -> Ticket:
    """An order as Binance's web page sends it, client id included."""
    return Ticket(
        side=side,
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.GTC,
        quantity=quantity,
        quote_quantity=ZERO,
        limit_price=ZERO,
        client_order_id=f"web_{secrets.token_hex(8)}",
        reduce_only=reduces,
    )


def _cancel_stops(venue: Venue, fault: Fault) -> list[str]:
    done = []
    for account in _accounts(venue, fault):
        for algo in list(account.algos.values()):
            is_meant = algo.client_algo_id.startswith(fault.client_id_prefix)
            if algo.symbol == fault.symbol and is_meant and not algo.actual_order_id:
                venue.floor.cancel_algo(account, algo)
                done.append(f"account {account.id}: conditional order {algo.id}")
        for order in list(account.orders.values()):
            is_meant = order.client_order_id.startswith(fault.client_id_prefix)
            if order.symbol == fault.symbol and is_meant and order.stop_price > 0:
                venue.floor.cancel(account, order)
                done.append(f"account {account.id}: order {order.id}")
    return done


def _cancel_orders(venue: Venue, fault: Fault) -> list[str]:
    done = _cancel_stops(venue, fault)
    for account in _accounts(venue, fault):
        for order in list(account.orders.values()):
            is_meant = order.client_order_id.startswith(fault.client_id_prefix)
            if order.symbol == fault.symbol and is_meant and order.is_open:
                venue.floor.cancel(account, order)
                done.append(f"account {account.id}: order {order.id}")
    return done


def _liquidate(venue: Venue, fault: Fault) -> list[str]:
    done = []
    for account in _holders(venue, fault):
        venue.floor.liquidate(account, fault.symbol)
        done.append(f"account {account.id}: liquidated")
    return done


def _adl(venue: Venue, fault: Fault) -> list[str]:
    done = []
    step = LISTINGS[MarketType.LINEAR, fault.symbol].quantity_step
    for account in _holders(venue, fault):
        held = abs(account.position(fault.symbol).quantity)
        quantity = max(step, floor_to(held * fault.number("fraction", "1"), step))
        venue.floor.close_position(account, fault.symbol, quantity, "adl_autoclose")
        done.append(f"account {account.id}: {plain(quantity)} deleveraged")
    return done


def _leverage(venue: Venue, fault: Fault) -> list[str]:
    done = []
    for account in _accounts(venue, fault):
        position = account.position(fault.symbol)
        position.leverage = int(fault.number("leverage", str(position.leverage * 2)))
        venue.journal.position(position)
        venue.journal.event(
            "account_config",
            account_id=account.id,
            symbol=fault.symbol,
            leverage=position.leverage,
        )
        done.append(f"account {account.id}: leverage {position.leverage}")
    return done


def _margin_mode(venue: Venue, fault: Fault) -> list[str]:
    done = []
    for account in _accounts(venue, fault):
        position = account.position(fault.symbol)
        other = "cross" if position.margin_mode is MarginMode.ISOLATED else "isolated"
        mode = _MODES.get(fault.option("mode", other).lower())
        if mode is None:
            raise BadFault("mode is isolated or cross")
        is_isolated = mode is MarginMode.ISOLATED
        position.margin_mode = mode
        position.isolated_wallet = position.cost / position.leverage if is_isolated else ZERO
        venue.journal.position(position)
        done.append(f"account {account.id}: {mode.value}")
    return done


def _fill_rest(venue: Venue, fault: Fault) -> list[str]:
    done = []
    for account in _accounts(venue, fault):
        for order in list(account.orders.values()):
            is_meant = order.client_order_id.startswith(fault.client_id_prefix)
            if order.is_frozen and is_meant and fault.symbol in {"", order.symbol}:
                venue.floor.fill(account, order)
                done.append(f"account {account.id}: order {order.id}")
    return done


def settle_all(venue: Venue, fault: Fault) -> None:
    """End everything in a symbol that is about to be delisted."""
    for account in venue.customers():
        for market in MARKETS:
            if fault.market in {None, market}:
                for order in account.open_orders(market, fault.symbol):
                    venue.floor.expire(account, order)
    if fault.market is not MarketType.SPOT:
        for account in venue.customers():
            held = abs(account.position(fault.symbol).quantity)
            if held > 0:
                name = f"settlement_autoclose-{venue.now()}"
                venue.floor.close_position(account, fault.symbol, held, name)


def _accounts(venue: Venue, fault: Fault) -> Iterable[Account]:
    return venue.customers(fault.account_id)


def _holders(venue: Venue, fault: Fault) -> list[Account]:
    found = _accounts(venue, fault)
    return [each for each in found if each.position(fault.symbol).quantity != 0]


HANDS: dict[str, Hand] = {
    "price_gap": _price_gap,
    "user_close": _user_close,
    "user_reduce": _user_reduce,
    "user_add": _user_add,
    "user_cancel_stop": _cancel_stops,
    "user_cancel_orders": _cancel_orders,
    "liquidate": _liquidate,
    "adl": _adl,
    "leverage_changed": _leverage,
    "margin_mode_changed": _margin_mode,
    "fill_rest": _fill_rest,
}
