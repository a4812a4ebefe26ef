"""The table of captures."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Enum, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.ids import new_id
from app.db.base import Base
from app.market.candles.models import stored_words
from app.market.candles.series import Series
from app.trading.candle import PriceKind
from app.trading.timeframe import Timeframe
from app.trading.words import MarketType


class Capture(Base):
    """One user's wish that a series is kept up to date.

    How the series stands is written to the rows of all users alike.

    Attributes:
        since: where it is kept from; a candle of the timeframe opens then.
        kept_to: when the last candle closed of those looked through; all before it are stored, as
            far as the exchange has them. None before the first one.
        failing_since: since when the exchange has refused; None while it does not.
        reason: its last refusal, as `code: sentence`.
    """

    __tablename__ = "captures"
    __table_args__ = (
        UniqueConstraint("user_id", "exchange", "market_type", "symbol", "timeframe"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    exchange: Mapped[str] = mapped_column(String(32))
    market_type: Mapped[MarketType]
    symbol: Mapped[str] = mapped_column(String(64))
    timeframe: Mapped[Timeframe] = mapped_column(
        Enum(Timeframe, native_enum=False, length=32, values_callable=stored_words)
    )
    since: Mapped[datetime]
    created_at: Mapped[datetime]
    kept_to: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(Text)

    @property
    def series(self) -> Series:
        """What is kept: venues are asked for the price of the last trade."""
        return Series(self.exchange, self.market_type, self.symbol, PriceKind.LAST, self.timeframe)
