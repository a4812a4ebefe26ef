"""Every open WebSocket, so that faults can silence, cut and refuse them."""

from collections.abc import Callable
from dataclasses import dataclass, field

from app.paper_exchange.faults.armory import Armory
from app.paper_exchange.faults.fault import Fault
from app.paper_exchange.faults.routes import Facts
from app.paper_exchange.faults.wire import find_transport
from app.paper_exchange.streams.hub import Listener
from app.paper_exchange.streams.socket import Send
from app.trading.words import MarketType

CUTTING = {"drop_stream", "refuse_stream"}
_SILENT = {"silent_stream", "half_open_stream"}


@dataclass(frozen=True, slots=True)
class Tempered:
    """The mood of one connection while faults are armed.

    Attributes:
        facts: what the connection can be recognised by.
    """

    armory: Armory
    facts: Facts

    def is_silent(self) -> bool:
        """Whether nothing is told."""
        return self._stands(_SILENT)

    def is_half_open(self) -> bool:
        """Whether it is not even listened to."""
        return self._stands({"half_open_stream"})

    def _stands(self, verbs: set[str]) -> bool:
        if not self.armory.is_armed:
            return False
        return any(fault.matches(self.facts) for fault in self.armory.standing(verbs))


@dataclass(slots=True)
class Connections:
    """The open ones, with what ends each at once."""

    armory: Armory
    _open: dict[Listener, tuple[Facts, Callable[[], None]]] = field(default_factory=dict)

    def is_refused(self, facts: Facts) -> bool:
        """Whether a new one must not come about."""
        return any(f.matches(facts) for f in self.armory.standing({"refuse_stream"}))

    def opened(self, facts: Facts, send: Send, *, is_combined: bool) -> Listener:
        """A listener for a new connection."""
        listener = Listener(is_combined=is_combined, mood=Tempered(self.armory, facts))

        def cut() -> None:
            transport = find_transport(send)
            if transport is not None:
                transport.abort()
            else:
                listener.dismiss()

        self._open[listener] = (facts, cut)
        return listener

    def closed(self, listener: Listener) -> None:
        """It has ended."""
        self._open.pop(listener, None)

    def cut(self, fault: Fault) -> int:
        """End every connection a fault is aimed at.

        Returns:
            How many there were.
        """
        meant = [end for facts, end in self._open.values() if fault.matches(facts)]
        for end in meant:
            end()
        return len(meant)


def stream_facts(kind: str, market: MarketType, account_id: int | None) -> Facts:
    """What a connection can be recognised by; `kind` is market or user."""
    return Facts("", "", f"stream.{kind}", market, "", (), account_id)
