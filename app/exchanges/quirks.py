"""What each venue wants said differently; everything else is common to all of them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from app.exchanges import candles, look_ups
from app.exchanges.mapping import Raw, milliseconds, number
from app.exchanges.permissions import KeyPermissions, binance_permissions
from app.exchanges.venue import Trigger
from app.trading.words import MarginMode, TriggerBy, TriggerKind

Params = dict[str, Any]


class Find(Protocol):
    """Looks an order up under our client id."""

    async def __call__(
        self, client: Any, symbol: str, client_order_id: str, *, is_conditional: bool
    ) -> Raw: ...


class MarginScope(StrEnum):
    """What a venue's margin mode belongs to."""

    SYMBOL = "symbol"
    ORDER = "order"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class MarginState:
    """Leverage and margin mode as the venue has them; None where it has another or does not say."""

    leverage: int | None
    margin_mode: MarginMode | None


async def _margin_by_leverage(client: Any, symbol: str, _wanted: MarginMode) -> MarginState:
    return _margin_state(await client.fetch_leverage(symbol))


async def _margin_at_binance(client: Any, symbol: str, _wanted: MarginMode) -> MarginState:
    market = client.market(symbol)
    if not market["linear"]:
        return await _margin_by_leverage(client, symbol, _wanted)
    # One small request instead of the settings and brackets of every symbol.
    answer = await client.fapiPrivateGetSymbolConfig({"symbol": market["id"]})
    rows = answer if isinstance(answer, list) else [answer]
    row = next(row for row in rows if row["symbol"] == market["id"])
    return _margin_state(client.parse_leverage(row, market))


async def _margin_by_two_questions(client: Any, symbol: str, _wanted: MarginMode) -> MarginState:
    # BingX and Bybit say the leverage in one answer and the margin mode in another.
    leverage = _margin_state(await client.fetch_leverage(symbol)).leverage
    mode = await client.fetch_margin_mode(symbol)
    return MarginState(leverage, _margin_mode(mode))


async def _margin_at_okx(client: Any, symbol: str, wanted: MarginMode) -> MarginState:
    return _margin_state(await client.fetch_leverage(symbol, {"marginMode": wanted.value}))


def _margin_state(raw: Raw) -> MarginState:
    sides = {number(raw.get(key)) for key in ("longLeverage", "shortLeverage")}
    leverage = sides.pop() if len(sides) == 1 else None
    return MarginState(None if leverage is None else int(leverage), _margin_mode(raw))


def _margin_mode(raw: Raw) -> MarginMode | None:
    # Bybit knows a third one, `portfolio`, that is neither of ours.
    name = str(raw.get("marginMode"))
    return MarginMode(name) if name in set(MarginMode) else None


def _working_type(trigger: Trigger, client_order_id: str, *, is_contract: bool) -> Params:
    del client_order_id
    if not is_contract:
        return {}
    return {"workingType": "MARK_PRICE" if trigger.by is TriggerBy.MARK else "CONTRACT_PRICE"}


def _trigger_at_okx(trigger: Trigger, client_order_id: str, *, is_contract: bool) -> Params:
    side = "sl" if trigger.kind is TriggerKind.STOP else "tp"
    params: Params = {f"{side}TriggerPxType": trigger.by.value}
    # ccxt names only the order that it becomes, and would trade spot on margin.
    params["algoClOrdId"] = client_order_id
    return params if is_contract else params | {"tdMode": "cash"}


def _trigger_at_bybit(trigger: Trigger, client_order_id: str, *, is_contract: bool) -> Params:
    del client_order_id
    if not is_contract:
        # ccxt says true for every stop, on spot too.
        return {"reduceOnly": False}
    return {"triggerBy": "MarkPrice" if trigger.by is TriggerBy.MARK else "LastPrice"}


def _funding_as_told(client: Any, row: Raw) -> Raw:
    del client
    return row


def _funding_at_bybit(client: Any, row: Raw) -> Raw:
    # An execution's fee is positive when paid, and ccxt guesses its coin.
    amount = number(row.get("amount"))
    settle = client.market(row["symbol"])["settle"]
    return {**row, "amount": None if amount is None else -amount, "code": settle}


async def _permissions_untold(client: Any) -> KeyPermissions:
    del client
    return KeyPermissions()


async def _permissions_at_binance(client: Any) -> KeyPermissions:
    return binance_permissions(await client.sapiGetAccountApiRestrictions())


class TriggerParams(Protocol):
    """What a conditional order says beside its trigger price."""

    def __call__(self, trigger: Trigger, client_order_id: str, *, is_contract: bool) -> Params: ...


@dataclass(frozen=True, slots=True)
class HistoryLimits:
    """How a venue answers questions about the past.

    Attributes:
        page: rows that one answer holds at most; one that is full may lack some.
        contract_span: the longest time that one question about contracts may cover.
        spot_span: likewise about spot; None where one from a start alone is answered oldest first.
        kept: how far back the venue remembers, where questions have a span.
        funding_range: names under which the list of funding takes its two ends, where ccxt does
            not pass them on.
    """

    page: int
    contract_span: timedelta = timedelta(days=7)
    spot_span: timedelta | None = timedelta(days=7)
    kept: timedelta = timedelta(days=180)
    funding_range: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Quirks:
    """One venue's differences.

    Attributes:
        history: how much one question about the past may ask for.
        find: the order under a client id.
        find_foreign: the order under the venue's own id.
        open_orders: every order of a symbol that may still be filled.
        trigger_params: what a conditional order says beside its trigger price.
        keeps_conditionals_apart: whether a cancel has to say that an order is conditional.
        lists_pairs: whether it takes Binance's list of two orders of which one cancels the other.
        funding: one row of the list of funding as it should read: negative when paid.
        order_streams: parameters of each private stream of orders.
        margin: leverage and margin mode of a symbol.
        margin_scope: what the margin mode belongs to.
        order_id_param: the name under which the list of our trades takes an order id.
        trades_since: whether that list takes a start time together with an order id.
        client_id_param: the name under which a cancel takes a client id.
        permissions: what the key may do; nothing is verified where the venue has no such question.
        ask_for_candles: candles from a moment on.
    """

    history: HistoryLimits
    find: Find = look_ups.find_by_client_id
    find_foreign: Callable[[Any, str, str], Awaitable[Raw]] = look_ups.foreign_by_id
    open_orders: Callable[[Any, str], Awaitable[list[Raw]]] = look_ups.open_orders
    trigger_params: TriggerParams = _working_type
    funding: Callable[[Any, Raw], Raw] = _funding_as_told
    keeps_conditionals_apart: bool = False
    lists_pairs: bool = False
    order_streams: tuple[Mapping[str, Any], ...] = ({},)
    margin: Callable[[Any, str, MarginMode], Awaitable[MarginState]] = _margin_by_leverage
    margin_scope: MarginScope = MarginScope.SYMBOL
    order_id_param: str = "orderId"
    trades_since: bool = True
    client_id_param: str = "clientOrderId"
    permissions: Callable[[Any], Awaitable[KeyPermissions]] = _permissions_untold
    ask_for_candles: candles.AskForCandles = candles.by_ccxt

    def cancel_params(self, client_order_id: str, *, is_conditional: bool = False) -> Params:
        """Parameters of a cancel by client id."""
        params: Params = {self.client_id_param: client_order_id}
        if is_conditional and self.keeps_conditionals_apart:
            params["trigger"] = True
        return params

    def trades_query(
        self, exchange_order_id: str, since: datetime
    ) -> tuple[int | None, Mapping[str, str]]:
        """Start time and parameters that ask for the trades of one order."""
        start = milliseconds(since) if self.trades_since else None
        return start, {self.order_id_param: exchange_order_id}


BINANCE = Quirks(
    history=HistoryLimits(1000, spot_span=None),
    find=look_ups.find_at_binance,
    open_orders=look_ups.open_at_binance,
    keeps_conditionals_apart=True,
    lists_pairs=True,
    margin=_margin_at_binance,
    # Binance takes no time together with an order id.
    trades_since=False,
    permissions=_permissions_at_binance,
    ask_for_candles=candles.at_binance,
)
BINGX = Quirks(
    # It does not say how much it answers: a page is doubted early.
    history=HistoryLimits(100),
    find=look_ups.find_at_bingx,
    margin=_margin_by_two_questions,
)
BYBIT = Quirks(
    history=HistoryLimits(100),
    find=look_ups.find_at_bybit,
    find_foreign=look_ups.foreign_at_bybit,
    open_orders=look_ups.open_at_bybit,
    trigger_params=_trigger_at_bybit,
    funding=_funding_at_bybit,
    margin=_margin_by_two_questions,
    margin_scope=MarginScope.ACCOUNT,
    client_id_param="orderLinkId",
)
OKX = Quirks(
    history=HistoryLimits(
        100,
        contract_span=timedelta(days=90),
        spot_span=timedelta(days=90),
        kept=timedelta(days=90),
        funding_range=("begin", "end"),
    ),
    find=look_ups.find_at_okx,
    open_orders=look_ups.open_at_okx,
    trigger_params=_trigger_at_okx,
    keeps_conditionals_apart=True,
    order_streams=({}, {"trigger": True}),
    margin=_margin_at_okx,
    margin_scope=MarginScope.ORDER,
    order_id_param="ordId",
)
