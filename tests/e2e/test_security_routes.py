"""Every route of the OpenAPI document, for every kind of caller, against a reviewed matrix."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import jwt
import pytest

from app.accounts.models import Login
from tests.e2e.site import PASSWORD, Site, running

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
# What stands in a path; no row has that id, so that whoever is let in finds nothing.
IN_PATHS = {"token": "no-such-token", "symbol": "BTCUSDT", "timeframe": "1h"}
NOTHING = "019c1f6e-4a52-7c31-9d0e-3f0f5b1b6a11"


class Who(Enum):
    """Kinds of callers that a route lets in; the value is how the page says it."""

    ANYBODY = "anybody"
    LOGIN = "whoever is logged in; a key with `read`"
    PERSON = "whoever is logged in, no key"
    PROVEN_PERSON = "whoever gave their password within 5 min, no key"
    TRADER = "traders; a key with `trade`"
    TRADING_PERSON = "traders, no key"
    SIGNALS = "traders; a key with `trade` or `signals:write`"
    PROVEN_TRADER = "traders who gave their password within 5 min, no key"
    ADMIN = "admins; a key with `admin`"
    PROVEN_ADMIN = "admins who gave their password within 5 min, no key"

    @property
    def callers(self) -> frozenset[str]:
        """Those who are let in."""
        return {
            Who.ANYBODY: frozenset(CALLERS),
            Who.LOGIN: frozenset(CALLERS) - {"nobody", "key signals:write"},
            Who.PERSON: PEOPLE | STALE,
            Who.PROVEN_PERSON: PEOPLE,
            Who.TRADER: TRADERS | {"stale trader", "stale admin", "key trade", "key admin"},
            Who.TRADING_PERSON: TRADERS | {"stale trader", "stale admin"},
            Who.SIGNALS: TRADERS
            | {"stale trader", "stale admin", "key trade", "key signals:write", "key admin"},
            Who.PROVEN_TRADER: TRADERS,
            Who.ADMIN: frozenset({"admin", "stale admin", "key admin"}),
            Who.PROVEN_ADMIN: frozenset({"admin"}),
        }[self]


PEOPLE = frozenset({"viewer", "trader", "admin"})
STALE = frozenset({"stale viewer", "stale trader", "stale admin"})
TRADERS = frozenset({"trader", "admin"})
KEYS = ("read", "signals:write", "trade", "admin")
CALLERS = ("nobody", *sorted(PEOPLE), *sorted(STALE), *(f"key {scope}" for scope in KEYS))

# Reviewed by hand. A route that is not here fails the test.
MATRIX: Mapping[str, Who] = {
    "GET /health/live": Who.ANYBODY,
    "GET /health/ready": Who.ANYBODY,
    "GET /status-server": Who.ANYBODY,
    "GET /metrics": Who.ANYBODY,  # from this machine, where the test is; else admins
    "GET /schema": Who.ANYBODY,  # on one's own machine; in production admins
    "GET /schema/{path}": Who.ANYBODY,  # likewise
    "GET /schema/openapi.json": Who.ANYBODY,  # likewise
    "POST /auth/register": Who.ANYBODY,
    "POST /auth/token": Who.ANYBODY,
    "POST /auth/login": Who.ANYBODY,
    "POST /auth/refresh": Who.ANYBODY,
    "POST /auth/session": Who.ANYBODY,
    "POST /auth/session/refresh": Who.ANYBODY,
    "POST /webhooks/tradingview": Who.ANYBODY,  # the token is the way in
    "POST /webhooks/tradingview/{token}": Who.ANYBODY,
    "DELETE /auth/session": Who.LOGIN,
    "POST /auth/logout": Who.LOGIN,
    "POST /auth/ticket": Who.LOGIN,
    "GET /auth/me": Who.LOGIN,
    "POST /auth/step-up": Who.PERSON,
    "POST /auth/password": Who.PERSON,
    "POST /auth/totp": Who.PROVEN_PERSON,
    "POST /auth/totp/confirm": Who.PROVEN_PERSON,
    "DELETE /auth/totp": Who.PROVEN_PERSON,
    "GET /auth/api-keys": Who.PERSON,
    "POST /auth/api-keys": Who.PROVEN_PERSON,
    "DELETE /auth/api-keys/{key_id}": Who.PERSON,
    "GET /auth/invites": Who.ADMIN,
    "POST /auth/invites": Who.PROVEN_ADMIN,
    "DELETE /auth/invites/{invite_id}": Who.ADMIN,
    "GET /users": Who.ADMIN,
    "PATCH /users/{user_id}": Who.PROVEN_ADMIN,
    "GET /logs": Who.ADMIN,
    "GET /accounts": Who.LOGIN,
    "POST /accounts": Who.TRADER,  # with keys in the body: a proof as well
    "GET /accounts/{account_id}": Who.LOGIN,
    "PATCH /accounts/{account_id}": Who.TRADER,  # likewise
    "DELETE /accounts/{account_id}": Who.TRADER,
    "GET /accounts/{account_id}/balance": Who.LOGIN,
    "GET /accounts/{account_id}/positions": Who.LOGIN,
    "POST /accounts/{account_id}/check": Who.TRADER,
    "GET /capital/balance": Who.LOGIN,
    "GET /strategies": Who.LOGIN,
    "POST /strategies": Who.TRADER,
    "GET /strategies/{strategy_id}": Who.LOGIN,
    "PATCH /strategies/{strategy_id}": Who.TRADER,
    "DELETE /strategies/{strategy_id}": Who.TRADER,
    "PATCH /strategies/{strategy_id}/activate": Who.TRADER,
    "POST /strategies/{strategy_id}/rotate-token": Who.PROVEN_TRADER,
    "GET /strategies/{strategy_id}/tokens": Who.LOGIN,
    "GET /strategies/{strategy_id}/alert-template": Who.LOGIN,
    "POST /strategies/{strategy_id}/test-alarm": Who.TRADER,
    "GET /alarms": Who.LOGIN,
    "POST /alarms": Who.TRADER,
    "GET /alarms/{alarm_id}": Who.LOGIN,
    "POST /alarms/preview": Who.LOGIN,
    "GET /alarms/gaps": Who.LOGIN,
    "GET /alarms/gaps/{gap_id}": Who.LOGIN,
    "POST /alarms/gaps/{gap_id}/ignore": Who.TRADER,
    "POST /alarms/gaps/{gap_id}/adopt": Who.TRADER,
    "POST /alarms/gaps/{gap_id}/repair": Who.TRADER,
    "GET /signals": Who.LOGIN,
    "GET /signals/{signal_id}": Who.LOGIN,
    "GET /signals/{signal_id}/preview": Who.LOGIN,
    "POST /signals/{signal_id}/approve": Who.TRADER,
    "POST /signals/{signal_id}/reject": Who.TRADER,
    "POST /signals/update_active": Who.SIGNALS,
    "GET /confirmations": Who.TRADING_PERSON,
    "POST /confirmations/{signal_id}/confirm": Who.TRADING_PERSON,  # whom the owner has named
    "POST /confirmations/{signal_id}/reject": Who.TRADING_PERSON,  # likewise
    "GET /orders": Who.LOGIN,
    "POST /orders": Who.TRADER,
    "GET /orders/{order_id}": Who.LOGIN,
    "DELETE /orders/{order_id}": Who.TRADER,
    "GET /positions": Who.LOGIN,
    "GET /positions/{position_id}": Who.LOGIN,
    "PATCH /positions/{position_id}": Who.TRADER,
    "POST /positions/{position_id}/close": Who.TRADER,
    "POST /positions/{position_id}/schedule-sell": Who.TRADER,
    "GET /pnl/daily": Who.LOGIN,
    "GET /pnl/equity": Who.LOGIN,
    "GET /risk": Who.LOGIN,
    "PUT /risk": Who.TRADER,  # to allow more: a proof as well
    "POST /risk/kill-switch": Who.TRADER,  # to release it: a proof as well
    "GET /risk/state": Who.LOGIN,
    "POST /risk/prove": Who.LOGIN,
    "GET /reports/trades": Who.LOGIN,
    "GET /reports/profit": Who.LOGIN,
    "GET /reports/positions": Who.LOGIN,
    "GET /reports/kpis": Who.LOGIN,
    "POST /backtests/what-if": Who.TRADER,
    "GET /diary": Who.LOGIN,
    "POST /diary": Who.TRADER,
    "GET /diary/{entry_id}": Who.LOGIN,
    "PATCH /diary/{entry_id}": Who.TRADER,
    "DELETE /diary/{entry_id}": Who.TRADER,
    "GET /prices/{symbol}/current": Who.LOGIN,
    "GET /candles": Who.LOGIN,
    "POST /candles": Who.TRADER,
    "GET /trades": Who.LOGIN,
    "POST /trades": Who.TRADER,
    "GET /audit": Who.LOGIN,
    "POST /candles/fetch": Who.TRADER,
    "POST /candles/build": Who.TRADER,
    "GET /candles/gaps": Who.LOGIN,
    "GET /candles/captures": Who.LOGIN,
    "PUT /candles/captures/{symbol}/{timeframe}": Who.TRADER,
    "DELETE /candles/captures/{symbol}/{timeframe}": Who.TRADER,
    "GET /fetch_and_store_data/{symbol}": Who.TRADER,
    "GET /prices/{symbol}/history": Who.LOGIN,
    "GET /algorithms": Who.LOGIN,
    "GET /strategies/hma-sma/run": Who.TRADER,
    "POST /strategies/{strategy_id}/run": Who.TRADER,
    "GET /bots": Who.LOGIN,
    "POST /bots": Who.TRADER,
    "GET /bots/{bot_id}": Who.LOGIN,
    "PATCH /bots/{bot_id}": Who.TRADER,
    "DELETE /bots/{bot_id}": Who.TRADER,
    "POST /bots/{bot_id}/start": Who.TRADER,
    "POST /bots/{bot_id}/stop": Who.TRADER,
    "GET /jobs": Who.LOGIN,
    "GET /jobs/{job_id}": Who.LOGIN,
    "POST /jobs/{job_id}/cancel": Who.TRADER,
    "POST /backtests": Who.TRADER,
    "GET /backtests": Who.LOGIN,
    "GET /backtests/{backtest_id}": Who.LOGIN,
    "DELETE /backtests/{backtest_id}": Who.TRADER,
    "GET /backtests/{backtest_id}/trades": Who.LOGIN,
    "GET /backtests/{backtest_id}/refusals": Who.LOGIN,
    "GET /backtests/{backtest_id}/equity": Who.LOGIN,
    "GET /backtests/{backtest_id}/replay": Who.LOGIN,
    "POST /backtests/sweeps": Who.TRADER,
    "GET /backtests/sweeps": Who.LOGIN,
    "GET /backtests/sweeps/{sweep_id}": Who.LOGIN,
    "DELETE /backtests/sweeps/{sweep_id}": Who.TRADER,
    "GET /notices": Who.LOGIN,
    "GET /notices/address": Who.LOGIN,
    "PUT /notices/address": Who.PROVEN_TRADER,
    "DELETE /notices/address": Who.PROVEN_TRADER,
    "POST /notices/address/test": Who.TRADER,
    "GET /events": Who.LOGIN,
}


@pytest.fixture
async def site(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Site]:
    async with running(tmp_path, sqlite_url) as running_site:
        yield running_site


async def test_security_01_every_route_lets_in_whom_the_matrix_says(
    site: Site, record_property: Callable[[str, object], None]
) -> None:
    document = await site.get("/schema/openapi.json")
    routes = [
        f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item
    ]
    assert sorted(routes) == sorted(MATRIX), "a route is not in the reviewed matrix, or is gone"

    callers = await _callers(site)
    async with httpx.AsyncClient(base_url=site.base, timeout=20) as client:
        found = {route: await _let_in(client, route, callers) for route in routes}
    record_property("routes by callers", len(routes) * len(callers))

    assert found == {route: who.callers for route, who in MATRIX.items()}


def test_security_01_the_page_shows_the_matrix() -> None:
    table = "\n".join(f"| `{route}` | {who.value} |" for route, who in MATRIX.items())

    assert table in PAGE.read_text(encoding="utf-8")


async def _let_in(
    client: httpx.AsyncClient, route: str, callers: Mapping[str, dict[str, str]]
) -> frozenset[str]:
    """Those who are not refused for who they are."""
    method, _, path = route.partition(" ")
    url = re.sub(r"\{(\w+)\}", lambda name: IN_PATHS.get(name[1], NOTHING), path)
    answers = await asyncio.gather(
        *(_ask(client, method, url, headers) for headers in callers.values())
    )
    assert all(answer.status_code < 500 for answer in answers), (route, answers)
    return frozenset(
        name
        for name, answer in zip(callers, answers, strict=True)
        if not _is_refused(answer, is_public=MATRIX[route] is Who.ANYBODY)
    )


def _is_refused(answer: httpx.Response, *, is_public: bool) -> bool:
    # A public route may answer 401 to what it was sent, never for want of a login.
    return answer.status_code in {401, 403} and not is_public


async def _ask(
    client: httpx.AsyncClient, method: str, url: str, headers: dict[str, str]
) -> httpx.Response:
    body: dict[str, Any] | None = None if method in {"GET", "DELETE"} else {}
    async with client.stream(method, url, json=body, headers={**OWN_PAGE, **headers}) as answer:
        # A stream of events has no end.
        if not answer.headers.get("Content-Type", "").startswith("text/event-stream"):
            await answer.aread()
    return answer


async def _callers(site: Site) -> dict[str, dict[str, str]]:
    """A login of each kind; the site's own client is an admin's."""
    callers: dict[str, dict[str, str]] = {"nobody": {}}
    for role in sorted(PEOPLE):
        invite = (await site.post("/auth/invites", {"role": role}, status=201))["invite"]
        body = {"username": f"a-{role}", "password": PASSWORD, "invite": invite}
        await site.post("/auth/register", body, status=201)
        callers[role] = await _login(site, "/auth/token", body)
        callers[f"stale {role}"] = await _stale(site, await _login(site, "/auth/token", body))
    for scope in KEYS:
        owner = callers["admin" if scope == "admin" else "trader"]
        answer = await site.client.post(
            "/auth/api-keys", json={"name": scope, "scopes": [scope]}, headers=owner
        )
        callers[f"key {scope}"] = await _login(site, "/auth/login", answer.json())
    return callers


async def _stale(site: Site, headers: dict[str, str]) -> dict[str, str]:
    """The same login, an hour after its password was given."""
    claims = jwt.decode(headers["Authorization"].split()[1], options={"verify_signature": False})
    async with site.house.database.transaction() as session:
        login = await session.get_one(Login, UUID(claims["sid"]))
        login.proven_at = login.opened_at - timedelta(hours=1)
    return headers


async def _login(site: Site, path: str, body: dict[str, Any]) -> dict[str, str]:
    fields = ("username", "password") if path.endswith("token") else ("api_key", "api_secret")
    answer = await site.post(path, {name: body[name] for name in fields})
    return {"Authorization": f"Bearer {answer['access_token']}"}
