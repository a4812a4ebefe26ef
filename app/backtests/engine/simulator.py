"""One strategy's book on one symbol, and what candles do to it."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from math import inf
from typing import Final
from uuid import UUID

from app.algorithms.bars import Bar
from app.algorithms.intents import Account, Holding
from app.backtests.engine.book.judging import Case, judge
from app.backtests.engine.book.market import Market
from app.backtests.engine.book.span import Span
from app.backtests.engine.book.standing import Standing
from app.backtests.engine.book.watching import NEVER_QUIET, Quiet, due_at, quiet_between
from app.backtests.engine.facts import Fill, Payment, Refusal, Trade
from app.backtests.engine.purse import Purse
from app.backtests.engine.terms import FundingRate, Terms
from app.backtests.engine.wishes import EntryWish, ExitWish, Wish
from app.core.errors import Denied, Invalid
from app.trading.instrument import Instrument

ANYBODY: Final = UUID(int=0)


class Simulator:
    """A book that is filled by candles, under the rules of the corridor.

    The order of things in a candle, wherever the candle itself does not tell:

    1. At the open: funding that has fallen due; entries that have expired end; what the open has
       passed is filled at the open, the stop first, then targets, a resting exit, resting entries;
       then what was wished since the last candle, in its order; then a position that is too old is
       closed.
    2. After it: a resting entry that is nearer than the stop, at its limit; then the stop (fixed,
       trailing, or liquidation, whichever is nearest) at its price; then, if neither was reached,
       the targets, nearest first, and a resting exit. Liquidation is filled at its own price at an
       open, too: an isolated position never costs more than its margin.
    3. At the end, if no entry was filled in the middle: a trailing stop takes the candle's best
       price as its peak, and is reached when the close is beyond it then.

    Any exit takes the entries that rest with it (TRADING 20). A level that is touched is reached.
    Whatever was filled at market, stops and targets with it, pays the taker's fee and slips;
    what rested with a limit pays the maker's and does not.

    Args:
        terms: the strategy's.
        instrument: of the symbol.
        purse: the account's; several simulators may share it.
        funding: rates of the symbol, oldest first; of no meaning on spot.
        owner: the strategy's id: simulators of one owner and symbol must not share a purse.

    Attributes:
        quiet: two prices: a candle whose low is above the first and whose high is below the second
            changes nothing, so it need not be met; nothing is between them while something waits
            for the next open.
        due_at: the first candle that opens at or after this moment has to be met whatever its
            prices; None when nothing is waited for.
    """

    def __init__(
        self,
        terms: Terms,
        instrument: Instrument,
        purse: Purse,
        *,
        funding: Sequence[FundingRate] = (),
        owner: UUID = ANYBODY,
    ) -> None:
        self.quiet: Quiet = (-inf, inf)
        self.due_at: datetime | None = None
        self._purse = purse
        self._standing = Standing(owner, instrument)
        self._market = Market(terms, self._standing, purse, funding)
        self._waiting: list[Wish] = []
        self._account: Account | None = None
        purse.join(self._standing)

    @property
    def terms(self) -> Terms:
        """What the strategy says; another value counts from the next wish on."""
        return self._market.terms

    @terms.setter
    def terms(self, terms: Terms) -> None:
        self._market.terms = terms
        self._refresh()

    @property
    def fills(self) -> Sequence[Fill]:
        """Executions, in their order; so are the three that follow."""
        return self._market.ledger.fills

    @property
    def trades(self) -> Sequence[Trade]:
        """Closed round trips."""
        return self._market.ledger.trades

    @property
    def payments(self) -> Sequence[Payment]:
        """Funding paid and received."""
        return self._market.ledger.payments

    @property
    def refusals(self) -> Sequence[Refusal]:
        """Wishes that came to nothing."""
        return self._market.ledger.refusals

    @property
    def holding(self) -> Holding | None:
        """What is held, as an algorithm sees it; None while it is flat."""
        return self._standing.holding

    @property
    def account(self) -> Account:
        """What an algorithm may know; its capital is as of the last fill, payment or wish."""
        if self._account is None:
            capital = self._purse.capital_of(self._standing.owner, self.terms)
            self._account = Account(self._standing.instrument, capital, self.holding)
        return self._account

    def unrealised(self, price: Decimal) -> Decimal:
        """What the position would gain at a price, before fees, settle currency; 0 while flat."""
        return self._standing.gain_at(price)

    def at_next_open(self, wish: Wish) -> None:
        """Carry a wish out at the open of the next candle that is met.

        An entry against the open position is a flip: that is closed, then the entry is judged by
        itself (TRADING 9).
        """
        self._waiting.append(wish)
        self.quiet = NEVER_QUIET

    def enter(self, wish: EntryWish, *, at: datetime, price: Decimal) -> Fill | None:
        """Size, judge and send an entry now; it supersedes one that rests (TRADING 24).

        Args:
            wish: what is wanted.
            at: aware; the moment of the order.
            price: at which the market stands, quote per base, slippage apart.

        Returns:
            The fill; None when it rests with its limit, or was refused: then `refusals` says why.
        """
        self._look(at, price)
        fill = self._enter(wish, at, price)
        self._refresh()
        return fill

    def exit(self, wish: ExitWish, *, at: datetime, price: Decimal) -> Fill | None:
        """Close all or part of the position now, or let the exit rest at its limit.

        Args:
            wish: what is wanted.
            at: aware; the moment of the order.
            price: at which the market stands, quote per base, slippage apart.

        Returns:
            The fill; None when it rests, when what is held is dust, or when it was refused.
        """
        self._look(at, price)
        fill = self._market.send_exit(wish, at, price)
        self._refresh()
        return fill

    def cancel(self) -> None:
        """Take back entries that rest or wait for the next open."""
        self._standing.cancel_resting()
        self._waiting = [wish for wish in self._waiting if isinstance(wish, ExitWish)]
        self._refresh()

    def meet(self, bar: Bar) -> None:
        """Let a candle do what it does; each once, oldest first, after its close.

        Args:
            bar: of any timeframe, as long as they do not overlap.
        """
        below, above = self.quiet
        is_due = self.due_at is not None and bar.opened_at >= self.due_at
        if is_due or bar.low <= below or bar.high >= above:
            self._open(Span.opening(bar))
            self._go_on(bar)
            self._refresh()
        self._standing.seen = bar.close

    def _open(self, opening: Span) -> None:
        at, price = opening.at, opening.low
        self._look(at, price)
        self._market.ledger.pay_funding(at, price)
        self._purse.look_at_day(at)
        self._market.expire(at)
        if not (self._standing.is_idle or self._market.reach_stop(opening)):
            self._market.reach_better(opening)
            self._market.fill_resting(opening)
        waiting, self._waiting = self._waiting, []
        for wish in waiting:
            self._carry_out(wish, at, price)
        self._market.end_old(at, price)

    def _go_on(self, bar: Bar) -> None:
        if self._standing.is_idle:
            return
        rest = Span.after_open(bar)
        has_entered = self._market.fill_resting(rest)
        if self._market.reach_stop(rest) or has_entered:
            return
        self._market.reach_better(rest)
        self._market.follow(rest, Span.closing(bar))

    def _carry_out(self, wish: Wish, at: datetime, price: Decimal) -> None:
        if isinstance(wish, ExitWish):
            self._market.send_exit(wish, at, price)
            return
        ttl, held = self.terms.entry_ttl, self.holding
        if ttl is not None and wish.wished_at + ttl <= at:
            late = Denied("The market opened too late for it.", code="expired")
            self._market.refuse(wish, late, at)
            return
        if held is not None and held.position_side is not wish.position_side:
            close = ExitWish(
                position_side=held.position_side, wished_at=at, reason=wish.reason, tag=wish.tag
            )
            self._market.send_exit(close, at, price)
        self._enter(wish, at, price)

    def _enter(self, wish: EntryWish, at: datetime, price: Decimal) -> Fill | None:
        self._standing.cancel_resting()
        try:
            judged = judge(self._case(wish, at, price))
        except (Denied, Invalid) as refusal:
            self._market.refuse(wish, refusal, at)
            return None
        return self._market.send_entry(judged, at, price)

    def _case(self, wish: EntryWish, at: datetime, price: Decimal) -> Case:
        instrument, owner = self._standing.instrument, self._standing.owner
        return Case(
            owner=owner,
            wish=wish,
            terms=self.terms,
            instrument=instrument,
            exposure=self._purse.exposure(instrument.symbol, at),
            limits=self._purse.means.limits,
            at=at,
            price=price,
            equity=self._purse.capital_of(owner, self.terms),
        )

    def _look(self, at: datetime, price: Decimal) -> None:
        self._standing.seen = float(price)
        self._purse.turn_day(at)

    def _refresh(self) -> None:
        """Work out anew what the next candles are looked at for."""
        self._account = None
        self.quiet = NEVER_QUIET
        if not self._waiting:
            self.quiet = quiet_between(self._standing, balance=self._purse.balance)
        self.due_at = due_at(
            self._standing,
            funding_at=self._market.ledger.next_funding_at,
            midnight=self._purse.next_midnight,
            max_holding=self.terms.max_holding,
        )
