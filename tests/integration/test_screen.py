"""The built screen over HTTP: where it is, what it may do in a browser, what may be kept of it."""

import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.commands.openapi import document
from tests.integration.test_surface import Surface, surface

PAGE = b"<!doctype html><title>Signalbox</title>" * 20
SCRIPT = b"export const words = 'a signal box at night';" * 20
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture
async def site(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Surface]:
    folder = tmp_path / "built"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_bytes(PAGE)
    (folder / "assets" / "main-1a2b.js").write_bytes(SCRIPT)
    async with surface(tmp_path, sqlite_url, screen_dir=str(folder)) as opened:
        yield opened


async def test_security_16_the_page_runs_and_loads_nothing_but_our_own_files(site: Surface) -> None:
    for path in ("/app", "/app/", "/app/positions", "/app/no/such/place"):
        answer = await site.client.get(path)

        policy = dict(
            part.strip().split(" ", 1)
            for part in answer.headers["content-security-policy"].split(";")
        )
        assert (answer.status_code, answer.content) == (200, PAGE)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert (policy["default-src"], policy["script-src"], policy["style-src"]) == ("'self'",) * 3
        for closed in ("frame-ancestors", "base-uri", "object-src"):
            assert policy[closed] == "'none'"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


async def test_assets_are_kept_for_ever_and_the_page_never(site: Surface) -> None:
    page = await site.client.get("/app/")
    script = await site.client.get("/app/assets/main-1a2b.js")
    gone = await site.client.get("/app/assets/main-old.js")

    assert page.headers["cache-control"] == "no-store"
    assert "immutable" in script.headers["cache-control"]
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert gone.status_code == 404
    assert "immutable" not in gone.headers["cache-control"]


async def test_files_come_compressed_for_those_who_can_open_them(site: Surface) -> None:
    path = "/app/assets/main-1a2b.js"
    async with site.client.stream("GET", path, headers={"Accept-Encoding": "gzip, br"}) as small:
        raw = b"".join([part async for part in small.aiter_raw()])
    plain = await site.client.get(path, headers={"Accept-Encoding": "identity"})

    assert small.headers["content-encoding"] == "gzip"
    assert small.headers["vary"] == "Accept-Encoding"
    assert gzip.decompress(raw) == SCRIPT
    assert "content-encoding" not in plain.headers
    assert plain.content == SCRIPT


@pytest.mark.parametrize(
    ("accept", "goal"),
    [(BROWSER, "/app"), ("*/*", "/app"), ("application/json", "/schema")],
)
async def test_the_front_door_leads_people_to_the_screen(
    site: Surface, accept: str, goal: str
) -> None:
    answer = await site.client.get("/", headers={"Accept": accept})

    assert (answer.status_code, answer.headers["location"]) == (302, goal)
    assert answer.headers["vary"] == "Accept"


async def test_without_a_build_the_front_door_leads_to_the_api_and_app_says_so(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with surface(tmp_path, sqlite_url) as site:
        door = await site.client.get("/", headers={"Accept": BROWSER})
        page = await site.client.get("/app/positions")

    assert door.headers["location"] == "/schema"
    assert (page.status_code, page.json()["code"]) == (404, "screen_not_built")
    assert "make screen" in page.json()["detail"]


async def test_the_document_without_a_server_is_the_servers(site: Surface) -> None:
    served = (await site.client.get("/schema/openapi.json")).json()
    made = json.loads(document())

    one, other = (unordered(one["components"]["schemas"]) for one in (served, made))
    assert [name for name in one if one[name] != other.get(name)] == []
    assert unordered(made) == unordered(served)


def unordered(value: Any) -> Any:
    """The same with its lists sorted: which of two choices is named first means nothing."""
    if isinstance(value, dict):
        return {name: unordered(one) for name, one in value.items()}
    if isinstance(value, list):
        return sorted((unordered(one) for one in value), key=json.dumps)
    return value
