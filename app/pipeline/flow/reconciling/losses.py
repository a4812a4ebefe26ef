"""What other hands took from our books: booked as it happened, by what each book held."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.decimals import EXACT, plain
from app.exchanges.venue import FillReport
from app.notifications.models import Severity
from app.notifications.service import tell
from app.pipeline.flow.fills import Rates, book_facts, fee_rates, follow
from app.pipeline.flow.outside import OurSide, Stranger
from app.pipeline.flow.settling import Settling, close_out
from app.pipeline.flow.tools import Tools, hold_user
from app.pipeline.orders.foreign import foreign_order
from app.pipeline.pnl import service as pnl
from app.pipeline.positions import repository as positions
from app.pipeline.positions import service as position_service
from app.pipeline.positions.models import Position
from app.pipeline.positions.outside import latest, lost_shares, move_out, share_out
from app.pipeline.wakeups import Work, wake
from app.trading.words import CloseReason, OrderOrigin

ZERO: Final = Decimal(0)
FINEST: Final = Decimal("1e-18")


def takers(our: OurSide, strangers: Sequence[Stranger], missing: Decimal) -> list[Stranger]:
    """The executions of other hands that explain what is missing, oldest first.

    Returns:
        They add up to `missing`, or to less where they do not explain it all.
    """
    closing = our.books[0].position_side.closing_side
    by_report = {one.taken.report.exchange_trade_id: one for one in strangers}
    candidates = [one.taken for one in strangers if one.taken.report.side is closing]
    return [
        replace(by_report[one.report.exchange_trade_id], taken=one)
        for one in latest(candidates, missing)
    ]


def quantity_of(taken: Sequence[Stranger]) -> Decimal:
    """What these executions took together, unsigned."""
    with localcontext(EXACT):
        return sum((one.taken.left for one in taken), ZERO)


@dataclass(frozen=True, slots=True)
class _Share:
    """One book's part of one order that other hands made."""

    position: Position
    origin: OrderOrigin
    reason: CloseReason
    fills: Sequence[FillReport]


async def book_taken(tools: Tools, our: OurSide, taken: Sequence[Stranger]) -> bool:
    """Book what other hands took with the real executions, shared by what is held (TRADING 26).

    Args:
        tools: the database.
        our: the books as they were compared.
        taken: from `takers`; not more than the books hold.

    Returns:
        False when a book has changed since it was compared: nothing is booked then.
    """
    rates = await fee_rates(tools, our.place, [one.taken.report for one in taken])
    async with tools.database.transaction() as session:
        await hold_user(session, tools, our.place.user.id)
        books = await _as_compared(session, our)
        if books is None:
            return False
        for share in _shares(our, books, taken):
            await _book(session, tools, our, share, rates)
        for position, before in zip(books, our.books, strict=True):
            if position.quantity != before.quantity:
                await _tell(session, our, position, taken, now=tools.now())
    for position in books:
        follow(tools, our.place, position, has_news=True)
    return True


async def _as_compared(session: AsyncSession, our: OurSide) -> list[Position] | None:
    """The books for writing, unless one of them is not any more what was compared."""
    rows = [await positions.get(session, one.id) for one in our.books]
    same = all(
        row.quantity == one.quantity and not row.is_closed
        for row, one in zip(rows, our.books, strict=True)
    )
    return rows if same else None


def _shares(our: OurSide, books: Sequence[Position], taken: Sequence[Stranger]) -> list[_Share]:
    held = [one.quantity for one in books]
    step = our.place.instrument.quantity_step
    quantities = lost_shares(quantity_of(taken), held, step=step)
    whose = {one.taken.report.exchange_order_id: one for one in taken}
    found = []
    for position, fills in zip(
        books, share_out([one.taken for one in taken], quantities), strict=True
    ):
        for number in dict.fromkeys(fill.exchange_order_id for fill in fills):
            stranger = whose[number]
            reason = CloseReason.LIQUIDATED if stranger.is_liquidation else CloseReason.EXTERNAL
            own = [fill for fill in fills if fill.exchange_order_id == number]
            found.append(_Share(position, stranger.origin, reason, own))
    return found


async def _book(
    session: AsyncSession, tools: Tools, our: OurSide, share: _Share, rates: Rates
) -> None:
    position, now = share.position, tools.now()
    order = await foreign_order(
        session,
        user_id=position.user_id,
        account_id=position.account_id,
        strategy_id=position.strategy_id,
        position_id=position.id,
        origin=share.origin,
        close_reason=share.reason,
        fills=share.fills,
        now=now,
    )
    await book_facts(Settling(session, tools, order, our.place, now), share.fills, rates)


async def _tell(
    session: AsyncSession,
    our: OurSide,
    position: Position,
    taken: Sequence[Stranger],
    *,
    now: datetime,
) -> None:
    is_liquidated = any(one.is_liquidation for one in taken)
    code = "liquidated" if is_liquidated else "closed_elsewhere"
    if not position.is_closed and not is_liquidated:
        code = "reduced_elsewhere"
    await tell(
        session,
        user_id=position.user_id,
        severity=Severity.URGENT if is_liquidated else Severity.WARNING,
        code=code,
        subject_kind="position",
        subject_id=str(position.id),
        text=_words(our, position, taken, code),
        now=now,
    )


def _words(our: OurSide, position: Position, taken: Sequence[Stranger], code: str) -> str:
    where = f"{position.position_side.value} {position.symbol} on {our.place.account.name}"
    if code == "liquidated":
        return (
            f"The venue liquidated the {where}. Its executions are booked; the next entry of this "
            "strategy there waits for you."
        )
    by_venue = any(one.origin is OrderOrigin.VENUE for one in taken)
    whose = "by the venue itself" if by_venue else "at the venue, not from here"
    if code == "closed_elsewhere":
        return f"The {where} was closed {whose}. Its executions are booked, its stops are gone."
    return (
        f"Part of the {where} was closed {whose}. {plain(position.quantity)} is left; its stop is "
        "being resized."
    )


async def move_away(tools: Tools, our: OurSide, missing: Decimal) -> bool:
    """Coins left a spot account without a sale: they leave the books at cost, never as PnL.

    Args:
        tools: the database.
        our: the books as they were compared.
        missing: unsigned; not more than the books hold.

    Returns:
        False when a book has changed since it was compared: nothing is moved then.
    """
    now = tools.now()
    async with tools.database.transaction() as session:
        await hold_user(session, tools, our.place.user.id)
        books = await _as_compared(session, our)
        if books is None:
            return False
        held = [one.quantity for one in books]
        for position, quantity in zip(books, lost_shares(missing, held, step=FINEST), strict=True):
            if quantity > 0:
                await _move(session, our, position, quantity, now=now)
    for position in books:
        follow(tools, our.place, position, has_news=True)
    return True


async def _move(
    session: AsyncSession, our: OurSide, position: Position, quantity: Decimal, *, now: datetime
) -> None:
    place = our.place
    book = position_service.book_of(position, place.instrument)
    left, booked = move_out(book, quantity, at=now)
    position_service.store(position, left, now=now)
    if booked.fees != 0:
        await pnl.book(session, position, booked, place.ledger, fill_id=None)
    if position.quantity == 0:
        position.close_reason = CloseReason.EXTERNAL
        await close_out(session, place, position, now=now)
    elif position_service.has_levels(position):
        lane = (position.account_id, position.symbol)
        wake(session, Work.PROTECT, position.id, now=now, lane=lane, is_urgent=True)
    await tell(
        session,
        user_id=position.user_id,
        severity=Severity.WARNING,
        code="moved_away",
        subject_kind="position",
        subject_id=str(position.id),
        text=(
            f"{plain(quantity)} {place.instrument.base} left {place.account.name} without a sale: "
            f"withdrawn or moved. They left the {position.symbol} position at what they had cost; "
            f"{plain(position.quantity)} is left."
        ),
        now=now,
    )
