"""Wallet, margin and positions of a futures account in Binance's JSON."""

from decimal import Decimal

from app.paper_exchange.engine import margin
from app.paper_exchange.engine.journal import Income
from app.paper_exchange.engine.margin import Exposure
from app.paper_exchange.engine.models import ZERO, Account, Position, Trade
from app.paper_exchange.protocol.call import Call
from app.paper_exchange.protocol.shapes import Json, short
from app.paper_exchange.storage import history
from app.paper_exchange.storage.history import Window
from app.paper_exchange.symbols import QUOTE
from app.paper_exchange.venue import Venue
from app.trading.words import MarginMode, MarketType

LINEAR = MarketType.LINEAR
_FIRST_PAYMENT = 10**12


def account(venue: Venue, call: Call) -> object:
    """GET /fapi/v2|v3/account."""
    figures = _figures(venue, call.customer, call.at)
    names = (
        "initialMargin",
        "maintMargin",
        "walletBalance",
        "unrealizedProfit",
        "marginBalance",
        "positionInitialMargin",
        "openOrderInitialMargin",
        "crossWalletBalance",
        "crossUnPnl",
    )
    totals = {f"total{name[0].upper()}{name[1:]}": figures[name] for name in names}
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": False,
        "canWithdraw": False,
        "multiAssetsMargin": False,
        "updateTime": call.at,
        **totals,
        "availableBalance": figures["availableBalance"],
        "maxWithdrawAmount": figures["availableBalance"],
        "assets": [figures],
        "positions": [
            _position(venue, call.customer, position) for position in _touched(call.customer)
        ],
    }


def balance(venue: Venue, call: Call) -> object:
    """GET /fapi/v2|v3/balance."""
    figures = _figures(venue, call.customer, call.at)
    return [
        {
            "accountAlias": str(call.customer.id),
            "asset": QUOTE,
            "balance": figures["walletBalance"],
            "crossWalletBalance": figures["crossWalletBalance"],
            "crossUnPnl": figures["crossUnPnl"],
            "availableBalance": figures["availableBalance"],
            "maxWithdrawAmount": figures["availableBalance"],
            "marginAvailable": True,
            "updateTime": call.at,
        }
    ]


def position_risk_v3(venue: Venue, call: Call) -> object:
    """GET /fapi/v3/positionRisk: only symbols with a position or an open order."""
    wanted = call.optional_listing(LINEAR)
    return [
        _position(venue, call.customer, position)
        for position in _touched(call.customer)
        if wanted is None or position.symbol == wanted.symbol
    ]


def position_risk_v2(venue: Venue, call: Call) -> object:
    """GET /fapi/v2/positionRisk: every symbol, with leverage and margin type."""
    wanted = call.optional_listing(LINEAR)
    rows = call.catalog.listings(LINEAR) if wanted is None else [wanted]
    shown = []
    for row in rows:
        position = call.customer.position(row.symbol)
        mode = "isolated" if position.margin_mode is MarginMode.ISOLATED else "cross"
        bracket = row.bracket_of(abs(position.quantity) * venue.board.marks[row.symbol])
        extra: Json = {
            "leverage": str(position.leverage),
            "marginType": mode,
            "isAutoAddMargin": "false",
            "maxNotionalValue": short(bracket.cap),
        }
        shown.append(_position(venue, call.customer, position) | extra)
    return shown


def income(venue: Venue, call: Call) -> object:
    """GET /fapi/v1/income: payments, and profit and commission of a symbol's trades."""
    wanted = call.optional_listing(LINEAR)
    kind = call.params.get("incomeType", "")
    window = Window(
        limit=call.limit(100, 1000),
        start_at=call.integer("startTime"),
        end_at=call.until(call.integer("endTime")),
    )
    symbol = None if wanted is None else wanted.symbol
    payments = history.list_incomes(venue.database, call.customer, symbol, kind, window)
    rows = [_payment(payment) for payment in payments]
    if symbol is not None and kind in {"", "REALIZED_PNL", "COMMISSION"}:
        trades = history.list_trades(venue.database, call.customer, LINEAR, symbol, window)
        rows += _trade_incomes(trades, kind)
    return sorted(rows, key=lambda row: int(str(row["time"])))[-window.limit :]


def _payment(payment: Income) -> Json:
    return {
        "symbol": payment.symbol,
        "incomeType": payment.income_type,
        "income": short(payment.amount),
        "asset": payment.asset,
        "info": payment.income_type,
        "time": payment.at,
        # Trades have ids of their own; these begin far above them.
        "tranId": _FIRST_PAYMENT + payment.id,
        "tradeId": "",
    }


def _trade_incomes(trades: list[Trade], kind: str) -> list[Json]:
    rows: list[Json] = []
    for trade in trades:
        for name, amount in (("REALIZED_PNL", trade.realized_pnl), ("COMMISSION", -trade.fee)):
            if amount != 0 and kind in {"", name}:
                rows.append(
                    {
                        "symbol": trade.symbol,
                        "incomeType": name,
                        "income": short(amount),
                        "asset": QUOTE,
                        "info": "",
                        "time": trade.at,
                        "tranId": trade.id,
                        "tradeId": str(trade.id),
                    }
                )
    return rows


def _figures(venue: Venue, customer: Account, at: int) -> Json:
    marks = venue.board.marks
    wallet = customer.balance(LINEAR, QUOTE).total
    unrealized = margin.unrealized(customer, marks)
    tied = [margin.exposure(customer, symbol, marks[symbol]) for symbol in list(customer.positions)]
    initial = sum((each.initial for each in tied), ZERO)
    resting = sum((each.open_orders for each in tied), ZERO)
    available = margin.available(customer, marks)
    amounts = {
        "walletBalance": wallet,
        "unrealizedProfit": unrealized,
        "marginBalance": wallet + unrealized,
        "maintMargin": sum((each.maintenance for each in tied), ZERO),
        "initialMargin": initial + resting,
        "positionInitialMargin": initial,
        "openOrderInitialMargin": resting,
        "crossWalletBalance": margin.cross_wallet(customer),
        "crossUnPnl": _cross_unrealized(customer, marks),
        "availableBalance": available,
        "maxWithdrawAmount": available,
    }
    shown: Json = {"asset": QUOTE, **{name: short(amount) for name, amount in amounts.items()}}
    return shown | {"marginAvailable": True, "updateTime": at}


def _cross_unrealized(customer: Account, marks: dict[str, Decimal]) -> Decimal:
    crossed = [p for p in customer.positions.values() if p.margin_mode is MarginMode.CROSS]
    return sum((p.unrealized_pnl(marks[p.symbol]) for p in crossed), ZERO)


def _touched(customer: Account) -> list[Position]:
    resting = {order.symbol for order in customer.open_orders(LINEAR)}
    symbols = [*customer.positions, *(resting - set(customer.positions))]
    positions = [customer.position(symbol) for symbol in symbols]
    return [p for p in positions if p.quantity != 0 or p.symbol in resting]


def _position(venue: Venue, customer: Account, position: Position) -> Json:
    mark = venue.board.marks[position.symbol]
    tied: Exposure = margin.exposure(customer, position.symbol, mark)
    profit = position.unrealized_pnl(mark)
    is_isolated = position.margin_mode is MarginMode.ISOLATED
    isolated_margin = position.isolated_wallet + profit if is_isolated else ZERO
    amounts = {
        "positionAmt": position.quantity,
        "entryPrice": position.entry_price,
        "breakEvenPrice": position.entry_price,
        "markPrice": mark,
        "unRealizedProfit": profit,
        "liquidationPrice": margin.liquidation_price(customer, position, venue.board.marks),
        "isolatedMargin": isolated_margin,
        "notional": position.quantity * mark,
        "isolatedWallet": position.isolated_wallet,
        "initialMargin": tied.initial + tied.open_orders,
        "maintMargin": tied.maintenance,
        "positionInitialMargin": tied.initial,
        "openOrderInitialMargin": tied.open_orders,
    }
    shown: Json = {"symbol": position.symbol, "positionSide": "BOTH", "marginAsset": QUOTE}
    shown |= {name: short(amount) for name, amount in amounts.items()}
    shown["unrealizedProfit"] = shown["unRealizedProfit"]
    return shown | {
        "adl": 0,
        "bidNotional": "0",
        "askNotional": "0",
        "updateTime": position.updated_at,
    }
