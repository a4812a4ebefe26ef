"""One account at one venue, spoken to through ccxt."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from app.core.decimals import plain
from app.core.errors import OrderRefused, OutcomeUnknown
from app.core.failpoints import failpoint
from app.exchanges.client import speaking
from app.exchanges.errors import Call, UnreadableReply
from app.exchanges.histories import funding_since, trades_since
from app.exchanges.mapping import (
    Raw,
    balances_of,
    fill_of,
    funding_of,
    milliseconds,
    open_order_of,
    order_of,
    positions_of,
)
from app.exchanges.margin import Margin
from app.exchanges.permissions import KeyPermissions
from app.exchanges.private_stream import OpenClient, PrivateStream, prepare_for_stream
from app.exchanges.quirks import Quirks
from app.exchanges.requests import arguments_of, list_of
from app.exchanges.venue import (
    Abilities,
    BalanceReport,
    FillReport,
    FundingReport,
    News,
    OrderReport,
    OrderRequest,
    PositionReport,
)
from app.trading.words import MarginMode, MarketType

ResultT = TypeVar("ResultT")
Markets = Callable[[Any], Awaitable[None]]


class CcxtVenue:
    """A `Venue` over a ccxt client with keys.

    Args:
        client: this account's own client; closed by `close`.
        open_client: another client with the same keys; the private stream uses one at a time.
        abilities: what the venue carries on this market.
        share_markets: gives a client the markets of the key-less client, loading them when nobody
            has yet.
        secrets: words that no error may repeat.
    """

    def __init__(
        self,
        client: Any,
        *,
        market_type: MarketType,
        quirks: Quirks,
        abilities: Abilities,
        share_markets: Markets,
        open_client: OpenClient,
        secrets: Sequence[str] = (),
    ) -> None:
        self._client = client
        self._market_type = market_type
        self._quirks = quirks
        self._abilities = abilities
        self._share_markets = share_markets
        self._open_client = open_client
        self._secrets = tuple(secrets)

    @property
    def abilities(self) -> Abilities:
        """What the venue carries for us on this market."""
        return self._abilities

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
            OutcomeUnknown: it may have been accepted, or was accepted with another quantity or
                another trigger.
        """
        market = await self._market(request.symbol)
        async with speaking(Call.READ, self._secrets):
            arguments = arguments_of(self._client, request, market, self._quirks)
        async with speaking(Call.PLACE, self._secrets):
            raw = await self._client.create_order(*arguments)
            failpoint("C20")
            report = order_of(
                raw, market, client_order_id=request.client_order_id, sent=request.quantity
            )
        return _as_asked(report, request)

    async def place_pair(
        self, pair_id: str, *, stop: OrderRequest, target: OrderRequest
    ) -> tuple[OrderReport, OrderReport]:
        """Place a stop and a target of which the first to fire cancels the other.

        Raises:
            OrderRefused: neither was accepted; `conditional_not_taken` where there are no pairs.
            OutcomeUnknown: they may have been accepted, or not as asked.
        """
        if not self._quirks.lists_pairs or self._market_type is not MarketType.SPOT:
            raise OrderRefused("this venue takes no pairs here", code="conditional_not_taken")
        market = await self._market(stop.symbol)
        async with speaking(Call.READ, self._secrets):
            query = list_of(self._client, pair_id, stop, target, market)
        async with speaking(Call.PLACE, self._secrets):
            answer = await self._client.privatePostOrderListOco(query)
            raws = [self._client.parse_order(row, market) for row in answer["orderReports"]]
            first, second = (self._leg(raws, leg, market) for leg in (stop, target))
        return first, second

    def _leg(self, raws: Sequence[Raw], leg: OrderRequest, market: Raw) -> OrderReport:
        name = leg.client_order_id
        raw = next((row for row in raws if row.get("clientOrderId") == name), None)
        if raw is None:
            raise UnreadableReply(f"the answer does not speak of {name}")
        return _as_asked(order_of(raw, market, client_order_id=name, sent=None), leg)

    async def cancel(
        self, symbol: str, client_order_id: str, *, is_conditional: bool = False
    ) -> None:
        """Cancel the open order with that client id; of a pair, both.

        Raises:
            OrderNotFound: no such order is open; it may have ended by itself, or been triggered.
            OutcomeUnknown: it may be cancelled or not.
        """
        await self._market(symbol)
        params = self._quirks.cancel_params(client_order_id, is_conditional=is_conditional)
        async with speaking(Call.CANCEL, self._secrets):
            await self._client.cancel_order(None, symbol, params)

    async def find_order(
        self, symbol: str, client_order_id: str, *, is_conditional: bool = False
    ) -> OrderReport:
        """The order with that client id, open or ended; of a triggered one, what it became.

        Raises:
            OrderNotFound: the venue does not know it, or not yet.
            Retryable: the venue did not answer, or it was triggered and the venue does not show
                yet what it became.
        """
        market = await self._market(symbol)
        async with speaking(Call.READ, self._secrets):
            raw = await self._quirks.find(
                self._client, symbol, client_order_id, is_conditional=is_conditional
            )
            return order_of(raw, market, client_order_id=client_order_id, sent=None)

    async def find_foreign(self, symbol: str, exchange_order_id: str) -> OrderReport:
        """The order with that number, whoever made it.

        Raises:
            OrderNotFound: the venue does not know it, or not yet.
            Retryable: the venue did not answer.
        """
        market = await self._market(symbol)
        async with speaking(Call.READ, self._secrets):
            raw = await self._quirks.find_foreign(self._client, symbol, exchange_order_id)
            return order_of(raw, market, client_order_id="", sent=None)

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
        page = self._quirks.history.page
        trades = await self._read(
            lambda: self._client.fetch_my_trades(symbol, start, page, dict(params))
        )
        if len(trades) >= page:
            # A full page may lack some.
            complete = await self.trades(symbol, since)
            return [fill for fill in complete if fill.exchange_order_id == exchange_order_id]
        async with speaking(Call.READ, self._secrets):
            own = [trade for trade in trades if str(trade.get("order")) == exchange_order_id]
            return sorted((fill_of(trade, market) for trade in own), key=_by_time)

    async def trades(self, symbol: str, since: datetime) -> Sequence[FillReport]:
        """Every execution on the symbol since then, whosever it was, oldest first: all or an error.

        Raises:
            Retryable: the venue did not answer, or not completely.
        """
        market = await self._market(symbol)
        start = milliseconds(since)
        async with speaking(Call.READ, self._secrets):
            rows = await trades_since(self._client, symbol, start, self._quirks.history)
            return sorted((fill_of(row, market) for row in rows), key=_by_time)

    async def open_orders(self, symbol: str) -> Sequence[OrderReport]:
        """Every order of the account that may still be filled, ours or not; all or an error."""
        market = await self._market(symbol)
        raws = await self._read(lambda: self._quirks.open_orders(self._client, symbol))
        async with speaking(Call.READ, self._secrets):
            return [open_order_of(raw, market) for raw in raws]

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

    async def funding(self, since: datetime) -> Sequence[FundingReport]:
        """Funding payments since then, oldest first: all or an error; none on spot."""
        if self._market_type is MarketType.SPOT:
            return []
        await self._share_markets(self._client)
        start = milliseconds(since)
        async with speaking(Call.READ, self._secrets):
            rows = await funding_since(self._client, start, self._quirks.history)
            payments = [funding_of(self._quirks.funding(self._client, row)) for row in rows]
            return sorted(payments, key=lambda row: (row.paid_at, row.venue_id))

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

    async def permissions(self) -> KeyPermissions:
        """What the key may do; nothing is verified where the venue has no such question."""
        return await self._read(lambda: self._quirks.permissions(self._client))

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
        margin = Margin(self._client, self._quirks, self._secrets)
        await margin.have(symbol, leverage=leverage, margin_mode=margin_mode)

    def news(self) -> AsyncGenerator[News, None]:
        """Follow the private stream, on a client of its own; close the iterator to stop.

        Raises nothing: a lost connection is made again, after half a second to five.
        """
        return PrivateStream(
            self._open_stream_client, self._quirks.order_streams, self._secrets
        ).news()

    async def _open_stream_client(self) -> Any:
        client = prepare_for_stream(await self._open_client())
        try:
            await self._share_markets(client)
        except BaseException:
            await client.close()
            raise
        return client

    async def close(self) -> None:
        """Let go of the connections; the stream's go when its iterator is closed."""
        await self._client.close()

    async def _market(self, symbol: str) -> Raw:
        await self._share_markets(self._client)
        async with speaking(Call.READ, self._secrets):
            market: Raw = self._client.market(symbol)
            return market

    async def _read(self, ask: Callable[[], Awaitable[ResultT]]) -> ResultT:
        async with speaking(Call.READ, self._secrets):
            return await ask()


def _as_asked(report: OrderReport, request: OrderRequest) -> OrderReport:
    """The report, when the venue has what we asked for; a receipt that tells nothing passes."""
    if report.quantity != request.quantity:
        raise OutcomeUnknown(
            f"asked for {plain(request.quantity)}, the venue has {plain(report.quantity)}",
            code="quantity_mismatch",
        )
    trigger, told = request.trigger, report.trigger_price
    if trigger is not None and told is not None and trigger.price != told:
        raise OutcomeUnknown(
            f"asked to trigger at {plain(trigger.price)}, the venue has {plain(told)}",
            code="trigger_mismatch",
        )
    return report


def _by_time(fill: FillReport) -> tuple[datetime, str]:
    return (fill.executed_at, fill.exchange_trade_id)
