"""Executions are facts: ours are the venue's, and orders and books are their sums."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal, localcontext
from typing import Final
from uuid import UUID

from app.commands.doctor.checks.advice import BOOKS, ITSELF
from app.commands.doctor.finding import Difference, Finding
from app.commands.doctor.rows import IMPORTED, Rows
from app.commands.doctor.venues import VenueView, executing_numbers
from app.core.decimals import EXACT, plain
from app.exchanges.venue import FillReport
from app.pipeline.orders.models import Fill
from app.pipeline.positions.models import Position

ZERO: Final = Decimal(0)
# At the edge of the window the two lists need not begin with the same execution.
EDGE: Final = timedelta(minutes=1)
# An execution of other hands is shared by the books it took from, each share under a mark.
SHARE_MARK: Final = "/"
FIGURES: Final = ("side", "price", "quantity", "fee", "fee_asset")


def orders_are_their_fills(rows: Rows) -> Finding:
    """What an order says was filled is the sum of its executions, and never more than asked."""
    filled: dict[UUID, Decimal] = defaultdict(lambda: ZERO)
    with localcontext(EXACT):
        for fill in rows.fills:
            filled[fill.order_id] += fill.quantity
    differences = []
    for order in rows.orders:
        total = filled[order.id]
        says = order.filled_quantity
        questions = (
            (total != says, "it does not say what its fills add up to", total, says),
            (total > order.quantity, "more was filled than was asked", order.quantity, total),
        )
        differences += [
            Difference(
                where=rows.order_name(order),
                what=what,
                expected=plain(expected),
                found=plain(found),
                todo=BOOKS,
                subject_id=str(order.id),
            )
            for is_wrong, what, expected, found in questions
            if is_wrong
        ]
    return Finding("orders are the sum of their fills", len(rows.orders), tuple(differences))


def positions_are_their_fills(rows: Rows) -> Finding:
    """What a book holds is what its executions left, its dust apart (I15)."""
    by_position: dict[UUID, list[Fill]] = defaultdict(list)
    for fill in rows.fills:
        if fill.position_id is not None:
            by_position[fill.position_id].append(fill)
    differences = []
    for position in rows.positions:
        with localcontext(EXACT):
            held = _held(rows, position, by_position[position.id]) - position.dust_quantity
        if held != position.quantity:
            differences.append(
                Difference(
                    where=rows.position_name(position),
                    what="it does not hold what its fills left",
                    expected=f"{plain(held)} (dust {plain(position.dust_quantity)})",
                    found=plain(position.quantity),
                    todo=BOOKS,
                    subject_id=str(position.id),
                )
            )
    return Finding("positions are the sum of their fills", len(rows.positions), tuple(differences))


def _held(rows: Rows, position: Position, fills: Sequence[Fill]) -> Decimal:
    """What the executions leave: a fee taken in the coin itself leaves less of it."""
    held = ZERO
    for fill in fills:
        in_coin = rows.is_spot(position) and fill.fee_asset == fill.symbol.partition("/")[0]
        fee = fill.fee if in_coin else ZERO
        if fill.side is position.position_side.opening_side:
            held += fill.quantity - fee
        else:
            held -= fill.quantity + max(ZERO, min(held - fill.quantity, fee))
    return held


def fills_are_the_venues(rows: Rows, view: VenueView) -> Finding:
    """Executions here and there are the same, digit for digit (I14)."""
    own = [order for order in rows.orders if order.origin not in IMPORTED]
    ours = {order.id for order in own}
    here = {(one.symbol, base_id(one.exchange_trade_id)): one for one in rows.fills}
    there = {(one.symbol, one.exchange_trade_id): one for one in view.executions}
    numbers = executing_numbers(rows, own)
    differences = [
        _unknown_fill(rows, view, report)
        for key, report in there.items()
        if key not in here and (report.symbol, report.exchange_order_id) in numbers
    ]
    for key, fill in here.items():
        if key not in there:
            if fill.executed_at > view.since + EDGE:
                differences.append(_invented(rows, fill))
        elif fill.order_id in ours:
            differences += _other_figures(rows, fill, there[key])
    return Finding(
        f"executions are the venue's, last 24 h ({view.account.name})",
        len(there),
        tuple(differences),
    )


def base_id(exchange_trade_id: str) -> str:
    """The venue's own id, of an execution that several books share too."""
    return exchange_trade_id.partition(SHARE_MARK)[0]


def _unknown_fill(rows: Rows, view: VenueView, report: FillReport) -> Difference:
    return Difference(
        where=(
            f"execution {report.exchange_trade_id} of {report.symbol}"
            f" on {rows.account_name(view.account.id)}"
        ),
        what="it belongs to an order of ours and is not booked",
        expected="booked once",
        found=f"{report.side.value} {plain(report.quantity)} at {plain(report.price)}, not here",
        todo=ITSELF,
    )


def _invented(rows: Rows, fill: Fill) -> Difference:
    return Difference(
        where=_name(rows, fill),
        what="it is booked and the venue knows no such execution",
        expected="an execution at the venue",
        found=f"{fill.side.value} {plain(fill.quantity)} at {plain(fill.price)} here only",
        todo=BOOKS,
        subject_id=str(fill.order_id),
    )


def _other_figures(rows: Rows, fill: Fill, report: FillReport) -> list[Difference]:
    pairs = {name: (getattr(report, name), getattr(fill, name)) for name in FIGURES}
    return [
        Difference(
            where=_name(rows, fill),
            what=f"its {name.replace('_', ' ')} is not the venue's",
            expected=_shown(theirs),
            found=_shown(ours),
            todo=BOOKS,
            subject_id=str(fill.order_id),
        )
        for name, (theirs, ours) in pairs.items()
        if theirs != ours
    ]


def _name(rows: Rows, fill: Fill) -> str:
    account = rows.account_name(fill.account_id)
    return f"execution {fill.exchange_trade_id} of {fill.symbol} on {account}"


def _shown(value: object) -> str:
    return plain(value) if isinstance(value, Decimal) else str(value)
