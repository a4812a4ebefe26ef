"""Orders here and orders at the venue are the same orders."""

from datetime import timedelta
from typing import Final

from app.commands.doctor.checks.advice import BOOKS, ITSELF
from app.commands.doctor.finding import CancelAtVenue, Difference, Finding
from app.commands.doctor.rows import IMPORTED, Rows
from app.commands.doctor.venues import RESTING, VenueView, matches
from app.core.decimals import plain
from app.core.ids import is_own_client_order_id
from app.exchanges.venue import OrderReport
from app.pipeline.orders.models import Order
from app.pipeline.orders.repository import LIVE
from app.pipeline.orders.status import UNPROVEN, OrderStatus

PATIENCE: Final = timedelta(seconds=30)
NOT_ACCEPTED: Final = (OrderStatus.REJECTED, OrderStatus.CANCELED, OrderStatus.EXPIRED)


def nobody_is_in_doubt(rows: Rows) -> Finding:
    """No order's outcome stays open for longer than the venue needs to say (I13)."""
    doubtful = [order for order in rows.orders if order.status in UNPROVEN]
    differences = tuple(
        Difference(
            where=rows.order_name(order),
            what="nobody knows whether the venue has it",
            expected=f"proof within {int(PATIENCE.total_seconds())} s",
            found=f"{order.status.value} since {_age(rows, order)} s",
            todo=f"Nothing is opened on its symbol meanwhile. {ITSELF}",
            subject_id=str(order.id),
        )
        for order in doubtful
        if rows.now - (order.submitted_at or order.created_at) > PATIENCE
    )
    return Finding("no order's outcome is open for long", len(doubtful), differences)


def _age(rows: Rows, order: Order) -> int:
    return int((rows.now - (order.submitted_at or order.created_at)).total_seconds())


def endings_have_evidence(rows: Rows) -> Finding:
    """What was in doubt and was called not accepted says what proved it (I12)."""
    doubted = {one.subject_id for one in rows.history if one.action == "order.unknown"}
    ended = [
        order for order in rows.orders if str(order.id) in doubted and order.status in NOT_ACCEPTED
    ]
    differences = tuple(
        Difference(
            where=rows.order_name(order),
            what="it was in doubt and was given up without evidence",
            expected="an id of the venue's, or what proved that it never had it",
            found=f"{order.status.value} ({order.reason or 'no reason'})",
            todo="Look for it at the venue by its id before you trust the books.",
            subject_id=str(order.id),
        )
        for order in ended
        if order.exchange_order_id is None and not order.evidence
    )
    return Finding("what was given up was proven", len(ended), differences)


def live_orders_are_at_the_venue(rows: Rows, view: VenueView) -> Finding:
    """Each order that is open here is open there, with the same figures (I12)."""
    resting = [one for one in rows.orders if one.status in RESTING]
    differences: list[Difference] = []
    for order in resting:
        report = next((one for one in view.open_orders if matches(order, one)), None)
        if report is None:
            differences.append(_missing(rows, order, view.looked_up.get(order.id)))
        else:
            differences += _other_figures(rows, order, report)
    return Finding(
        f"open orders are open at the venue ({view.account.name})",
        len(resting),
        tuple(differences),
    )


def _missing(rows: Rows, order: Order, report: OrderReport | None) -> Difference:
    found = "no such order" if report is None else f"{report.status.value}"
    if report is not None and report.filled_quantity:
        found += f", {plain(report.filled_quantity)} filled"
    return Difference(
        where=rows.order_name(order),
        what="it is open here and not at the venue",
        expected=f"{order.status.value} there too",
        found=found,
        todo=ITSELF,
        subject_id=str(order.id),
    )


def _other_figures(rows: Rows, order: Order, report: OrderReport) -> list[Difference]:
    pairs = {
        "quantity": (order.quantity, report.quantity),
        "filled quantity": (order.filled_quantity, report.filled_quantity),
    }
    if order.trigger_price is not None and report.trigger_price is not None:
        pairs["trigger price"] = (order.trigger_price, report.trigger_price)
    return [
        Difference(
            where=rows.order_name(order),
            what=f"the venue has another {name}",
            expected=plain(ours),
            found=plain(theirs),
            todo=ITSELF,
            subject_id=str(order.id),
        )
        for name, (ours, theirs) in pairs.items()
        if ours != theirs
    ]


def venue_orders_are_known(rows: Rows, view: VenueView) -> Finding:
    """Each order at the venue that carries an id of our form is one that is live here (I18)."""
    ours = [one for one in view.open_orders if is_own_client_order_id(one.client_order_id or "")]
    by_id = {order.client_order_id: order for order in rows.orders}
    differences = [
        one
        for report in ours
        if (one := _stranger(rows, view, report, by_id.get(report.client_order_id)))
    ]
    return Finding(
        f"the venue has no order of ours that is unknown here ({view.account.name})",
        len(view.open_orders),
        tuple(differences),
    )


def _stranger(
    rows: Rows, view: VenueView, report: OrderReport, order: Order | None
) -> Difference | None:
    if order is not None and order.status in LIVE:
        return None
    cancel = CancelAtVenue(
        account_id=view.account.id,
        account=rows.account_name(view.account.id),
        symbol=report.symbol,
        client_order_id=report.client_order_id,
        is_conditional=report.trigger_price is not None,
    )
    size = f"{report.side.value} " if report.side else ""
    size += f"{plain(report.quantity)} {report.symbol}"
    if order is None:
        return Difference(
            where=f"{size} on {rows.account_name(view.account.id)}, id {report.client_order_id}",
            what="the venue holds an order with an id of our form that is unknown here",
            expected="no such order",
            found=f"{report.status.value}, the venue's id {report.exchange_order_id}",
            todo="Unless another Signalbox trades on this account, cancel it (--repair).",
            repair=cancel,
        )
    return Difference(
        where=rows.order_name(order),
        what="it has ended here and is still open at the venue",
        expected=order.status.value,
        found=report.status.value,
        todo="Cancel it at the venue (--repair).",
        subject_id=str(order.id),
        repair=cancel,
    )


def ids_are_taken_once(rows: Rows) -> Finding:
    """No two of our intents became the same order of the venue's (I11)."""
    seen: dict[tuple[object, ...], Order] = {}
    differences: list[Difference] = []
    # What others made and was imported may be split over several books.
    sent = [one for one in rows.orders if one.exchange_order_id and one.origin not in IMPORTED]
    for order in sent:
        # Conditional orders are numbered apart at some venues.
        number = (order.trigger_price is None, order.exchange_order_id)
        first = seen.setdefault((order.account_id, order.symbol, *number), order)
        if first is not order:
            differences.append(
                Difference(
                    where=rows.order_name(order),
                    what=f"it is the same order of the venue's as {first.id}",
                    expected="one intent, one order",
                    found=f"both are {order.exchange_order_id}",
                    todo=BOOKS,
                    subject_id=str(order.id),
                )
            )
    return Finding("one intent is one order", len(sent), tuple(differences))
