"""Futures listen keys: one per account, good for an hour after each renewal."""

import secrets
from dataclasses import dataclass

from app.paper_exchange.engine import refusals
from app.paper_exchange.engine.refusals import refuse
from app.paper_exchange.protocol.call import Call
from app.paper_exchange.protocol.routes import Routes, key_only
from app.paper_exchange.venue import Venue

_LIFE = 60 * 60 * 1000


@dataclass(slots=True)
class _Key:
    """A key and when it ends, in milliseconds of the venue's clock."""

    name: str
    ends_at: int


class ListenKeys:
    """The keys that are good now; forgotten when the process ends, as after an hour."""

    def __init__(self) -> None:
        self._keys: dict[int, _Key] = {}

    def owner(self, name: str, at: int) -> int | None:
        """The account of a key that is good."""
        for account_id, key in self._keys.items():
            if key.name == name and at < key.ends_at:
                return account_id
        return None

    def name(self, account_id: int) -> str:
        """The key of an account, empty when it has none."""
        key = self._keys.get(account_id)
        return "" if key is None else key.name

    def take_expired(self, at: int) -> list[tuple[int, str]]:
        """Accounts and keys that have ended since the last question."""
        gone = [(i, key.name) for i, key in self._keys.items() if at >= key.ends_at]
        for account_id, _ in gone:
            del self._keys[account_id]
        return gone

    def expire(self, account_id: int | None) -> None:
        """End the key of an account, or every key, at the next look."""
        for number, key in self._keys.items():
            if account_id in {None, number}:
                key.ends_at = 0

    def issue(self, _venue: Venue, call: Call) -> object:
        """POST listenKey: the same key while it is good, and a full hour for it."""
        key = self._keys.setdefault(call.customer.id, _Key(secrets.token_hex(32), 0))
        key.ends_at = call.at + _LIFE
        return {"listenKey": key.name}

    def renew(self, _venue: Venue, call: Call) -> object:
        """PUT listenKey."""
        key = self._keys.get(call.customer.id)
        if key is None or call.at >= key.ends_at:
            raise refuse(refusals.NO_LISTEN_KEY)
        key.ends_at = call.at + _LIFE
        return {"listenKey": key.name}

    def close(self, _venue: Venue, call: Call) -> object:
        """DELETE listenKey."""
        if self._keys.pop(call.customer.id, None) is None:
            raise refuse(refusals.NO_LISTEN_KEY)
        return {}

    def routes(self) -> Routes:
        """The listen key routes, by method and path."""
        handlers = {"POST": self.issue, "PUT": self.renew, "DELETE": self.close}
        return {(verb, "/fapi/v1/listenKey"): key_only(do) for verb, do in handlers.items()}
