"""Sends user events to whoever listens, and lets faults double, lose, delay and shuffle them."""

import asyncio
from dataclasses import dataclass, field

import msgspec

from app.paper_exchange.engine.journal import Journal
from app.paper_exchange.faults.armory import Armory
from app.paper_exchange.faults.routes import Facts
from app.paper_exchange.streams.hub import Listener
from app.paper_exchange.users.story import UserEvent, events_of
from app.paper_exchange.venue import Venue
from app.trading.words import MarketType

Whose = tuple[int, MarketType]

_HARM = {"duplicate_event", "out_of_order_events", "missing_event", "late_event", "stale_event"}


@dataclass(slots=True)
class Subscription:
    """One connection of one customer.

    Attributes:
        number: the subscription's, on the WebSocket API; None on a futures stream.
    """

    listener: Listener
    number: int | None

    def send(self, event: UserEvent) -> None:
        """Queue an event in the form this connection wants."""
        frame: object = event.frame
        if self.number is not None:
            frame = {"subscriptionId": self.number, "event": event.frame}
        self.listener.put_event(msgspec.json.encode(frame).decode())


@dataclass(slots=True)
class _Line:
    """What is under way to one customer on one market."""

    subscriptions: list[Subscription] = field(default_factory=list)
    held: list[UserEvent] = field(default_factory=list)
    last: UserEvent | None = None


class Feed:
    """The user data of every account."""

    def __init__(self, venue: Venue, armory: Armory) -> None:
        self._venue = venue
        self._armory = armory
        self._lines: dict[Whose, _Line] = {}
        venue.before_commit = self._write_down
        venue.observers.append(self._deliver)
        self._prepared: list[UserEvent] = []

    def join(self, account_id: int, market: MarketType, subscription: Subscription) -> None:
        """Start telling a customer."""
        line = self._lines.setdefault((account_id, market), _Line())
        line.subscriptions.append(subscription)

    def leave(self, listener: Listener) -> None:
        """Stop telling a connection."""
        for whose, line in list(self._lines.items()):
            line.subscriptions = [s for s in line.subscriptions if s.listener is not listener]
            if not line.subscriptions:
                del self._lines[whose]

    def tell(self, event: UserEvent) -> None:
        """Send an event outside any step."""
        self._send(event)

    def _write_down(self, journal: Journal) -> None:
        """Before the step is kept: its events become part of it."""
        self._prepared = []
        if not self._lines or not (journal.entries or journal.algos):
            return
        numbers = {account_id for account_id, _ in self._lines}
        accounts = {each.id: each for each in self._venue.customers() if each.id in numbers}
        found = events_of(journal, accounts, self._venue.board.marks, self._venue.now())
        for event in found:
            if (event.account_id, event.market) in self._lines:
                self._prepared.append(event)
                journal.event(
                    "user_event",
                    account_id=event.account_id,
                    market=event.market.value,
                    symbol=event.symbol,
                    names=list(event.names),
                    client_ids=list(event.client_ids),
                    frame=event.frame,
                )

    def _deliver(self, _journal: Journal) -> None:
        prepared, self._prepared = self._prepared, []
        for event in prepared:
            if self._armory.is_armed:
                self._send_harmed(event)
            else:
                self._send(event)
        if prepared and self._venue.journal.entries:
            # What bit on the way out is a step of its own; it has no events.
            self._venue.commit()

    def _send(self, event: UserEvent) -> None:
        line = self._lines.get((event.account_id, event.market))
        if line is None:
            return
        waiting, line.held, line.last = line.held, [], event
        for each in (event, *waiting):
            for subscription in line.subscriptions:
                subscription.send(each)

    def _send_harmed(self, event: UserEvent) -> None:
        line = self._lines.get((event.account_id, event.market))
        fault = self._armory.bite(_HARM, _facts(event)) if line is not None else None
        if fault is None or line is None:
            self._send(event)
            return
        match fault.verb:
            case "duplicate_event":
                self._send(event)
                self._send(event)
            case "out_of_order_events":
                line.held.append(event)
            case "late_event":
                self._send_later(event, float(fault.seconds))
            case "stale_event":
                self._send(line.last or event)
                self._send(event)
            case _:
                return

    def _send_later(self, event: UserEvent, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self._send, event)


def _facts(event: UserEvent) -> Facts:
    return Facts(
        "", "", "event", event.market, event.symbol, event.client_ids, event.account_id, event.names
    )
