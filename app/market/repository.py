"""Every query on the stored instruments."""

from collections.abc import Sequence
from dataclasses import asdict, fields

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.market.models import InstrumentRow
from app.trading.instrument import Instrument
from app.trading.words import MarketType

FIELDS = tuple(field.name for field in fields(Instrument))


async def every_instrument(session: AsyncSession) -> Sequence[tuple[str, Instrument]]:
    """Every stored instrument with the exchange it belongs to."""
    rows = await session.scalars(select(InstrumentRow))
    return [(row.exchange, _instrument(row)) for row in rows]


async def instruments_of(
    session: AsyncSession, exchange: str, market_type: MarketType
) -> dict[str, Instrument]:
    """The stored instruments of one market by their symbol."""
    query = select(InstrumentRow).where(
        InstrumentRow.exchange == exchange, InstrumentRow.market_type == market_type
    )
    return {row.symbol: _instrument(row) for row in await session.scalars(query)}


async def put_instruments(
    session: AsyncSession, exchange: str, instruments: Sequence[Instrument]
) -> None:
    """Add them, or write them over what is stored; all are of one market type."""
    if not instruments:
        return
    query = select(InstrumentRow).where(
        InstrumentRow.exchange == exchange,
        InstrumentRow.market_type == instruments[0].market_type,
        InstrumentRow.symbol.in_([instrument.symbol for instrument in instruments]),
    )
    rows = {row.symbol: row for row in await session.scalars(query)}
    for instrument in instruments:
        row = rows.get(instrument.symbol)
        if row is None:
            session.add(InstrumentRow(exchange=exchange, **asdict(instrument)))
            continue
        for name, value in asdict(instrument).items():
            setattr(row, name, value)


def _instrument(row: InstrumentRow) -> Instrument:
    return Instrument(**{name: getattr(row, name) for name in FIELDS})
