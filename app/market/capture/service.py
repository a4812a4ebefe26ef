"""Say which series are kept up to date, and stop it."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.service import record
from app.core.clock import iso
from app.core.errors import Invalid, NotFound, TooMany
from app.core.ids import new_id
from app.http.caller import Caller
from app.market.candles.series import Series
from app.market.capture import repository
from app.market.capture.models import Capture
from app.trading.timeframe import Timeframe

# Of one user. Each costs its venue a request whenever a candle closes.
MOST_CAPTURES: Final = 50
# What is fetched at the beginning; more than a few days of minutes are a job's work.
MOST_CANDLES: Final = 10_000


async def begin(
    session: AsyncSession,
    caller: Caller,
    series: Series,
    *,
    since: datetime | None,
    now: datetime,
) -> Capture:
    """Keep a series up to date from now on; asked for again, it may begin earlier.

    Args:
        session: the caller's transaction.
        caller: whose wish it is.
        series: which candles.
        since: from when on; from the candle that is open `now` when None.
        now: what time it is.

    Raises:
        Invalid: `future_range`, or `too_many_candles`.
        TooMany: `too_many_captures`.
    """
    begins = _first_open(series.timeframe, since, now)
    capture = await repository.own(session, caller.user_id, series)
    if capture is None:
        capture = await _made(session, caller, series, begins, now)
    elif since is not None and begins < capture.since:
        capture.since, capture.kept_to = begins, None
    else:
        return capture
    await _record(session, caller, series, "capture.begun", now, since=iso(begins))
    return capture


async def end(session: AsyncSession, caller: Caller, series: Series, *, now: datetime) -> None:
    """Keep a series up to date no longer; what is stored stays.

    Raises:
        NotFound: the caller has no such capture.
    """
    capture = await repository.own(session, caller.user_id, series)
    if capture is None:
        raise NotFound("You have no capture of this series.")
    await repository.remove(session, capture)
    await _record(session, caller, series, "capture.ended", now)


async def end_all(session: AsyncSession, user_id: UUID) -> None:
    """End all that a user has asked for."""
    await repository.remove_all(session, user_id)


async def _made(
    session: AsyncSession, caller: Caller, series: Series, since: datetime, now: datetime
) -> Capture:
    if await repository.count(session, caller.user_id) >= MOST_CAPTURES:
        raise TooMany(
            f"You keep {MOST_CAPTURES} series up to date already; end one first.",
            code="too_many_captures",
        )
    row = {
        "id": new_id(),
        "user_id": caller.user_id,
        "exchange": series.exchange,
        "market_type": series.market_type,
        "symbol": series.symbol,
        "timeframe": series.timeframe,
        "since": since,
        "created_at": now,
    }
    # Somebody may ask for the same twice at once: one of them makes it, both have it.
    await repository.add(session, row)
    made = await repository.own(session, caller.user_id, series)
    if made is None:
        raise NotFound("You have no capture of this series: it was ended at this very moment.")
    return made


def _first_open(timeframe: Timeframe, since: datetime | None, now: datetime) -> datetime:
    """The first candle that is kept.

    Raises:
        Invalid: `future_range`, or `too_many_candles`.
    """
    if since is None:
        return timeframe.open_of(now)
    if since > now:
        raise Invalid("from is yet to come: it begins by itself then.", code="future_range")
    count = timeframe.how_many(since, now)
    if count > MOST_CANDLES:
        raise Invalid(
            f"These are {count} candles; a capture begins with at most {MOST_CANDLES}. Have the "
            "older ones fetched by POST /candles/fetch.",
            code="too_many_candles",
        )
    return next(timeframe.opens(since, now), timeframe.open_of(now))


async def _record(
    session: AsyncSession, caller: Caller, series: Series, action: str, now: datetime, **more: str
) -> None:
    await record(
        session,
        now=now,
        actor=caller.username,
        user_id=caller.user_id,
        action=action,
        subject_kind="candles",
        subject_id=series.symbol,
        detail={
            "exchange": series.exchange,
            "market_type": series.market_type.value,
            "timeframe": series.timeframe.value,
            **more,
        },
    )
