"""`POST /webhooks/tradingview/{token}`, and the form with the secret in the body."""

import asyncio
from typing import Any, Final

from litestar import Request, Router, post
from litestar.params import FromPath

from app.core.errors import NotFound, TooLarge, TooMany, TooSlow, Unavailable
from app.core.failpoints import failpoint
from app.core.origin import current_origin
from app.http.answers import RawBodyOperation
from app.http.errors import NOTHING_HERE
from app.pipeline.alarms.reading import find_secret
from app.pipeline.alarms.service import MAX_BYTES
from app.settings import Settings
from app.webhooks.schemas import AlarmReceipt
from app.webhooks.service import Door
from app.webhooks.source import may_send

REFUSALS: Final = (NotFound, TooLarge, TooMany, TooSlow, Unavailable)


@post(
    "/{token:str}",
    operation_id="receiveTradingViewAlert",
    operation_class=RawBodyOperation,
    summary="Deliver an alert",
    description=(
        "The body decides, not its content type: JSON, or TradingView's text. 200 once the "
        "sender's address and the token are right, whatever it says: `status` and `reason` tell "
        "what became of it. Only what is too large, too slow, too much, or cannot be kept now, is "
        "answered otherwise."
    ),
    status_code=200,
    opt={"public": True, "raises": REFUSALS},
    request_max_body_size=MAX_BYTES,
)
async def receive_alert(request: Request[Any, Any, Any], token: FromPath[str]) -> AlarmReceipt:
    """The raw bytes are stored before this answers."""
    failpoint("C01")
    sender = _sender(request)
    door: Door = request.app.state.door
    door.greet(sender)
    admitted = await door.admit(token, sender=sender)
    return AlarmReceipt.of(await door.take(admitted, await _body(request)))


@post(
    "/",
    operation_id="receiveTradingViewAlertWithSecret",
    operation_class=RawBodyOperation,
    summary="Deliver an alert with its token in the body",
    description="As the other form, with `secret`, `passphrase` or `token` inside the body.",
    status_code=200,
    opt={"public": True, "raises": REFUSALS},
    request_max_body_size=MAX_BYTES,
)
async def receive_alert_with_secret(request: Request[Any, Any, Any]) -> AlarmReceipt:
    """A body that cannot be read far enough to find its secret is answered like a wrong token."""
    sender = _sender(request)
    door: Door = request.app.state.door
    door.greet(sender)
    body = await _body(request)
    secret = find_secret(body)
    failpoint("C02")
    if secret is None:
        raise NotFound(NOTHING_HERE)
    admitted = await door.admit(secret, sender=sender)
    return AlarmReceipt.of(await door.take(admitted, body))


def _sender(request: Request[Any, Any, Any]) -> str:
    settings: Settings = request.app.state.settings
    sender = current_origin().source
    if sender is None or not may_send(
        sender, settings.webhook_allowed_ips, is_local=settings.is_local
    ):
        raise NotFound(NOTHING_HERE)
    return sender


async def _body(request: Request[Any, Any, Any]) -> bytes:
    """The whole body; whoever sends it byte by byte is cut off, and nothing is kept of it."""
    settings: Settings = request.app.state.settings
    seconds = settings.webhook_read_seconds
    try:
        async with asyncio.timeout(seconds):
            return await request.body()
    except TimeoutError:
        raise TooSlow(f"The body did not arrive within {seconds:g} s.") from None


router = Router(
    path="/webhooks/tradingview",
    tags=["webhook"],
    route_handlers=[receive_alert, receive_alert_with_secret],
)
