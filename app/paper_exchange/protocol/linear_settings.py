"""Leverage, margin mode and position mode of a futures account."""

from app.core.decimals import plain
from app.paper_exchange.engine import refusals
from app.paper_exchange.engine.refusals import refuse
from app.paper_exchange.protocol.call import Call
from app.paper_exchange.protocol.shapes import Json
from app.paper_exchange.symbols import Listing
from app.paper_exchange.venue import Venue
from app.trading.words import MarginMode, MarketType

LINEAR = MarketType.LINEAR
_MARGIN_MODES = {"ISOLATED": MarginMode.ISOLATED, "CROSSED": MarginMode.CROSS}


def set_leverage(venue: Venue, call: Call) -> object:
    """POST leverage: 1 to the symbol's highest; not lower while an isolated position is open."""
    listing = call.listing(LINEAR)
    wanted = call.integer("leverage")
    if wanted is None:
        raise refusals.missing("leverage")
    if not 1 <= wanted <= listing.max_leverage:
        raise refuse(refusals.BAD_LEVERAGE)
    position = call.customer.position(listing.symbol)
    is_isolated = position.margin_mode is MarginMode.ISOLATED and position.quantity != 0
    if is_isolated and wanted < position.leverage:
        raise refuse(refusals.LESS_LEVERAGE)
    notional = abs(position.quantity) * venue.board.marks[listing.symbol]
    if wanted > listing.bracket_of(notional).max_leverage:
        raise refuse(refusals.OVER_LEVERAGE)
    position.leverage = wanted
    venue.journal.position(position)
    return {
        "symbol": listing.symbol,
        "leverage": wanted,
        "maxNotionalValue": _max_notional(listing, wanted),
    }


def set_margin_mode(venue: Venue, call: Call) -> object:
    """POST marginType: only while flat and without open orders."""
    listing = call.listing(LINEAR)
    mode = _MARGIN_MODES.get(call.text("marginType").upper())
    if mode is None:
        raise refusals.missing("marginType")
    position = call.customer.position(listing.symbol)
    if position.margin_mode is mode:
        raise refuse(refusals.SAME_MARGIN_MODE)
    if call.customer.open_orders(LINEAR, listing.symbol):
        raise refuse(refusals.MARGIN_MODE_ORDERS)
    if position.quantity != 0:
        raise refuse(refusals.MARGIN_MODE_POSITION)
    position.margin_mode = mode
    venue.journal.position(position)
    return {"code": 200, "msg": "success"}


def position_mode(_venue: Venue, _call: Call) -> object:
    """GET positionSide/dual: always one-way."""
    return {"dualSidePosition": False}


def set_position_mode(_venue: Venue, call: Call) -> object:
    """POST positionSide/dual: hedge mode is refused, one-way is no change."""
    call.text("dualSidePosition")
    if call.flag("dualSidePosition"):
        raise refuse(refusals.ONE_WAY_ONLY)
    raise refuse(refusals.SAME_POSITION_MODE)


def multi_assets(_venue: Venue, _call: Call) -> object:
    """GET multiAssetsMargin: USDT only."""
    return {"multiAssetsMargin": False}


def brackets(_venue: Venue, call: Call) -> object:
    """GET leverageBracket."""
    wanted = call.optional_listing(LINEAR)
    rows = call.catalog.listings(LINEAR) if wanted is None else [wanted]
    return [{"symbol": row.symbol, "notionalCoef": 1, "brackets": _brackets(row)} for row in rows]


def commission_rate(_venue: Venue, call: Call) -> object:
    """GET commissionRate."""
    listing = call.listing(LINEAR)
    return {
        "symbol": listing.symbol,
        "makerCommissionRate": plain(listing.maker_fee_rate),
        "takerCommissionRate": plain(listing.taker_fee_rate),
    }


def symbol_config(_venue: Venue, call: Call) -> object:
    """GET symbolConfig."""
    wanted = call.optional_listing(LINEAR)
    shown = []
    for row in call.catalog.listings(LINEAR) if wanted is None else [wanted]:
        position = call.customer.position(row.symbol)
        mode = "ISOLATED" if position.margin_mode is MarginMode.ISOLATED else "CROSSED"
        shown.append(
            {
                "symbol": row.symbol,
                "marginType": mode,
                "isAutoAddMargin": False,
                "leverage": position.leverage,
                "maxNotionalValue": _max_notional(row, position.leverage),
            }
        )
    return shown


def account_config(_venue: Venue, call: Call) -> object:
    """GET accountConfig."""
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": False,
        "canWithdraw": False,
        "dualSidePosition": False,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
        "updateTime": call.at,
    }


def _brackets(listing: Listing) -> list[Json]:
    return [
        {
            "bracket": number,
            "initialLeverage": bracket.max_leverage,
            "notionalCap": int(bracket.cap),
            "notionalFloor": int(bracket.floor),
            "maintMarginRatio": plain(bracket.rate),
            "cum": plain(bracket.amount),
        }
        for number, bracket in enumerate(listing.brackets, start=1)
    ]


def _max_notional(listing: Listing, leverage: int) -> str:
    caps = [b.cap for b in listing.brackets if leverage <= b.max_leverage]
    return plain(max(caps))
