"""An intent is written first, sent once, and ends only as the venue says (I9 to I13)."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from tests.crash.checker.evidence import ZERO, Evidence, Violation
from tests.crash.history import SECOND
from tests.crash.ledger import OrderEvent, Request

# What two sends of one id must have in common.
SAME: Final = ("symbol", "side", "type", "quantity", "price", "reduceOnly", "triggerPrice")
ENDED_UNFILLED: Final = {"rejected", "canceled", "expired", "denied"}
NEVER_ACCEPTED: Final = {"rejected", "denied"}
NOT_EXECUTED: Final = {"failed", "denied", "expired", "rejected", "superseded"}
UNKNOWN_SECONDS: Final = 30


def intent_first(evidence: Evidence) -> Iterator[Violation]:
    """I9: every client id that the venue saw is in the database, and was before it was sent."""
    known, pairs = evidence.orders_by_client_id, evidence.pair_ids
    ours = set(evidence.venue_accounts.values())
    for request in evidence.ledger.requests:
        if not request.creates or request.account_id not in ours:
            continue
        for name in request.client_ids:
            order = known.get(name)
            if order is None and name not in pairs:
                yield Violation("I9", name, "the venue was asked for it, nobody wrote it down")
            elif order is not None and evidence.history.ns_of(order.created_at) > request.at:
                yield Violation("I9", name, "was sent before it was written down")
        if not request.client_ids:
            yield Violation("I9", request.path, "an order was sent without a client id")


def scheduled_exits_keep_their_limit(evidence: Evidence) -> Iterator[Violation]:
    """T32: what waited for its price was filled at its limit or better."""
    for fill in evidence.ledger.fills:
        order = evidence.orders_by_client_id.get(fill.client_order_id)
        if order is None or order.close_reason != "scheduled" or order.limit_price is None:
            continue
        better = fill.price - order.limit_price
        if (better if fill.side == "sell" else -better) < 0:
            text = f"filled at {fill.price}, its limit is {order.limit_price}"
            yield Violation("T32", fill.client_order_id, text)


def ids_are_used_once(evidence: Evidence) -> Iterator[Violation]:
    """I10: an id is accepted at most once, and sent again only as the very same order."""
    accepted = Counter((one.market, one.client_order_id) for one in _accepted(evidence))
    for (_, name), count in accepted.items():
        if count > 1 and name in evidence.orders_by_client_id:
            yield Violation("I10", name, f"was accepted {count} times")
    sends: dict[str, list[Request]] = defaultdict(list)
    for request in evidence.ledger.requests:
        for name in request.client_ids if request.creates else ():
            sends[name].append(request)
    for name, requests in sends.items():
        forms = {tuple(one.params.get(key) for key in SAME) for one in requests}
        if len(forms) > 1:
            yield Violation("I10", name, "was sent again as another order")


def one_order_per_intent(evidence: Evidence) -> Iterator[Violation]:
    """I11: one accepted order an intent; a signal never gets more than was approved."""
    numbers: dict[str, set[tuple[bool, int]]] = defaultdict(set)
    for event in _accepted(evidence):
        numbers[event.client_order_id].add((event.is_conditional, event.order_id))
    for name, found in numbers.items():
        if len(found) > 1 and name in evidence.orders_by_client_id:
            yield Violation("I11", name, f"became {len(found)} orders")
    yield from _within_approval(evidence)


def _within_approval(evidence: Evidence) -> Iterator[Violation]:
    """Filled and live quantity of a signal's entries is within what was approved."""
    live = {one.client_order_id: one.quantity for one in evidence.ledger.live_orders()}
    filled = _filled(evidence)
    taken: dict[str | None, Decimal] = defaultdict(Decimal)
    for order in evidence.rows.orders:
        if order.is_entry:
            name = order.client_order_id
            taken[order.signal_id] += live.get(name) or filled[name]
    for signal in evidence.rows.signals:
        if taken[signal.id] > (signal.quantity or ZERO):
            text = f"{taken[signal.id]} for an approved {signal.quantity}"
            yield Violation("I11", signal.id, text)


def no_premature_end(evidence: Evidence) -> Iterator[Violation]:
    """I12: nothing is over that the venue holds open, or filled beyond what we have."""
    live = {one.client_order_id for one in evidence.ledger.live_orders()}
    filled = _filled(evidence)
    for order in evidence.rows.orders:
        if order.origin != "ours" or order.status not in ENDED_UNFILLED | {"filled"}:
            continue
        name = order.client_order_id
        if name in live:
            yield Violation("I12", name, f"is {order.status}, the venue holds it open")
        if filled[name] > order.filled_quantity:
            text = f"is {order.status} at {order.filled_quantity}, the venue filled {filled[name]}"
            yield Violation("I12", name, text)
        if filled[name] and order.status in NEVER_ACCEPTED:
            yield Violation("I12", name, f"is {order.status}, the venue filled {filled[name]}")
        is_told = order.reason or order.evidence or order.exchange_order_id
        if order.status in ENDED_UNFILLED and not is_told:
            yield Violation("I12", name, f"is {order.status} without evidence")
    yield from _signals_follow(evidence, filled)


def _signals_follow(evidence: Evidence, filled: dict[str, Decimal]) -> Iterator[Violation]:
    """A signal whose order was filled is executed, whatever was believed in between."""
    signals = {one.id: one for one in evidence.rows.signals}
    for order in evidence.rows.orders:
        signal = signals.get(order.signal_id or "")
        if signal is not None and filled[order.client_order_id] and signal.status in NOT_EXECUTED:
            text = f"is {signal.status}, its order {order.client_order_id} was filled"
            yield Violation("I12", signal.id, text)


def unknown_is_bounded(evidence: Evidence) -> Iterator[Violation]:
    """I13: what is unknown is resolved, or told after 30 s; nothing opens beside it meanwhile."""
    for name, since, until in _unknown_times(evidence):
        order = evidence.orders_by_id[name]
        for other in evidence.rows.orders:
            at = evidence.history.ns_of(other.created_at)
            is_beside = (other.account_id, other.symbol) == (order.account_id, order.symbol)
            if other.is_entry and is_beside and other.id != name and since < at < until:
                text = f"opens on {order.symbol} while {order.client_order_id} is unknown"
                yield Violation("I13", other.client_order_id, text)
        waited = min(evidence.until, until) - since
        told = [one for one in evidence.rows.notices if name in one.subject_id.replace("-", "")]
        if waited > (UNKNOWN_SECONDS + 5) * SECOND and not told:
            text = f"unknown for {waited / SECOND:.0f} s, and nobody was told"
            yield Violation("I13", order.client_order_id, text)
        if evidence.is_quiet and order.status == "unknown":
            yield Violation("I13", order.client_order_id, "is unknown at rest")


def _unknown_times(evidence: Evidence) -> Iterator[tuple[str, int, int]]:
    """Order, and from when until when it was unknown."""
    since: dict[str, int] = {}
    for entry in evidence.rows.audit:
        if entry.subject_kind != "order":
            continue
        at = evidence.history.ns_of(entry.at)
        if entry.action == "order.unknown":
            since[entry.subject_id] = at
        elif entry.subject_id in since and entry.action != "order.cancel_requested":
            yield entry.subject_id, since.pop(entry.subject_id), at
    for subject, at in since.items():
        yield subject, at, evidence.until


def _accepted(evidence: Evidence) -> Iterator[OrderEvent]:
    """Orders that came to be at the venue by a request; what a conditional one became is none."""
    children = {one.actual_order_id for one in evidence.ledger.orders if one.is_conditional} - {0}
    for one in evidence.ledger.orders:
        if one.is_conditional and one.event == "new":
            yield one
        is_child = one.market == "linear" and one.order_id in children
        if not one.is_conditional and one.event == "accepted" and not is_child:
            yield one


def _filled(evidence: Evidence) -> dict[str, Decimal]:
    """What the venue executed of each client id."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for fill in evidence.ledger.fills:
        found[fill.client_order_id] += fill.quantity
    return found
