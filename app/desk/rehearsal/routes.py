"""`POST /strategies/{id}/test-alarm`: an alert through the real door, and nothing traded for it."""

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Annotated, Any, Final, cast
from uuid import UUID

import httpx
from litestar import Litestar, Request, Router, post
from litestar.di import NamedDependency
from litestar.params import Body, FromPath

from app.accounts.models import ExchangeAccount
from app.core.errors import AppError, TooMany
from app.desk.preview import preview
from app.desk.rehearsal import steps
from app.desk.rehearsal.sample import sample_alert
from app.desk.rehearsal.schemas import RehearsalIn, RehearsalOut, RehearsedStep
from app.desk.rehearsal.steps import Foreseen, Rehearsed
from app.http.caller import Caller, require_trader
from app.pipeline.alarms import repository as alarms
from app.pipeline.flow.tools import Tools
from app.pipeline.signals import repository as signals
from app.pipeline.signals.models import Signal
from app.pipeline.signals.pending import end_test
from app.settings import TRADINGVIEW_ADDRESSES, Settings
from app.strategies import repository as strategies
from app.strategies.models import Strategy
from app.strategies.routes import WEBHOOK_PATH

LOOPBACK: Final = "127.0.0.1"
INSIDE: Final = "http://signalbox"
OK: Final = 200
NOT_FOUND: Final = 404


@post(
    "/{strategy_id:uuid}/test-alarm",
    operation_id="testAlarm",
    opt={"raises": [TooMany]},
    summary="Try an alert without trading",
    description=(
        "Sends the alert through the webhook's own door, with its checks of address, size and "
        "repetition, and reports every step up to the order that would be sent. It is safe on a "
        "live account: the alarm and its signals are marked `is_test`, nobody can approve them, "
        "and no order, position or pending signal changes. Without a body the strategy's alert "
        "template is sent, filled with values of this moment. At most ten a minute."
    ),
    status_code=200,
    guards=[require_trader],
)
async def rehearse(
    request: Request[Any, Any, Any],
    strategy_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    tools: NamedDependency[Tools],
    data: Annotated[RehearsalIn | None, Body()] = None,
) -> RehearsalOut:
    """The last step says what would come of the real alert."""
    async with tools.database.read() as session:
        strategy = await strategies.owned(session, strategy_id, caller.user_id)
        account = await session.get_one(ExchangeAccount, strategy.account_id)
    body = data.body if data is not None else None
    text = body or await sample_alert(tools, strategy, account)
    sender = _sender(tools.settings)
    with tools.passes.issued(
        strategy.id, user_id=caller.user_id, username=caller.username, now=tools.now()
    ) as door_pass:
        answer = await _knock(request.app, door_pass, text.encode(), sender=sender)
        is_stranger = answer.status_code == NOT_FOUND and tools.passes.is_unused(door_pass)
    if is_stranger:
        return _turned_away(answer, [steps.refused_address(sender)])
    door = list(steps.door_steps(tools.settings, sender))
    if answer.status_code != OK:
        return _turned_away(answer, [*door, steps.not_kept(_reason(answer))])
    return await _report(tools, caller, strategy, account, receipt=answer.json(), door=door)


def _sender(settings: Settings) -> str:
    """An address that alerts may come from; TradingView's own where there is a choice."""
    if settings.is_local:
        return LOOPBACK
    listed = [str(ip_network(one)[0]) for one in settings.webhook_allowed_ips]
    return [*steps.tradingview_allowed(settings), *listed, *TRADINGVIEW_ADDRESSES][0]


async def _knock(app: Litestar, door_pass: str, body: bytes, *, sender: str) -> httpx.Response:
    """One request to this application as a stranger would send it, without the network."""
    transport = httpx.ASGITransport(
        cast("Any", app),  # the same protocol, other types
        client=(sender, 0),
        raise_app_exceptions=False,
    )
    async with httpx.AsyncClient(transport=transport, base_url=INSIDE) as client:
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        return await client.post(f"/{WEBHOOK_PATH}/{door_pass}", content=body, headers=headers)


def _turned_away(answer: httpx.Response, told: list[RehearsedStep]) -> RehearsalOut:
    reason = _reason(answer)
    last = steps.verdict(f"It would be refused: {reason}", ok=False)
    return RehearsalOut(alarm_id=None, status="turned_away", reason=reason, steps=[*told, last])


def _reason(answer: httpx.Response) -> str:
    said = answer.json()
    return f"{said['code']}: {said['detail']}"


async def _report(
    tools: Tools,
    caller: Caller,
    strategy: Strategy,
    account: ExchangeAccount,
    *,
    receipt: dict[str, Any],
    door: list[RehearsedStep],
) -> RehearsalOut:
    async with tools.database.read() as session:
        alarm = await alarms.get(session, UUID(receipt["alarm_id"]))
        made = await signals.of_alarm(session, alarm.id)
    test = Rehearsed(alarm, receipt["status"], strategy, account)
    told = [*door, *steps.alarm_steps(test)]
    if test.is_duplicate or not made:
        told.append(steps.closing_step(test))
    else:
        for one in await _foreseen(tools, caller, made):
            told += steps.signal_steps(test, one)
    return RehearsalOut(
        alarm_id=alarm.id, status=receipt["status"], reason=receipt["reason"], steps=told
    )


async def _foreseen(tools: Tools, caller: Caller, made: Sequence[Signal]) -> list[Foreseen]:
    """What would be done about each signal; whatever happens meanwhile, they end with the test."""
    try:
        return [await _foresee(tools, caller, one, made) for one in made]
    finally:
        async with tools.database.transaction() as session:
            for one in made:
                row = await signals.get(session, one.id)
                await end_test(session, row, actor=f"test:{caller.username}", now=tools.now())


async def _foresee(
    tools: Tools, caller: Caller, signal: Signal, made: Sequence[Signal]
) -> Foreseen:
    closes_first = any(not one.action.opens and one.symbol == signal.symbol for one in made)
    if signal.action.opens and closes_first:
        return Foreseen(signal, None)
    try:
        return Foreseen(signal, await preview(tools, caller, signal.id, fraction=None))
    except AppError as failure:
        return Foreseen(signal, None, f"{failure.code}: {failure.detail}")


router = Router(path="/strategies", tags=["strategies"], route_handlers=[rehearse])
