"""How far a bot has come and what it asks for there: written down together, decided after that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from loguru import logger

from app.bots.alerts import Moment, alerts_of
from app.bots.lateness import Sorted
from app.bots.models import Bot
from app.bots.running import telling
from app.bots.running.holding import Hold, advance, note_waiting
from app.core.failpoints import failpoint
from app.pipeline.alarms.keeping import Delivery, Receipt
from app.pipeline.alarms.models import BOT_SOURCE, source_of
from app.pipeline.alarms.service import Reading
from app.pipeline.flow.intake import decide_kept
from app.pipeline.flow.tools import Tools


async def take_in(
    tools: Tools,
    hold: Hold,
    moment: Moment,
    wishes: Sorted,
    notes: Sequence[telling.Note] = (),
) -> None:
    """Keep the alerts of a close and the progress of its bot in one transaction, then decide them.

    So a bot that is killed anywhere has neither asked for something twice nor for nothing: either
    both are there, and the alarm is decided by whoever comes first, or the candle is fed once more.

    Args:
        tools: the database and the inbox.
        hold: the bot.
        moment: the close.
        wishes: what is sent, what is owed, and what was missed.
        notes: what the trader is told besides.

    Raises:
        Lost: the bot was stopped, or somebody else has it; nothing was kept.
    """
    bot = hold.bot
    deliveries = [_delivery(bot, body, now=tools.now()) for body in alerts_of(moment, wishes.send)]
    if wishes.missed:
        notes = [*notes, telling.missed(moment.symbol, wishes.missed)]
    failpoint("B01")
    receipts: Sequence[Receipt] = ()
    async with tools.database.transaction() as session:
        await advance(session, hold, moment.symbol, moment.closed_at, wishes.owed)
        if deliveries:
            connection = await session.connection()
            receipts = await connection.run_sync(tools.inbox.keep_in, deliveries)
        for note in notes:
            await telling.say(session, bot, note, now=tools.now())
        failpoint("B02")
    failpoint("B03")
    for delivery, receipt in zip(deliveries, receipts, strict=True):
        await decide_kept(tools, delivery, receipt, stored_at=tools.now())


def _delivery(bot: Bot, body: bytes, *, now: datetime) -> Delivery:
    return Delivery(
        user_id=bot.user_id,
        strategy_id=bot.strategy_id,
        body=body,
        source=source_of(BOT_SOURCE, str(bot.id)),
        received_at=now,
        reading=Reading.of(body),
    )


@dataclass(slots=True)
class Hindrance:
    """Why a bot does not get on at one market; written when it changes, told when it lasts.

    Attributes:
        reason: as it is written down; None while it gets on.
        is_told: whether its trader has heard of it.
    """

    tools: Tools
    hold: Hold
    symbol: str
    reason: str | None
    is_told: bool = False

    def is_over(self) -> None:
        """It gets on; the next progress writes that down."""
        self.reason, self.is_told = None, False

    async def clear(self) -> None:
        """It gets on, and nothing else is written for now.

        Raises:
            Lost: the bot was stopped, or somebody else has it.
        """
        if self.reason is not None:
            async with self.tools.database.transaction() as session:
                await note_waiting(session, self.hold, self.symbol, None)
        self.is_over()

    async def note(self, reason: str, *, last_closed_at: datetime, is_lasting: bool) -> None:
        """Write a reason down.

        Args:
            reason: as `code: sentence`.
            last_closed_at: how far the bot has come.
            is_lasting: whether its trader has to know.

        Raises:
            Lost: the bot was stopped, or somebody else has it.
        """
        is_to_be_told = is_lasting and not self.is_told
        if reason == self.reason and not is_to_be_told:
            return
        bot = self.hold.bot
        logger.bind(bot_id=str(bot.id), symbol=self.symbol, reason=reason).warning("bot.waits")
        async with self.tools.database.transaction() as session:
            await note_waiting(session, self.hold, self.symbol, reason)
            if is_to_be_told:
                note = telling.behind(self.symbol, last_closed_at, reason)
                await telling.say(session, bot, note, now=self.tools.now())
        self.reason, self.is_told = reason, self.is_told or is_to_be_told
