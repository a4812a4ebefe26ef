"""A busy day of an installation in a few seconds, in which every secret can be recognised.

What each answer said is kept. A secret that an answer is there to show is taken out of that one
answer once, so that a second showing is found like any other leak.
"""

import asyncio
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pyotp

from app.house import PAPER_PATH
from tests.canaries import PIECE, Canaries
from tests.e2e.site import PASSWORD, USERNAME, Site, until

GUESSES = 5
# Nobody listens there.
NOBODY_THERE = "127.0.0.1:1"
HOOK = "/webhooks/tradingview"
SHOWN = b"(shown here)"
# Beside each other, so that one login may be wrong often and another one still gets in.
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
LISTS = (
    *("/alarms", "/signals", "/orders", "/positions", "/pnl/daily", "/accounts", "/strategies"),
    *("/audit?limit=500", "/notices?limit=500", "/logs?limit=500", "/logs?level=warning"),
    *(
        "/notices/address",
        "/status-server",
        "/metrics",
        "/auth/me",
        "/auth/api-keys",
        "/auth/invites",
        "/users",
    ),
    *("/risk", "/risk/state", "/capital/balance", "/health/ready", "/schema/openapi.json"),
    *(f"/reports/{name}?format=csv" for name in ("trades", "profit", "positions", "kpis")),
)


@dataclass
class Day:
    """One site, what was said to it, and what it answered.

    Attributes:
        answers: each with what it is an answer to.
    """

    site: Site
    canaries: Canaries
    answers: list[tuple[str, bytes]] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)

    async def ask(
        self, method: str, path: str, body: Any = None, *, shows: str = "", **more: Any
    ) -> httpx.Response:
        """One request, and its answer with everything in it kept.

        Args:
            method: of HTTP.
            path: with its query.
            body: JSON, or the bytes themselves.
            shows: names of the answer's fields that are secret, and shown in it alone.
            more: for the client.
        """
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **more.pop("headers", {})}
        answer = await self.site.client.request(
            method, path, content=content, headers=headers, **more
        )
        head = "".join(f"{name}: {value}\n" for name, value in answer.headers.multi_items())
        said = head.encode() + answer.content
        for name in shows.split():
            said = self._take_out(said, name, answer)
        self.statuses.add(answer.status_code)
        # Of the path so little that no finding can repeat a token in it.
        name = f"{method} {path[:PIECE]}, {answer.status_code}"
        self.answers.append((f"answer {len(self.answers)} to {name}", said))
        return answer

    async def hear(self, path: str, word: str) -> None:
        """A stream of events up to the first line with a word."""
        async with self.site.client.stream("GET", path) as answer:
            said = b""
            async for line in answer.aiter_lines():
                said += f"{line}\n".encode()
                if word in line:
                    break
        self.statuses.add(answer.status_code)
        self.answers.append((f"answer {len(self.answers)} to GET {path}", said))

    async def post(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return await self.ask("POST", path, body, **more)

    def _take_out(self, said: bytes, name: str, answer: httpx.Response) -> bytes:
        values = answer.json()[name]
        for value in values if isinstance(values, list) else [values]:
            secret = self.canaries.keep(name, _core(name, value))
            assert said.count(secret.encode()) == 1
            said = said.replace(secret.encode(), SHOWN)
        return said

    def secret(self, name: str) -> str:
        return self.canaries.make(name)


def _core(name: str, value: str) -> str:
    """The part of what was shown that nobody could guess."""
    if name == "access_token":
        return value.rpartition(".")[2]
    if name == "uri":
        return parse_qs(urlsplit(value).query)["secret"][0]
    return value.rpartition("/")[2]


async def live(day: Day) -> None:
    """All of it."""
    await logins(day)
    await second_factor(day)
    await keys_of_programs(day)
    url = await tokens(day)
    await alerts(day, url)
    await own_address(day)
    await trade(day, url)
    await venues(day)
    await mistakes(day)
    await look_at_everything(day)


async def own_address(day: Day) -> None:
    """Notices go to an address with a token in it, where nobody is, and to wrong ones."""
    path, token = "/notices/address", day.secret("token of a notice address")
    typed = quote(token, safe="")
    day.canaries.keep("token of a notice address, typed", typed)
    for wrong in (f"http://hooks.example.org/{typed}", f"https://{typed}@127.0.0.1/", typed):
        await day.ask("PUT", path, {"url": wrong})
    body = {"url": f"http://{NOBODY_THERE}/{typed}"}
    await day.ask("PUT", path, body, shows="secret")
    await day.post(f"{path}/test")
    await day.post(f"{path}/test")


async def logins(day: Day) -> None:
    """Somebody registers, logs in, is wrong, stays logged in, changes the password, logs out."""
    day.canaries.keep("password of the admin", PASSWORD)
    made = await day.post("/auth/invites", {"role": "trader"}, shows="invite")
    password, newer = day.secret("password"), day.secret("new password")
    who = {"username": "ada", "password": password}
    await day.post("/auth/register", {**who, "invite": day.secret("wrong invite")})
    await day.post("/auth/register", {**who, "invite": made.json()["invite"]})
    await day.post("/auth/register", {**who, "invite": made.json()["invite"]})
    await day.post("/auth/token", {**who, "password": day.secret("wrong password")})
    # Somebody types the password where the name belongs.
    await day.post("/auth/token", {"username": day.secret("password as name"), "password": "x"})
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    typed = f"username=ada&password={quote(day.secret('password of a form'))}"
    await day.post("/auth/token", typed.encode(), headers=form)
    pair = (await day.post("/auth/token", who, shows="access_token refresh_token")).json()
    for body in (b"[", json.dumps({"password": day.secret("password alone")}).encode()):
        await day.post("/auth/token", body)
    both = "access_token refresh_token"
    refresh = {"refresh_token": pair["refresh_token"]}
    pair = (await day.post("/auth/refresh", refresh, shows=both)).json()
    await day.post("/auth/refresh", {"refresh_token": day.secret("wrong refresh token")})
    bearer = {"Authorization": f"Bearer {pair['access_token']}"}
    await day.post("/auth/step-up", {"password": password}, headers=bearer)
    await day.post("/auth/step-up", {"password": day.secret("wrong proof")}, headers=bearer)
    change = {"current_password": password, "new_password": newer}
    await day.post("/auth/password", {**change, "new_password": "short"}, headers=bearer)
    pair = (await day.post("/auth/password", change, headers=bearer, shows=both)).json()
    bearer = {"Authorization": f"Bearer {pair['access_token']}"}
    await day.ask("GET", "/users", headers=bearer)
    await day.post("/auth/logout", {"refresh_token": pair["refresh_token"]}, headers=bearer)


async def second_factor(day: Day) -> None:
    """An authenticator app, and ways to be wrong about it."""
    begun = await day.post("/auth/totp", shows="uri")
    app = pyotp.TOTP(parse_qs(urlsplit(begun.json()["uri"]).query)["secret"][0])
    await day.post("/auth/totp/confirm", {"code": day.secret("wrong code")[:40]})
    on = await day.post("/auth/totp/confirm", {"code": app.now()}, shows="recovery_codes")
    recovery = on.json()["recovery_codes"]
    wrong = {"code": day.secret("wrong recovery code")[:40]}
    await day.post("/auth/step-up", wrong)
    await day.post("/auth/token", {"username": USERNAME, "password": PASSWORD, **wrong})
    await day.post("/auth/step-up", {"code": recovery[0]})
    assert (await day.ask("DELETE", "/auth/totp")).status_code == 204
    # What a browser is given are cookies.
    who = {"username": USERNAME, "password": PASSWORD}
    in_browser = await day.site.client.post("/auth/session", json=who, headers=OWN_PAGE)
    assert in_browser.status_code == 200, in_browser.text
    cookies = [one.partition(";")[0] for one in in_browser.headers.get_list("set-cookie")]
    for cookie in cookies:
        day.canaries.keep("cookie", cookie.partition("=")[2].rpartition(".")[2])
    await day.ask("GET", "/auth/me", headers={"Cookie": "; ".join(cookies), **OWN_PAGE})
    day.site.client.cookies.clear()


async def keys_of_programs(day: Day) -> None:
    """An API key is made, used, used wrongly and revoked."""
    made = await day.post(
        "/auth/api-keys", {"name": "script", "scopes": ["read"]}, shows="api_secret"
    )
    key = {name: made.json()[name] for name in ("api_key", "api_secret")}
    await day.post("/auth/login", key, shows="access_token refresh_token")
    await day.post("/auth/login", {**key, "api_secret": day.secret("wrong api secret")})
    await day.post("/auth/login", {**key, "api_key": day.secret("secret as key")})
    await day.ask("DELETE", f"/auth/api-keys/{made.json()['id']}")


async def tokens(day: Day) -> str:
    """Webhook tokens are rotated; the path of the newest."""
    day.canaries.keep("demo token", day.site.webhook_url.rpartition("/")[2])
    [strategy] = await day.site.items("/strategies")
    rotate = f"/strategies/{strategy['id']}/rotate-token"
    await day.post(rotate, {"overlap_seconds": 60}, shows="webhook_url")
    made = await day.post(rotate, {"overlap_seconds": 60}, shows="webhook_url")
    await day.ask("GET", f"/strategies/{strategy['id']}/tokens")
    await day.ask("GET", f"/strategies/{strategy['id']}/alert-template")
    return f"{HOOK}/{made.json()['webhook_url'].rpartition('/')[2]}"


def in_the_body(token: str) -> list[str]:
    """An alert whose text has the token, where it belongs and where it does not."""
    native: Mapping[str, Any] = {"symbol": "BTCUSDT", "action": "close"}
    spoilt = [
        {**native, name: token}
        for name in (
            *("symbol", "action", "quantity", "price", "id", "time", "comment", "order_type"),
            *("position_side", "leverage", "order_id", "market_position", token),
        )
    ]
    named = [{**native, "id": name, name: token} for name in ("secret", "passphrase", "token")]
    return [
        *map(json.dumps, (*spoilt, *named)),
        json.dumps({**native, "secret": [token]}),
        json.dumps({**native, "take_profit": {token: 1}}),
        json.dumps({**native, "secret": quote(token, safe="")}),
        '{"secret":"' + token + '","symbol":"BTCUSDT","action":}',
        f'{{"secret":"{token}","secret":"{token}","symbol":"BTCUSDT"}}',
        f'{{"{token}":1,"{token}":2}}',
        f"{{'secret':'{token}'}}",
        "{{" + token + "}}",
        token,
        f"buy BTCUSDT secret={token}",
        f"secret: {token}",
        f"{token}\n{token}",
        f"order buy @ {token} filled on BTCUSDT. New strategy position is {token}",
        f"TOKEN={token};BUY;BTCUSDT",
    ]


async def alerts(day: Day, url: str) -> None:
    """The token comes in paths and bodies, right and wrong."""
    token, wrong = url.rpartition("/")[2], day.canaries.keep("wrong token", "Wq" + "7xTzR9" * 6)
    for body in in_the_body(token):
        await day.post(url, body.encode())
        await day.post(HOOK, body.encode())
    for body in in_the_body(wrong):
        await day.post(HOOK, body.encode())
    for path in (f"{HOOK}/{wrong}", f"/webhook/{token}", f"{url}/{token}", f"/{token}?a={token}"):
        await day.post(path, b"{}")
        await day.ask("GET", path)
    await day.post(url, b"x" * 70_000)
    for _ in range(GUESSES + 2):
        guess = day.canaries.keep("guessed token", secrets.token_urlsafe(32))
        await day.post(f"{HOOK}/{guess}", b"{}")


async def trade(day: Day, url: str) -> None:
    """A position is opened by an alert, guarded, exported and closed."""
    await day.site.price("BTCUSDT", "60000")
    entry = {"symbol": "BTCUSDT", "action": "buy", "quantity": "0.01", "stop_loss": "58000"}
    secret = {"secret": url.rpartition("/")[2], "comment": "of the day"}
    receipt = (await day.post(HOOK, {**entry, **secret})).json()
    key = {"Idempotency-Key": "of-the-day"}
    approve = f"/signals/{receipt['signal_id']}/approve"
    for body in ({}, {}, {"fraction": "0.5"}):
        await day.post(approve, body, headers=key)

    async def held() -> list[dict[str, Any]]:
        return await day.site.items("/positions", status="open")

    [position] = await until(held)
    await day.ask("GET", f"/positions/{position['id']}")
    await day.ask("GET", f"/signals/{receipt['signal_id']}")
    await day.post(f"/positions/{position['id']}/close")


async def venues(day: Day) -> None:
    """Keys that the venue takes, keys that it refuses, and a venue that repeats what it is sent."""
    opened = await day.site.post(f"{PAPER_PATH}/control/accounts", {"balances": {"USDT": "1000"}})
    right = {name: opened[name] for name in ("api_key", "api_secret")}
    wrong = {
        "api_key": day.secret("wrong venue key"),
        "api_secret": day.secret("wrong venue secret"),
        "password": day.secret("venue passphrase"),
    }
    for name, value in right.items():
        day.canaries.keep(f"venue {name}", value)
    ids = []
    for market in ("linear", "spot"):
        for name, keys in (("right", right), ("wrong", wrong)):
            account = {"name": f"{name} {market}", "exchange": "paper", "market_type": market}
            made = await day.post("/accounts", {**account, **keys})
            assert made.status_code == 201, made.text
            ids.append(made.json()["id"])
            await day.post("/accounts", {**account, **keys})
            await day.post("/accounts", {**account, "exchange": "nowhere", **keys})
    await day.post("/accounts", {"name": "half", "api_key": day.secret("key alone")})
    await day.ask("PATCH", f"/accounts/{ids[0]}", {"password": day.secret("passphrase alone")})
    await _repeat(day, right, wrong)
    for path in ids:
        await day.post(f"/accounts/{path}/check")
        await day.ask("GET", f"/accounts/{path}/balance")
        await day.ask("GET", f"/accounts/{path}/positions")
    await day.post("/orders", {**_order(ids[0]), "symbol": "BTCUSDT.P"})
    await asyncio.sleep(0.3)
    await day.site.client.delete(f"{PAPER_PATH}/control/faults")


async def _repeat(day: Day, *keys: Mapping[str, str]) -> None:
    """Have the venue answer with what it was sent, as careless ones do."""
    words = [word for pair in keys for word in pair.values()]
    said = json.dumps({"headers": words, "query": [quote(word) for word in words]})
    for route, verb in (("balances", "http_500"), ("create", "waf_403"), ("any", "html_502")):
        fault = {"verb": verb, "route": route, "count": 20, "message": said}
        await day.site.post(f"{PAPER_PATH}/control/faults", fault)


def _order(account_id: str) -> dict[str, str]:
    facts = {"symbol": "BTCUSDT", "side": "buy", "order_type": "market", "quantity": "0.01"}
    return {"account_id": account_id, **facts}


async def mistakes(day: Day) -> None:
    """Requests with a secret where none belongs, refused in every way there is."""
    secret = quote(day.secret("secret in a query"), safe="")
    stray = {"Authorization": f"Bearer {day.canaries.keep('stray bearer', 'ab' + '3fQz8k' * 6)}"}
    for path in ("/alarms", "/nowhere", "/signals/x", "/logs", "/metrics"):
        for method in ("GET", "POST", "PUT"):
            await day.ask(method, f"{path}?token={secret}&limit={secret}", {"secret": secret})
            await day.ask(method, path, headers={**stray, "Referer": f"/?{secret}"})
    await day.ask("GET", f"/events?last_event_id={secret}")
    await day.ask("GET", "/events", headers=stray)
    [account, *_] = await day.site.items("/accounts")
    order = _order(account["id"])
    for name in ("side", "account_id", "order_type"):
        await day.post("/orders", {**order, name: secret})
    # A refusal repeats a symbol or a number to who sent it, and to nobody else.
    for name in ("symbol", "quantity", "stop_loss"):
        await day.site.client.post("/orders", json={**order, name: secret})
    await day.site.client.get("/events", params={"prices": secret})
    await day.site.client.put("/risk", json={"max_daily_loss": secret})
    await day.post("/auth/api-keys", {"name": "x", "scopes": [secret], "allowed_ips": [secret]})
    basic = httpx.BasicAuth(USERNAME, day.secret("password of basic"))
    await day.ask("GET", "/auth/me", auth=basic)


async def look_at_everything(day: Day) -> None:
    """What is shown to whoever looks after it, in every list and export."""
    for path in LISTS:
        assert (await day.ask("GET", path)).status_code == 200, path
    await day.hear("/events?last_event_id=1&prices=BTCUSDT", "beat")
    for kind in ("signals", "orders", "positions"):
        for row in await day.site.items(f"/{kind}"):
            await day.ask("GET", f"/{kind}/{row['id']}")
