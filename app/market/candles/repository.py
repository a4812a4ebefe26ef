"""Every query on the candles."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import fields
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import ColumnElement, Dialect, Select, func, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import NULLTYPE

from app.core.errors import Conflict
from app.db.session import Database
from app.market.candles.models import CandleRow
from app.market.candles.series import Series
from app.market.facts import Facts, Kept, Ready
from app.trading.candle import Candle

# Candles in memory at a time, however long the series.
PAGE: Final = 5000
# Its timeframe says the series.
FIELDS: Final = tuple(field.name for field in fields(Candle) if field.name != "timeframe")


class CandleConflict(Conflict):
    """A candle is stored with other values; nothing of the request was kept."""

    code = "candle_conflict"


_FACTS: Final = Facts(CandleRow, conflict=CandleConflict)
_TOLD: Final = tuple(map(attrgetter, FIELDS))
_COLUMNS: Final = tuple(getattr(CandleRow, name) for name in FIELDS)
# As the driver gives them, text or decimals: whoever wants floats needs no decimals in between.
_BARE: Final = tuple(
    type_coerce(getattr(CandleRow, name), NULLTYPE)
    for name in ("open", "high", "low", "close", "volume")
)


def ready(dialect: Dialect, series: Series, candles: Sequence[Candle]) -> Ready:
    """Make candles ready for `write`; most of the work that keeping them is.

    Raises:
        CandleConflict: one came twice with different values.
    """
    columns = [list(map(told, candles)) for told in _TOLD]
    return _FACTS.ready(dialect, series._asdict(), columns)


async def write(session: AsyncSession, candles: Ready) -> Kept:
    """Insert the candles that are new, in the caller's transaction.

    Raises:
        CandleConflict: one is stored with other values; the transaction has to be given up.
    """
    connection = await session.connection()
    return await connection.run_sync(_FACTS.keep, candles)


async def keep(session: AsyncSession, series: Series, candles: Sequence[Candle]) -> Kept:
    """Both at once, for a few.

    Raises:
        CandleConflict: as they do.
    """
    return await write(session, ready(session.get_bind().dialect, series, candles))


async def newest(
    session: AsyncSession,
    series: Series,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int,
) -> list[Candle]:
    """The newest candles that open from `since` on and before `until`, newest first."""
    query = _of(series, *_COLUMNS, since=since, until=until)
    rows = await session.execute(query.order_by(CandleRow.open_time.desc()).limit(limit))
    return [Candle(series.timeframe, *row) for row in rows]


async def first_from(session: AsyncSession, series: Series, since: datetime) -> Candle | None:
    """The first candle that opens then or later; None when there is none."""
    rows = await session.execute(
        _of(series, *_COLUMNS, since=since).order_by(CandleRow.open_time).limit(1)
    )
    row = rows.one_or_none()
    return None if row is None else Candle(series.timeframe, *row)


async def stored(
    database: Database,
    series: Series,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> AsyncGenerator[list[Candle]]:
    """All candles of a range, oldest first, a page at a time: nothing is held open in between."""
    async for rows in _pages(database, series, _COLUMNS, since=since, until=until):
        yield [Candle(series.timeframe, *row) for row in rows]


async def bare_prices(
    database: Database,
    series: Series,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> AsyncGenerator[Sequence[Any]]:
    """Open time, open, high, low, close and volume of a range, as `stored`.

    Of each number only what `float` makes of it is promised: for whoever reads candles by the
    million, which are a hundred megabytes of decimals otherwise.
    """
    async for rows in _pages(
        database, series, (CandleRow.open_time, *_BARE), since=since, until=until
    ):
        yield rows


async def open_times(
    database: Database,
    series: Series,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> AsyncGenerator[list[datetime]]:
    """The open times of a range, as `stored`."""
    async for rows in _pages(database, series, (CandleRow.open_time,), since=since, until=until):
        yield [opened for (opened,) in rows]


async def first_open(session: AsyncSession, series: Series) -> datetime | None:
    """When the oldest candle opened; None when there is none."""
    opened: datetime | None = await session.scalar(_of(series, func.min(CandleRow.open_time)))
    return opened


async def _pages(
    database: Database,
    series: Series,
    columns: Sequence[Any],
    *,
    since: datetime | None,
    until: datetime | None,
) -> AsyncGenerator[Sequence[Any]]:
    """Rows by open time, which is the first column."""
    conditions: list[ColumnElement[bool]] = []
    while True:
        query = _of(series, *columns, since=since, until=until).where(*conditions)
        async with database.read() as session:
            rows = (await session.execute(query.order_by(CandleRow.open_time).limit(PAGE))).all()
        if rows:
            yield rows
        if len(rows) < PAGE:
            return
        conditions = [CandleRow.open_time > rows[-1][0]]


def _of(
    series: Series, *columns: Any, since: datetime | None = None, until: datetime | None = None
) -> Select[Any]:
    mine = [getattr(CandleRow, name) == value for name, value in series._asdict().items()]
    query = select(*columns).where(*mine)
    if since is not None:
        query = query.where(CandleRow.open_time >= since)
    if until is not None:
        query = query.where(CandleRow.open_time < until)
    return query
