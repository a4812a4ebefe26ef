"""How orders are treated while a fault says so: filled in part, charged oddly, not triggered."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from app.paper_exchange.catalog import Catalog
from app.paper_exchange.engine.algo import AlgoOrder
from app.paper_exchange.engine.fairness import Fate, FeeTerms, Portion, Share
from app.paper_exchange.engine.journal import Journal
from app.paper_exchange.engine.models import Account, Order
from app.paper_exchange.faults.armory import Armory
from app.paper_exchange.faults.routes import Facts
from app.paper_exchange.prices.board import PriceBoard
from app.paper_exchange.symbols import ASSETS, QUOTE
from app.trading.words import MarketType

_PARTS = {"partial_fill": Portion.REST_WAITS, "partial_then_cancel": Portion.REST_CANCELED}
_FEES = {"third_coin_fee", "rebate", "zero_fee"}
_FATES = {"stop_rejected_at_trigger": Fate.REJECT, "stop_stuck_triggering": Fate.STICK}
_GIFT = Decimal(1000)


class House(Protocol):
    """What treatment needs of the venue."""

    catalog: Catalog
    board: PriceBoard
    journal: Journal

    def customers(self, number: int | None = None) -> list[Account]: ...


@dataclass(frozen=True, slots=True)
class Unfair:
    """Treatment by the armed faults; fair when there are none."""

    armory: Armory
    venue: House

    def is_halted(self, market: MarketType, symbol: str) -> bool:
        """Whether nothing fills or triggers there."""
        return (market, symbol) in self.venue.catalog.halted

    def share(self, order: Order) -> Share | None:
        """Part of it, when a partial fill is armed."""
        if not self.armory.is_armed:
            return None
        fault = self.armory.bite(_PARTS, _of_order(order))
        if fault is None:
            return None
        return Share(fault.number("fraction", "0.5"), _PARTS[fault.verb])

    def fee(self, order: Order) -> FeeTerms | None:
        """Odd fees, when they are armed."""
        if not self.armory.is_armed:
            return None
        fault = self.armory.bite(_FEES, _of_order(order))
        if fault is None:
            return None
        if fault.verb == "zero_fee":
            return FeeTerms(Decimal(0), None, Decimal(1))
        if fault.verb == "rebate":
            return FeeTerms(fault.number("rate", "-0.0001"), None, Decimal(1))
        asset = fault.option("asset", "BNB")
        if asset == QUOTE or asset not in ASSETS:
            asset = "BNB"
        self._endow(order, asset)
        price = self.venue.board.quote(MarketType.SPOT, asset + QUOTE).last
        return FeeTerms(fault.number("rate", "0.00075"), asset, price)

    def fate(self, algo: AlgoOrder) -> Fate:
        """What becomes of a conditional order whose price is reached."""
        if not self.armory.is_armed:
            return Fate.TRIGGER
        ids = (algo.client_algo_id,)
        facts = Facts("", "", "trigger", MarketType.LINEAR, algo.symbol, ids, algo.account_id)
        fault = self.armory.bite(_FATES, facts)
        return Fate.TRIGGER if fault is None else _FATES[fault.verb]

    def _endow(self, order: Order, asset: str) -> None:
        """Give the account the coin when it has none: otherwise the fault could not bite."""
        for account in self.venue.customers(order.account_id):
            purse = account.balance(order.market, asset)
            if purse.free == 0:
                purse.free += _GIFT
                self.venue.journal.balance(account, order.market, asset, _GIFT, "deposit")


def _of_order(order: Order) -> Facts:
    ids = (order.client_order_id,)
    return Facts("", "", "fill", order.market, order.symbol, ids, order.account_id)
