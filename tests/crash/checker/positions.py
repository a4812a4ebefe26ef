"""Fills are facts, quantities are conserved, exits only reduce (I14, I15, I17 to I19)."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal

from tests.crash.checker.evidence import ZERO, Evidence, Violation
from tests.crash.facts import Order, Position, base_of, market_of
from tests.crash.ledger import OrderEvent, VenueFill

OUR_PREFIX = "sb"


def fills_agree(evidence: Evidence) -> Iterator[Violation]:
    """I14: no fill is invented or booked twice; at rest none of ours is missing."""
    counts = Counter(
        (one.account_id, one.symbol, one.exchange_trade_id) for one in evidence.rows.fills
    )
    for (_, symbol, number), count in counts.items():
        if count > 1:
            yield Violation("I14", f"{symbol} {number}", f"booked {count} times")
    for fill in evidence.rows.fills:
        real = evidence.at_venue(fill)
        name = f"{fill.symbol} {fill.exchange_trade_id}"
        if real is None:
            yield Violation("I14", name, "booked, and the venue knows nothing of it")
            continue
        ours = (fill.side, fill.price, fill.fee_asset, fill.quantity, fill.fee)
        theirs = (real.side, real.price, real.fee_asset, real.quantity, real.fee)
        is_whole = not evidence.is_ours(real) or ours == theirs
        quantity_left, fee_left = evidence.unbooked(real)
        is_too_much = quantity_left < 0 or abs(real.fee - fee_left) > abs(real.fee)
        if not is_whole or ours[:3] != theirs[:3] or is_too_much:
            yield Violation("I14", name, f"booked as {_plain(ours)}, it was {_plain(theirs)}")
    if evidence.is_quiet:
        yield from _missing(evidence)


def quantities_agree(evidence: Evidence) -> Iterator[Violation]:
    """I15: books and EXTERNAL together are what the venue holds; nothing foreign is absorbed."""
    if not evidence.is_quiet:
        return
    for account_id, symbol in _traded(evidence):
        held, dust = _held(evidence, account_id, symbol)
        outside = sum(
            (
                one.quantity
                for one in evidence.rows.external
                if (one.account_id, one.symbol) == (account_id, symbol)
            ),
            ZERO,
        )
        there = _at_venue(evidence, account_id, symbol)
        # What was put aside may be shown as EXTERNAL, or not: it is there either way.
        if there - held - outside not in {ZERO, dust}:
            text = f"the venue has {there}, books {held}, EXTERNAL {outside}, dust {dust}"
            yield Violation("I15", symbol, text)


def exits_only_reduce(evidence: Evidence) -> Iterator[Violation]:
    """I17: no exit flips the net or enlarges it; per position each kind of exit is within it."""
    net: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    for fill in evidence.ledger.fills:
        if fill.market != "linear":
            continue
        key = (fill.account_id, fill.symbol)
        before, net[key] = net[key], net[key] + fill.signed
        order = evidence.orders_by_client_id.get(fill.client_order_id)
        is_exit = order is not None and not order.is_entry
        if is_exit and (abs(net[key]) > abs(before) or net[key] * before < 0):
            text = f"took {fill.symbol} from {before} to {net[key]}"
            yield Violation("I17", fill.client_order_id, text)
    for request in evidence.ledger.requests:
        exits = [evidence.orders_by_client_id.get(name) for name in request.client_ids]
        is_exit = any(one is not None and not one.is_entry for one in exits)
        is_bound = request.params.get("reduceOnly", "").lower() == "true"
        if request.creates and request.path.startswith("/fapi") and is_exit and not is_bound:
            yield Violation("I17", request.client_ids[0], "an exit without reduceOnly")
    yield from _books_stay_above_zero(evidence)
    if evidence.is_quiet:
        yield from _live_exits_fit(evidence)


def flat_leaves_nothing(evidence: Evidence) -> Iterator[Violation]:
    """I18: a flat position has no live exit; every live order with our prefix is known."""
    if not evidence.is_quiet:
        return
    closed = {one.id for one in evidence.rows.positions if one.is_closed}
    for event in evidence.ledger.live_orders():
        order = evidence.orders_by_client_id.get(event.client_order_id)
        if order is None and event.client_order_id.startswith(OUR_PREFIX):
            yield Violation("I18", event.client_order_id, "lives at the venue, nobody knows it")
        elif order is not None and not order.is_entry and order.position_id in closed:
            yield Violation("I18", event.client_order_id, "outlived its position")


def one_closer(evidence: Evidence) -> Iterator[Violation]:
    """I19: one close chain a position: exits under way at once never add up to more than it."""
    for position in evidence.rows.positions:
        exits = [
            one
            for one in evidence.orders_of.get(position.id, [])
            if not one.is_entry and not one.rests and one.origin == "ours" and one.submitted_at
        ]
        for number, one in enumerate(exits):
            beside = [other for other in exits[number + 1 :] if _overlap(one, other)]
            wanted = one.quantity + sum((other.quantity for other in beside), ZERO)
            if beside and wanted > _most(evidence, position):
                text = f"{len(beside) + 1} exits at once want {wanted}"
                yield Violation("I19", position.id, text)


def _missing(evidence: Evidence) -> Iterator[Violation]:
    booked = {(*market_of(one.symbol), one.exchange_trade_id) for one in evidence.rows.fills}
    for real in evidence.ledger.fills:
        key = (real.market, real.symbol, real.trade_id)
        if evidence.is_ours(real) and key not in booked:
            text = f"{real.side} {real.quantity} at {real.price} is not booked"
            yield Violation("I14", f"{real.client_order_id} {real.trade_id}", text)


def _traded(evidence: Evidence) -> set[tuple[str, str]]:
    """Accounts and symbols with a book, an EXTERNAL holding or a fill."""
    found = {(one.account_id, one.symbol) for one in evidence.rows.positions}
    return found | {(one.account_id, one.symbol) for one in evidence.rows.external}


def _held(evidence: Evidence, account_id: str, symbol: str) -> tuple[Decimal, Decimal]:
    """Signed sum of the books, and what they put aside."""
    held, dust = ZERO, ZERO
    for one in evidence.rows.positions:
        if (one.account_id, one.symbol) == (account_id, symbol):
            held += one.sign * one.quantity
            dust += one.sign * one.dust_quantity
    return held, dust


def _at_venue(evidence: Evidence, account_id: str, symbol: str) -> Decimal:
    market, name = market_of(symbol)
    number = evidence.venue_accounts[account_id]
    if market == "linear":
        return evidence.ledger.net(number, market, name)
    return evidence.ledger.purse(number, market, base_of(symbol))


def _books_stay_above_zero(evidence: Evidence) -> Iterator[Violation]:
    """No book sells more than it has; the order in which fills were booked counts."""
    for position in evidence.rows.positions:
        held = ZERO
        for fill in evidence.fills_of.get(position.id, []):
            opens = (fill.side == "buy") == (position.sign > 0)
            is_base_fee = market_of(fill.symbol)[0] == "spot" and (
                fill.fee_asset == base_of(fill.symbol)
            )
            held += (fill.quantity if opens else -fill.quantity) - (fill.fee if is_base_fee else 0)
            if held < 0:
                yield Violation("I17", position.id, f"sold {-held} more than it had")
                break


def _live_exits_fit(evidence: Evidence) -> Iterator[Violation]:
    live = {one.client_order_id: one for one in evidence.ledger.live_orders()}
    for position in evidence.rows.positions:
        if position.is_closed:
            continue
        by_purpose: dict[str, Decimal] = defaultdict(Decimal)
        for order in evidence.orders_of.get(position.id, []):
            event: OrderEvent | None = live.get(order.client_order_id)
            if event is not None and not order.is_entry:
                by_purpose[order.purpose] += event.quantity
        for purpose, quantity in by_purpose.items():
            if quantity > position.quantity:
                text = f"{quantity} of live {purpose} for {position.quantity}"
                yield Violation("I17", position.id, text)


def _overlap(one: Order, other: Order) -> bool:
    if one.submitted_at is None or other.submitted_at is None:
        return False
    return one.finished_at is None or other.submitted_at < one.finished_at


def _most(evidence: Evidence, position: Position) -> Decimal:
    """All that its entries ever brought."""
    return sum(
        (
            one.quantity
            for one in evidence.fills_of.get(position.id, [])
            if (one.side == "buy") == (position.sign > 0)
        ),
        ZERO,
    )


def _plain(values: tuple[object, ...]) -> str:
    return " ".join(str(one) for one in values)


def reals_of(evidence: Evidence, position: Position) -> list[VenueFill]:
    """The venue's executions behind a position's fills, oldest first."""
    found = [evidence.at_venue(one) for one in evidence.fills_of.get(position.id, [])]
    return sorted((one for one in found if one is not None), key=lambda one: one.seq)
