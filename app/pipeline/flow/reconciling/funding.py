"""Funding, from the venue's own ledger: shared by what was held, booked to the day it was paid."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from loguru import logger
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import states
from app.accounts.models import ExchangeAccount
from app.exchanges.venue import FundingReport, Venue
from app.pipeline.flow.tools import Place, Tools, hold_user, place_of
from app.pipeline.orders import repository as orders
from app.pipeline.pnl import repository as pnl_rows
from app.pipeline.pnl import service as pnl
from app.pipeline.pnl.models import FundingPayment
from app.pipeline.positions import repository as positions
from app.pipeline.positions import service as position_service
from app.pipeline.positions.book import with_funding
from app.pipeline.positions.models import Position
from app.pipeline.positions.outside import Move, funding_shares, held_at
from app.trading.words import MarketType, Side

# Venues write their ledgers a moment late, and a closed book may still have to pay.
OVERLAP: Final = timedelta(hours=1)


async def keep_funding(tools: Tools, venue: Venue, account: ExchangeAccount) -> int:
    """Book the funding payments that are new.

    Returns:
        How many there were.

    Raises:
        ExchangeError: the venue did not answer.
    """
    if account.market_type is MarketType.SPOT:
        return 0
    async with tools.database.read() as session:
        since = await _since(session, account.id, now=tools.now())
    if since is None:
        return 0
    rows = await venue.funding(since)
    async with tools.database.read() as session:
        known = await pnl_rows.funding_known(session, account.id, [row.venue_id for row in rows])
    new = [row for row in rows if row.venue_id not in known]
    for row in new:
        await _book(tools, account, row)
    return len(new)


async def _since(session: AsyncSession, account_id: UUID, *, now: datetime) -> datetime | None:
    """From when to ask; None when nothing was held lately that could have paid."""
    held = await positions.account_held_since(session, account_id, now - OVERLAP)
    starts = [one.opened_at for one in held if one.opened_at is not None]
    if not starts:
        return None
    last = await pnl_rows.last_funding_at(session, account_id)
    return min(starts) if last is None else max(min(starts), last - OVERLAP)


async def _book(tools: Tools, account: ExchangeAccount, row: FundingReport) -> None:
    async with tools.database.transaction() as session:
        await hold_user(session, tools, account.user_id)
        if await pnl_rows.funding_known(session, account.id, [row.venue_id]):
            return
        books = await positions.held_since(session, account.id, row.symbol, row.paid_at)
        if not books:
            session.add(_payment(account.id, row, None, row.amount, now=tools.now()))
            return
        place = await place_of(session, tools, account.id, row.symbol)
        if row.asset != place.instrument.settle:
            logger.bind(symbol=row.symbol, asset=row.asset).warning("funding.other_coin")
            return
        held = [await _held(session, one, row.paid_at) for one in books]
        external = await states.external_at(session, account.id, row.symbol)
        shares = funding_shares(row.amount, held, external)
        for position, share in zip(books, shares, strict=True):
            if share != 0:
                await _pay(session, place, position, share, row, now=tools.now())
        rest = row.amount - sum(shares, Decimal(0))
        if rest != 0 or not any(shares):
            session.add(_payment(account.id, row, None, rest, now=tools.now()))


async def _held(session: AsyncSession, position: Position, at: datetime) -> Decimal:
    fills = await orders.fills_of_position(session, position.id)
    moves = [
        Move(fill.quantity if fill.side is Side.BUY else -fill.quantity, fill.executed_at)
        for fill in fills
    ]
    return max(Decimal(0), held_at(moves, at) * position.position_side.sign)


async def _pay(
    session: AsyncSession,
    place: Place,
    position: Position,
    share: Decimal,
    row: FundingReport,
    *,
    now: datetime,
) -> None:
    book = position_service.book_of(position, place.instrument)
    position_service.store(position, with_funding(book, share), now=now)
    await pnl.book_funding(session, position, share, row.paid_at, place.ledger)
    session.add(_payment(place.account.id, row, position.id, share, now=now))


def _payment(
    account_id: UUID,
    row: FundingReport,
    position_id: UUID | None,
    amount: Decimal,
    *,
    now: datetime,
) -> FundingPayment:
    return FundingPayment(
        account_id=account_id,
        venue_id=row.venue_id,
        position_id=position_id,
        symbol=row.symbol,
        amount=amount,
        currency=row.asset,
        paid_at=row.paid_at,
        recorded_at=now,
    )
