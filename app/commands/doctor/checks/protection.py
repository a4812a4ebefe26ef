"""Open positions are guarded by exactly their stops, and flat ones have no exit left."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import Final
from uuid import UUID

from app.commands.doctor.checks.advice import ITSELF
from app.commands.doctor.finding import CancelAtVenue, Difference, Finding
from app.commands.doctor.rows import Rows
from app.commands.doctor.venues import RESTING
from app.core.decimals import EXACT, plain
from app.pipeline.orders.models import Order
from app.pipeline.orders.repository import LIVE
from app.pipeline.positions.models import Position
from app.pipeline.positions.repository import HELD
from app.pipeline.positions.status import PositionStatus
from app.trading.words import Protection, Purpose, TriggerKind

ZERO: Final = Decimal(0)
# To place a stop, and to end what is left of a flat position.
PATIENCE: Final = timedelta(seconds=10)
ORPHANED_AFTER: Final = timedelta(seconds=5)
# A server that runs compares each account more often than this.
ASLEEP_AFTER: Final = timedelta(minutes=3)


def positions_are_protected(rows: Rows) -> Finding:
    """Each open position with a stop has exactly that at the venue, or says why not (I16)."""
    resting = _by_position(one for one in rows.orders if one.is_resting_exit)
    guarded = [
        one
        for one in rows.positions
        if one.status in {PositionStatus.OPENING, PositionStatus.OPEN}
        and one.quantity > 0
        and one.close_reason is None
        and (one.stop_loss is not None or one.trailing_percent is not None)
    ]
    differences: list[Difference] = []
    for position in guarded:
        stops = [
            order
            for order in resting[position.id]
            if order.trigger_kind is TriggerKind.STOP and order.status in RESTING
        ]
        differences += _unprotected(rows, position, stops)
    return Finding("open positions with a stop are protected", len(guarded), tuple(differences))


def _unprotected(rows: Rows, position: Position, stops: Sequence[Order]) -> list[Difference]:
    match position.protection:
        case Protection.VENUE:
            return [*_wrong_cover(rows, position, stops), *_wrong_price(rows, position, stops)]
        case Protection.MONITOR:
            seen = _last_seen(rows, position)
            if seen is not None and rows.now - seen > ASLEEP_AFTER:
                what = "only this program guards it, and it does not run"
                found = f"last seen {seen:%Y-%m-%d %H:%M:%S} UTC"
            elif position.protection_note:
                return []
            else:
                what, found = "only this program guards it", "no reason given"
        case _:
            since = position.naked_since or position.opened_at or position.created_at
            if rows.now - since <= PATIENCE:
                return []
            what = "nobody guards it"
            found = f"nothing since {since:%Y-%m-%d %H:%M:%S} UTC"
    return [
        _difference(rows, position, what, expected="its stop resting at the venue", found=found)
    ]


def _last_seen(rows: Rows, position: Position) -> datetime | None:
    """When a server last compared the account, or tried to."""
    for state in rows.states:
        if state.account_id == position.account_id and state.failing_since is None:
            return state.reconciled_at
    return None


def _wrong_cover(rows: Rows, position: Position, stops: Sequence[Order]) -> list[Difference]:
    instrument = rows.instrument(position)
    sellable = position.quantity
    if instrument is not None:
        sellable = instrument.floor_quantity(position.quantity)
    with localcontext(EXACT):
        covered = sum((one.remaining for one in stops), ZERO)
    if covered == sellable:
        return []
    return [
        _difference(
            rows,
            position,
            "its stops do not cover exactly what can be sold",
            expected=plain(sellable),
            found=f"{plain(covered)} in {len(stops)} stops",
        )
    ]


def _wrong_price(rows: Rows, position: Position, stops: Sequence[Order]) -> list[Difference]:
    """A trailing stop may lag a little; a fixed one is where it was put, on the tick."""
    instrument = rows.instrument(position)
    if position.trailing_percent is not None or position.stop_loss is None or instrument is None:
        return []
    wanted = instrument.stop_price(position.stop_loss, position.position_side)
    return [
        _difference(
            rows,
            position,
            f"its stop {one.client_order_id} is at another price",
            expected=plain(wanted),
            found=plain(one.trigger_price or ZERO),
        )
        for one in stops
        if one.trigger_price != wanted
    ]


def _difference(
    rows: Rows, position: Position, what: str, *, expected: str, found: str
) -> Difference:
    naked = f" It has been without one for {plain(position.naked_seconds)} s in all."
    return Difference(
        where=rows.position_name(position),
        what=what,
        expected=expected,
        found=found,
        todo=ITSELF + (naked if position.naked_seconds else ""),
        subject_id=str(position.id),
    )


def exits_only_reduce(rows: Rows) -> Finding:
    """Of a position, live stops, live targets and live closes are each at most it (I17)."""
    held = [one for one in rows.positions if one.status in HELD]
    exits = _by_position(
        one for one in rows.orders if one.status in LIVE and one.purpose is not Purpose.ENTRY
    )
    differences: list[Difference] = []
    for position in held:
        for name, orders in _kinds(exits[position.id]).items():
            with localcontext(EXACT):
                total = sum((one.remaining for one in orders), ZERO)
            if total > position.quantity:
                differences.append(
                    _difference(
                        rows,
                        position,
                        f"its {name} would sell more than it holds",
                        expected=f"at most {plain(position.quantity)}",
                        found=plain(total),
                    )
                )
        if not rows.is_spot(position):
            differences += [
                _difference(
                    rows,
                    position,
                    f"its exit {one.client_order_id} may do more than reduce",
                    expected="reduce-only",
                    found="an order that could open the other side",
                )
                for one in exits[position.id]
                if not one.reduce_only
            ]
    return Finding("exits only reduce", len(held), tuple(differences))


def _kinds(orders: Sequence[Order]) -> dict[str, list[Order]]:
    kinds: dict[str, list[Order]] = {"stops": [], "targets": [], "closes": []}
    for order in orders:
        if not order.is_resting_exit:
            kinds["closes"].append(order)
        else:
            is_stop = order.trigger_kind is TriggerKind.STOP
            kinds["stops" if is_stop else "targets"].append(order)
    return kinds


def flat_positions_have_no_exits(rows: Rows) -> Finding:
    """A closed position leaves no order of its own behind (I18)."""
    closed = {one.id: one for one in rows.positions if one.is_closed}
    differences = tuple(
        Difference(
            where=rows.order_name(order),
            what="it is an exit of a position that is closed",
            expected="no live exit",
            found=f"{order.status.value}, position {order.position_id} closed",
            todo="Cancel it at the venue (--repair).",
            subject_id=str(order.id),
            repair=CancelAtVenue(
                account_id=order.account_id,
                account=rows.account_name(order.account_id),
                symbol=order.symbol,
                client_order_id=order.client_order_id,
                is_conditional=order.trigger_price is not None,
            ),
        )
        for order in rows.orders
        if order.purpose is not Purpose.ENTRY
        and order.status in RESTING
        and order.position_id in closed
        and _is_old(closed[order.position_id].closed_at, rows.now)
    )
    return Finding("closed positions have no exit left", len(closed), differences)


def closing_positions_have_exits(rows: Rows) -> Finding:
    """What is closing is being closed by an order (I19)."""
    leaving = {
        order.position_id
        for order in rows.orders
        if order.purpose is not Purpose.ENTRY and order.status in LIVE
    }
    closing = [one for one in rows.positions if one.status is PositionStatus.CLOSING]
    differences = tuple(
        _difference(
            rows,
            one,
            "it is closing, and no exit of it is on its way",
            expected="an exit order",
            found="none",
        )
        for one in closing
        if one.id not in leaving
    )
    return Finding("closing positions have an exit on its way", len(closing), differences)


def _is_old(moment: datetime | None, now: datetime) -> bool:
    return moment is None or now - moment > ORPHANED_AFTER


def _by_position(orders: Iterable[Order]) -> dict[UUID, list[Order]]:
    found: dict[UUID, list[Order]] = defaultdict(list)
    for order in orders:
        if order.position_id is not None:
            found[order.position_id].append(order)
    return found
