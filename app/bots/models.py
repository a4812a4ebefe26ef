"""The bots, and how far each has come on each of its markets."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Enum, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.bots.status import AT_WORK, BotStatus
from app.core.ids import new_id
from app.db.base import Base
from app.db.outbox import told_as
from app.market.candles.models import stored_words
from app.trading.timeframe import Timeframe


@told_as("bot", unseen=("holder", "held_until"))
class Bot(Base):
    """An algorithm at work for a strategy, whose account, approval, sizing and risk it goes by.

    Attributes:
        algorithm: its name when the bot was last made, changed or started.
        version: of the algorithm then; another one is another program.
        timeframe: of the base candles; never a month.
        parameters: all of them, as the algorithm took them.
        reason: why it has failed, as `code: sentence`.
        holder: of whoever has it in hand, new each time: it fences what is written.
        held_until: the holder counts as gone after that.
    """

    __tablename__ = "bots"
    __table_args__ = (
        Index("ix_bots_user_id_id", "user_id", "id"),
        Index("ix_bots_strategy_id", "strategy_id"),
        Index("ix_bots_status_id", "status", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    strategy_id: Mapped[UUID] = mapped_column(ForeignKey("strategies.id"))
    algorithm: Mapped[str] = mapped_column(String(120))
    version: Mapped[int]
    timeframe: Mapped[Timeframe] = mapped_column(
        Enum(Timeframe, native_enum=False, length=32, values_callable=stored_words)
    )
    parameters: Mapped[dict[str, Any]]
    status: Mapped[BotStatus] = mapped_column(default=BotStatus.STOPPED)
    reason: Mapped[str | None] = mapped_column(Text)
    holder: Mapped[UUID | None]
    held_until: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    markets: Mapped[list["BotMarket"]] = relationship(
        lazy="raise", order_by="BotMarket.symbol", cascade="all, delete-orphan"
    )

    @property
    def is_at_work(self) -> bool:
        """Whether it is started, and has neither been stopped nor failed."""
        return self.status in AT_WORK

    @property
    def symbols(self) -> list[str]:
        """What it watches, in ccxt's form."""
        return [one.symbol for one in self.markets]


class BotMarket(Base):
    """How far a bot has come on one market.

    Attributes:
        last_closed_at: the close of the last base candle that it was fed and has acted on; when it
            is started, of the last one that had closed by then. None before the first start.
        owed: an exit that it asked for while nobody heard it (`lateness.Owed`); None without one.
        waits_for: why it does not get on, as `code: sentence`; None while it does.
    """

    __tablename__ = "bot_markets"

    bot_id: Mapped[UUID] = mapped_column(ForeignKey("bots.id"), primary_key=True)
    symbol: Mapped[str] = mapped_column(String(80), primary_key=True)
    last_closed_at: Mapped[datetime | None]
    owed: Mapped[dict[str, Any] | None]
    waits_for: Mapped[str | None] = mapped_column(Text)
