"""One account at one venue, spoken to through ccxt."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from app.core.decimals import plain
from app.core.errors import Denied, OrderRefused, OutcomeUnknown
from app.core.failpoints import failpoint
from app.exchanges.client import speaking
from app.exchanges.errors import Call, UnreadableReply
from app.exchanges.mapping import (
    Raw,
    balances_of,
    fill_of,
    number,
    order_of,
    positions_of,
    to_amount,
)
from app.exchanges.quirks import MarginScope, MarginState, Params, Quirks
from app.exchanges.venue import (
    BalanceReport,
    FillReport,
    OrderReport,
    OrderRequest,
    PositionReport,
)
from app.trading.words import MarginMode, MarketType, OrderType, TimeInForce

ResultT = TypeVar("ResultT")
Markets = Callable[[Any], Awaitable[None]]

TRADES_LIMIT = 1000


class CcxtVenue:
    """A `Venue` over a ccxt client with keys.

    Args:
        client: this account's own client; closed by `close`.
        share_markets: gives the client the markets of the key-less client, loading them when
            nobody has yet.
        secrets: words that no error may repeat.
    """

    def __init__(
        self,
        client: Any,
        *,
        market_type: MarketType,
        quirks: Quirks,
        share_markets: Markets,
        secrets: Sequence[str] = (),
    ) -> None:
        self._client = client
        self._market_type = market_type
        self._quirks = quirks
        self._share_markets = share_markets
        self._secrets = tuple(secrets)

    async def place(self, request: OrderRequest) -> OrderReport:
        """Send the order, once.

        Returns:
            What the venue answered; a bare receipt reads as an open order with nothing filled.

        Raises:
            OrderRefused: it was not accepted, or was not on the venue's steps and not sent.
            InsufficientFunds: it was not accepted.
            RateLimited: it was not accepted.
            Retryable: it was not accepted.
            AuthRefused: the venue refuses the key.
            OutcomeUnknown: it may have been accepted, or was accepted with another quantity.
        """
        market = await self._market(request.symbol)
        async with speaking(Call.READ, self._secrets):
            arguments = self._arguments(request, market)
        async with speaking(Call.PLACE, self._secrets):
            raw = await self._client.create_order(*arguments)
            failpoint("C20")
            report = order_of(
                raw, market, client_order_id=request.client_order_id, sent=request.quantity
            )
        if report.quantity != request.quantity:
            raise OutcomeUnknown(
                f"asked for {plain(request.quantity)}, the venue has {plain(report.quantity)}",
                code="quantity_mismatch",
            )
        return report

    def _arguments(self, request: OrderRequest, market: Raw) -> tuple[Any, ...]:
        amount = to_amount(request.quantity, market)
        # A market order never carries a price: Binance spot would take it as money to spend.
        price = None
        if request.order_type is OrderType.LIMIT:
            price = self._on_step("price_to_precision", request.symbol, request.limit_price)
        # Whole contracts are exact by themselves, and BingX says nothing of their step.
        if market["precision"].get("amount") is not None:
            amount = self._on_step("amount_to_precision", request.symbol, amount)
        side, kind = request.side.value, request.order_type.value
        params = self._order_params(request, is_contract=bool(market["contract"]))
        return (request.symbol, kind, side, amount, price, params)

    def _on_step(self, rounding: str, symbol: str, value: Any) -> str:
        if value is None:
            raise OrderRefused("a limit order needs a price")
        asked = number(value)
        try:
            rounded = str(getattr(self._client, rounding)(symbol, value))
        # What ccxt raises here, it raises before anything is sent: the number rounds to zero.
        except Exception as error:  # noqa: BLE001 ccxt raises InvalidOrder or AssertionError
            raise OrderRefused(f"{value} is below the venue's step: {error}") from None
        if number(rounded) != asked:
            raise OrderRefused(f"{value} is not on the venue's step: it would become {rounded}")
        return rounded

    def _order_params(self, request: OrderRequest, *, is_contract: bool) -> Params:
        params: Params = {"clientOrderId": request.client_order_id}
        if is_contract and request.reduce_only:
            params["reduceOnly"] = True
        if is_contract and request.margin_mode and self._quirks.margin_scope is MarginScope.ORDER:
            params["marginMode"] = request.margin_mode.value
        if request.order_type is OrderType.LIMIT:
            params |= _time_in_force(request.time_in_force)
        return params

    async def cancel(self, symbol: str, client_order_id: str) -> None:
        """Cancel the open order with that client id.

        Raises:
            OrderNotFound: no such order is open; it may have ended by itself.
            OutcomeUnknown: it may be cancelled or not.
        """
        await self._market(symbol)
        async with speaking(Call.CANCEL, self._secrets):
            await self._client.cancel_order(
                None, symbol, self._quirks.cancel_params(client_order_id)
            )

    async def find_order(self, symbol: str, client_order_id: str) -> OrderReport:
        """The order with that client id, open or ended.

        Raises:
            OrderNotFound: the venue does not know it, or not yet.
            Retryable: the venue did not answer.
        """
        market = await self._market(symbol)
        async with speaking(Call.READ, self._secrets):
            raw = await self._quirks.find(self._client, symbol, client_order_id)
            return order_of(raw, market, client_order_id=client_order_id, sent=None)

    async def fills(
        self, symbol: str, exchange_order_id: str, since: datetime
    ) -> Sequence[FillReport]:
        """The executions of one order, oldest first.

        Args:
            symbol: in ccxt form.
            exchange_order_id: the venue's id of the order.
            since: not after its first execution; some venues need a start.
        """
        market = await self._market(symbol)
        start, params = self._quirks.trades_query(exchange_order_id, since)
        trades = await self._read(
            lambda: self._client.fetch_my_trades(symbol, start, TRADES_LIMIT, dict(params))
        )
        async with speaking(Call.READ, self._secrets):
            own = [trade for trade in trades if str(trade.get("order")) == exchange_order_id]
            return sorted((fill_of(trade, market) for trade in own), key=_by_time)

    async def open_orders(self, symbol: str) -> Sequence[OrderReport]:
        """Every order of the account that is open on the symbol, ours or not."""
        market = await self._market(symbol)
        raws = await self._read(lambda: self._client.fetch_open_orders(symbol))
        async with speaking(Call.READ, self._secrets):
            return [order_of(raw, market, client_order_id="", sent=None) for raw in raws]

    async def balances(self) -> Sequence[BalanceReport]:
        """Free and locked coins; on contracts their sum is the margin balance at mark."""
        await self._share_markets(self._client)
        raw = await self._read(self._client.fetch_balance)
        async with speaking(Call.READ, self._secrets):
            return balances_of(raw)

    async def positions(self) -> Sequence[PositionReport]:
        """Every position that is not flat; none on spot."""
        if self._market_type is MarketType.SPOT:
            return []
        await self._share_markets(self._client)
        raws = await self._read(self._client.fetch_positions)
        async with speaking(Call.READ, self._secrets):
            return positions_of(raws, self._client.markets)

    async def is_one_way(self) -> bool:
        """Whether the account nets its positions per symbol; spot does.

        Raises:
            Retryable: the venue did not say.
        """
        if self._market_type is MarketType.SPOT or not self._client.has["fetchPositionMode"]:
            return True
        await self._share_markets(self._client)
        answer = await self._read(self._client.fetch_position_mode)
        async with speaking(Call.READ, self._secrets):
            if not isinstance(answer.get("hedged"), bool):
                raise UnreadableReply("the venue does not say whether the account is hedged")
            return not answer["hedged"]

    async def prepare(self, symbol: str, *, leverage: int, margin_mode: MarginMode) -> None:
        """Have the symbol's leverage and margin mode as asked; does nothing on spot.

        Args:
            symbol: in ccxt form; it should be flat and without orders.
            leverage: whole, at least 1.
            margin_mode: how margin is shared.

        Raises:
            Denied: the venue keeps another setting, or one that we never change.
            OrderRefused: the venue refuses to change it now; the detail has its words.
        """
        if self._market_type is MarketType.SPOT:
            return
        await self._market(symbol)
        state = await self._margin(symbol, margin_mode)
        if _is_as_asked(state, leverage, margin_mode):
            return
        if state.margin_mode is not margin_mode:
            await self._set_margin_mode(symbol, margin_mode)
        if state.leverage != leverage:
            params = self._leverage_params(margin_mode)
            async with speaking(Call.SETTING, self._secrets):
                await self._client.set_leverage(leverage, symbol, params)
        state = await self._margin(symbol, margin_mode)
        if not _is_as_asked(state, leverage, margin_mode):
            raise Denied(
                f"{symbol} should be {margin_mode.value} at {leverage}x, the venue has it"
                f" {state.margin_mode or '?'} at {state.leverage or '?'}x",
                code="margin_not_set",
            )

    async def _set_margin_mode(self, symbol: str, margin_mode: MarginMode) -> None:
        if self._quirks.margin_scope is MarginScope.ACCOUNT:
            raise Denied(
                f"the account's margin mode is not {margin_mode.value}, and it is shared by all"
                " its symbols: change it at the venue",
                code="margin_mode_of_account",
            )
        async with speaking(Call.SETTING, self._secrets):
            try:
                await self._client.set_margin_mode(margin_mode.value, symbol)
            except Exception as error:
                if type(error).__name__ != "MarginModeAlreadySet":
                    raise

    def _leverage_params(self, margin_mode: MarginMode) -> Params:
        if self._quirks.margin_scope is MarginScope.ORDER:
            return {"marginMode": margin_mode.value}
        return {}

    async def _margin(self, symbol: str, wanted: MarginMode) -> MarginState:
        return await self._read(lambda: self._quirks.margin(self._client, symbol, wanted))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()

    async def _market(self, symbol: str) -> Raw:
        await self._share_markets(self._client)
        async with speaking(Call.READ, self._secrets):
            market: Raw = self._client.market(symbol)
            return market

    async def _read(self, ask: Callable[[], Awaitable[ResultT]]) -> ResultT:
        async with speaking(Call.READ, self._secrets):
            return await ask()


def _time_in_force(wanted: TimeInForce | None) -> Params:
    match wanted:
        case None | TimeInForce.GTC:
            return {}
        case TimeInForce.POST_ONLY:
            return {"postOnly": True}
        case TimeInForce.IOC | TimeInForce.FOK:
            return {"timeInForce": wanted.value.upper()}


def _is_as_asked(state: MarginState, leverage: int, margin_mode: MarginMode) -> bool:
    return state.leverage == leverage and state.margin_mode is margin_mode


def _by_time(fill: FillReport) -> tuple[datetime, str]:
    return (fill.executed_at, fill.exchange_trade_id)
