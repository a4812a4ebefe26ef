"""One symbol of an account: what the venue shows of it against our books, and what follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import Final
from uuid import UUID

from loguru import logger

from app.accounts import states
from app.accounts.models import ExchangeAccount
from app.core.decimals import EXACT, plain
from app.core.errors import OrderRefused, Unavailable
from app.exchanges.venue import Venue
from app.notifications.models import Severity
from app.notifications.service import tell
from app.pipeline.flow.fills import record_answer, record_late
from app.pipeline.flow.orders import sync_order
from app.pipeline.flow.outside import (
    Holdings,
    OurSide,
    Stranger,
    Told,
    difference,
    holdings_at_venue,
    net_of,
    our_side,
    tell_apart,
)
from app.pipeline.flow.reconciling.losses import book_taken, move_away, quantity_of, takers
from app.pipeline.flow.reconciling.strays import end_strays
from app.pipeline.flow.tools import Tools
from app.pipeline.orders import repository as orders
from app.pipeline.orders.models import Order
from app.pipeline.orders.status import UNPROVEN, OrderStatus
from app.pipeline.positions.outside import Difference
from app.trading.words import MarketType, OrderOrigin, OrderType, Side, TriggerKind

ZERO: Final = Decimal(0)
TWICE_APART: Final = timedelta(seconds=1)
# A venue may show an execution in one answer and not yet in another.
QUIET_AFTER_FILL: Final = timedelta(seconds=2)
# What no execution explains may still be a lag; only then it is believed, or somebody is told.
UNEXPLAINED_AFTER: Final = timedelta(seconds=10)
# After that a difference nobody can explain is looked at in the timer's own time.
PRESSING_FOR: Final = timedelta(seconds=60)
# So near to a trigger, as a share of it, an execution may be what the trigger made.
NEAR_TRIGGER: Final = Decimal("0.002")


@dataclass(frozen=True, slots=True)
class Looked:
    """What a comparison came to.

    Attributes:
        has_news: whether anything was found that was not known here.
        is_open: whether it should be looked at again soon.
    """

    has_news: bool = False
    is_open: bool = False

    def __add__(self, other: "Looked") -> "Looked":
        return Looked(self.has_news or other.has_news, self.is_open or other.is_open)


@dataclass(frozen=True, slots=True)
class Look:
    """What is compared.

    Attributes:
        since: executions from then on may be new.
        is_first: the first comparison of this process: nothing is in anybody's hands, so that a
            difference need not be seen twice.
    """

    tools: Tools
    venue: Venue
    account_id: UUID
    symbol: str
    since: datetime
    is_first: bool

    @property
    def lane(self) -> tuple[UUID, str]:
        """Whose steps run one after another."""
        return self.account_id, self.symbol


@dataclass(frozen=True, slots=True)
class _Seen:
    """Both sides at one moment; `strangers` are executions of other hands not accounted for yet."""

    our: OurSide
    there: Holdings
    diff: Difference
    strangers: Sequence[Stranger]
    is_settled: bool

    @property
    def moved(self) -> Decimal:
        """What these executions did to the net, signed, as far as no book bears it."""
        with localcontext(EXACT):
            instrument = self.our.place.instrument
            moves = (one.taken.move(instrument).quantity for one in self.strangers)
            return sum(moves, ZERO)


async def reconcile_symbol(look: Look) -> Looked:
    """Compare one symbol; no other step of it may run meanwhile.

    A symbol that the venue will not answer for is held by itself: the others go on.

    Raises:
        ExchangeError: the venue did not answer, or refuses the key; nothing is proven by that.
    """
    try:
        await _sync_live(look)
        looked = await _compare(look)
        if looked.has_news and looked.is_open:
            looked = Looked(has_news=True) + await _compare(look)
        return looked
    except (OrderRefused, Unavailable) as refusal:
        words = f"the venue does not answer for {look.symbol}: {refusal.detail}"
        look.tools.agreement.hold(look.lane, words)
        await _tell_once(look, "symbol_not_answered", words)
        return Looked()


async def _sync_live(look: Look) -> None:
    async with look.tools.database.read() as session:
        live = await orders.live(session, account_id=look.account_id, symbol=look.symbol)
    for order in live:
        await sync_order(look.tools, order.id)


async def _compare(look: Look) -> Looked:
    tools, venue = look.tools, look.venue
    resting = await venue.open_orders(look.symbol)
    trades = await venue.trades(look.symbol, look.since)
    async with tools.database.read() as session:
        our = await our_side(session, tools, *look.lane)
    there = await holdings_at_venue(venue, our.place.account.market_type)
    ended = await end_strays(tools, venue, our, resting)
    told = await tell_apart(tools, venue, our, trades)
    has_booked = await _book_missed(tools, told)
    async with tools.database.read() as session:
        our = await our_side(session, tools, *look.lane)
        last_fill = await orders.last_fill_at(session, *look.lane)
    is_quiet = look.is_first or last_fill is None or tools.now() - last_fill >= QUIET_AFTER_FILL
    seen = _Seen(
        our=our,
        there=there,
        diff=difference(net_of(there, our), our),
        strangers=_new_strangers(look, told),
        is_settled=is_quiet and not told.missed and not any(map(_is_moving, our.live)),
    )
    return Looked(has_news=bool(ended or has_booked)) + await _judge(look, seen, told)


def _new_strangers(look: Look, told: Told) -> list[Stranger]:
    known = look.tools.agreement.accounted(look.lane)
    return [one for one in told.strangers if one.taken.report.exchange_trade_id not in known]


async def _book_missed(tools: Tools, told: Told) -> bool:
    """Take over executions of our own orders that nobody had heard of; what is left is on its way.

    Whatever an order is here, what was executed of it counts (I14).
    """
    has_news = False
    for order_id, fills in list(told.missed.items()):
        async with tools.database.read() as session:
            order = await orders.get(session, order_id)
        if order.is_final:
            has_news |= await record_late(tools, order_id, fills)
        elif order_id in told.found and not order.is_conditional:
            await record_answer(tools, order_id, told.found[order_id], fills)
            has_news = True
        else:
            continue
        del told.missed[order_id]
    return has_news


def _is_moving(order: Order) -> bool:
    """Whether an order may be changing the net at this moment, not merely waiting for its price."""
    if order.status in UNPROVEN:
        return True
    waits = order.order_type is OrderType.LIMIT or order.is_conditional
    has_fired = order.triggered_order_id is not None
    return order.status is not OrderStatus.CREATED and (not waits or has_fired)


async def _judge(look: Look, seen: _Seen, told: Told) -> Looked:
    diff, our, agreement = seen.diff, seen.our, look.tools.agreement
    is_same = diff.missing == 0 and diff.external == our.external
    if is_same and (look.is_first or seen.moved == 0):
        _agree(look, told, our.external)
        return Looked()
    if not seen.is_settled:
        agreement.forget_mismatch(look.lane)
        return Looked(is_open=True)
    seen_for = agreement.differ(look.lane, net=diff.net, ours=diff.ours, now=look.tools.now())
    if is_same:
        # Other hands have traded and the net does not show it: it lags behind.
        return _agree_late(look, told, seen, seen_for)
    if seen_for < TWICE_APART and not look.is_first:
        return Looked(is_open=True)
    if diff.missing > 0:
        return await _lose(look, seen, seen_for)
    return await _store_external(look, seen, told, seen_for)


def _agree(look: Look, told: Told, external: Decimal) -> None:
    agreement = look.tools.agreement
    agreement.compared(look.lane, external)
    for code in ("quantity_missing", "symbol_not_answered"):
        agreement.is_over(f"{code} {look.symbol}", look.account_id)
    shown = {one.taken.report.exchange_trade_id for one in (*told.strangers, *told.unclear)}
    agreement.account_for(look.lane, shown)


def _agree_late(look: Look, told: Told, seen: _Seen, seen_for: timedelta) -> Looked:
    if seen_for < UNEXPLAINED_AFTER:
        return Looked(is_open=True)
    _agree(look, told, seen.our.external)
    return Looked()


async def _store_external(look: Look, seen: _Seen, told: Told, seen_for: timedelta) -> Looked:
    """What is there beyond the books is the trader's own: shown, counted by the rules, not ours."""
    tools, our, external = look.tools, seen.our, seen.diff.external
    with localcontext(EXACT):
        is_explained = external - our.external == seen.moved
    if not (is_explained or look.is_first or seen_for >= UNEXPLAINED_AFTER):
        return Looked(is_open=True)
    has_flipped = external * our.external < 0
    is_news_to_trader = our.external == 0 or has_flipped
    async with tools.database.transaction() as session:
        await states.put_external(session, *look.lane, external, now=tools.now())
        if is_news_to_trader and our.place.account.market_type is not MarketType.SPOT:
            await tell(
                session,
                user_id=our.place.user.id,
                severity=Severity.WARNING if has_flipped else Severity.INFO,
                code="external_flipped" if has_flipped else "external_found",
                subject_kind="account",
                subject_id=str(look.account_id),
                text=(
                    f"{our.place.account.name} holds {plain(external)} {look.symbol} that is not "
                    "from here. It is left alone and not protected, and no entry against it is "
                    "made."
                ),
                now=tools.now(),
            )
    logger.bind(symbol=look.symbol, quantity=plain(external)).info("external.changed")
    _agree(look, told, external)
    return Looked(has_news=True)


async def _lose(look: Look, seen: _Seen, seen_for: timedelta) -> Looked:
    """The books hold more than the venue: other hands took it, and their executions say how."""
    missing = seen.diff.missing
    taken = takers(seen.our, seen.strangers, missing)
    if quantity_of(taken) < missing and seen_for >= UNEXPLAINED_AFTER:
        taken = takers(seen.our, await _all_strangers(look, seen.our), missing)
    explained = quantity_of(taken)
    if any(_may_be_ours(seen.our, one) for one in taken) and seen_for < UNEXPLAINED_AFTER:
        return Looked(is_open=True)
    is_spot = seen.our.place.account.market_type is MarketType.SPOT
    is_late = seen_for >= UNEXPLAINED_AFTER
    if explained == missing or (is_spot and is_late and explained > 0):
        await book_taken(look.tools, seen.our, taken)
        look.tools.agreement.forget_mismatch(look.lane)
        return Looked(has_news=True, is_open=True)
    if is_spot and is_late and not seen.there.is_empty:
        await move_away(look.tools, seen.our, missing)
        look.tools.agreement.forget_mismatch(look.lane)
        return Looked(has_news=True, is_open=True)
    return await _hold(look, seen, seen_for)


def _may_be_ours(our: OurSide, taken: Stranger) -> bool:
    """Whether one of our stops or targets may have made it, and its look-up lags behind.

    Not every venue gives the order that a trigger makes the client id of the trigger.
    """
    fill = taken.taken.report
    if taken.origin is OrderOrigin.VENUE:
        return False
    for order in our.live:
        if not order.is_resting_exit or order.side is not fill.side or order.trigger_price is None:
            continue
        # A stop sells below its trigger, a target above; slippage may take it to the other side.
        is_below = (order.trigger_kind is TriggerKind.STOP) == (fill.side is Side.SELL)
        beyond = order.trigger_price - fill.price if is_below else fill.price - order.trigger_price
        if beyond >= -order.trigger_price * NEAR_TRIGGER:
            return True
    return False


async def _all_strangers(look: Look, our: OurSide) -> Sequence[Stranger]:
    """Executions of other hands since the oldest of the books was opened."""
    opened = [one.opened_at for one in our.books if one.opened_at is not None]
    trades = await look.venue.trades(look.symbol, min(opened, default=look.since))
    told = await tell_apart(look.tools, look.venue, our, trades)
    return _new_strangers(look, told)


async def _hold(look: Look, seen: _Seen, seen_for: timedelta) -> Looked:
    """No execution explains what is missing: it stays in the books, and no entry is made."""
    diff = seen.diff
    words = (
        f"the venue shows {plain(diff.net)} {look.symbol} where our positions say "
        f"{plain(diff.ours)}, and no execution that explains it"
    )
    look.tools.agreement.hold(look.lane, words)
    if seen_for >= UNEXPLAINED_AFTER:
        await _tell_once(look, "quantity_missing", words)
    return Looked(is_open=seen_for < PRESSING_FOR)


async def _tell_once(look: Look, code: str, words: str) -> None:
    tools = look.tools
    if not tools.agreement.is_new(f"{code} {look.symbol}", look.account_id):
        return
    async with tools.database.transaction() as session:
        account = await session.get_one(ExchangeAccount, look.account_id)
        await tell(
            session,
            user_id=account.user_id,
            severity=Severity.URGENT,
            code=code,
            subject_kind="account",
            subject_id=str(account.id),
            text=(
                f"{account.name}: {words}. The positions stay guarded as they are; no new entry is "
                "made on the symbol until it is explained. Look at the venue."
            ),
            now=tools.now(),
        )
