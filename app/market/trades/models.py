"""The table of market trades."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base
from app.trading.words import MarketType, Side


class MarketTradeRow(Base):
    """One trade of one market; the fields are those of `MarketTrade`."""

    __tablename__ = "market_trades"
    __table_args__ = (
        Index(
            "ix_market_trades_symbol_executed_at",
            "exchange",
            "market_type",
            "symbol",
            "executed_at",
        ),
    )

    exchange: Mapped[str] = mapped_column(String(32), primary_key=True)
    market_type: Mapped[MarketType] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(String(64), primary_key=True)
    exchange_trade_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    executed_at: Mapped[datetime]
    side: Mapped[Side]
    price: Mapped[Decimal]
    quantity: Mapped[Decimal]
