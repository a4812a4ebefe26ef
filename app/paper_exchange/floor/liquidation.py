"""Positions whose margin is used up are closed by the venue, at the mark."""

from dataclasses import dataclass
from decimal import Decimal

from app.core.decimals import plain
from app.paper_exchange.engine import margin
from app.paper_exchange.engine.journal import Income, Journal
from app.paper_exchange.engine.matching import Matcher
from app.paper_exchange.engine.models import (
    ZERO,
    Account,
    Order,
    OrderType,
    Position,
    Quote,
    Ticket,
    TimeInForce,
)
from app.paper_exchange.symbols import LISTINGS, QUOTE
from app.trading.words import MarginMode, MarketType, Side

LINEAR = MarketType.LINEAR
_CLEARANCE_RATE = Decimal("0.0125")


@dataclass(frozen=True, slots=True)
class Liquidator:
    """Closes positions for the venue."""

    matcher: Matcher

    def check(
        self, account: Account, *, mark: Decimal, symbol: str, now: int, journal: Journal
    ) -> None:
        """Liquidate an isolated position that has fallen to its maintenance margin."""
        position = account.positions.get(symbol)
        if position is None or position.quantity == 0:
            return
        if position.margin_mode is not MarginMode.ISOLATED:
            return
        needed = margin.maintenance_margin(symbol, abs(position.quantity) * mark)
        if position.isolated_wallet + position.unrealized_pnl(mark) <= needed:
            self.liquidate(account, position, mark=mark, now=now, journal=journal)

    def liquidate(
        self, account: Account, position: Position, *, mark: Decimal, now: int, journal: Journal
    ) -> None:
        """Cancel the symbol's orders, close at the mark, take the clearance fee.

        An isolated position never costs more than its margin; the insurance fund pays the rest.
        """
        symbol = position.symbol
        for order in account.open_orders(LINEAR, symbol):
            self.matcher.expire(account, order, now=now, journal=journal)
        wallet = account.balance(LINEAR, QUOTE)
        is_isolated = position.margin_mode is MarginMode.ISOLATED
        before, backing = wallet.free, wallet.free
        if is_isolated:
            backing = position.isolated_wallet
        notional = abs(position.quantity) * mark
        closed = abs(position.quantity)
        self.close(
            account, position, closed, name=f"autoclose-{now}", mark=mark, now=now, journal=journal
        )
        left = backing - (before - wallet.free)
        self._clear(account, symbol, min(notional * _CLEARANCE_RATE, left), now, journal)
        journal.event(
            "liquidated",
            account_id=account.id,
            symbol=symbol,
            quantity=plain(closed),
            price=plain(mark),
        )

    def close(
        self,
        account: Account,
        position: Position,
        quantity: Decimal,
        *,
        name: str,
        mark: Decimal,
        now: int,
        journal: Journal,
    ) -> Order:
        """Close (part of) a position at the mark with an order of the venue's own."""
        ticket = Ticket(
            side=Side.SELL if position.quantity > 0 else Side.BUY,
            order_type=OrderType.MARKET,
            time_in_force=TimeInForce.IOC,
            quantity=quantity,
            quote_quantity=ZERO,
            limit_price=ZERO,
            client_order_id=name,
            reduce_only=True,
        )
        listing = LISTINGS[LINEAR, position.symbol]
        quote = Quote(mark, mark, mark)
        return self.matcher.place(account, listing, ticket, quote=quote, now=now, journal=journal)

    def _clear(
        self, account: Account, symbol: str, fee: Decimal, now: int, journal: Journal
    ) -> None:
        """Take the clearance fee; a negative one is what the insurance fund pays."""
        fee = fee.quantize(Decimal("0.00000001"))
        if fee == 0:
            return
        account.balance(LINEAR, QUOTE).free -= fee
        reason = "liquidation_fee" if fee > 0 else "insurance_fund"
        journal.balance(account, LINEAR, QUOTE, -fee, reason)
        self.matcher.counters.income += 1
        number = self.matcher.counters.income
        income = Income(number, account.id, symbol, "INSURANCE_CLEAR", QUOTE, -fee, now)
        journal.income(income)
