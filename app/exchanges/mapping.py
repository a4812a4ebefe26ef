"""ccxt's dicts into our values: decimals at the edge, base units inside, unknown words refused."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any

from app.core.decimals import EXACT, plain
from app.exchanges.errors import UnreadableReply
from app.exchanges.venue import (
    BalanceReport,
    FillReport,
    FundingReport,
    OrderReport,
    PositionReport,
    VenueStatus,
)
from app.trading.instrument import Instrument
from app.trading.words import MarketType, PositionSide, Side

Raw = Mapping[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZERO = Decimal(0)
ONE = Decimal(1)

STATUSES: Mapping[str, VenueStatus] = {
    "open": VenueStatus.OPEN,
    # Asked to end, and not ended yet: it may still fill.
    "canceling": VenueStatus.OPEN,
    "closed": VenueStatus.FILLED,
    "canceled": VenueStatus.CANCELED,
    "rejected": VenueStatus.REJECTED,
    "expired": VenueStatus.EXPIRED,
}


def number(value: Any) -> Decimal | None:
    """A decimal from what ccxt holds; None where the venue said nothing.

    Raises:
        UnreadableReply: it is not a finite number.
    """
    if value is None or value == "":
        return None
    try:
        result = Decimal(str(value))
    except InvalidOperation:
        raise UnreadableReply(f"{str(value)[:40]!r} is not a number") from None
    if not result.is_finite():
        raise UnreadableReply(f"{value} is not a finite number")
    return result


def needed(raw: Raw, key: str) -> Decimal:
    """The number under a key that the venue must have filled in."""
    value = number(raw.get(key))
    if value is None:
        raise UnreadableReply(f"the answer has no {key}")
    return value


def word(raw: Raw, key: str) -> str:
    """The text under a key that the venue must have filled in."""
    value = raw.get(key)
    if value is None or value == "":
        raise UnreadableReply(f"the answer has no {key}")
    return str(value)


def moment(milliseconds: Any) -> datetime:
    """A moment from the venue's milliseconds."""
    value = number(milliseconds)
    if value is None:
        raise UnreadableReply("the answer has no time")
    return EPOCH + timedelta(milliseconds=int(value))


def milliseconds(at: datetime) -> int:
    """A moment as the venues write it."""
    return int(at.timestamp() * 1000)


def unit_of(market: Raw) -> Decimal:
    """Base units in one of ccxt's amounts: the contract size on linear, 1 elsewhere."""
    if not market.get("contract") or market.get("inverse"):
        return ONE
    return number(market.get("contractSize")) or ONE


def to_amount(quantity: Decimal, market: Raw) -> str:
    """Our quantity as ccxt's amount, in plain notation."""
    with localcontext(EXACT):
        return plain(quantity / unit_of(market))


def to_quantity(amount: Decimal, market: Raw) -> Decimal:
    """An amount of ccxt's in base units, whole contracts on inverse."""
    with localcontext(EXACT):
        return amount * unit_of(market)


def order_of(raw: Raw, market: Raw, *, client_order_id: str, sent: Decimal | None) -> OrderReport:
    """What ccxt says of one order.

    Args:
        raw: ccxt's order.
        market: ccxt's market of its symbol.
        client_order_id: the id to use where the venue does not repeat it; else the two must agree.
        sent: the quantity of the request this answers, where a bare receipt (an order id, nothing
            else) is an answer; None where the venue must tell.

    Raises:
        UnreadableReply: it lacks what an order must have, or is another order.
    """
    named = str(raw.get("clientOrderId") or client_order_id)
    if client_order_id and named != client_order_id:
        raise UnreadableReply(f"asked for {client_order_id}, the answer is about {named}")
    amount = number(raw.get("amount"))
    quantity = to_quantity(amount, market) if amount else sent
    if quantity is None:
        raise UnreadableReply("the answer has no quantity")
    filled = to_quantity(number(raw.get("filled")) or ZERO, market)
    return OrderReport(
        client_order_id=named,
        exchange_order_id=word(raw, "id"),
        symbol=str(market["symbol"]),
        status=_status(raw, is_receipt=sent is not None, filled=filled, quantity=quantity),
        quantity=quantity,
        filled_quantity=filled,
        average_price=number(raw.get("average")) if filled else None,
        fills=_carried_fills(raw, market, filled),
        side=side_of(raw) if raw.get("side") else None,
        trigger_price=_trigger_price(raw),
        triggered_order_id=raw.get("triggeredOrderId"),
    )


def _trigger_price(raw: Raw) -> Decimal | None:
    # BingX's goes under another name for a stop than for a target; the venue's own has one.
    own = (raw.get("info") or {}).get("stopPrice")
    return number(raw.get("triggerPrice")) or number(own) or None


def open_order_of(raw: Raw, market: Raw) -> OrderReport:
    """One order out of a list of open ones, ours or not.

    An order that closes whatever there is has no quantity: it reads as 0. That the venue lists it
    says that it is open, whatever it calls that.
    """
    filled = number(raw.get("filled")) or ZERO
    listed = {**raw, "status": "open", "filled": filled}
    return order_of(listed, market, client_order_id="", sent=ZERO)


def funding_of(raw: Raw) -> FundingReport:
    """One funding payment.

    Raises:
        UnreadableReply: it lacks its id, symbol, amount, coin or time.
    """
    return FundingReport(
        venue_id=word(raw, "id"),
        symbol=word(raw, "symbol"),
        amount=needed(raw, "amount"),
        asset=word(raw, "code"),
        paid_at=moment(raw.get("timestamp")),
    )


def _status(raw: Raw, *, is_receipt: bool, filled: Decimal, quantity: Decimal) -> VenueStatus:
    if raw.get("status") is None and is_receipt:
        return VenueStatus.OPEN
    name = str(raw.get("status"))
    if name not in STATUSES:
        raise UnreadableReply(f"unknown order status {name[:40]!r}")
    status = STATUSES[name]
    if status is VenueStatus.OPEN and filled:
        return VenueStatus.PARTIALLY_FILLED
    # Bybit's "partially filled, then cancelled" is ccxt's "closed".
    if status is VenueStatus.FILLED and filled < quantity:
        return VenueStatus.CANCELED
    return status


def _carried_fills(raw: Raw, market: Raw, filled: Decimal) -> tuple[FillReport, ...]:
    """The executions in the answer itself, if they are all there; else none of them."""
    trades = [trade for trade in raw.get("trades") or () if trade.get("id")]
    at = raw.get("lastTradeTimestamp") or raw.get("timestamp")
    if not trades or at is None:
        return ()
    shared = {"order": raw.get("id"), "side": raw.get("side")}
    complete = [
        {**trade, **{key: trade.get(key) or value for key, value in shared.items()}}
        | {"timestamp": trade.get("timestamp") or at}
        for trade in trades
    ]
    fills = tuple(fill_of(trade, market) for trade in complete)
    return fills if sum((fill.quantity for fill in fills), ZERO) == filled else ()


def fill_of(raw: Raw, market: Raw) -> FillReport:
    """One execution.

    Raises:
        UnreadableReply: it lacks its id, price, quantity, fee or time.
    """
    fee = raw.get("fee") or next(iter(raw.get("fees") or ()), None) or {}
    return FillReport(
        exchange_trade_id=word(raw, "id"),
        exchange_order_id=word(raw, "order"),
        symbol=str(market["symbol"]),
        side=side_of(raw),
        price=needed(raw, "price"),
        quantity=to_quantity(needed(raw, "amount"), market),
        fee=needed(fee, "cost"),
        fee_asset=word(fee, "currency"),
        executed_at=moment(raw.get("timestamp")),
    )


def side_of(raw: Raw) -> Side:
    """Buy or sell."""
    name = word(raw, "side").lower()
    if name not in {"buy", "sell"}:
        raise UnreadableReply(f"unknown side {name[:40]!r}")
    return Side(name)


def balances_of(raw: Raw) -> Sequence[BalanceReport]:
    """Every asset the account has any of.

    Raises:
        UnreadableReply: the answer holds no account at all, which is not the same as an empty one.
    """
    free, total = raw.get("free"), raw.get("total")
    if not isinstance(free, dict) or not isinstance(total, dict) or not raw.get("info"):
        raise UnreadableReply("the answer holds no balances")
    rows = ((asset, number(free.get(asset)), number(total[asset])) for asset in sorted(total))
    return [
        BalanceReport(asset, available or ZERO, (whole or ZERO) - (available or ZERO))
        for asset, available, whole in rows
        if available or whole
    ]


def positions_of(raws: Iterable[Raw], markets: Mapping[str, Raw]) -> Sequence[PositionReport]:
    """The positions that are not flat."""
    held = [raw for raw in raws if needed(raw, "contracts")]
    return [_position(raw, markets[word(raw, "symbol")]) for raw in held]


def _position(raw: Raw, market: Raw) -> PositionReport:
    leverage = number(raw.get("leverage"))
    return PositionReport(
        symbol=str(market["symbol"]),
        position_side=PositionSide(word(raw, "side")),
        quantity=to_quantity(abs(needed(raw, "contracts")), market),
        entry_price=needed(raw, "entryPrice"),
        mark_price=number(raw.get("markPrice")),
        liquidation_price=number(raw.get("liquidationPrice")),
        unrealized_pnl=number(raw.get("unrealizedPnl")) or ZERO,
        leverage=None if leverage is None else int(leverage),
    )


def market_type_of(market: Raw) -> MarketType | None:
    """Ours for ccxt's market; None for what we do not trade (dated futures, options, margin)."""
    if market.get("spot"):
        return MarketType.SPOT
    if not market.get("swap"):
        return None
    if market.get("linear"):
        return MarketType.LINEAR
    return MarketType.INVERSE if market.get("inverse") else None


def instrument_of(market: Raw, market_type: MarketType) -> Instrument | None:
    """One tradable market; None when the venue leaves out what an order needs to be rounded."""
    price_tick = number(market["precision"].get("price"))
    step = number(market["precision"].get("amount"))
    if step is None and market_type is MarketType.INVERSE:
        # BingX says nothing of the step of its coin contracts: they are whole.
        step = ONE
    if not price_tick or not step:
        return None
    limits = market["limits"]
    smallest = number(limits["amount"].get("min")) or step
    largest = number(limits["amount"].get("max"))
    return Instrument(
        symbol=str(market["symbol"]),
        market_type=market_type,
        base=str(market["base"]),
        quote=str(market["quote"]),
        settle=str(market.get("settle") or market["quote"]),
        quantity_step=to_quantity(step, market),
        price_tick=price_tick,
        min_quantity=to_quantity(smallest, market),
        max_quantity=to_quantity(largest, market) if largest else None,
        min_notional=number((limits.get("cost") or {}).get("min")) or ZERO,
        contract_size=(number(market.get("contractSize")) or ONE),
        taker_fee_rate=number(market.get("taker")) or ZERO,
        maker_fee_rate=number(market.get("maker")) or ZERO,
        is_active=market.get("active") is not False,
    )
