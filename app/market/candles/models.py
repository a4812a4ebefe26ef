"""The table of candles."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, Enum, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base
from app.trading.candle import PriceKind
from app.trading.timeframe import Timeframe
from app.trading.words import MarketType

# MariaDB takes `1m` and `1M` for the same key.
STORED_MONTH = "1mo"


def stored_words(timeframes: type[Timeframe]) -> list[str]:
    """How the database writes each timeframe: told apart without looking at the case."""
    return [STORED_MONTH if one is Timeframe.MONTH else one.value for one in timeframes]


class CandleRow(Base):
    """One closed candle; the fields are those of `Candle`.

    The key is also the order on disk: what a chart reads lies together, and there is no second
    copy of the key. When a candle closes follows from its key, and is not stored.
    """

    __tablename__ = "candles"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 SQLAlchemy's declaration

    exchange: Mapped[str] = mapped_column(String(32), primary_key=True)
    market_type: Mapped[MarketType] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(String(64), primary_key=True)
    price: Mapped[PriceKind] = mapped_column(primary_key=True)
    timeframe: Mapped[Timeframe] = mapped_column(
        Enum(Timeframe, native_enum=False, length=32, values_callable=stored_words),
        primary_key=True,
    )
    open_time: Mapped[datetime] = mapped_column(primary_key=True)
    open: Mapped[Decimal]
    high: Mapped[Decimal]
    low: Mapped[Decimal]
    close: Mapped[Decimal]
    volume: Mapped[Decimal]
    quote_volume: Mapped[Decimal | None]
    trades: Mapped[int | None] = mapped_column(BigInteger)
    taker_buy_volume: Mapped[Decimal | None]
    taker_buy_quote_volume: Mapped[Decimal | None]
