"""The spot market's routes: /api/v3 and the few of /sapi that clients ask at their start."""

from app.paper_exchange.protocol import exchange_info, shapes
from app.paper_exchange.protocol.call import Call
from app.paper_exchange.protocol.market_data import MarketData
from app.paper_exchange.protocol.orders import OrderDesk
from app.paper_exchange.protocol.routes import Handler, Routes, key_only, open_to_all, signed
from app.paper_exchange.protocol.shapes import Json, eight
from app.paper_exchange.venue import Venue
from app.trading.words import MarketType

SPOT = MarketType.SPOT
_RATES = {"maker": "0.00100000", "taker": "0.00100000", "buyer": "0.00000000"}


def account(_venue: Venue, call: Call) -> object:
    """GET /api/v3/account."""
    purse = call.customer.purses.get(SPOT, {})
    skip_empty = call.flag("omitZeroBalances")
    return {
        "makerCommission": 10,
        "takerCommission": 10,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": _RATES | {"seller": "0.00000000"},
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": call.at,
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": eight(balance.free), "locked": eight(balance.locked)}
            for asset, balance in purse.items()
            if balance.total != 0 or not skip_empty
        ],
        "permissions": ["SPOT"],
        "uid": call.customer.id,
    }


def commission(_venue: Venue, call: Call) -> object:
    """GET /api/v3/account/commission."""
    listing = call.listing(SPOT)
    rates = _RATES | {"seller": "0.00000000"}
    nothing = dict.fromkeys(rates, "0.00000000")
    return {
        "symbol": listing.symbol,
        "standardCommission": rates,
        "taxCommission": nothing,
        "discount": {"enabledForAccount": False, "enabledForSymbol": False},
    }


def trade_fees(_venue: Venue, call: Call) -> object:
    """GET /sapi/v1/asset/tradeFee."""
    wanted = call.optional_listing(SPOT)
    rows = call.catalog.listings(SPOT) if wanted is None else [wanted]
    return [
        {
            "symbol": row.symbol,
            "makerCommission": shapes.short(row.maker_fee_rate),
            "takerCommission": shapes.short(row.taker_fee_rate),
        }
        for row in rows
    ]


def key_permissions(venue: Venue, call: Call) -> object:
    """GET /sapi/v1/account/apiRestrictions: trading, and nothing that moves coins away."""
    return {**_usual_permissions(), **venue.rights(call.customer)}


def _usual_permissions() -> Json:
    permissions: Json = {"ipRestrict": True, "enableReading": True}
    permissions |= {"enableSpotAndMarginTrading": True, "enableFutures": True}
    permissions |= {"enableWithdrawals": False, "enableInternalTransfer": False}
    permissions |= {"permitsUniversalTransfer": False, "enableVanillaOptions": False}
    return permissions | {"enableMargin": False, "createTime": 1700000000000}


def system_status(_venue: Venue, _call: Call) -> object:
    """GET /sapi/v1/system/status."""
    return {"status": 0, "msg": "normal"}


def nothing(_venue: Venue, _call: Call) -> object:
    """An empty object."""
    return {}


def empty_list(_venue: Venue, _call: Call) -> object:
    """Nothing of the kind exists here."""
    return []


def routes() -> Routes:
    """Every spot and wallet route, by method and path."""
    return _public() | _private() | _wallet()


def _public() -> Routes:
    data = MarketData(SPOT)
    handlers: dict[str, Handler] = {
        "ping": nothing,
        "time": data.time,
        "exchangeInfo": exchange_info.spot,
        "depth": data.depth,
        "trades": data.trades,
        "aggTrades": data.aggregate_trades,
        "klines": data.klines,
        "uiKlines": data.klines,
        "avgPrice": data.average_price,
        "ticker/24hr": data.day_ticker,
        "ticker": data.day_ticker,
        "ticker/price": data.price_ticker,
        "ticker/bookTicker": data.book_ticker,
    }
    public = {("GET", f"/api/v3/{path}"): open_to_all(do) for path, do in handlers.items()}
    return public | {("GET", "/api/v3/historicalTrades"): key_only(data.trades)}


def _private() -> Routes:
    desk = OrderDesk(SPOT, shapes.spot_order, shapes.spot_trade)
    handlers: dict[tuple[str, str], Handler] = {
        ("POST", "order"): desk.place,
        ("POST", "order/test"): desk.test,
        ("GET", "order"): desk.find,
        ("DELETE", "order"): desk.cancel,
        ("GET", "openOrders"): desk.list_open,
        ("DELETE", "openOrders"): desk.cancel_all,
        ("GET", "allOrders"): desk.list_all,
        ("GET", "myTrades"): desk.list_trades,
        ("GET", "account"): account,
        ("GET", "account/commission"): commission,
    }
    return {(verb, f"/api/v3/{path}"): signed(do) for (verb, path), do in handlers.items()}


def _wallet() -> Routes:
    routes = {
        "capital/config/getall": signed(exchange_info.coins),
        "asset/tradeFee": signed(trade_fees),
        "account/apiRestrictions": signed(key_permissions),
        "margin/allPairs": key_only(empty_list),
        "margin/allAssets": key_only(empty_list),
        "margin/isolated/allPairs": signed(empty_list),
        "system/status": open_to_all(system_status),
    }
    return {("GET", f"/sapi/v1/{path}"): route for path, route in routes.items()}
