"""Engine objects in Binance's JSON: every number a string, every name theirs."""

from decimal import ROUND_HALF_EVEN, Decimal

from app.core.decimals import plain
from app.paper_exchange.engine.models import Order, Trade
from app.trading.words import Side

_EIGHT_DECIMALS = Decimal("0.00000001")

Json = dict[str, object]


def eight(value: Decimal) -> str:
    """Eight decimals, as the spot API writes every number."""
    return format(value.quantize(_EIGHT_DECIMALS, rounding=ROUND_HALF_EVEN), "f")


def short(value: Decimal) -> str:
    """At most eight decimals without trailing zeros."""
    return plain(value.quantize(_EIGHT_DECIMALS, rounding=ROUND_HALF_EVEN))


def spot_order(order: Order) -> Json:
    """A spot order as GET /api/v3/order shows it."""
    return {
        "symbol": order.symbol,
        "orderId": order.id,
        "orderListId": order.order_list_id,
        "clientOrderId": order.client_order_id,
        "price": eight(order.limit_price),
        "origQty": eight(order.quantity),
        "executedQty": eight(order.executed_quantity),
        "cummulativeQuoteQty": eight(order.executed_quote),
        "status": order.status.value,
        "timeInForce": order.time_in_force.value,
        "type": order.order_type.value,
        "side": order.side.value.upper(),
        "stopPrice": eight(order.stop_price),
        "icebergQty": "0.00000000",
        "time": order.created_at,
        "updateTime": order.updated_at,
        "isWorking": order.is_working,
        "workingTime": order.created_at if order.is_working else -1,
        "origQuoteOrderQty": eight(order.quote_quantity),
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }


def spot_placed(order: Order, fills: list[Trade], kind: str) -> Json:
    """The answer to a new spot order: ACK, RESULT or FULL."""
    answer: Json = {
        "symbol": order.symbol,
        "orderId": order.id,
        "orderListId": order.order_list_id,
        "clientOrderId": order.client_order_id,
        "transactTime": order.updated_at,
    }
    if kind == "ACK":
        return answer
    shown = spot_order(order)
    # As on Binance, only a stop order says what it waits for.
    unsaid = () if order.stop_price else ("stopPrice",)
    for name in ("time", "updateTime", "isWorking", "icebergQty", *unsaid):
        del shown[name]
    answer |= shown
    if kind == "FULL":
        answer["fills"] = [
            {
                "price": eight(trade.price),
                "qty": eight(trade.quantity),
                "commission": eight(trade.fee),
                "commissionAsset": trade.fee_asset,
                "tradeId": trade.id,
            }
            for trade in fills
        ]
    return answer


def spot_canceled(order: Order, cancel_id: str) -> Json:
    """The answer to a cancel: the order's own client id moves to `origClientOrderId`."""
    shown = spot_order(order)
    shown["origClientOrderId"] = order.client_order_id
    shown["clientOrderId"] = cancel_id
    shown["transactTime"] = order.updated_at
    return shown


def spot_trade(trade: Trade) -> Json:
    """One row of GET /api/v3/myTrades."""
    return {
        "symbol": trade.symbol,
        "id": trade.id,
        "orderId": trade.order_id,
        "orderListId": -1,
        "price": eight(trade.price),
        "qty": eight(trade.quantity),
        "quoteQty": eight(trade.quote_quantity),
        "commission": eight(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": trade.at,
        "isBuyer": trade.side is Side.BUY,
        "isMaker": trade.is_maker,
        "isBestMatch": True,
    }


def linear_order(order: Order) -> Json:
    """A futures order as every endpoint of /fapi/v1 shows it."""
    return {
        "orderId": order.id,
        "symbol": order.symbol,
        "status": order.status.value,
        "clientOrderId": order.client_order_id,
        "price": short(order.limit_price),
        "avgPrice": short(order.average_price),
        "origQty": short(order.quantity),
        "executedQty": short(order.executed_quantity),
        "cumQty": short(order.executed_quantity),
        "cumQuote": short(order.executed_quote),
        "timeInForce": order.time_in_force.value,
        "type": order.order_type.value,
        "reduceOnly": order.reduce_only,
        "closePosition": False,
        "side": order.side.value.upper(),
        "positionSide": "BOTH",
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": order.order_type.value,
        "priceMatch": "NONE",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "goodTillDate": 0,
        "time": order.created_at,
        "updateTime": order.updated_at,
    }


def linear_acknowledged(order: Order) -> Json:
    """The default answer to a new futures order: accepted, and nothing about its fills."""
    shown = linear_order(order) | {"status": "NEW"}
    return shown | {"avgPrice": "0.00", "executedQty": "0", "cumQty": "0", "cumQuote": "0"}


def linear_trade(trade: Trade) -> Json:
    """One row of GET /fapi/v1/userTrades."""
    return {
        "symbol": trade.symbol,
        "id": trade.id,
        "orderId": trade.order_id,
        "side": trade.side.value.upper(),
        "price": short(trade.price),
        "qty": short(trade.quantity),
        "realizedPnl": short(trade.realized_pnl),
        "quoteQty": short(trade.quote_quantity),
        "commission": short(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": trade.at,
        "positionSide": "BOTH",
        "buyer": trade.side is Side.BUY,
        "maker": trade.is_maker,
    }
