"""32: a webhook token is in no log, no answer and no figure, whatever came of it."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest

from app.core.log import JSON_FILE, TEXT_FILE, configure_logging
from tests.e2e.door import (
    BEHIND_A_PROXY,
    KIB,
    NOBODY,
    STRANGER,
    TRADINGVIEW,
    a_request,
    forwarded,
    path_of,
    speak,
)
from tests.e2e.site import Site, running

HOOK = "/webhooks/tradingview"
TRUE = forwarded(TRADINGVIEW)
LARGE = b"x" * 65 * KIB

pytestmark = pytest.mark.usefixtures("as_before")


@pytest.fixture
async def site(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Site]:
    """A server as in production that writes down all it can."""
    async with running(
        tmp_path, sqlite_url, log_level="TRACE", webhook_read_seconds=0.2, **BEHIND_A_PROXY
    ) as opened:
        configure_logging(opened.house.settings)
        yield opened


def escaped(text: str) -> str:
    """Every character as its percent form."""
    return "".join(f"%{byte:02X}" for byte in text.encode())


def inside(token: str, name: str = "secret") -> bytes:
    return json.dumps({"symbol": "BTCUSDT", "action": "close", name: token}).encode()


def requests(token: str) -> list[tuple[int, bytes]]:
    """The status that is expected, and the request; each has the token somewhere."""
    path = f"{HOOK}/{token}"
    once, twice = escaped(token), quote(escaped(token))
    wrong = f"{token[:-1]}{'a' if token[-1] != 'a' else 'b'}"
    slow = "Content-Length: 5000"
    return [
        (200, a_request(path, TRUE)),
        (200, a_request(f"{path}/", TRUE)),
        (200, a_request(f"{HOOK}/{once}", TRUE)),
        (200, a_request(f"{path}?token={token}", TRUE, f"Referer: {path}", f"User-Agent: {token}")),
        (200, a_request(HOOK, TRUE, body=inside(token))),
        (200, a_request(f"{HOOK}/", TRUE, body=inside(token, "token"))),
        (200, a_request(path, TRUE, body=inside(token, "passphrase"))),
        (200, a_request(path, TRUE, body=token.encode())),
        # Nothing there, or not for them.
        (404, a_request(path, forwarded(STRANGER))),
        (404, a_request(f"{HOOK}/{once}", forwarded(STRANGER))),
        (404, a_request(f"{HOOK}/{twice}", TRUE)),
        (404, a_request(f"{HOOK}/{wrong}", TRUE)),
        (404, a_request(f"{path}/more", TRUE)),
        (404, a_request(f"{path}/{token}/", TRUE)),
        (404, a_request(f"/webhook/tradingview/{token}", TRUE)),
        (404, a_request(f"/webhooks/TradingView/{token}", TRUE)),
        (404, a_request(f"/webhooks/{token}", TRUE)),
        (404, a_request(f"/{token}", TRUE)),
        (404, a_request(f"/%2577ebhooks%252Ftradingview%252F{token}", TRUE)),
        (404, a_request(f"/webhook/{twice}", TRUE)),
        (404, a_request(HOOK, forwarded(STRANGER), body=inside(token))),
        # Not so.
        (405, a_request(path, TRUE).replace(b"POST", b"GET", 1)),
        (405, a_request(f"{path}/", TRUE).replace(b"POST", b"DELETE", 1)),
        (405, a_request(HOOK, TRUE, body=inside(token)).replace(b"POST", b"PUT", 1)),
        (408, a_request(path, TRUE, slow, body=token.encode())),
        (408, a_request(HOOK, TRUE, slow, body=inside(token))),
        (413, a_request(path, TRUE, body=LARGE)),
        (413, a_request(HOOK, TRUE, body=inside(token) + LARGE)),
        (400, a_request(path, TRUE, "Content-Length: 4x")),
        (401, a_request(f"/alarms?secret={token}", TRUE, f"Authorization: Bearer {token}")),
    ]


async def told(site: Site) -> str:
    """All that is written down or shown to whoever looks after the server."""
    folder = site.house.settings.log_dir
    logs = [(folder / name).read_text(encoding="utf-8") for name in (TEXT_FILE, JSON_FILE)]
    metrics = await site.client.get("/metrics")
    assert metrics.status_code == 200
    return "\n".join([*logs, metrics.text])


def forms(token: str) -> set[str]:
    """What would give a token away, even without its end, which is shown."""
    start = token[:-4]
    return {start, escaped(start), escaped(start).lower(), quote(escaped(start)), start[-20:]}


async def test_security_32_a_token_is_told_to_nobody(
    site: Site, capfd: pytest.CaptureFixture[str]
) -> None:
    token = path_of(site).rpartition("/")[2]
    said: list[str] = []

    for status, raw in requests(token):
        answer = await speak(site, raw)
        assert answer.status == status, (raw[:200], answer.raw)
        said.append(answer.raw.decode("latin-1"))
    refused = await speak(site, a_request(f"{HOOK}/{token}"), peer=NOBODY)
    [strategy] = await site.items("/strategies")
    rotate = f"/strategies/{strategy['id']}/rotate-token"
    made = await site.post(rotate, {"overlap_seconds": 60})
    new = made["webhook_url"].rpartition("/")[2]
    await site.post(rotate, {"overlap_seconds": 0})
    ended = [await speak(site, a_request(f"{HOOK}/{one}", TRUE)) for one in (token, new)]
    said += [one.raw.decode("latin-1") for one in (refused, *ended)]
    written = await told(site)
    printed = capfd.readouterr()
    shown = "\n".join([*said, written, printed.out, printed.err])

    assert {one.status for one in (refused, *ended)} == {404}
    assert f"<redacted:{token[-4:]}>" in written
    for one in (token, new):
        assert [form for form in forms(one) if form in shown] == []
