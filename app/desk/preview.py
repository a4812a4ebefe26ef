"""`GET /signals/{id}/preview`: what approving a signal now would do, before the click."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.decimals import plain
from app.core.errors import AppError, Denied, Invalid
from app.desk.preview_schemas import PreviewOut, RuleOut, WouldBe
from app.http.caller import Caller
from app.pipeline.flow.exits import wanted_quantity
from app.pipeline.flow.judging import EntryCase, Judgement, judge, look_outside
from app.pipeline.flow.tools import Tools, place_of
from app.pipeline.orders import repository as orders
from app.pipeline.positions import repository as positions
from app.pipeline.risk.rules import SECOND_APPROVAL
from app.pipeline.signals import repository as signals
from app.pipeline.signals.models import Signal
from app.pipeline.signals.status import SIGNAL_MOVES, SignalStatus
from app.strategies import repository as strategies
from app.trading.money import parse_decimal

ZERO = Decimal(0)
ONE = Decimal(1)


@get(
    "/{signal_id:uuid}/preview",
    operation_id="previewSignal",
    summary="What approving it now would do",
)
async def preview_signal(
    signal_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    tools: NamedDependency[Tools],
    fraction: Annotated[
        str | None, QueryParameter(name="fraction", description="Share to approve, 0.5 for half")
    ] = None,
) -> PreviewOut:
    """The figures and every risk rule's verdict at the price of this moment; changes nothing."""
    return await preview(tools, caller, signal_id, fraction=_fraction(fraction))


async def preview(
    tools: Tools, caller: Caller, signal_id: UUID, *, fraction: Decimal | None
) -> PreviewOut:
    """What would become of a signal now.

    Raises:
        NotFound: no such signal of this user.
        ExchangeError: the venue did not say what it costs.
    """
    async with tools.database.read() as session:
        signal = await signals.owned(session, signal_id, caller.user_id)
    now = tools.now()
    if not SIGNAL_MOVES[signal.status]:
        reason = f"already_decided: This signal is {signal.status.value} already."
        return PreviewOut.nothing(signal, reason)
    if not signal.action.opens:
        return await _reduction(tools, signal)
    outside = await look_outside(tools, signal.account_id, signal.symbol)
    async with tools.database.read() as session:
        place = await place_of(session, tools, signal.account_id, signal.symbol)
        strategy = await strategies.get(session, signal.strategy_id)
        case = EntryCase(signal, strategy, place, outside)
        return await _entry(session, tools, case, now=now, fraction=fraction)


async def _entry(
    session: AsyncSession,
    tools: Tools,
    case: EntryCase,
    *,
    now: datetime,
    fraction: Decimal | None,
) -> PreviewOut:
    signal, price_at = case.signal, case.outside.quote.at
    own = next((order.id for order in await orders.of_signal(session, signal.id)), None)
    late = _too_late(signal, now)
    try:
        judgement = await judge(session, tools, case, now=now, fraction=fraction, ignore_order=own)
    except (Denied, Invalid) as denial:
        reason = late or f"{denial.code}: {denial.detail}"
        return PreviewOut.nothing(signal, reason, price_at=price_at)
    return _figures(signal, judgement, price_at=price_at, late=late)


def _figures(
    signal: Signal, judgement: Judgement, *, price_at: datetime, late: str | None
) -> PreviewOut:
    sized, denial = judgement.sized, judgement.denial
    reason = late or (None if denial is None else f"{denial.code}: {denial.detail}")
    waits = late is None and denial is not None and denial.code == SECOND_APPROVAL
    would_be: WouldBe = "denied" if reason else "sent"
    if waits and signal.status is SignalStatus.PENDING:
        would_be = "waits"
    return PreviewOut(
        signal_id=signal.id,
        would_be=would_be,
        reason=reason,
        quantity=sized.quantity,
        notional=sized.notional,
        entry_price=sized.entry_price,
        fee=sized.fee_estimate,
        loss_at_stop=sized.loss_at_stop,
        loss_at_stop_percent=sized.loss_at_stop_percent,
        stop_loss=judgement.stop_loss,
        take_profit=judgement.take_profit,
        trailing_percent=judgement.trailing_percent,
        leverage=judgement.leverage,
        margin=judgement.entry.funds_needed - sized.fee_estimate,
        is_raised_to_minimum=sized.is_raised,
        price_at=price_at,
        rules=[RuleOut.model_validate(verdict) for verdict in judgement.verdicts],
    )


async def _reduction(tools: Tools, signal: Signal) -> PreviewOut:
    async with tools.database.read() as session:
        book = await positions.held_by(session, signal.strategy_id, signal.symbol)
        place = await place_of(session, tools, signal.account_id, signal.symbol)
        live = await orders.live_closes(session, book.id) if book is not None else ()
    if book is None or book.position_side is not signal.position_side:
        return PreviewOut.nothing(
            signal, "nothing_to_close: This strategy holds nothing to close there."
        )
    spare = book.quantity - sum((order.remaining for order in live), ZERO)
    try:
        wanted = await wanted_quantity(tools, signal, book)
    except AppError as denial:
        return PreviewOut.nothing(signal, f"{denial.code}: {denial.detail}")
    quantity = place.instrument.floor_quantity(spare if wanted is None else wanted)
    quote = tools.prices.latest(place.key)
    price = quote.executable(book.position_side.closing_side) if quote is not None else None
    reason = None
    if quantity > spare or quantity <= 0:
        reason = f"more_than_held: {plain(spare)} can be closed, {plain(quantity)} was asked for."
    return PreviewOut.closing(signal, place.instrument, quantity, price, reason, quote=quote)


def _too_late(signal: Signal, now: datetime) -> str | None:
    if signal.status is SignalStatus.EXECUTING or signal.expires_at > now:
        return None
    return f"expired: Its time ran out at {signal.expires_at:%H:%M:%S} UTC."


def _fraction(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        fraction = parse_decimal(text)
    except ValueError as error:
        raise Invalid(f"fraction: {error}", code="bad_fraction") from None
    if not ZERO < fraction <= ONE:
        raise Invalid("fraction: above 0 and up to 1", code="bad_fraction")
    return fraction


router = Router(path="/signals", tags=["signals"], route_handlers=[preview_signal])
