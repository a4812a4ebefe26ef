"""Instruments as last seen, so that a restart knows the markets before any venue is asked."""

from decimal import Decimal

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base
from app.trading.words import MarketType


class InstrumentRow(Base):
    """One tradable symbol of one market of one venue; the fields are those of `Instrument`."""

    __tablename__ = "instruments"

    exchange: Mapped[str] = mapped_column(String(32), primary_key=True)
    market_type: Mapped[MarketType] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(String(64), primary_key=True)
    base: Mapped[str] = mapped_column(String(32))
    quote: Mapped[str] = mapped_column(String(32))
    settle: Mapped[str] = mapped_column(String(32))
    quantity_step: Mapped[Decimal]
    price_tick: Mapped[Decimal]
    min_quantity: Mapped[Decimal]
    max_quantity: Mapped[Decimal | None]
    min_notional: Mapped[Decimal]
    contract_size: Mapped[Decimal]
    taker_fee_rate: Mapped[Decimal]
    maker_fee_rate: Mapped[Decimal]
    is_active: Mapped[bool]
