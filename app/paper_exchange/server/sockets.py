"""Where a WebSocket goes: market streams, the futures user stream, spot's WebSocket API."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs

from app.paper_exchange.faults.armory import Armory
from app.paper_exchange.faults.fault import Fault
from app.paper_exchange.faults.routes import Facts
from app.paper_exchange.faults.views import PRICES
from app.paper_exchange.faults.wire import Receive, Send
from app.paper_exchange.prices.board import Key
from app.paper_exchange.server.addresses import (
    Address,
    is_private_stream,
    is_spot_api,
    locate_stream,
)
from app.paper_exchange.streams.hub import Hub
from app.paper_exchange.streams.names import Stream
from app.paper_exchange.streams.socket import serve_socket
from app.paper_exchange.users.connections import CUTTING, Connections, stream_facts
from app.paper_exchange.users.feed import Feed
from app.paper_exchange.users.listen_keys import ListenKeys
from app.paper_exchange.users.sockets import SpotApi, serve_private_stream
from app.paper_exchange.users.story import UserEvent
from app.paper_exchange.venue import Venue
from app.trading.words import MarketType


class Sockets:
    """All WebSockets of the venue.

    Attributes:
        listen_keys: what futures user streams are opened with.
    """

    def __init__(self, venue: Venue, hub: Hub, armory: Armory) -> None:
        self._venue = venue
        self._hub = hub
        self._armory = armory
        self._feed = Feed(venue, armory)
        self._connections = Connections(armory)
        self._spot_api = SpotApi(venue, self._feed)
        self._stale: dict[tuple[MarketType, str], object] = {}
        self.listen_keys = ListenKeys()
        hub.tell = self._tell

    async def serve(self, address: Address, query: str, receive: Receive, send: Send) -> None:
        """Serve one connection, or close it when there is nothing at its address."""
        params = {name: values[0] for name, values in parse_qs(query).items()}
        if is_spot_api(address):
            facts = stream_facts("user", MarketType.SPOT, None)
            await self._serve(
                facts, receive, send, lambda each: self._spot_api.serve(each, receive, send)
            )
        elif is_private_stream(address):
            await self._serve_private(params.get("listenKey", ""), receive, send)
        else:
            stream = locate_stream(address, params.get("streams", ""))
            if stream is None:
                await _refuse(receive, send)
                return
            facts = stream_facts("market", stream.market, None)
            await self._serve(
                facts,
                receive,
                send,
                lambda each: serve_socket(self._hub, stream, each, receive, send),
                is_combined=stream.is_combined,
            )

    def on_prices(self, keys: Iterable[Key]) -> None:
        """Prices have changed: tell streams, and those whose listen key has ended."""
        self._hub.publish(keys)
        at = self._venue.now()
        for account_id, name in self.listen_keys.take_expired(at):
            frame: dict[str, object] = {"e": "listenKeyExpired", "E": at, "listenKey": name}
            names, market = ("listenKeyExpired",), MarketType.LINEAR
            self._feed.tell(UserEvent(account_id, market, "", names, (), frame))

    def on_armed(self, fault: Fault) -> list[str]:
        """Do what a fault does to connections at once."""
        if fault.verb == "expire_listen_key":
            self.listen_keys.expire(fault.account_id)
            self.on_prices(())
            return ["expired"]
        if fault.verb == "stale_stream":
            self._stale.clear()
        if fault.verb in CUTTING:
            return [f"{self._connections.cut(fault)} connections cut"]
        return []

    async def _serve_private(self, key: str, receive: Receive, send: Send) -> None:
        account_id = self.listen_keys.owner(key, self._venue.now())
        if account_id is None:
            await _refuse(receive, send)
            return
        number = account_id
        facts = stream_facts("user", MarketType.LINEAR, number)
        await self._serve(
            facts,
            receive,
            send,
            lambda each: serve_private_stream(self._feed, number, each, receive, send),
        )

    async def _serve(
        self, facts: Facts, receive: Receive, send: Send, talk: Any, *, is_combined: bool = False
    ) -> None:
        if self._connections.is_refused(facts):
            await _refuse(receive, send)
            return
        listener = self._connections.opened(facts, send, is_combined=is_combined)
        try:
            await talk(listener)
        finally:
            self._connections.closed(listener)

    def _tell(self, stream: Stream, shown: object) -> object:
        """What a market stream says, under faults."""
        if not self._armory.is_armed:
            return shown
        facts = Facts("", "", "prices", stream.market, stream.symbol, (), None)
        for fault in self._armory.standing(PRICES):
            if fault.matches(facts):
                shown = PRICES[fault.verb](fault, shown)
        where = stream_facts("market", stream.market, None)
        if any(fault.matches(where) for fault in self._armory.standing({"stale_stream"})):
            return self._stale.setdefault((stream.market, stream.name), shown)
        return shown


async def _refuse(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.close", "code": 1008})
