"""Bookings, days and trades add up to the same money."""

from collections import defaultdict
from datetime import date
from decimal import Decimal, localcontext
from typing import Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from app.commands.doctor.checks.advice import BOOKS
from app.commands.doctor.finding import Difference, Finding, RecomputeDay
from app.commands.doctor.rows import Rows
from app.core.decimals import EXACT, plain
from app.pipeline.orders.models import Fill
from app.pipeline.pnl.models import Booking, DailyPnl, Trade
from app.pipeline.pnl.rules import DailyTotals, FundingPaid, TradeSummary, daily_totals
from app.pipeline.positions.book import Realised
from app.pipeline.positions.models import Position
from app.trading.days import trading_day

ZERO: Final = Decimal(0)


class Scope(NamedTuple):
    """Whose money, in which currency; live and paper never meet."""

    user_id: UUID
    currency: str
    is_paper: bool


def positions_have_their_bookings(rows: Rows) -> Finding:
    """What a position has realised is booked, funding apart."""
    booked: dict[UUID, Decimal] = defaultdict(lambda: ZERO)
    with localcontext(EXACT):
        for booking in rows.bookings:
            booked[booking.position_id] += booking.net_pnl
        differences = tuple(
            Difference(
                where=rows.position_name(one),
                what="what it realised is not what was booked",
                expected=plain(booked[one.id] + one.funding),
                found=plain(one.realized_pnl),
                todo=BOOKS,
                subject_id=str(one.id),
            )
            for one in rows.positions
            if one.realized_pnl != booked[one.id] + one.funding
        )
    return Finding("what positions realised is booked", len(rows.positions), differences)


def funding_is_what_was_paid(rows: Rows) -> Finding:
    """What a position has of funding is its shares of the venue's payments (I25)."""
    paid: dict[UUID | None, Decimal] = defaultdict(lambda: ZERO)
    with localcontext(EXACT):
        for one in rows.funding:
            paid[one.position_id] += one.amount
    differences = tuple(
        Difference(
            where=rows.position_name(one),
            what="its funding is not what was paid",
            expected=plain(paid[one.id]),
            found=plain(one.funding),
            todo=BOOKS,
            subject_id=str(one.id),
        )
        for one in rows.positions
        if one.funding != paid[one.id]
    )
    return Finding("funding is what the venue paid", len(rows.funding), differences)


def closing_fills_are_on_their_day(rows: Rows) -> Finding:
    """Each closing fill is booked once, on the trader's day of the execution (I25)."""
    sides = {one.id: one.position_side.closing_side for one in rows.positions}
    closing = [
        one
        for one in rows.fills
        if one.position_id is not None and sides.get(one.position_id) is one.side
    ]
    booked = {one.fill_id: one.day for one in rows.bookings if one.fill_id is not None}
    days = [(fill, _day(rows, fill), booked.get(fill.id)) for fill in closing]
    differences = [
        Difference(
            where=f"execution {fill.exchange_trade_id} of {fill.symbol}",
            what="its result is not on the day it happened",
            expected=str(expected),
            found="no booking" if found is None else str(found),
            todo=BOOKS,
            subject_id=str(fill.order_id),
        )
        for fill, expected, found in days
        if found != expected
    ]
    return Finding("each closing fill is on its day", len(closing), tuple(differences))


def _day(rows: Rows, fill: Fill) -> date:
    return trading_day(fill.executed_at, zone=ZoneInfo(rows.users[fill.user_id].timezone))


def days_are_their_bookings(rows: Rows) -> Finding:
    """Every stored day is what bookings, trades and funding make of it (I25)."""
    stored = {(_scope(one), one.day): one for one in rows.days}
    expected = computed_days(rows)
    differences: list[Difference] = []
    for scope, day in sorted(stored.keys() | expected.keys(), key=_readable):
        row = stored.get((scope, day))
        totals = expected.get((scope, day), DailyTotals())
        differences += _other_day(rows, scope, day, totals, row)
    return Finding("days are the sum of their bookings", len(stored), tuple(differences))


def computed_days(rows: Rows) -> dict[tuple[Scope, date], DailyTotals]:
    """All days from scratch, from bookings, funding payments and trades."""
    booked: dict[Scope, list[Realised]] = defaultdict(list)
    trades: dict[Scope, list[TradeSummary]] = defaultdict(list)
    funding: dict[Scope, list[FundingPaid]] = defaultdict(list)
    for booking in rows.bookings:
        booked[_scope(booking)].append(_realised(booking))
    for trade in rows.trades:
        trades[_scope(trade)].append(_summary(trade))
    books = {one.id: one for one in rows.positions}
    for paid in rows.funding:
        if paid.position_id is not None:
            scope = _scope_of_position(rows, books[paid.position_id])
            funding[scope].append(FundingPaid(paid.amount, paid.paid_at))
    days: dict[tuple[Scope, date], DailyTotals] = {}
    for scope in booked.keys() | trades.keys() | funding.keys():
        zone = ZoneInfo(rows.users[scope.user_id].timezone)
        found = daily_totals(booked[scope], funding=funding[scope], trades=trades[scope], zone=zone)
        days |= {(scope, day): totals for day, totals in found.items()}
    return days


def _other_day(
    rows: Rows, scope: Scope, day: date, totals: DailyTotals, row: DailyPnl | None
) -> list[Difference]:
    user = rows.users[scope.user_id].username
    kind = "paper" if scope.is_paper else "live"
    repair = RecomputeDay(scope.user_id, day, scope.currency, scope.is_paper)
    return [
        Difference(
            where=f"{day} of {user}, {scope.currency}, {kind}",
            what=f"the day's {name.replace('_', ' ')} is not what its rows give",
            expected=_shown(getattr(totals, name)),
            found="no such day" if row is None else _shown(getattr(row, name)),
            todo="Recompute the day (--repair).",
            repair=repair,
        )
        for name in DailyTotals.__slots__
        if getattr(totals, name) != (0 if row is None else getattr(row, name))
    ]


def days_are_trades(rows: Rows) -> Finding:
    """Sum of days = sum of trades + what open positions have booked already (I25)."""
    days: dict[Scope, Decimal] = defaultdict(lambda: ZERO)
    results: dict[Scope, Decimal] = defaultdict(lambda: ZERO)
    with localcontext(EXACT):
        for row in rows.days:
            days[_scope(row)] += row.realized_pnl
        for trade in rows.trades:
            results[_scope(trade)] += trade.realized_pnl
        for position in rows.positions:
            if not position.is_closed:
                results[_scope_of_position(rows, position)] += position.realized_pnl
    differences = tuple(
        Difference(
            where=f"{rows.users[scope.user_id].username}, {scope.currency}",
            what=f"all {'paper' if scope.is_paper else 'live'} days are not all trades",
            expected=plain(results[scope]),
            found=plain(days[scope]),
            todo="Recompute the days that differ (--repair); if none does, " + BOOKS,
        )
        for scope in sorted(days.keys() | results.keys(), key=str)
        if days[scope] != results[scope]
    )
    return Finding("all days together are all trades", len(days), differences)


def settle_of(symbol: str) -> str:
    """The currency that a symbol's results are in."""
    pair, _, settle = symbol.partition(":")
    return settle or pair.partition("/")[2]


def _scope_of_position(rows: Rows, position: Position) -> Scope:
    is_paper = rows.accounts[position.account_id].is_paper
    return Scope(position.user_id, settle_of(position.symbol), is_paper)


def _scope(row: Booking | Trade | DailyPnl) -> Scope:
    return Scope(row.user_id, row.currency, row.is_paper)


def _realised(row: Booking) -> Realised:
    return Realised(
        at=row.booked_at,
        quantity=ZERO,
        entry_cost=ZERO,
        exit_value=ZERO,
        gross=row.gross_pnl,
        entry_fees=ZERO,
        exit_fees=row.fees,
    )


def _summary(row: Trade) -> TradeSummary:
    return TradeSummary(
        position_side=row.position_side,
        quantity=row.quantity,
        dust_quantity=ZERO,
        entry_price=row.entry_price,
        exit_price=row.exit_price,
        gross=row.gross_pnl,
        fees=row.fees,
        funding=row.funding,
        realized_pnl=row.realized_pnl,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        is_provisional=row.is_provisional,
    )


def _readable(key: tuple[Scope, date]) -> tuple[str, date]:
    return str(key[0]), key[1]


def _shown(value: Decimal | int) -> str:
    return plain(value) if isinstance(value, Decimal) else str(value)
