"""Arming, listing and clearing faults over the control API."""

import time
from collections.abc import Mapping

from app.paper_exchange.faults import hands
from app.paper_exchange.faults.armory import Armory
from app.paper_exchange.faults.fault import BadFault, Fault, read_fault
from app.paper_exchange.faults.verbs import VERBS, Stage
from app.paper_exchange.server.gate import Gate
from app.paper_exchange.server.sockets import Sockets
from app.paper_exchange.venue import Venue


class FaultControl:
    """The routes under /control/faults."""

    def __init__(self, venue: Venue, gate: Gate, sockets: Sockets) -> None:
        self._venue = venue
        self._sockets = sockets
        self._gate = gate
        self._armory: Armory = gate.armory

    def arm(self, body: Mapping[str, object]) -> dict[str, object]:
        """Arm one fault; what it does at once is done when this returns.

        Raises:
            BadFault: it cannot be armed; nothing has changed.
        """
        now = time.monotonic()
        account_id = self._account_id(body)
        fault = read_fault(self._armory.next_id(), body, account_id=account_id, now=now)
        self._venue.journal.event("fault_armed", fault=fault.shown())
        try:
            done = self._begin(fault)
        except BadFault:
            self._venue.discard()
            raise
        self._venue.commit()
        return {**fault.shown(), "done": done}

    def list_armed(self) -> dict[str, object]:
        """Every fault that can still bite."""
        return {"items": [fault.shown() for fault in self._armory.armed()]}

    def clear(self, number: int | None) -> dict[str, object]:
        """Disarm one, or all."""
        cleared = self._armory.clear(number)
        self._venue.commit()
        return {"cleared": cleared}

    def _begin(self, fault: Fault) -> list[str]:
        verb = VERBS[fault.verb]
        if verb.stage is Stage.NOW and fault.route is None:
            if fault.skip:
                raise BadFault("nth needs a route to count")
            fault.bites += 1
            done = hands.carry_out(self._venue, fault)
            self._venue.journal.event("fault_bit", fault_id=fault.id, verb=fault.verb, done=done)
            return done
        self._armory.arm(fault)
        self._gate.standing.begin(fault)
        done = self._sockets.on_armed(fault)
        if done and fault.ends_at is None and fault.verb != "refuse_stream":
            self._armory.clear(fault.id)
        return done

    def _account_id(self, body: Mapping[str, object]) -> int | None:
        key = body.get("api_key")
        if key is not None:
            account = self._venue.account(str(key))
            if account is None:
                raise BadFault("nobody has this api_key")
            return account.id
        number = body.get("account_id")
        if number is not None and not isinstance(number, int):
            raise BadFault("account_id is a whole number")
        return number
