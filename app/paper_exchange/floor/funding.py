"""Funding: what longs pay shorts, when somebody says so or at a set interval."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal

from app.core.decimals import plain
from app.paper_exchange.engine.journal import Counters, Income, Journal
from app.paper_exchange.engine.models import ZERO, Account
from app.paper_exchange.symbols import QUOTE
from app.trading.words import MarginMode, MarketType

LINEAR = MarketType.LINEAR
_EIGHT_HOURS = 8 * 60 * 60 * 1000
_EIGHT_DECIMALS = Decimal("0.00000001")


@dataclass(slots=True)
class Rate:
    """What a symbol's funding is.

    Attributes:
        rate: fraction of the position's value; positive when longs pay.
        interval: milliseconds between payments, 0 for none by itself.
        next_at: milliseconds, when the next one is due.
    """

    rate: Decimal = ZERO
    interval: int = 0
    next_at: int = 0


@dataclass(slots=True)
class Funding:
    """The funding of every symbol; rates are forgotten when the process ends."""

    rates: dict[str, Rate] = field(default_factory=dict)

    def rate(self, symbol: str) -> Decimal:
        """The last rate; 0 when none was ever set."""
        known = self.rates.get(symbol)
        return ZERO if known is None else known.rate

    def next_at(self, symbol: str, now: int) -> int:
        """When the next payment is due, or would be at Binance: every full eight hours."""
        known = self.rates.get(symbol)
        if known is not None and known.interval:
            return known.next_at
        return now - now % _EIGHT_HOURS + _EIGHT_HOURS

    def set_rate(self, symbol: str, rate: Decimal, *, interval: int, now: int) -> None:
        """Another rate, and how often it is paid from now on."""
        self.rates[symbol] = Rate(rate, interval, now + interval)

    def due(self, now: int) -> list[str]:
        """Symbols whose payment is due; the next one is set."""
        found = []
        for symbol, known in self.rates.items():
            if known.interval and now >= known.next_at:
                known.next_at += known.interval
                found.append(symbol)
        return found

    def pay(
        self,
        accounts: Iterable[Account],
        symbol: str,
        *,
        mark: Decimal,
        now: int,
        counters: Counters,
        journal: Journal,
    ) -> int:
        """Book one payment for everybody who holds the symbol.

        Returns:
            How many did.
        """
        rate, count = self.rate(symbol), 0
        journal.event("funding", symbol=symbol, rate=plain(rate), mark_price=plain(mark))
        for account in accounts:
            position = account.positions.get(symbol)
            if position is None or position.quantity == 0:
                continue
            amount = -(position.quantity * mark * rate)
            amount = amount.quantize(_EIGHT_DECIMALS, rounding=ROUND_HALF_EVEN)
            account.balance(LINEAR, QUOTE).free += amount
            if position.margin_mode is MarginMode.ISOLATED:
                position.isolated_wallet += amount
            counters.income += 1
            journal.income(
                Income(counters.income, account.id, symbol, "FUNDING_FEE", QUOTE, amount, now)
            )
            journal.balance(account, LINEAR, QUOTE, amount, "funding")
            journal.position(position)
            count += 1
        return count
