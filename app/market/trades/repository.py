"""Every query on the trades of markets."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import fields
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Conflict
from app.db.session import Database
from app.market.facts import Facts, Kept
from app.market.prices import PriceKey
from app.market.trades.models import MarketTradeRow
from app.trading.market_trade import MarketTrade
from app.trading.words import Side

# Trades in memory at a time, however many there are.
PAGE: Final = 5000
FIELDS: Final = tuple(field.name for field in fields(MarketTrade))


class TradeConflict(Conflict):
    """A trade is stored with other values; nothing of the request was kept."""

    code = "trade_conflict"


class Place(NamedTuple):
    """Where a trade stands in the order of all trades of its market."""

    executed_at: datetime
    exchange_trade_id: str

    @classmethod
    def of(cls, trade: MarketTrade) -> "Place":
        """The place of a trade."""
        return cls(trade.executed_at, trade.exchange_trade_id)


_FACTS: Final = Facts(MarketTradeRow, conflict=TradeConflict)
_TOLD: Final = tuple(map(attrgetter, FIELDS))
_COLUMNS: Final = tuple(getattr(MarketTradeRow, name) for name in FIELDS)
# That of `MarketTrade.order`.
_ORDER: Final[tuple[Any, ...]] = (
    MarketTradeRow.executed_at,
    func.length(MarketTradeRow.exchange_trade_id),
    MarketTradeRow.exchange_trade_id,
)


async def keep(session: AsyncSession, market: PriceKey, trades: Sequence[MarketTrade]) -> Kept:
    """Insert the trades that are new, in the caller's transaction.

    Raises:
        TradeConflict: one is stored with other values; the transaction has to be given up.
    """
    connection = await session.connection()
    columns = [list(map(told, trades)) for told in _TOLD]
    ready = _FACTS.ready(connection.dialect, market._asdict(), columns)
    return await connection.run_sync(_FACTS.keep, ready)


async def newest(
    session: AsyncSession,
    market: PriceKey,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    before: Place | None = None,
    side: Side | None = None,
    limit: int,
) -> list[MarketTrade]:
    """The newest trades from `since` on and before `until`, newest first.

    Args:
        session: where to ask.
        market: whose.
        since: inclusive.
        until: exclusive.
        before: only those before this one.
        side: of the taker.
        limit: how many.
    """
    query = _of(market, since=since, until=until)
    if side is not None:
        query = query.where(MarketTradeRow.side == side)
    if before is not None:
        query = query.where(_beyond(before, is_later=False))
    rows = await session.execute(query.order_by(*(one.desc() for one in _ORDER)).limit(limit))
    return [MarketTrade(*row) for row in rows]


async def span(session: AsyncSession, market: PriceKey) -> tuple[datetime, datetime] | None:
    """When the first and the last stored trade happened; None when there is none."""
    mine = _of(market, since=None, until=None)
    at = MarketTradeRow.executed_at
    first: datetime | None = await session.scalar(mine.with_only_columns(func.min(at)))
    last: datetime | None = await session.scalar(mine.with_only_columns(func.max(at)))
    return None if first is None or last is None else (first, last)


async def stored(
    database: Database,
    market: PriceKey,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> AsyncGenerator[list[MarketTrade]]:
    """All trades of a range, oldest first, a page at a time: nothing is held open in between."""
    after: list[ColumnElement[bool]] = []
    while True:
        query = _of(market, since=since, until=until).where(*after)
        async with database.read() as session:
            rows = (await session.execute(query.order_by(*_ORDER).limit(PAGE))).all()
        trades = [MarketTrade(*row) for row in rows]
        if trades:
            yield trades
        if len(trades) < PAGE:
            return
        after = [_beyond(Place.of(trades[-1]), is_later=True)]


def _of(market: PriceKey, *, since: datetime | None, until: datetime | None) -> Select[Any]:
    mine = [getattr(MarketTradeRow, name) == value for name, value in market._asdict().items()]
    query = select(*_COLUMNS).where(*mine)
    if since is not None:
        query = query.where(MarketTradeRow.executed_at >= since)
    if until is not None:
        query = query.where(MarketTradeRow.executed_at < until)
    return query


def _beyond(place: Place, *, is_later: bool) -> ColumnElement[bool]:
    """Whether a trade comes after that place, or before it."""
    at, length, name = _ORDER
    size = len(place.exchange_trade_id)
    if is_later:
        same = or_(length > size, and_(length == size, name > place.exchange_trade_id))
        # Said twice, for the index: it cannot be searched for one thing or another.
        return and_(at >= place.executed_at, or_(at > place.executed_at, same))
    same = or_(length < size, and_(length == size, name < place.exchange_trade_id))
    return and_(at <= place.executed_at, or_(at < place.executed_at, same))
