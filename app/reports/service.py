"""Reports over what was closed and booked."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from app.pipeline.pnl import repository as pnl
from app.pipeline.pnl.models import Trade
from app.reports import repository
from app.reports.rules import counted_by_day, grouped, kpis_of, profit_of, running
from app.reports.schemas import EquityDayOut, GroupedBy, KpisOut, PositionsDayOut, ProfitOut

FIGURES = ("trades", "wins", "losses", "gross_pnl", "fees", "funding", "realized_pnl")
RATES = (
    "win_rate_percent",
    "profit_factor",
    "average_win",
    "average_loss",
    "expectancy",
    "max_drawdown",
)


async def profit(
    session: AsyncSession, user_id: UUID, trades: Sequence[Trade], by: GroupedBy | None
) -> list[ProfitOut]:
    """Trades added up by strategy and by symbol; live and paper, and currencies, apart."""
    names = await repository.strategy_names(session, user_id)
    rows: list[ProfitOut] = []
    if by is not GroupedBy.SYMBOL:
        groups = grouped(trades, lambda one: (one.strategy_id, one.is_paper, one.currency))
        for (strategy_id, is_paper, currency), group in groups.items():
            row = _profit(GroupedBy.STRATEGY, group, is_paper=is_paper, currency=currency)
            changes = {"strategy_id": strategy_id, "strategy": names.get(strategy_id)}
            rows.append(row.model_copy(update=changes))
    if by is not GroupedBy.STRATEGY:
        kinds = grouped(trades, lambda one: (one.symbol, one.is_paper, one.currency))
        for (symbol, is_paper, currency), group in kinds.items():
            row = _profit(GroupedBy.SYMBOL, group, is_paper=is_paper, currency=currency)
            rows.append(row.model_copy(update={"symbol": symbol}))
    return rows


def _profit(by: GroupedBy, trades: Sequence[Trade], *, is_paper: bool, currency: str) -> ProfitOut:
    added = profit_of(trades)
    return ProfitOut(
        by=by,
        strategy_id=None,
        strategy=None,
        symbol=None,
        is_paper=is_paper,
        currency=currency,
        **{name: getattr(added, name) for name in FIGURES},
    )


def kpis(trades: Sequence[Trade]) -> list[KpisOut]:
    """The usual figures, live and paper, and currencies, apart."""
    rows = []
    for (is_paper, currency), group in grouped(
        trades, lambda one: (one.is_paper, one.currency)
    ).items():
        found = kpis_of(group)
        figures = {name: getattr(found.profit, name) for name in FIGURES}
        rates = {name: getattr(found, name) for name in RATES}
        rows.append(KpisOut(is_paper=is_paper, currency=currency, **figures, **rates))
    return rows


async def positions_by_day(
    session: AsyncSession,
    user_id: UUID,
    *,
    zone: ZoneInfo,
    since: datetime | None,
    until: datetime | None,
) -> list[PositionsDayOut]:
    """What was opened and closed on each of the trader's days, newest first."""

    def within(moment: datetime | None) -> datetime | None:
        is_early = moment is None or (since is not None and moment < since)
        is_late = moment is not None and until is not None and moment >= until
        return None if is_early or is_late else moment

    found = await repository.opened_and_closed(session, user_id, since=since, until=until)
    rows = []
    for is_paper, group in grouped(found, lambda one: one[0]).items():
        opened = counted_by_day((within(one[1]) for one in group), zone=zone)
        closed = counted_by_day((within(one[2]) for one in group), zone=zone)
        rows += [
            PositionsDayOut(
                date=day,
                is_paper=is_paper,
                opened=opened.get(day, 0),
                closed=closed.get(day, 0),
            )
            for day in {*opened, *closed}
        ]
    return sorted(rows, key=lambda row: (row.date, row.is_paper), reverse=True)


async def equity(
    session: AsyncSession, user_id: UUID, *, since: date | None, until: date | None
) -> list[EquityDayOut]:
    """The sum of booked results at the end of each day, newest first; never cut at its start."""
    booked = await pnl.days(session, user_id, since=None, until=until)
    rows = [
        EquityDayOut(
            date=day,
            currency=currency,
            is_paper=is_paper,
            realized_pnl=result,
            cumulative_pnl=total,
        )
        for (is_paper, currency), days in grouped(
            booked, lambda row: (row.is_paper, row.currency)
        ).items()
        for day, result, total in running(days)
        if since is None or day >= since
    ]
    return sorted(rows, key=lambda row: (row.date, row.is_paper, row.currency), reverse=True)
