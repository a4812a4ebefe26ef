"""Limits hold whenever something opens, and nothing stays reserved (I22, I23)."""

from collections.abc import Iterator

from tests.crash.checker.evidence import Evidence, Violation
from tests.crash.facts import Order, market_of
from tests.crash.history import SECOND
from tests.crash.ledger import OrderEvent, VenueEvent

# The limit that the stories set: books and live entries of the trader, over all accounts.
MAX_OPEN_POSITIONS = 8
# The owner may change leverage between our look at it and the order.
HAND_SECONDS = 2


def limits_hold(evidence: Evidence) -> Iterator[Violation]:
    """I22: each opening order was within the trader's limits, at the leverage it asked for."""
    for order in evidence.rows.orders:
        if not order.is_entry or order.status == "denied":
            continue
        beside = _open_beside(evidence, order)
        if len(beside) >= MAX_OPEN_POSITIONS and _book_of(order) not in beside:
            text = f"opens beside {len(beside)} others"
            yield Violation("I22", order.client_order_id, text)
    yield from _leverage_is_as_asked(evidence)


def nothing_stays_reserved(evidence: Evidence) -> Iterator[Violation]:
    """I23: at rest a signal that is under way has an order that may still be filled."""
    if not evidence.is_quiet:
        return
    live = {"created", "submitted", "unknown", "open", "partially_filled"}
    held = {one.signal_id for one in evidence.rows.orders if one.status in live}
    for signal in evidence.rows.signals:
        if signal.status == "executing" and signal.id not in held:
            yield Violation("I23", signal.id, "is executing without a live order")


def _open_beside(evidence: Evidence, order: Order) -> set[tuple[str, str]]:
    """Books that were open or on their way when the order was written down."""
    at = order.created_at
    found = {
        (one.strategy_id, one.symbol)
        for one in evidence.rows.positions
        if one.created_at <= at and (one.closed_at is None or one.updated_at > at)
    }
    for other in evidence.rows.orders:
        is_earlier = other.is_entry and other.id != order.id and other.created_at < at
        if is_earlier and (other.finished_at is None or other.finished_at > at):
            found.add(_book_of(other))
    return found


def _leverage_is_as_asked(evidence: Evidence) -> Iterator[Violation]:
    known: dict[str, tuple[int, str]] = {}
    hands = [
        one.at
        for one in evidence.ledger.events
        if one.event == "fault_bit" and one.body.get("verb") == "leverage_changed"
    ]
    seen = [(one.seq, one) for one in evidence.ledger.events if one.event == "position"]
    accepted: list[tuple[int, VenueEvent | OrderEvent]] = [
        (one.seq, one) for one in evidence.ledger.orders if one.event == "accepted"
    ]
    for _, item in sorted([*seen, *accepted], key=lambda pair: pair[0]):
        if isinstance(item, VenueEvent):
            settings = (int(item.body["leverage"]), str(item.body["margin_mode"]))
            known[item.body["symbol"]] = settings
            continue
        order = evidence.orders_by_client_id.get(item.client_order_id)
        if order is None or not order.is_entry or order.leverage is None:
            continue
        there = known.get(market_of(order.symbol)[1])
        is_changed = any(item.at - HAND_SECONDS * SECOND < at <= item.at for at in hands)
        if there != (order.leverage, order.margin_mode) and not is_changed:
            text = f"wanted {order.leverage}x {order.margin_mode}, the venue had {there}"
            yield Violation("I22", order.client_order_id, text)


def _book_of(order: Order) -> tuple[str, str]:
    return order.strategy_id, order.symbol
