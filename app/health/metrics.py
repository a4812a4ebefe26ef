"""`/metrics`: figures for Prometheus, for whoever runs the house."""

from datetime import datetime
from ipaddress import ip_address
from typing import Any, Final

from litestar import Request, Response, get
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Gauge
from prometheus_client.exposition import generate_latest
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import states
from app.accounts.authentication import optional_caller
from app.core.errors import Forbidden, NotFound, Unauthenticated, Unavailable
from app.health.bots import BotsHealth
from app.health.limits import LimitsHealth
from app.health.prices import PricesHealth
from app.http.errors import NOTHING_HERE
from app.http.session import database_of
from app.pipeline.orders import repository as orders
from app.pipeline.orders.status import OrderStatus
from app.pipeline.positions import repository as positions
from app.settings import Access
from app.trading.words import Protection

PREFIX: Final = "signalbox"
OF_A_PROXY: Final = (
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
)


@get(
    "/metrics",
    opt={"public": True, "raises": [Forbidden, NotFound, Unauthenticated, Unavailable]},
    operation_id="getMetrics",
    summary="Figures for Prometheus: from the machine itself, or for an admin",
    media_type=CONTENT_TYPE_LATEST,
)
async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    """What was counted in this process, and how things stand at this moment."""
    access = request.app.state.settings.metrics_for
    if access is Access.NOBODY:
        raise NotFound(NOTHING_HERE)
    if access is Access.ADMIN or not _is_from_here(request):
        caller = await optional_caller(request)
        if caller is None:
            raise Unauthenticated("Figures are for admins, and for this machine itself.")
        if not caller.is_admin:
            raise Forbidden("Only an admin may do this.")
    now = request.app.state.clock.now()
    registry = CollectorRegistry()
    sources = request.app.state.get("health_sources") or []
    async with database_of(request).read() as session:
        await _positions(registry, session, now)
        await _rest(registry, session)
        await _bots(registry, session, sources)
    _limits(registry, sources)
    _feeds(registry, sources, now)
    text = generate_latest(REGISTRY) + generate_latest(registry)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


def _is_from_here(request: Request[Any, Any, Any]) -> bool:
    """Whether it comes from this machine, and not through a proxy that stands on it."""
    is_forwarded = any(name in request.headers for name in OF_A_PROXY)
    if request.client is None or is_forwarded:
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


async def _positions(registry: CollectorRegistry, session: AsyncSession, now: datetime) -> None:
    held = await positions.held(session)
    guards = Gauge(f"{PREFIX}_positions", "Open positions", ["protection"], registry=registry)
    for protection in Protection:
        guards.labels(protection.value).set(sum(1 for one in held if one.protection is protection))
    naked = [one.naked_since for one in held if one.naked_since is not None]
    Gauge(
        f"{PREFIX}_positions_naked",
        "Open positions whose stop rests nowhere at this moment",
        registry=registry,
    ).set(len(naked))
    Gauge(
        f"{PREFIX}_positions_naked_longest_seconds",
        "Since when the oldest of them has been so",
        registry=registry,
    ).set(max(((now - since).total_seconds() for since in naked), default=0))


async def _rest(registry: CollectorRegistry, session: AsyncSession) -> None:
    unknown = await orders.in_status(session, OrderStatus.UNKNOWN)
    Gauge(f"{PREFIX}_orders_unknown", "Orders whose fate nobody knows", registry=registry).set(
        len(unknown)
    )
    failing = await states.failing(session)
    Gauge(
        f"{PREFIX}_accounts_not_reconciled",
        "Accounts that could not be compared with their venue",
        registry=registry,
    ).set(len(failing))


async def _bots(registry: CollectorRegistry, session: AsyncSession, sources: list[Any]) -> None:
    bots = Gauge(f"{PREFIX}_bots", "Bots by what they do", ["status"], registry=registry)
    for source in sources:
        if isinstance(source, BotsHealth):
            for status, count in (await source.counts(session, None)).items():
                bots.labels(status).set(count)


def _limits(registry: CollectorRegistry, sources: list[Any]) -> None:
    used = Gauge(
        f"{PREFIX}_venue_limit_used_ratio",
        "Share of a venue's request limit that is used",
        ["exchange", "window"],
        registry=registry,
    )
    for source in sources:
        if isinstance(source, LimitsHealth):
            for budget in source.budgets():
                for window in budget.windows:
                    share = float(window.used / window.limit) if window.limit else 0.0
                    used.labels(budget.venue, window.name).set(share)


def _feeds(registry: CollectorRegistry, sources: list[Any], now: datetime) -> None:
    symbol = ("exchange", "market_type", "symbol")
    seconds = Counter(
        f"{PREFIX}_price_feed_seconds",
        "Seconds in which a watched symbol's newest price was streamed, asked for, or old",
        [*symbol, "state"],
        registry=registry,
    )
    drops = Counter(
        f"{PREFIX}_price_feed_drops", "Price streams that were lost", symbol, registry=registry
    )
    recovery = Gauge(
        f"{PREFIX}_price_feed_recovery_seconds",
        "Seconds from a lost price stream to the next price by stream",
        [*symbol, "of"],
        registry=registry,
    )
    for source in sources:
        if not isinstance(source, PricesHealth):
            continue
        for key, figures in source.board.figures(now).items():
            seconds.labels(*key, "live").inc(figures.live_seconds)
            seconds.labels(*key, "polling").inc(figures.polling_seconds)
            seconds.labels(*key, "stale").inc(figures.stale_seconds)
            drops.labels(*key).inc(figures.drops)
            if figures.recovery_seconds_max is not None:
                recovery.labels(*key, "median").set(figures.recovery_seconds_median or 0)
                recovery.labels(*key, "max").set(figures.recovery_seconds_max)
