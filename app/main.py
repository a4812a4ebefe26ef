"""The application: routes, errors, documents, and the house behind them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast

from litestar import Litestar, Router, asgi
from litestar.datastructures import State
from litestar.handlers import ASGIRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.plugins import PluginProtocol
from litestar.plugins.pydantic import PydanticPlugin
from litestar.types import ControllerRouterHandler, Receive, Scope, Send

from app import __version__
from app.accounts import (
    account_routes,
    browser_routes,
    key_routes,
    notice_routes,
    people_routes,
    totp_routes,
)
from app.accounts import routes as auth_routes
from app.accounts.authentication import BearerAuthentication
from app.accounts.live.standing import OpenSockets
from app.accounts.providers import DEPENDENCIES
from app.audit import routes as audit_routes
from app.backtests.replay import routes as replay_routes
from app.backtests.replay.playing import Playbacks
from app.backtests.runs import routes as backtest_routes
from app.backtests.sweeps import routes as sweep_routes
from app.backtests.what_if import routes as what_if_routes
from app.bots import routes as bot_routes
from app.desk import accounts as desk_accounts
from app.desk import alarms as desk_alarms
from app.desk import capital as desk_capital
from app.desk import confirmations as desk_confirmations
from app.desk import deciding as desk_deciding
from app.desk import orders as desk_orders
from app.desk import positions as desk_positions
from app.desk import preview as desk_preview
from app.desk import risk as desk_risk
from app.desk import tokens as desk_tokens
from app.desk.charts import routes as desk_charts
from app.desk.providers import TOOLS
from app.desk.rehearsal import routes as desk_rehearsal
from app.diary import routes as diary_routes
from app.events import routes as event_routes
from app.events.hub import EventHub
from app.exchanges.venues import REGISTRY
from app.health import routes as health_routes
from app.house import PAPER_PATH, House
from app.http.access_log import access_log
from app.http.answers import Answers
from app.http.api_pages import PAGE_POLICY, ApiPage
from app.http.caller import require_admin
from app.http.errors import EXCEPTION_HANDLERS
from app.http.request_id import request_id_middleware
from app.http.security_headers import security_headers
from app.http.strict_json import StrictRequest
from app.jobs import routes as job_routes
from app.market import routes as market_routes
from app.market.building import routes as build_routes
from app.market.candles import routes as candle_routes
from app.market.capture import routes as capture_routes
from app.market.fetching import routes as fetch_routes
from app.market.live import routes as live_price_routes
from app.market.live.readers import LivePrices
from app.market.trades import routes as market_trade_routes
from app.notifications import routes as notices_routes
from app.paper_exchange.server.asgi import PaperApp
from app.pipeline.pnl import routes as pnl_routes
from app.pipeline.risk import routes as risk_routes
from app.pipeline.signals import routes as signal_routes
from app.reports import routes as report_routes
from app.screen.files import Screen
from app.screen.routes import front_door, screen_file, screen_page
from app.settings import Access
from app.strategies import routes as strategy_routes
from app.webhooks import routes as webhook_routes
from app.webhooks.service import Door

ROUTERS = [
    auth_routes.router,
    browser_routes.router,
    key_routes.router,
    people_routes.router,
    totp_routes.router,
    account_routes.router,
    desk_accounts.router,
    desk_capital.router,
    desk_charts.router,
    strategy_routes.router,
    desk_rehearsal.router,
    desk_tokens.router,
    webhook_routes.router,
    bot_routes.router,
    desk_alarms.router,
    signal_routes.router,
    desk_deciding.router,
    desk_confirmations.router,
    desk_preview.router,
    desk_orders.router,
    desk_positions.router,
    pnl_routes.router,
    risk_routes.router,
    desk_risk.router,
    report_routes.router,
    report_routes.curve_router,
    what_if_routes.router,
    diary_routes.router,
    market_routes.router,
    job_routes.router,
    candle_routes.router,
    capture_routes.router,
    candle_routes.past_prices,
    market_trade_routes.router,
    fetch_routes.router,
    build_routes.router,
    live_price_routes.router,
    event_routes.router,
    backtest_routes.router,
    sweep_routes.router,
    replay_routes.router,
    audit_routes.router,
    notices_routes.router,
    notice_routes.router,
    health_routes.router,
]


def plugins() -> list[PluginProtocol]:
    """What every application over these routes needs.

    A field that is called `from` outside cannot be inside: it goes by its alias.
    """
    return [Answers(), PydanticPlugin(prefer_alias=True)]


def create_app(house: House) -> Litestar:
    """The application over a house that is built; its lifespan runs the house."""

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        async with house.running():
            yield

    handlers: list[ControllerRouterHandler] = [front_door, screen_page, screen_file, *ROUTERS]
    if house.paper is not None:
        handlers.append(_mount(house.paper.asgi))
    app = Litestar(
        route_handlers=handlers,
        dependencies={**DEPENDENCIES, **TOOLS},
        middleware=[BearerAuthentication],
        request_class=StrictRequest,
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=[lifespan],
        logging_config=None,
        openapi_config=documents(house.settings.shows_pages_to),
        plugins=plugins(),
        state=_state(house),
    )
    trusted = house.settings.trusted_proxies
    app.asgi_handler = security_headers(
        request_id_middleware(access_log(app.asgi_handler, trusted)),
        is_behind_https=house.settings.is_behind_https,
    )
    return app


def _state(house: House) -> State:
    return State(
        {
            "settings": house.settings,
            "clock": house.clock,
            "database": house.database,
            "key_ring": house.keys,
            "outgoing": house.outgoing,
            "candle_fetcher": house.fetcher,
            "shelf": house.shelf,
            "screen": Screen.read(house.settings.resolved_screen_dir),
            "tools": house.tools,
            "door": Door(house.tools),
            "house": house,
            "on_registered": house.welcome.on_registered,
            "exchanges": REGISTRY,
            "opener": house.exchanges,
            "sockets": OpenSockets(
                house.database, house.clock, per_user=house.settings.sockets_per_user
            ),
            "live_prices": LivePrices(
                house.tools.prices,
                now=house.clock.now,
                max_age=timedelta(seconds=house.settings.price_max_age_seconds),
            ),
            "playbacks": Playbacks(),
            "events": EventHub(house.database),
            "readiness": {"house": house.readiness},
            "health_sources": house.health_sources(),
        }
    )


def _mount(paper: PaperApp) -> ASGIRouteHandler:
    async def paper_exchange(scope: Scope, receive: Receive, send: Send) -> None:
        await paper(cast("Any", scope), cast("Any", receive), cast("Any", send))

    mount = asgi(PAPER_PATH, is_mount=True, opt={"public": True}, copy_scope=True)
    return mount(paper_exchange)


def documents(access: Access) -> OpenAPIConfig | None:
    """The API's pages for whoever may see them; None when nobody may."""
    if access is Access.NOBODY:
        return None
    is_open = access is Access.ANYONE
    pages = Router(
        "/schema",
        route_handlers=[],
        opt={"public": True} if is_open else {},
        guards=[] if is_open else [require_admin],
        response_headers={"Content-Security-Policy": PAGE_POLICY},
    )
    return OpenAPIConfig(
        title="Signalbox",
        version=__version__,
        description="From a trading alert to a protected position.",
        openapi_router=pages,
        render_plugins=[ApiPage()],
        components=Components(
            security_schemes={
                "bearer": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")
            }
        ),
        security=[{"bearer": []}],
    )
