"""What a stranger gets to see of a whole installation: headers, open routes, banners."""

import base64
import hashlib
import re
import runpy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from httpx import ASGITransport, AsyncClient, Response
from litestar import Litestar
from litestar.routes import HTTPRoute
from pydantic import SecretStr
from sqlalchemy import text

from app import __version__
from app.house import House
from app.http.request_id import HEADER as REQUEST_ID
from app.http.security_headers import HEADERS
from app.main import create_app
from app.settings import Access, Settings

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "environment": "production",
    "secret_key": SecretStr("k" * 32),
    "trusted_proxies": "203.0.113.1",
    "paper_url": "http://127.0.0.1:9",
}
ADMIN = {"username": "trader", "password": "correct-horse-battery"}
SOME_ID = "0197c3a0-0000-7000-8000-000000000000"
# Open by design (docs/security.md), and what each says to a request without anything.
OPEN = {
    ("GET", "/"): 302,
    ("GET", "/health/live"): 200,
    ("GET", "/health/ready"): 503,
    ("GET", "/status-server"): 200,
    ("POST", "/auth/register"): 400,
    ("POST", "/auth/token"): 400,
    ("POST", "/auth/login"): 400,
    ("POST", "/auth/refresh"): 400,
}
TELLTALE = (
    *("litestar", "uvicorn", "gunicorn", "starlette", "sqlalchemy", "sqlite", "asyncpg", "alembic"),
    *("pydantic", "msgspec", "ccxt", "python", "traceback", 'file "', "site-packages"),
    __version__,
)
ORIGINS = ("https://example.com", "https://exampleXcom", "https://test.evil.com", "null")


@dataclass(frozen=True)
class Surface:
    """An installation that runs nothing, asked from another machine."""

    app: Litestar
    house: House
    client: AsyncClient

    def requests(self) -> list[tuple[str, str]]:
        """Method and path of every route of the table, and a path with an id in each place."""
        return sorted(
            (method, re.sub(r"\{[^}]+\}", SOME_ID, route.path))
            for route in self.app.routes
            if isinstance(route, HTTPRoute)
            for method in route.methods - {"OPTIONS", "HEAD"}
        )


@asynccontextmanager
async def surface(folder: Path, url: str, **changes: Any) -> AsyncIterator[Surface]:
    values: dict[str, Any] = {
        "data_dir": folder / "data",
        "log_dir": folder / "logs",
        "database_url": SecretStr(url),
        "screen_dir": str(folder / "no screen"),
        "admin_username": ADMIN["username"],
        "admin_password": SecretStr(ADMIN["password"]),
        **changes,
    }
    house = await House.build(Settings(_env_file=None, **values), with_worker=False)
    app = create_app(house)
    transport = ASGITransport(cast("Any", app), client=("198.51.100.7", 5000))
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        yield Surface(app, house, client)
    await house.database.close()


@pytest.fixture
async def production(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Surface]:
    async with surface(tmp_path, sqlite_url, **PRODUCTION) as opened:
        yield opened


async def as_admin(site: Surface) -> dict[str, str]:
    answer = await site.client.post("/auth/token", json=ADMIN)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def assert_tells_nothing(answer: Response) -> None:
    shown = f"{answer.headers!r} {answer.text}".lower()
    assert [word for word in TELLTALE if word in shown] == [], shown
    assert "server" not in answer.headers
    assert "x-powered-by" not in answer.headers


def assert_is_guarded(answer: Response) -> None:
    for name, value in HEADERS:
        found = answer.headers.get_list(name.decode())
        if name == b"content-security-policy":
            assert found[0].startswith("default-src 'none'")
            assert "unsafe" not in found[0]
        else:
            assert found == [value.decode()], name
        assert len(found) == 1
    assert answer.headers.get_list("strict-transport-security") == ["max-age=31536000"]
    assert REQUEST_ID in answer.headers


async def test_security_36_no_route_tells_a_stranger_anything(production: Surface) -> None:
    for method, path in production.requests():
        answer = await production.client.request(method, path)
        expected = {OPEN[method, path]} if (method, path) in OPEN else {401, 403, 404}

        assert answer.status_code in expected, f"{method} {path}: {answer.status_code}"
        assert_tells_nothing(answer)
        assert_is_guarded(answer)


async def test_security_36_what_is_wrong_is_answered_without_a_banner(production: Surface) -> None:
    client, admin = production.client, await as_admin(production)
    answers = [
        await client.get("/nowhere"),
        await client.get("/schema/nowhere", headers=admin),
        await client.request("BREW", "/orders"),
        await client.delete("/auth/token"),
        await client.post("/auth/token", content=b"{", headers={"Content-Type": "text/json"}),
        await client.post("/auth/token", content=b"{"),
        await client.post("/auth/token", json={"username": 1, "password": [2]}),
        await client.get("/orders", headers={"Authorization": "Bearer x.y.z"}),
        await client.get("/orders?limit=x", headers=admin),
        await client.get("/orders/not-an-id", headers=admin),
        await client.post("/orders", json={"account_id": 1}, headers=admin),
        await client.put("/risk", content=b"\xff", headers=admin),
    ]

    assert {answer.status_code // 100 for answer in answers} == {4}
    for answer in answers:
        assert_tells_nothing(answer)
        assert_is_guarded(answer)


def test_security_36_gunicorns_workers_do_not_name_themselves() -> None:
    worker = runpy.run_path(str(ROOT / "gunicorn.conf.py"))["ApiWorker"]

    assert worker.CONFIG_KWARGS["server_header"] is False


async def test_security_36_a_crash_tells_nothing_but_where_to_look(production: Surface) -> None:
    async with production.house.database.transaction() as session:
        await session.execute(text("DROP TABLE refresh_tokens"))

    answer = await production.client.post("/auth/refresh", json={"refresh_token": "x" * 43})

    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert answer.json()["request_id"] == answer.headers[REQUEST_ID]
    assert_tells_nothing(answer)
    assert_is_guarded(answer)


async def test_security_15_no_origin_is_let_in(production: Surface) -> None:
    admin = await as_admin(production)
    for origin in ORIGINS:
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        answers = [
            await production.client.get("/orders", headers={**admin, "Origin": origin}),
            await production.client.options("/orders", headers=asked),
            await production.client.options("/auth/token", headers=asked),
            await production.client.get("/nowhere", headers=asked),
        ]

        for answer in answers:
            allowed = [name for name in answer.headers if name.startswith("access-control-")]
            assert allowed == [], origin


@pytest.mark.parametrize(
    ("changes", "stranger", "admin"),
    [
        ({}, 200, 200),
        ({"api_pages_for": "nobody"}, 404, 404),
        (PRODUCTION, 401, 200),
    ],
)
async def test_security_36_the_api_pages_can_be_closed(
    tmp_path: Path, sqlite_url: str, changes: dict[str, Any], stranger: int, admin: int
) -> None:
    async with surface(tmp_path, sqlite_url, **changes) as site:
        headers = await as_admin(site)
        for path in ("/schema", "/schema/openapi.json"):
            assert (await site.client.get(path)).status_code == stranger
            assert (await site.client.get(path, headers=headers)).status_code == admin


async def test_security_36_the_figures_can_be_closed(production: Surface) -> None:
    admin = await as_admin(production)
    here = ASGITransport(cast("Any", production.app), client=("127.0.0.1", 5000))
    expected = {Access.LOOPBACK: (200, 200), Access.ADMIN: (401, 200), Access.NOBODY: (404, 404)}
    async with AsyncClient(transport=here, base_url="http://test") as client:
        for access, (local, known) in expected.items():
            changed = production.house.settings.model_copy(update={"metrics_for": access})
            production.app.state.settings = changed
            strangers = [
                await production.client.get("/metrics"),
                await client.get("/metrics", headers={"X-Real-IP": "198.51.100.7"}),
            ]

            assert (await client.get("/metrics")).status_code == local
            assert (await production.client.get("/metrics", headers=admin)).status_code == known
            assert {one.status_code for one in strangers} == {
                404 if access is Access.NOBODY else 401
            }


async def test_security_16_the_api_page_needs_no_script_and_nobody_else(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with surface(tmp_path, sqlite_url) as site:
        answer = await site.client.get("/schema")

    page, policy = answer.text, answer.headers["content-security-policy"]
    [style] = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert answer.headers["content-type"].startswith("text/html")
    assert f"style-src 'sha256-{digest}'" in policy
    assert "<script" not in page
    assert "script-src" not in policy
    assert re.findall(r"(?:src|href)=['\"]?([^'\" >]+)", page) == ["/schema/openapi.json"]
    assert "<code>/orders/{order_id}</code>" in page
    assert "Idempotency-Key" in page


async def test_security_16_the_paper_exchange_inside_is_guarded_too(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with surface(tmp_path, sqlite_url) as site:
        answer = await site.client.get("/paper-exchange/")

    assert answer.status_code == 200
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "strict-transport-security" not in answer.headers
