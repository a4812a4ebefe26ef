"""Reports over what was closed and booked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from app.pipeline.pnl import repository as pnl
from app.pipeline.pnl.models import Trade
from app.reports import repository
from app.reports.rules import added_by_day, counted_by_day, grouped, kpis_of, profit_of, running
from app.reports.schemas import EquityDayOut, GroupedBy, KpisOut, PositionsDayOut, ProfitOut
from app.trading.days import trading_day

FIGURES = ("trades", "wins", "losses", "gross_pnl", "fees", "funding", "realized_pnl")
RATES = (
    "win_rate_percent",
    "profit_factor",
    "average_win",
    "average_loss",
    "largest_win",
    "largest_loss",
    "expectancy",
    "average_holding_seconds",
    "fees_share_percent",
)


@dataclass(frozen=True, slots=True)
class BookedDay:
    """The net result of one day in one currency and scope."""

    is_paper: bool
    currency: str
    day: date
    realized_pnl: Decimal


async def profit(
    session: AsyncSession,
    user_id: UUID,
    trades: Sequence[Trade],
    by: GroupedBy | None,
    *,
    zone: ZoneInfo,
) -> list[ProfitOut]:
    """Trades added up; live and paper, and currencies, apart.

    Args:
        session: where strategies have their names.
        user_id: the trader.
        trades: theirs, newest first.
        by: None is by strategy, then by symbol.
        zone: the trader's, where their days begin.
    """
    names = await repository.strategy_names(session, user_id)
    rows = []
    for kind in (GroupedBy.STRATEGY, GroupedBy.SYMBOL) if by is None else (by,):
        for heading, group in _groups(trades, kind, names, zone):
            added = profit_of(group)
            rows.append(ProfitOut(**heading, **{name: getattr(added, name) for name in FIGURES}))
    return rows


async def kpis(
    session: AsyncSession,
    user_id: UUID,
    trades: Sequence[Trade],
    by: GroupedBy | None,
    *,
    zone: ZoneInfo,
) -> list[KpisOut]:
    """The usual figures, live and paper, and currencies, apart; arguments as `profit`.

    Without `by` of all trades together.
    """
    names = await repository.strategy_names(session, user_id)
    rows = []
    for heading, group in _groups(trades, by, names, zone):
        found = kpis_of(group)
        figures = {name: getattr(found.profit, name) for name in FIGURES}
        rates = {name: getattr(found, name) for name in RATES}
        drawdown: dict[str, Any] = {
            "max_drawdown": found.drawdown.depth,
            "drawdown_began_at": found.drawdown.began_at,
            "drawdown_deepest_at": found.drawdown.deepest_at,
            "drawdown_recovered_at": found.drawdown.recovered_at,
        }
        rows.append(KpisOut(**heading, **figures, **rates, **drawdown))
    return rows


async def positions_by_day(
    session: AsyncSession,
    user_id: UUID,
    *,
    zone: ZoneInfo,
    since: datetime | None,
    until: datetime | None,
    strategy_id: UUID | None = None,
    symbol: str | None = None,
) -> list[PositionsDayOut]:
    """What was opened and closed on each of the trader's days, newest first."""

    def within(moment: datetime | None) -> datetime | None:
        is_early = moment is None or (since is not None and moment < since)
        is_late = moment is not None and until is not None and moment >= until
        return None if is_early or is_late else moment

    found = await repository.opened_and_closed(
        session, user_id, since=since, until=until, strategy_id=strategy_id, symbol=symbol
    )
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
    session: AsyncSession,
    user_id: UUID,
    *,
    zone: ZoneInfo,
    since: date | None,
    until: date | None,
    strategy_id: UUID | None = None,
    symbol: str | None = None,
) -> list[EquityDayOut]:
    """The sum of booked results at the end of each day, newest first; never cut at its start.

    Args:
        session: where to ask.
        user_id: the trader.
        zone: the trader's; only the days of funding are found by it, a fill's day is stored.
        since: first day that is shown; the sum counts from the very first.
        until: the day after the last one.
        strategy_id: of this strategy alone.
        symbol: of this market alone.
    """
    if strategy_id is None and symbol is None:
        stored = await pnl.days(session, user_id, since=None, until=until)
        booked = [
            BookedDay(row.is_paper, row.currency, row.day, row.realized_pnl) for row in stored
        ]
    else:
        booked = await _booked_days(
            session, user_id, zone=zone, strategy_id=strategy_id, symbol=symbol
        )
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
        if (since is None or day >= since) and (until is None or day < until)
    ]
    return sorted(rows, key=lambda row: (row.date, row.is_paper, row.currency), reverse=True)


async def _booked_days(
    session: AsyncSession,
    user_id: UUID,
    *,
    zone: ZoneInfo,
    strategy_id: UUID | None,
    symbol: str | None,
) -> list[BookedDay]:
    """Days of a part of the trading, which no table keeps: fills and funding, added up."""
    fills = await repository.booked(session, user_id, strategy_id=strategy_id, symbol=symbol)
    paid = await repository.funded(session, user_id, strategy_id=strategy_id, symbol=symbol)
    amounts = [
        *(((one.is_paper, one.currency), one.day, one.amount) for one in fills),
        *(
            ((one.is_paper, one.currency), trading_day(one.paid_at, zone=zone), one.amount)
            for one in paid
        ),
    ]
    return [
        BookedDay(is_paper, currency, day, amount)
        for (is_paper, currency), group in grouped(amounts, lambda one: one[0]).items()
        for day, amount in added_by_day((one[1], one[2]) for one in group).items()
    ]


def _groups(
    trades: Sequence[Trade], by: GroupedBy | None, names: Mapping[UUID, str], zone: ZoneInfo
) -> Iterator[tuple[dict[str, Any], list[Trade]]]:
    """Trades of one kind, currency and scope, each with the head of its row."""

    def kind(trade: Trade) -> UUID | str | date | None:
        match by:
            case GroupedBy.STRATEGY:
                return trade.strategy_id
            case GroupedBy.SYMBOL:
                return trade.symbol
            case GroupedBy.DAY:
                return trading_day(trade.closed_at, zone=zone)
            case None:
                return None

    groups = grouped(trades, lambda one: (kind(one), one.is_paper, one.currency))
    for (value, is_paper, currency), group in groups.items():
        strategy_id = value if isinstance(value, UUID) else None
        yield (
            {
                "by": by,
                "strategy_id": strategy_id,
                "strategy": None if strategy_id is None else names.get(strategy_id),
                "symbol": value if isinstance(value, str) else None,
                "date": value if isinstance(value, date) else None,
                "is_paper": is_paper,
                "currency": currency,
            },
            group,
        )
