"""The tables of backtests: what was asked for, what came of it, and what it left behind."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Enum, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.backtests.processes.packing import Strand
from app.core.ids import new_id
from app.db.base import Base
from app.market.candles.models import stored_words
from app.trading.timeframe import Timeframe
from app.trading.words import MarketType

# MariaDB chooses a column that holds so much.
LARGEST_PART = 2**24 - 1


class Backtest(Base):
    """An algorithm over stored candles, once, or under many parameters: then it is a sweep.

    How far it is and how it ended stands in its job, and nowhere else.

    Attributes:
        strategy_id: whose settings it took; None without one, and when that was deleted since.
        version: of the algorithm when it was asked for.
        parameters: all of them, defaults filled in; of a sweep those that do not change.
        is_sweep: whether it is one run, or many.
        grid: of a sweep, the values of those that do; None of a single run.
        since: the first candle that counts opens then or later.
        until: the last one opens before that.
        terms: money, costs and rules, as text.
        circumstances: the market, and the trader's limits and zone, when it was asked for.
        result: figures and what was odd about the candles; None until it is done, and of a sweep.
    """

    __tablename__ = "backtests"
    __table_args__ = (Index("ix_backtests_user_id_id", "user_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id"), unique=True)
    strategy_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("strategies.id", ondelete="SET NULL"), index=True
    )
    name: Mapped[str] = mapped_column(String(120))
    algorithm: Mapped[str] = mapped_column(String(120))
    version: Mapped[int]
    parameters: Mapped[dict[str, Any]]
    is_sweep: Mapped[bool]
    grid: Mapped[dict[str, Any] | None]
    exchange: Mapped[str] = mapped_column(String(32))
    market_type: Mapped[MarketType]
    symbol: Mapped[str] = mapped_column(String(64))
    timeframe: Mapped[Timeframe] = mapped_column(
        Enum(Timeframe, native_enum=False, length=32, values_callable=stored_words)
    )
    since: Mapped[datetime]
    until: Mapped[datetime]
    terms: Mapped[dict[str, Any]]
    circumstances: Mapped[dict[str, Any]]
    result: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]


class BacktestPart(Base):
    """Some of the trades, the equity … of a run, compressed together (`processes/packing.py`)."""

    __tablename__ = "backtest_parts"

    backtest_id: Mapped[UUID] = mapped_column(ForeignKey("backtests.id"), primary_key=True)
    strand: Mapped[Strand] = mapped_column(primary_key=True)
    first: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    count: Mapped[int]
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    body: Mapped[bytes] = mapped_column(LargeBinary(LARGEST_PART))


class SweepRow(Base):
    """One combination of a sweep that has been tried.

    Attributes:
        number: its place among the combinations, from 0.
        figures: what came of it; None when it was refused.
        refusal: why it could not be run, as `code: sentence`.
    """

    __tablename__ = "backtest_sweep_rows"

    backtest_id: Mapped[UUID] = mapped_column(ForeignKey("backtests.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    parameters: Mapped[dict[str, Any]]
    figures: Mapped[dict[str, Any] | None]
    refusal: Mapped[str | None] = mapped_column(String(500))
