"""Whatever changes something by HTTP leaves a line in the audit trail: who, from where, on what."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import jwt
import pyotp
from httpx import Response
from litestar.routes import HTTPRoute
from sqlalchemy import select

from app.accounts import service as accounts
from app.accounts.models import User
from app.audit.models import AuditEntry
from app.http.caller import Role
from app.http.session import READING_METHODS
from app.jobs import service as jobs
from app.main import ROUTERS
from app.pipeline.alarms.gaps.models import Gap
from app.pipeline.signals.status import SignalStatus
from tests.builders import a_strategy, an_alert
from tests.integration.desk.front import LOGIN, NOBODY_THERE, Front, new_webhook
from tests.integration.desk.test_backtests import ASKED as BACKTEST
from tests.integration.desk.test_backtests import SWEEP
from tests.integration.desk.test_candles import CANDLE, TRADE
from tests.integration.desk.test_gaps import a_gap
from tests.integration.desk.test_manual_orders import an_order
from tests.integration.desk.test_update_active import a_wish
from tests.integration.flow.strategy_alerts import order

PASSWORD: Final = "correct horse battery"
SENDER: Final = "127.0.0.1"
OWN_PAGE: Final = {"Sec-Fetch-Site": "same-origin"}
# What has no line in the trail, and why.
EXEMPT: Final = {
    "checkAccount": "asks the venue and changes nothing",
    "previewAlarm": "says what an alert would mean and changes nothing",
    "create_ticket": "lets its own caller look, once, within seconds; looking leaves no line",
    "runStrategy": "runs an algorithm for a chart; candles that were missing are nobody's",
    "proveLimits": "runs made-up entries into the rules and changes nothing",
    "askWhatIf": "replays what has happened and changes nothing",
}
# Whose deed it is, where that is not the trader who calls.
ACTORS: Final = {
    **dict.fromkeys(
        (
            "register",
            "create_token",
            "step_up",
            "begin_totp",
            "confirm_totp",
            "switch_totp_off",
            "change_password",
            "open_session",
            "refresh_session",
            "close_session",
        ),
        "newcomer",
    ),
    **dict.fromkeys(("create_invite", "delete_invite", "change_user"), "boss"),
    **dict.fromkeys(("confirmEntry", "rejectEntry"), "boss"),
    "receiveTradingViewAlert": "system",
    "receiveTradingViewAlertWithSecret": "system",
}
# Whose it is, where that is not who did it.
OWNERS: Final = {"change_user": "newcomer"}
# What others do to what is the trader's.
TO_THE_TRADER: Final = {"confirmEntry", "rejectEntry"}


@dataclass
class Trader:
    """Somebody who does everything once.

    Attributes:
        kept: what one call gave and a later one needs.
    """

    front: Front
    kept: dict[str, Any] = field(default_factory=dict)

    async def post(self, path: str, body: Any = None, **options: Any) -> Response:
        return await self.front.call("POST", path, body, **options)

    async def pending(self) -> UUID:
        """A signal that waits for a decision."""
        strategy = await self.another_strategy()
        await self.front.desk.alert(strategy=strategy)
        found = [
            one
            for one in await self.front.desk.signals()
            if one.strategy_id == strategy.id and one.status is SignalStatus.PENDING
        ]
        return found[-1].id

    async def another_strategy(self) -> Any:
        desk = self.front.desk
        row = a_strategy(desk.user.id, desk.account.id, desk.clock.now(), approval="manual")
        await desk.keep(row)
        return row

    async def gap(self) -> str:
        """A gap that waits for a decision."""
        return await a_gap(self.front, "0.3")

    async def held(self) -> str:
        """A position of the manual book."""
        await self.front.post("/orders", an_order(self.front), expect=201)
        rows = [one for one in await self.front.desk.positions() if not one.is_closed]
        return str(rows[-1].id)

    async def asking(self) -> UUID:
        """An entry that waits for the consent of the boss."""
        other = await boss(self)
        limits = {"second_approval_above": "1000", "second_approver": other.username}
        assert (await self.front.call("PUT", "/risk", limits)).is_success
        signal_id = await self.pending()
        assert (await self.post(f"/signals/{signal_id}/approve")).is_success
        return signal_id


Call = Callable[[Trader], Awaitable[Response]]


async def register(trader: Trader) -> Response:
    desk = trader.front.desk
    async with desk.database.transaction() as session:
        _, invite = accounts.new_invite(session, role=Role.TRADER, now=desk.clock.now())
    body = {"username": "newcomer", "password": PASSWORD, "invite": invite}
    return await trader.post("/auth/register", body)


async def create_token(trader: Trader) -> Response:
    answer = await trader.post("/auth/token", {"username": "newcomer", "password": PASSWORD})
    claims = jwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    trader.kept["login_id"] = claims["sid"]
    return answer


async def newcomer(trader: Trader) -> User:
    return next(one for one in await trader.front.desk.rows(User) if one.username == "newcomer")


async def step_up(trader: Trader) -> Response:
    login = {LOGIN: trader.kept["login_id"]}
    user = await newcomer(trader)
    return await trader.post("/auth/step-up", {"password": PASSWORD}, user=user, headers=login)


async def begin_totp(trader: Trader) -> Response:
    answer = await trader.post("/auth/totp", user=await newcomer(trader))
    trader.kept["totp"] = pyotp.parse_uri(answer.json()["uri"])
    return answer


async def confirm_totp(trader: Trader) -> Response:
    code = trader.kept["totp"].at(trader.front.desk.clock.now())
    return await trader.post("/auth/totp/confirm", {"code": code}, user=await newcomer(trader))


async def switch_totp_off(trader: Trader) -> Response:
    return await trader.front.call("DELETE", "/auth/totp", user=await newcomer(trader))


async def change_password(trader: Trader) -> Response:
    body = {"current_password": PASSWORD, "new_password": PASSWORD}
    return await trader.post("/auth/password", body, user=await newcomer(trader))


async def open_session(trader: Trader) -> Response:
    body = {"username": "newcomer", "password": PASSWORD}
    answer = await trader.post("/auth/session", body, headers=OWN_PAGE)
    trader.kept["cookie"] = _cookies(answer)
    return answer


async def refresh_session(trader: Trader) -> Response:
    sent = {**OWN_PAGE, "Cookie": trader.kept["cookie"]}
    answer = await trader.post("/auth/session/refresh", headers=sent)
    trader.kept["cookie"] = _cookies(answer)
    return answer


async def close_session(trader: Trader) -> Response:
    sent = {**OWN_PAGE, "Cookie": trader.kept["cookie"]}
    user = await newcomer(trader)
    return await trader.front.call("DELETE", "/auth/session", user=user, headers=sent)


def _cookies(answer: Response) -> str:
    lines = answer.headers.get_list("set-cookie")
    return "; ".join(line.partition(";")[0] for line in lines)


async def boss(trader: Trader) -> User:
    """An admin, made when first asked for."""
    if "boss" not in trader.kept:
        desk = trader.front.desk
        async with desk.database.transaction() as session:
            trader.kept["boss"] = await accounts.register(
                session,
                username="boss",
                password_hash="none",
                role=Role.ADMIN,
                timezone="UTC",
                now=desk.clock.now(),
            )
    made: User = trader.kept["boss"]
    return made


async def create_invite(trader: Trader) -> Response:
    answer = await trader.post("/auth/invites", {"role": "viewer"}, user=await boss(trader))
    trader.kept["invite"] = f"/auth/invites/{answer.json()['id']}"
    return answer


async def delete_invite(trader: Trader) -> Response:
    return await trader.front.call("DELETE", trader.kept["invite"], user=await boss(trader))


async def change_user(trader: Trader) -> Response:
    path = f"/users/{(await newcomer(trader)).id}"
    return await trader.front.call("PATCH", path, {"role": "viewer"}, user=await boss(trader))


async def create_api_key(trader: Trader) -> Response:
    answer = await trader.post("/auth/api-keys", {"name": "script"})
    trader.kept["key"] = answer.json()
    return answer


async def login_with_api_key(trader: Trader) -> Response:
    key = trader.kept["key"]
    body = {"api_key": key["api_key"], "api_secret": key["api_secret"]}
    answer = await trader.post("/auth/login", body)
    trader.kept["login"] = answer.json()
    return answer


async def refresh_token(trader: Trader) -> Response:
    body = {"refresh_token": trader.kept["login"]["refresh_token"]}
    answer = await trader.post("/auth/refresh", body)
    trader.kept["login"] = answer.json()
    return answer


async def logout(trader: Trader) -> Response:
    return await trader.post(
        "/auth/logout", {"refresh_token": trader.kept["login"]["refresh_token"]}
    )


async def delete_api_key(trader: Trader) -> Response:
    return await trader.front.call("DELETE", f"/auth/api-keys/{trader.kept['key']['id']}")


async def create_account(trader: Trader) -> Response:
    body = {"name": "second", "exchange": "binance", "market_type": "spot"}
    answer = await trader.post("/accounts", body)
    trader.kept["account"] = f"/accounts/{answer.json()['id']}"
    return answer


async def change_account(trader: Trader) -> Response:
    return await trader.front.call("PATCH", trader.kept["account"], {"is_active": False})


async def delete_account(trader: Trader) -> Response:
    return await trader.front.call("DELETE", trader.kept["account"])


async def create_strategy(trader: Trader) -> Response:
    account_id = str(trader.front.desk.account.id)
    answer = await trader.post("/strategies", {"name": "Breakout", "account_id": account_id})
    trader.kept["strategy"] = f"/strategies/{answer.json()['id']}"
    return answer


async def change_strategy(trader: Trader) -> Response:
    return await trader.front.call("PATCH", trader.kept["strategy"], {"name": "Break-out"})


async def activate_strategy(trader: Trader) -> Response:
    path = f"{trader.kept['strategy']}/activate"
    return await trader.front.call("PATCH", path, {"is_active": False})


async def rotate_token(trader: Trader) -> Response:
    return await trader.post(f"{trader.kept['strategy']}/rotate-token")


async def delete_strategy(trader: Trader) -> Response:
    return await trader.front.call("DELETE", trader.kept["strategy"])


async def rehearse(trader: Trader) -> Response:
    return await trader.post(f"/strategies/{trader.front.desk.strategy.id}/test-alarm")


async def receive_alert(trader: Trader) -> Response:
    path = await new_webhook(trader.front)
    return await trader.post(path, content=an_alert())


async def receive_alert_with_secret(trader: Trader) -> Response:
    token = (await new_webhook(trader.front)).rpartition("/")[2]
    return await trader.post("/webhooks/tradingview", content=an_alert(secret=token))


async def create_alarm(trader: Trader) -> Response:
    strategy_id = str(trader.front.desk.strategy.id)
    # Refused as it is: that somebody sent it is a deed all the same.
    return await trader.post("/alarms", {"strategy_id": strategy_id, "body": "hello"})


async def approve_signal(trader: Trader) -> Response:
    return await trader.post(f"/signals/{await trader.pending()}/approve")


async def reject_signal(trader: Trader) -> Response:
    return await trader.post(f"/signals/{await trader.pending()}/reject")


async def confirm_entry(trader: Trader) -> Response:
    path = f"/confirmations/{await trader.asking()}/confirm"
    return await trader.post(path, user=await boss(trader))


async def reject_entry(trader: Trader) -> Response:
    path = f"/confirmations/{await trader.asking()}/reject"
    return await trader.post(path, user=await boss(trader))


async def update_active(trader: Trader) -> Response:
    strategy = await trader.another_strategy()
    wish = a_wish(trader.front, strategy_id=str(strategy.id))
    return await trader.post("/signals/update_active", {"signals": [wish]})


async def place_order(trader: Trader) -> Response:
    resting = an_order(trader.front, order_type="limit", limit_price="59000", quantity="0.01")
    answer = await trader.post("/orders", resting)
    trader.kept["order"] = f"/orders/{answer.json()['id']}"
    return answer


async def cancel_order(trader: Trader) -> Response:
    return await trader.front.call("DELETE", trader.kept["order"])


async def change_position(trader: Trader) -> Response:
    trader.kept["position"] = f"/positions/{await trader.held()}"
    return await trader.front.call("PATCH", trader.kept["position"], {"stop_loss": "58000"})


async def schedule_sell(trader: Trader) -> Response:
    body = {"min_profit_percent": "1"}
    return await trader.post(f"{trader.kept['position']}/schedule-sell", body)


async def close_position(trader: Trader) -> Response:
    return await trader.post(f"{trader.kept['position']}/close")


async def ignore_gap(trader: Trader) -> Response:
    return await trader.post(f"/alarms/gaps/{await trader.gap()}/ignore")


async def repair_gap(trader: Trader) -> Response:
    gap_id = await trader.gap()
    body = order("0", "0.3", trader.front.desk.clock.now()).decode()
    return await trader.post(f"/alarms/gaps/{gap_id}/repair", {"body": body})


async def adopt_gap(trader: Trader) -> Response:
    return await trader.post(f"/alarms/gaps/{await trader.gap()}/adopt")


async def set_limits(trader: Trader) -> Response:
    return await trader.front.call("PUT", "/risk", {"max_open_positions": 5})


async def set_kill_switch(trader: Trader) -> Response:
    return await trader.post("/risk/kill-switch", {"scope": "user", "is_on": True})


async def set_notice_address(trader: Trader) -> Response:
    body = {"url": f"http://{NOBODY_THERE}/"}
    return await trader.front.call("PUT", "/notices/address", body)


async def try_notice_address(trader: Trader) -> Response:
    return await trader.post("/notices/address/test")


async def remove_notice_address(trader: Trader) -> Response:
    return await trader.front.call("DELETE", "/notices/address")


async def write_entry(trader: Trader) -> Response:
    answer = await trader.post("/diary", {"text": "Waited for the candle."})
    trader.kept["entry"] = f"/diary/{answer.json()['id']}"
    return answer


async def change_entry(trader: Trader) -> Response:
    return await trader.front.call("PATCH", trader.kept["entry"], {"tags": ["calm"]})


async def delete_entry(trader: Trader) -> Response:
    return await trader.front.call("DELETE", trader.kept["entry"])


async def cancel_job(trader: Trader) -> Response:
    desk = trader.front.desk
    name = desk.user.username
    async with desk.database.transaction() as session:
        job = await jobs.queue(
            session,
            "long",
            {},
            unit="steps",
            user_id=desk.user.id,
            actor=name,
            now=desk.clock.now(),
        )
    return await trader.post(f"/jobs/{job.id}/cancel")


async def create_bot(trader: Trader) -> Response:
    desk = trader.front.desk
    await desk.change_strategy(algorithm="macd", is_active=True)
    body = {
        "strategy_id": str(desk.strategy.id),
        "symbols": ["BTCUSDT.P"],
        "timeframe": "1h",
    }
    answer = await trader.post("/bots", body)
    trader.kept["bot"] = f"/bots/{answer.json()['id']}"
    return answer


async def change_bot(trader: Trader) -> Response:
    return await trader.front.call("PATCH", trader.kept["bot"], {"timeframe": "4h"})


async def start_bot(trader: Trader) -> Response:
    return await trader.post(f"{trader.kept['bot']}/start")


async def stop_bot(trader: Trader) -> Response:
    return await trader.post(f"{trader.kept['bot']}/stop")


async def delete_bot(trader: Trader) -> Response:
    return await trader.front.call("DELETE", trader.kept["bot"])


async def keep_candles(trader: Trader) -> Response:
    return await trader.post("/candles", {"candles": [CANDLE]})


async def keep_market_trades(trader: Trader) -> Response:
    return await trader.post("/trades", {"trades": [TRADE]})


async def fetch_candles(trader: Trader) -> Response:
    body = {"symbol": "BTCUSDT.P", "timeframe": "1h", "from": "2026-01-01T00:00:00Z"}
    return await trader.post("/candles/fetch", body)


async def build_candles(trader: Trader) -> Response:
    body = {"timeframe": "1h", "source": "trades", "from": "2026-01-01T00:00:00Z"}
    return await trader.post("/candles/build", {"symbol": "BTCUSDT.P", **body})


async def begin_capture(trader: Trader) -> Response:
    return await trader.front.call("PUT", "/candles/captures/BTCUSDT.P/1h")


async def end_capture(trader: Trader) -> Response:
    return await trader.front.call("DELETE", "/candles/captures/BTCUSDT.P/1h")


async def run_backtest(trader: Trader) -> Response:
    return await trader.post("/backtests", BACKTEST)


async def run_sweep(trader: Trader) -> Response:
    return await trader.post("/backtests/sweeps", SWEEP)


async def delete_backtest(trader: Trader) -> Response:
    return await delete_canceled(trader, "/backtests", BACKTEST)


async def delete_sweep(trader: Trader) -> Response:
    return await delete_canceled(trader, "/backtests/sweeps", SWEEP)


async def delete_canceled(trader: Trader, path: str, body: Any) -> Response:
    """Ask for one, call it off, and take it away."""
    asked = (await trader.post(path, body)).json()
    assert (await trader.post(f"/jobs/{asked['job_id']}/cancel")).is_success
    return await trader.front.call("DELETE", f"{path}/{asked['id']}")


# In an order in which each finds what it needs.
CALLS: Final[dict[str, Call]] = {
    "register": register,
    "create_token": create_token,
    "step_up": step_up,
    "begin_totp": begin_totp,
    "confirm_totp": confirm_totp,
    "switch_totp_off": switch_totp_off,
    "change_password": change_password,
    "open_session": open_session,
    "refresh_session": refresh_session,
    "close_session": close_session,
    "create_invite": create_invite,
    "delete_invite": delete_invite,
    "change_user": change_user,
    "create_api_key": create_api_key,
    "login_with_api_key": login_with_api_key,
    "refresh_token": refresh_token,
    "logout": logout,
    "delete_api_key": delete_api_key,
    "create_account": create_account,
    "change_account": change_account,
    "delete_account": delete_account,
    "createStrategy": create_strategy,
    "changeStrategy": change_strategy,
    "activateStrategy": activate_strategy,
    "rotateStrategyToken": rotate_token,
    "deleteStrategy": delete_strategy,
    "createBot": create_bot,
    "changeBot": change_bot,
    "startBot": start_bot,
    "stopBot": stop_bot,
    "deleteBot": delete_bot,
    "ignoreGap": ignore_gap,
    "repairGap": repair_gap,
    "adoptGap": adopt_gap,
    "testAlarm": rehearse,
    "createAlarm": create_alarm,
    "receiveTradingViewAlert": receive_alert,
    "receiveTradingViewAlertWithSecret": receive_alert_with_secret,
    "approveSignal": approve_signal,
    "rejectSignal": reject_signal,
    "updateActiveSignals": update_active,
    "placeOrder": place_order,
    "cancelOrder": cancel_order,
    "changePosition": change_position,
    "scheduleSell": schedule_sell,
    "closePosition": close_position,
    "setLimits": set_limits,
    "setKillSwitch": set_kill_switch,
    "confirmEntry": confirm_entry,
    "rejectEntry": reject_entry,
    "setNoticeAddress": set_notice_address,
    "testNoticeAddress": try_notice_address,
    "removeNoticeAddress": remove_notice_address,
    "writeDiaryEntry": write_entry,
    "changeDiaryEntry": change_entry,
    "deleteDiaryEntry": delete_entry,
    "cancelJob": cancel_job,
    "fetchCandles": fetch_candles,
    "buildCandles": build_candles,
    "beginCapture": begin_capture,
    "endCapture": end_capture,
    "keepCandles": keep_candles,
    "keepMarketTrades": keep_market_trades,
    "runBacktest": run_backtest,
    "deleteBacktest": delete_backtest,
    "runSweep": run_sweep,
    "deleteSweep": delete_sweep,
}


def test_security_38_every_route_that_may_change_something_is_accounted_for() -> None:
    assert CALLS.keys().isdisjoint(EXEMPT)
    assert CALLS.keys() | EXEMPT.keys() == _changing()


async def test_security_38_every_change_leaves_who_from_where_by_which_request_and_on_what(
    front: Front,
) -> None:
    trader = Trader(front)

    wrong = {}
    for operation, call in CALLS.items():
        answer = await call(trader)
        problem = await _problem(trader, operation, answer)
        if problem:
            wrong[operation] = problem

    assert wrong == {}


async def test_security_38_what_changes_nothing_leaves_nothing(front: Front) -> None:
    trader = Trader(front)
    before = await front.desk.rows(AuditEntry)

    check = await trader.post(f"/accounts/{front.desk.account.id}/check")
    preview = await trader.post("/alarms/preview", content=an_alert())
    proof = await trader.post("/risk/prove")

    assert (check.status_code, preview.status_code, proof.status_code) == (200, 200, 200)
    assert len(await front.desk.rows(AuditEntry)) == len(before)
    assert await front.desk.rows(Gap) == []


def _changing() -> set[str]:
    """Every operation whose method is not one of reading."""
    return {
        str(handler.operation_id)
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if not {str(method) for method in handler.http_methods} <= READING_METHODS
    }


async def _problem(trader: Trader, operation: str, answer: Response) -> str:
    """What is missing of the line that a call must leave; empty when nothing is."""
    if not answer.is_success:
        return f"{answer.status_code} {answer.text}"
    async with trader.front.desk.database.read() as session:
        query = select(AuditEntry).where(AuditEntry.request_id == answer.headers["x-request-id"])
        entries = (await session.scalars(query)).all()
        users = {one.id: one.username for one in await session.scalars(select(User))}
    username = trader.front.desk.user.username
    actor = ACTORS.get(operation, username)
    own = [one for one in entries if one.actor.removeprefix("test:") == actor]
    if not own:
        return f"nothing of {actor} among {[(one.actor, one.action) for one in entries]}"
    is_traders = actor == "system" or operation in TO_THE_TRADER
    owner = OWNERS.get(operation, username if is_traders else actor)
    if {users.get(one.user_id) for one in own if one.user_id} != {owner}:
        return f"it is not {owner}'s"
    if {one.source for one in entries} != {SENDER}:
        return f"it came from {[one.source for one in entries]}"
    if not all(one.subject_kind and one.subject_id for one in own):
        return "it says nothing of what it was done to"
    return ""
