"""What entries are about: whose it is, and how it is called."""

from collections.abc import Iterable
from typing import TypeAlias, assert_never
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.diary.models import Link, Subject
from app.pipeline.pnl import repository as pnl
from app.pipeline.positions import repository as positions
from app.pipeline.signals import repository as signals
from app.strategies import repository as strategies

Name: TypeAlias = tuple[Subject, UUID]


async def linked(
    session: AsyncSession, user_id: UUID, wanted: Iterable[Name], *, known: Iterable[Link] = ()
) -> list[Link]:
    """A link for each of these, each once, in their order.

    Args:
        session: where to ask.
        user_id: whose they have to be.
        wanted: what an entry is to be about.
        known: what it is about already; that is not asked about again, for it may be gone.

    Raises:
        NotFound: one of the others is not there, or somebody else's.
    """
    kept = {(one.kind, one.subject_id): one for one in known}
    return [
        kept.get(name) or await _link(session, *name, user_id) for name in dict.fromkeys(wanted)
    ]


async def same_story(session: AsyncSession, user_id: UUID, subject_id: UUID) -> set[UUID]:
    """That id, and its other one: a position that was closed is a trade as well."""
    trade = await pnl.round_trip(session, user_id, subject_id)
    return {subject_id} if trade is None else {trade.id, trade.position_id}


async def _link(session: AsyncSession, kind: Subject, subject_id: UUID, user_id: UUID) -> Link:
    match kind:
        case Subject.TRADE:
            trade = await pnl.owned(session, subject_id, user_id)
            symbol, label = trade.symbol, f"{trade.position_side.value} {trade.symbol}"
        case Subject.POSITION:
            held = await positions.owned(session, subject_id, user_id)
            symbol, label = held.symbol, f"{held.position_side.value} {held.symbol}"
        case Subject.SIGNAL:
            signal = await signals.owned(session, subject_id, user_id)
            words = (signal.action.value, signal.position_side.value, signal.symbol)
            symbol, label = signal.symbol, " ".join(words)
        case Subject.STRATEGY:
            strategy = await strategies.owned(session, subject_id, user_id)
            return Link(kind, subject_id, None, strategy.name)
        case _:
            assert_never(kind)
    return Link(kind, subject_id, symbol, label)
