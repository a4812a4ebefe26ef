"""What stays different at the venue while a fault stands, and is put back when it ends."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from app.paper_exchange.catalog import Key
from app.paper_exchange.engine.journal import Journal
from app.paper_exchange.faults.armory import Armory
from app.paper_exchange.faults.fault import Fault
from app.paper_exchange.faults.hands import settle_all
from app.paper_exchange.faults.past import Past
from app.paper_exchange.symbols import LISTINGS
from app.paper_exchange.venue import Venue

LAGS = {"lag", "not_found_2013"}
_FILTERS = ("price_tick", "quantity_step", "min_notional", "max_quantity")


class Standing:
    """Begins and ends the states that faults put the venue into.

    Attributes:
        past: what lagging look-ups show.
    """

    def __init__(self, venue: Venue, armory: Armory) -> None:
        self._venue = venue
        self._armory = armory
        self.past = Past()
        venue.observers.append(self._remember)
        armory.on_end = self.end
        self._begin: dict[str, Callable[[Fault], None]] = {
            "halt_symbol": self._halt,
            "delist": self._delist,
            "change_filters": self._change_filters,
            "clock_jump": self._jump,
            "hedge_mode": _nothing,
        }
        self.states = set(self._begin)

    def begin(self, fault: Fault) -> None:
        """Put the venue into the state."""
        if fault.verb in LAGS and not self.past.is_kept:
            self.past.begin(self._venue.customers(), self._venue.now())
        if fault.verb in self._begin:
            self._begin[fault.verb](fault)

    def end(self, fault: Fault) -> None:
        """Take it back, unless another fault keeps it."""
        others = list(self._armory.standing({*self.states, *LAGS}))
        if fault.verb in LAGS and not any(each.verb in LAGS for each in others):
            self.past.end()
        if fault.verb not in self._begin:
            return
        catalog = self._venue.catalog
        catalog.halted.clear()
        catalog.gone.clear()
        catalog.changed.clear()
        self._venue.clock.offset = timedelta(0)
        for other in others:
            if other.verb in self._begin:
                self._begin[other.verb](other)

    def _halt(self, fault: Fault) -> None:
        self._venue.catalog.halted |= set(_keys(fault))

    def _delist(self, fault: Fault) -> None:
        settle_all(self._venue, fault)
        self._venue.catalog.gone |= set(_keys(fault))

    def _change_filters(self, fault: Fault) -> None:
        for key in _keys(fault):
            listing = self._venue.catalog.changed.get(key, LISTINGS[key])
            numbers = {n: fault.number(n, "0") for n in _FILTERS if n in fault.options}
            self._venue.catalog.changed[key] = replace(listing, **numbers)  # type: ignore[arg-type]  # Decimals by name

    def _jump(self, fault: Fault) -> None:
        self._venue.clock.offset += timedelta(seconds=float(fault.seconds))

    def _remember(self, journal: Journal) -> None:
        if not self.past.is_kept:
            return
        touched = {order.account_id for order in journal.orders.values()}
        touched |= {account_id for account_id, _, _ in journal.balances}
        touched |= {account_id for account_id, _ in journal.positions}
        touched |= {algo.account_id for algo in journal.algos.values()}
        at = self._venue.now()
        for account in self._venue.customers():
            if account.id in touched:
                self.past.remember(account, at)


def _keys(fault: Fault) -> list[Key]:
    return [key for key in LISTINGS if key[1] == fault.symbol and fault.market in {None, key[0]}]


def _nothing(_fault: Fault) -> None:
    return None
