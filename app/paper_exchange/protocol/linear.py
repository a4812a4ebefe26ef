"""The USDT-M market's routes: /fapi/v1 to v3."""

from app.paper_exchange.protocol import exchange_info, shapes
from app.paper_exchange.protocol import linear_account as account
from app.paper_exchange.protocol import linear_settings as settings
from app.paper_exchange.protocol.market_data import MarketData
from app.paper_exchange.protocol.orders import OrderDesk
from app.paper_exchange.protocol.routes import Handler, Routes, key_only, open_to_all, signed
from app.paper_exchange.protocol.spot import empty_list, nothing
from app.trading.words import MarketType

LINEAR = MarketType.LINEAR


def routes() -> Routes:
    """Every futures route, by method and path."""
    return _public() | _orders() | _account()


def _public() -> Routes:
    data = MarketData(LINEAR)
    handlers: dict[str, Handler] = {
        "/fapi/v1/ping": nothing,
        "/fapi/v1/time": data.time,
        "/fapi/v1/exchangeInfo": exchange_info.linear,
        "/fapi/v1/depth": data.depth,
        "/fapi/v1/trades": data.trades,
        "/fapi/v1/aggTrades": data.aggregate_trades,
        "/fapi/v1/klines": data.klines,
        "/fapi/v1/premiumIndex": data.premium_index,
        "/fapi/v1/fundingRate": empty_list,
        "/fapi/v1/fundingInfo": empty_list,
        "/fapi/v1/ticker/24hr": data.day_ticker,
        "/fapi/v1/ticker/price": data.price_ticker,
        "/fapi/v2/ticker/price": data.price_ticker,
        "/fapi/v1/ticker/bookTicker": data.book_ticker,
        "/dapi/v1/exchangeInfo": exchange_info.inverse,
    }
    public = {("GET", path): open_to_all(handler) for path, handler in handlers.items()}
    return public | {("GET", "/fapi/v1/historicalTrades"): key_only(data.trades)}


def _orders() -> Routes:
    desk = OrderDesk(LINEAR, shapes.linear_order, shapes.linear_trade)
    handlers: dict[tuple[str, str], Handler] = {
        ("POST", "/fapi/v1/order"): desk.place,
        ("POST", "/fapi/v1/order/test"): desk.test,
        ("GET", "/fapi/v1/order"): desk.find,
        ("DELETE", "/fapi/v1/order"): desk.cancel,
        ("GET", "/fapi/v1/openOrder"): desk.find_open,
        ("GET", "/fapi/v1/openOrders"): desk.list_open,
        ("DELETE", "/fapi/v1/allOpenOrders"): desk.cancel_all,
        ("GET", "/fapi/v1/allOrders"): desk.list_all,
        ("GET", "/fapi/v1/userTrades"): desk.list_trades,
    }
    return {key: signed(handler) for key, handler in handlers.items()}


def _account() -> Routes:
    handlers: dict[tuple[str, str], Handler] = {
        ("GET", "/fapi/v2/account"): account.account,
        ("GET", "/fapi/v3/account"): account.account,
        ("GET", "/fapi/v2/balance"): account.balance,
        ("GET", "/fapi/v3/balance"): account.balance,
        ("GET", "/fapi/v1/positionRisk"): account.position_risk_v2,
        ("GET", "/fapi/v2/positionRisk"): account.position_risk_v2,
        ("GET", "/fapi/v3/positionRisk"): account.position_risk_v3,
        ("GET", "/fapi/v1/income"): account.income,
        ("GET", "/fapi/v1/commissionRate"): settings.commission_rate,
        ("GET", "/fapi/v1/leverageBracket"): settings.brackets,
        ("GET", "/fapi/v1/symbolConfig"): settings.symbol_config,
        ("GET", "/fapi/v1/accountConfig"): settings.account_config,
        ("POST", "/fapi/v1/leverage"): settings.set_leverage,
        ("POST", "/fapi/v1/marginType"): settings.set_margin_mode,
        ("GET", "/fapi/v1/positionSide/dual"): settings.position_mode,
        ("POST", "/fapi/v1/positionSide/dual"): settings.set_position_mode,
        ("GET", "/fapi/v1/multiAssetsMargin"): settings.multi_assets,
    }
    return {key: signed(handler) for key, handler in handlers.items()}
