"""`POST /webhooks/tradingview/{token}`, and the form with the secret in the body."""

from typing import Any

from litestar import Request, Router, post
from litestar.params import FromPath

from app.core.errors import NotFound
from app.core.failpoints import failpoint
from app.http.errors import NOTHING_HERE
from app.pipeline.alarms.reading import find_secret
from app.pipeline.alarms.service import Reading
from app.pipeline.flow.tools import Tools
from app.webhooks.schemas import AlarmReceipt
from app.webhooks.service import admit, strategy_of_token, take_in
from app.webhooks.source import may_send, sender_of

MAX_BYTES = 64 * 1024


@post(
    "/{token:str}",
    operation_id="receiveTradingViewAlert",
    summary="Deliver an alert",
    description=(
        "The body decides, not its content type: JSON, or TradingView's text. Always 200 once the "
        "sender's address and the token are right; `status` and `reason` say what became of it."
    ),
    status_code=200,
    opt={"public": True},
    request_max_body_size=MAX_BYTES,
)
async def receive_alert(request: Request[Any, Any, Any], token: FromPath[str]) -> AlarmReceipt:
    """The raw bytes are stored before this answers."""
    failpoint("C01")
    tools: Tools = request.app.state.tools
    sender = _sender(request, tools)
    admitted = await admit(tools, token, sender=sender)
    body = await request.body()
    alarm, is_duplicate = await take_in(
        tools, admitted.strategy, body, source=admitted.source, reading=Reading.of(body)
    )
    return AlarmReceipt.of(alarm, is_duplicate=is_duplicate)


@post(
    "/",
    operation_id="receiveTradingViewAlertWithSecret",
    summary="Deliver an alert with its token in the body",
    description="As the other form, with `secret`, `passphrase` or `token` inside the body.",
    status_code=200,
    opt={"public": True},
    request_max_body_size=MAX_BYTES,
)
async def receive_alert_with_secret(request: Request[Any, Any, Any]) -> AlarmReceipt:
    """A body that cannot be read far enough to find its secret is answered like a wrong token."""
    tools: Tools = request.app.state.tools
    sender = _sender(request, tools)
    body = await request.body()
    secret = find_secret(body)
    failpoint("C02")
    if secret is None:
        raise NotFound(NOTHING_HERE)
    strategy = await strategy_of_token(tools, secret)
    alarm, is_duplicate = await take_in(
        tools, strategy, body, source=sender, reading=Reading.of(body)
    )
    return AlarmReceipt.of(alarm, is_duplicate=is_duplicate)


def _sender(request: Request[Any, Any, Any], tools: Tools) -> str:
    settings = tools.settings
    sender = sender_of(request.scope, settings.trusted_proxies)
    if sender is None or not may_send(
        sender, settings.webhook_allowed_ips, is_local=settings.is_local
    ):
        raise NotFound(NOTHING_HERE)
    return sender


router = Router(
    path="/webhooks/tradingview",
    tags=["webhook"],
    route_handlers=[receive_alert, receive_alert_with_secret],
)
