"""Every query on the stored instruments."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.market.models import InstrumentRow
from app.trading.instrument import Instrument
from app.trading.words import MarketType

FIELDS = tuple(field.name for field in fields(Instrument))


async def stored_instruments(session: AsyncSession) -> Sequence[tuple[str, Instrument]]:
    """Every stored instrument with the exchange it belongs to."""
    rows = await session.scalars(select(InstrumentRow))
    return [(row.exchange, _instrument(row)) for row in rows]


async def store_instruments(
    session: AsyncSession,
    exchange: str,
    market_type: MarketType,
    instruments: Mapping[str, Instrument],
) -> None:
    """Write what differs; what the venue no longer lists stays, as inactive."""
    query = select(InstrumentRow).where(
        InstrumentRow.exchange == exchange, InstrumentRow.market_type == market_type
    )
    rows = {row.symbol: row for row in await session.scalars(query)}
    for symbol, instrument in instruments.items():
        row = rows.pop(symbol, None)
        if row is None:
            session.add(InstrumentRow(exchange=exchange, **asdict(instrument)))
        elif _instrument(row) != instrument:
            for name, value in asdict(instrument).items():
                setattr(row, name, value)
    for row in rows.values():
        row.is_active = False


def _instrument(row: InstrumentRow) -> Instrument:
    return Instrument(**{name: getattr(row, name) for name in FIELDS})
