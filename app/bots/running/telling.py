"""What a trader is told about a bot, in sentences for three in the morning."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.algorithms.intents import Intent
from app.bots.models import Bot
from app.core.clock import iso
from app.notifications.models import Severity
from app.notifications.service import tell


@dataclass(frozen=True, slots=True)
class Note:
    """One thing to tell."""

    code: str
    severity: Severity
    text: str


def failed(bot: Bot, reason: str) -> Note:
    """It has ended by itself."""
    text = (
        f"The bot {bot.algorithm} on {', '.join(bot.symbols)} has ended: {reason} It asks for "
        "nothing any more, exits included; stops and targets of what it holds stay guarded. Close "
        "what you do not want to keep, and start it again when the cause is gone."
    )
    return Note("bot_failed", Severity.URGENT, text)


def behind(symbol: str, last_closed_at: datetime, reason: str) -> Note:
    """It gets no candles, or cannot act on them."""
    text = (
        f"The bot on {symbol} has come no further than {iso(last_closed_at)}: {reason} It tries "
        "again by itself, and catches up. Until then it asks for no exit; stops and targets stay "
        "guarded."
    )
    return Note("bot_behind", Severity.WARNING, text)


def missed(symbol: str, entries: Sequence[Intent]) -> Note:
    """Entries that nobody heard in time."""
    last = entries[-1]
    text = (
        f"The bot on {symbol} was away, and {len(entries)} of its entries came too late to be "
        f"sent; the last was {last.position_side.value}, at the close of {iso(last.decided_at)}."
    )
    return Note("bot_entry_missed", Severity.INFO, text)


def kept(symbol: str, exit_: Intent) -> Note:
    """An exit that was missed, and whose reason is gone."""
    text = (
        f"The bot on {symbol} would have closed the {exit_.position_side.value} at "
        f"{iso(exit_.decided_at)}, while it was away. By now its algorithm speaks for that side "
        "again, so the position is kept. Close it by hand if you see it otherwise."
    )
    return Note("bot_exit_missed", Severity.WARNING, text)


async def say(session: AsyncSession, bot: Bot, note: Note, *, now: datetime) -> None:
    """Write it down in the caller's transaction; it is sent to the trader's own address, too."""
    await tell(
        session,
        user_id=bot.user_id,
        severity=note.severity,
        code=note.code,
        subject_kind="bot",
        subject_id=str(bot.id),
        text=note.text,
        now=now,
    )
