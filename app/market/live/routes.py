"""`/prices/ws`: prices as they come."""

from typing import Any

from litestar import Router, WebSocket, websocket

from app.core.errors import Invalid
from app.exchanges.venues import PAPER
from app.http.filters import choice
from app.http.sockets import refuse
from app.market.live.talk import PriceTalk
from app.trading.words import MarketType


@websocket("/ws")
async def live_prices(socket: WebSocket[Any, Any, Any]) -> None:
    """Subscribe to symbols: a snapshot of each, then each change; the newest when you are slow."""
    state, query = socket.app.state, socket.query_params
    try:
        market_type = choice(MarketType, query.get("market_type"), "market_type")
    except Invalid as unknown:
        await refuse(socket.scope, socket.send, unknown)
        return
    talk = PriceTalk(
        socket,
        prices=state.live_prices,
        instruments=state.tools.instruments,
        exchange=query.get("exchange", PAPER),
        market_type=market_type,
        most_symbols=state.settings.symbols_per_socket,
    )
    await talk.serve()


router = Router(path="/prices", route_handlers=[live_prices])
