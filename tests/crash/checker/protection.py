"""A position with a stop is covered, and a level that is reached acts (I16, I20)."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tests.crash.checker.evidence import ZERO, Evidence, Violation
from tests.crash.checker.positions import reals_of
from tests.crash.facts import Order, Position, base_of, market_of
from tests.crash.history import SECOND
from tests.crash.ledger import LIVE

FILL_SECONDS: Final = 2
CRASH_SECONDS: Final = 5
# Where the venue does not take a stop, or its answer is not heard: 10 s, then it is being closed.
HARMED_SECONDS: Final = 12
TRIGGER_SECONDS: Final = 3
FOREVER: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Naked:
    """A stretch without a stop that covers exactly what could be sold.

    Attributes:
        kind: `calm`; `crash` when the server was down in it; `harmed` when a fault or a hand was
            at work; `monitor` while it says that the monitor guards and why.
        allowed: until when it may last.
        is_over: whether it had ended.
    """

    position_id: str
    begin: int
    end: int
    kind: str
    allowed: int
    is_over: bool

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return (self.end - self.begin) / SECOND


def stops_cover(evidence: Evidence) -> Iterator[Violation]:
    """I16: one live stop set covers exactly what could be sold, within its time."""
    for naked in naked_times(evidence):
        late = (naked.end - naked.allowed) / SECOND
        if late > 0:
            text = f"{naked.kind}: {naked.seconds:.2f} s without a stop, {late:.2f} s too long"
            yield Violation("I16", naked.position_id, text)
    for position in evidence.rows.positions:
        is_alone = position.protection == "monitor" and not position.is_closed
        if evidence.is_quiet and is_alone and _has_stop(position) and not position.protection_note:
            yield Violation("I16", position.id, "guarded by the monitor alone, without a reason")


def triggers_act(evidence: Evidence) -> Iterator[Violation]:
    """I20: a level that the price has reached and not left again brings an exit within its time."""
    for position, begin, acted in reactions(evidence):
        allowed = _trigger_deadline(evidence, begin)
        if min(acted, evidence.until) > allowed:
            seconds = (min(acted, evidence.until) - begin) / SECOND
            text = f"its level was reached, {seconds:.2f} s passed without an exit"
            yield Violation("I20", position.id, text)


def naked_times(evidence: Evidence) -> Iterator[Naked]:
    """Every stretch of every position that has a stop."""
    if not any(one.rests for one in evidence.rows.orders) and not _is_built(evidence):
        return
    for position in evidence.rows.positions:
        if _has_stop(position):
            yield from _naked_times(evidence, position)


def reactions(evidence: Evidence) -> Iterator[tuple[Position, int, int]]:
    """Position, when a fixed level of it was reached for good, and when something was done."""
    changed = {
        one.subject_id for one in evidence.rows.audit if one.action == "position.levels_changed"
    }
    for position in evidence.rows.positions:
        reals = reals_of(evidence, position)
        if not reals or position.id in changed or position.trailing_percent is not None:
            continue
        begin = _reached(evidence, position, reals[0].at)
        if begin is None:
            continue
        closing = [one.at for one in reals if (one.side == "buy") != (position.sign > 0)]
        exits = _exit_requests(evidence, position)
        acted = min((at for at in [*closing, *exits] if at >= begin - SECOND // 2), default=FOREVER)
        yield position, begin, acted


def _has_stop(position: Position) -> bool:
    return position.stop_loss is not None or position.trailing_percent is not None


def _is_built(evidence: Evidence) -> bool:
    """Whether this server knows of protection at all."""
    return any(one.protection != "none" for one in evidence.rows.positions)


def _naked_times(evidence: Evidence, position: Position) -> Iterator[Naked]:
    """Walk over everything that changes what is held or what covers it."""
    moments = sorted([*_held_changes(evidence, position), *_cover_changes(evidence, position)])
    held: Decimal = ZERO
    stops: dict[str, Decimal] = {}
    price = next((one.price for one in reals_of(evidence, position)), Decimal(1))
    since: int | None = None
    for number, (at, change, name, quantity) in enumerate(moments):
        if change == "held":
            held += quantity
        elif quantity:
            stops[name] = quantity
        else:
            stops.pop(name, None)
        if number + 1 < len(moments) and moments[number + 1][0] == at:
            continue  # one commit of the venue
        is_naked = evidence.sellable(position.symbol, held, price) > sum(stops.values(), ZERO)
        if is_naked and since is None:
            since = at
        elif not is_naked and since is not None:
            yield _classified(evidence, position, since, at, is_over=True)
            since = None
    if since is not None:
        yield _classified(evidence, position, since, evidence.until, is_over=False)


def _classified(
    evidence: Evidence, position: Position, begin: int, end: int, *, is_over: bool
) -> Naked:
    crashes = [
        (down, up) for down, up in evidence.history.downtimes() if down <= end and up >= begin
    ]
    is_harmed = bool(evidence.bites_between(begin, end))
    kind, allowed = "calm", begin + FILL_SECONDS * SECOND
    if position.protection == "monitor" and position.protection_note:
        kind, allowed = "monitor", FOREVER
    elif crashes:
        up = max(up for _, up in crashes)
        seconds = HARMED_SECONDS if is_harmed else CRASH_SECONDS
        kind, allowed = "crash", max(up, begin) + seconds * SECOND
    elif is_harmed:
        kind, allowed = "harmed", begin + HARMED_SECONDS * SECOND
    return Naked(position.id, begin, end, kind, allowed, is_over)


def _held_changes(
    evidence: Evidence, position: Position
) -> Iterator[tuple[int, str, str, Decimal]]:
    is_spot = market_of(position.symbol)[0] == "spot"
    for real in reals_of(evidence, position):
        opens = (real.side == "buy") == (position.sign > 0)
        is_base_fee = is_spot and real.fee_asset == base_of(position.symbol)
        quantity = real.quantity if opens else -real.quantity
        yield real.at, "held", "", quantity - (real.fee if is_base_fee else ZERO)


def _cover_changes(
    evidence: Evidence, position: Position
) -> Iterator[tuple[int, str, str, Decimal]]:
    """When each stop of it lived at the venue, and with what quantity; 0 ends it."""
    stops = {
        one.client_order_id
        for one in evidence.orders_of.get(position.id, [])
        if one.rests and one.purpose == "stop_loss"
    }
    for event in evidence.ledger.orders:
        if event.client_order_id in stops and event.trigger_price:
            quantity = event.quantity if event.status in LIVE else ZERO
            yield event.at, "cover", event.client_order_id, quantity
    for fill in evidence.ledger.fills:
        if fill.client_order_id in stops and fill.order_status not in LIVE:
            yield fill.at, "cover", fill.client_order_id, ZERO


def _reached(evidence: Evidence, position: Position, opened: int) -> int | None:
    """When the held price went beyond a level and stayed there until now or the end."""
    since: int | None = None
    price: Decimal | None = None
    ended = _ended(evidence, position)
    market, name = market_of(position.symbol)
    for event in evidence.ledger.events:
        if event.event != "price_held" or (event.body["market"], event.body["symbol"]) != (
            market,
            name,
        ):
            continue
        price = Decimal(event.body["price"])
        if event.at > ended:
            break
        is_beyond = _is_beyond(position, price)
        if not is_beyond:
            since = None
        elif since is None:
            since = max(event.at, opened)
    return since


def _is_beyond(position: Position, price: Decimal) -> bool:
    stop, target = position.stop_loss, position.take_profit
    if stop is not None and (price - stop) * position.sign <= 0:
        return True
    return target is not None and (price - target) * position.sign >= 0


def _ended(evidence: Evidence, position: Position) -> int:
    reals = reals_of(evidence, position)
    return reals[-1].at if position.is_closed and reals else evidence.until


def _exit_requests(evidence: Evidence, position: Position) -> list[int]:
    exits = {one.client_order_id for one in _exits(evidence, position) if one.trigger_price is None}
    return [
        one.at
        for one in evidence.ledger.requests
        if one.creates and not exits.isdisjoint(one.client_ids)
    ]


def _exits(evidence: Evidence, position: Position) -> list[Order]:
    return [one for one in evidence.orders_of.get(position.id, []) if not one.is_entry]


def _trigger_deadline(evidence: Evidence, begin: int) -> int:
    deadline = begin + TRIGGER_SECONDS * SECOND
    for down, up in evidence.history.downtimes():
        if down <= deadline and up >= begin:
            deadline = max(deadline, up + CRASH_SECONDS * SECOND)
    if evidence.bites_between(begin, deadline):
        deadline += HARMED_SECONDS * SECOND
    return deadline
