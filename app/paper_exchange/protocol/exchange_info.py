"""What is tradable and by which filters: the two answers every client starts with."""

from decimal import Decimal

from app.core.decimals import plain
from app.paper_exchange.protocol.call import Call
from app.paper_exchange.protocol.shapes import Json
from app.paper_exchange.symbols import ASSETS, Listing
from app.paper_exchange.venue import Venue
from app.trading.words import MarketType

_PERPETUAL_DELIVERY = 4133404800000
_LARGEST_PRICE = "10000000"


def spot(_venue: Venue, call: Call) -> object:
    """GET /api/v3/exchangeInfo."""
    wanted = call.optional_listing(MarketType.SPOT)
    rows = call.catalog.listings(MarketType.SPOT) if wanted is None else [wanted]
    return {
        "timezone": "UTC",
        "serverTime": call.at,
        "rateLimits": _RATE_LIMITS,
        "exchangeFilters": [],
        "symbols": [_spot_symbol(listing, call.catalog.status(listing)) for listing in rows],
    }


def linear(_venue: Venue, call: Call) -> object:
    """GET /fapi/v1/exchangeInfo."""
    return {
        "timezone": "UTC",
        "serverTime": call.at,
        "futuresType": "U_MARGINED",
        "rateLimits": _RATE_LIMITS,
        "exchangeFilters": [],
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "0"}],
        "symbols": [
            _linear_symbol(listing, call.catalog.status(listing))
            for listing in call.catalog.listings(MarketType.LINEAR)
        ],
    }


def inverse(_venue: Venue, call: Call) -> object:
    """GET /dapi/v1/exchangeInfo: nothing is listed there."""
    return {
        "timezone": "UTC",
        "serverTime": call.at,
        "rateLimits": [],
        "exchangeFilters": [],
        "symbols": [],
    }


def coins(_venue: Venue, _call: Call) -> object:
    """GET /sapi/v1/capital/config/getall: every coin, without a network to move it on."""
    return [
        {
            "coin": asset,
            "name": asset,
            "trading": True,
            "isLegalMoney": False,
            "depositAllEnable": False,
            "withdrawAllEnable": False,
            "free": "0",
            "locked": "0",
            "freeze": "0",
            "withdrawing": "0",
            "ipoing": "0",
            "ipoable": "0",
            "storage": "0",
            "networkList": [],
        }
        for asset in ASSETS
    ]


_RATE_LIMITS: list[Json] = [
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300},
]


def _spot_symbol(listing: Listing, status: str) -> Json:
    return {
        "symbol": listing.symbol,
        "status": status,
        "baseAsset": listing.base,
        "baseAssetPrecision": 8,
        "quoteAsset": listing.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": [
            "LIMIT",
            "LIMIT_MAKER",
            "MARKET",
            "STOP_LOSS",
            "STOP_LOSS_LIMIT",
            "TAKE_PROFIT",
            "TAKE_PROFIT_LIMIT",
        ],
        "icebergAllowed": False,
        "ocoAllowed": True,
        "otoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            _price_filter(listing),
            *_lot_filters(listing),
            {
                "filterType": "PERCENT_PRICE_BY_SIDE",
                "bidMultiplierUp": plain(listing.price_up),
                "bidMultiplierDown": plain(listing.price_down),
                "askMultiplierUp": plain(listing.price_up),
                "askMultiplierDown": plain(listing.price_down),
                "avgPriceMins": 0,
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": plain(listing.min_notional),
                "applyMinToMarket": True,
                "maxNotional": "9000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 0,
            },
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_MAKER"],
    }


def _linear_symbol(listing: Listing, status: str) -> Json:
    return {
        "symbol": listing.symbol,
        "pair": listing.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": _PERPETUAL_DELIVERY,
        "onboardDate": 1569398400000,
        "status": status,
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": listing.base,
        "quoteAsset": listing.quote,
        "marginAsset": listing.quote,
        "pricePrecision": _decimals(listing.price_tick),
        "quantityPrecision": _decimals(listing.quantity_step),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "filters": [
            _price_filter(listing),
            *_lot_filters(listing),
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 200},
            {"filterType": "MIN_NOTIONAL", "notional": plain(listing.min_notional)},
            {
                "filterType": "PERCENT_PRICE",
                "multiplierUp": plain(listing.price_up),
                "multiplierDown": plain(listing.price_down),
                "multiplierDecimal": "4",
            },
        ],
        "orderTypes": [
            "LIMIT",
            "MARKET",
            "STOP",
            "STOP_MARKET",
            "TAKE_PROFIT",
            "TAKE_PROFIT_MARKET",
            "TRAILING_STOP_MARKET",
        ],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }


def _price_filter(listing: Listing) -> Json:
    tick = plain(listing.price_tick)
    return {
        "filterType": "PRICE_FILTER",
        "minPrice": tick,
        "maxPrice": _LARGEST_PRICE,
        "tickSize": tick,
    }


def _lot_filters(listing: Listing) -> list[Json]:
    step = plain(listing.quantity_step)
    return [
        {"filterType": name, "minQty": step, "maxQty": plain(largest), "stepSize": step}
        for name, largest in (
            ("LOT_SIZE", listing.max_quantity),
            ("MARKET_LOT_SIZE", listing.max_market_quantity),
        )
    ]


def _decimals(step: Decimal) -> int:
    return len(plain(step).partition(".")[2])
