"""Who listens to what: frames are made once per stream and handed to every listener."""

import asyncio
from collections.abc import Callable, Iterable
from decimal import localcontext
from typing import Protocol

import msgspec

from app.core.decimals import EXACT
from app.paper_exchange.prices.board import Key
from app.paper_exchange.streams.frames import closing_frame, frame
from app.paper_exchange.streams.names import Stream
from app.paper_exchange.symbols import listings
from app.paper_exchange.venue import Venue

_WAITING_FRAMES = 2000
_TRADES = {"trade", "aggTrade"}


class Mood(Protocol):
    """Whether a connection works; a fault may have it otherwise."""

    def is_silent(self) -> bool: ...

    def is_half_open(self) -> bool: ...


class Willing:
    """It works."""

    def is_silent(self) -> bool:
        """It speaks."""
        return False

    def is_half_open(self) -> bool:
        """It listens."""
        return False


class Listener:
    """One WebSocket: its subscriptions and what waits to be sent; None says goodbye."""

    def __init__(self, *, is_combined: bool, mood: Mood | None = None) -> None:
        self.mood = mood or Willing()
        self.streams: dict[str, Stream] = {}
        self.outbox: asyncio.Queue[str | None] = asyncio.Queue(_WAITING_FRAMES)
        self._is_combined = is_combined

    def put(self, text: str) -> None:
        """Queue a message; a listener that does not read is let go."""
        if self.mood.is_half_open():
            return
        try:
            self.outbox.put_nowait(text)
        except asyncio.QueueFull:
            self.dismiss()

    def put_frame(self, name: str, data: str) -> None:
        """Queue a frame, wrapped when the address asked for a combined stream."""
        self.put_event(f'{{"stream":"{name}","data":{data}}}' if self._is_combined else data)

    def put_event(self, text: str) -> None:
        """Queue what the market or the account has to tell, unless the connection is silent."""
        if not self.mood.is_silent():
            self.put(text)

    def dismiss(self) -> None:
        """Forget what waits and close."""
        while not self.outbox.empty():
            self.outbox.get_nowait()
        self.outbox.put_nowait(None)


class Hub:
    """All listeners of the venue.

    Attributes:
        tell: what a stream says instead of what is so; a fault may have it lie.
    """

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self.tell: Callable[[Stream, object], object] = _truth
        self._listeners: set[Listener] = set()
        self._printed: dict[Key, int] = {}

    def join(self, listener: Listener) -> None:
        """Start sending to a listener."""
        self._listeners.add(listener)

    def leave(self, listener: Listener) -> None:
        """Stop sending to a listener."""
        self._listeners.discard(listener)

    def close(self) -> None:
        """Say goodbye to everybody."""
        for listener in self._listeners:
            listener.dismiss()

    def greet(self, listener: Listener, streams: Iterable[Stream]) -> None:
        """Show a new subscriber the present state, except of trades, which only happen."""
        for stream in streams:
            if stream.channel not in _TRADES:
                for data in self._frames(stream, is_printed=False):
                    listener.put_frame(stream.name, data)

    def publish(self, keys: Iterable[Key]) -> None:
        """Send what listeners of these symbols want to know."""
        changed = set(keys)
        # Noted without listeners too: what was news before somebody came is none for them.
        new_prints = {key for key in changed if self._is_new_print(key)}
        made: dict[tuple[Key, str], list[str]] = {}
        for listener in tuple(self._listeners):
            for stream in tuple(listener.streams.values()):
                key = (stream.market, stream.symbol)
                if stream.symbol and key not in changed:
                    continue
                if stream.channel in _TRADES and key not in new_prints:
                    continue
                frames = made.get((key, stream.name))
                if frames is None:
                    frames = self._frames(stream, is_printed=key in new_prints)
                    made[key, stream.name] = frames
                for data in frames:
                    listener.put_frame(stream.name, data)

    def _is_new_print(self, key: Key) -> bool:
        update = self._venue.board.rows[key].update
        is_new = update > self._printed.get(key, 0)
        self._printed[key] = update
        return is_new

    def _frames(self, stream: Stream, *, is_printed: bool) -> list[str]:
        """What a stream has to say; of a candle that a new print has closed the last word first."""
        with localcontext(EXACT):
            shown = self._shown(stream, is_printed=is_printed)
            told = [self.tell(stream, each) for each in shown if each is not None]
        return [msgspec.json.encode(each).decode() for each in told]

    def _shown(self, stream: Stream, *, is_printed: bool) -> list[object]:
        rows, at = self._venue.board.rows, self._venue.now()
        if not stream.symbol:
            market = stream.market
            return [
                [frame(rows[market, each.symbol], stream.channel, at) for each in listings(market)]
            ]
        row = rows[stream.market, stream.symbol]
        last_word = closing_frame(row, stream.channel, at) if is_printed else None
        return [last_word, frame(row, stream.channel, at)]


def _truth(_stream: Stream, shown: object) -> object:
    return shown
