"""Orders under our ids that rest at the venue and should not (I18)."""

from collections.abc import Sequence

from loguru import logger

from app.core.errors import OrderNotFound, OrderRefused, OutcomeUnknown
from app.core.ids import is_own_client_order_id
from app.exchanges.venue import OrderReport, Venue
from app.notifications.models import Severity
from app.notifications.service import tell
from app.pipeline.flow.outside import OurSide
from app.pipeline.flow.tools import Tools
from app.pipeline.orders import repository as orders


async def end_strays(
    tools: Tools, venue: Venue, our: OurSide, resting: Sequence[OrderReport]
) -> int:
    """Cancel what rests under our ids though it had ended here, or nobody here knows it.

    What was filled of it meanwhile is booked by whoever reads the executions.

    Args:
        tools: the database.
        venue: where they rest.
        our: the symbol's own side.
        resting: the venue's open orders of the symbol, asked before `our` was read.

    Returns:
        How many were cancelled.
    """
    own = [one for one in resting if is_own_client_order_id(one.client_order_id)]
    if not own:
        return 0
    account = our.place.account
    async with tools.database.read() as session:
        ids = [one.client_order_id for one in own]
        known = {
            one.client_order_id: one for one in await orders.by_client_ids(session, account.id, ids)
        }
    strays = [
        one
        for one in own
        if one.client_order_id not in known or known[one.client_order_id].is_final
    ]
    ended = [one for one in strays if await _end(venue, one)]
    if ended:
        async with tools.database.transaction() as session:
            for one in ended:
                await tell(
                    session,
                    user_id=account.user_id,
                    severity=Severity.WARNING,
                    code="stray_cancelled",
                    subject_kind="account",
                    subject_id=str(account.id),
                    text=(
                        f"{account.name}: the venue still had the order {one.client_order_id} on "
                        f"{one.symbol}, which had ended here. It was cancelled; what was filled of "
                        "it is booked."
                    ),
                    now=tools.now(),
                )
    return len(ended)


async def _end(venue: Venue, stray: OrderReport) -> bool:
    log = logger.bind(client_order_id=stray.client_order_id, symbol=stray.symbol)
    try:
        await venue.cancel(
            stray.symbol,
            stray.client_order_id,
            is_conditional=stray.trigger_price is not None and stray.triggered_order_id is None,
        )
    except (OrderNotFound, OrderRefused, OutcomeUnknown) as answer:
        log.bind(reason=answer.detail).info("stray.cancel_unclear")
        return False
    log.warning("stray.cancelled")
    return True
