"""One strategy's book on one symbol, and what candles do to it."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from app.algorithms.bars import Bar
from app.algorithms.intents import Account, Holding
from app.backtests.engine.facts import Fill, Payment, Refusal, Trade
from app.backtests.engine.purse import Purse
from app.backtests.engine.terms import FundingRate, Terms
from app.backtests.engine.wishes import EntryWish, ExitWish, Wish
from app.trading.instrument import Instrument

ANYBODY = UUID(int=0)


class Simulator:
    """A book that is filled by candles, under the rules of the corridor.

    The order of things in a candle, wherever the candle itself does not tell:

    1. At the open: funding that has fallen due; entries that have expired end; levels and limits
       that the open has passed are filled at the open, the stop first; then what was wished since
       the last candle, in its order; then a position that is too old is closed.
    2. After it: the stop (fixed, trailing, or liquidation, whichever is nearer) at its own price;
       if it was not reached, the targets, nearest first, and a resting exit at theirs; if nothing
       of the book was sold, a resting entry at its limit. The stop of an entry that was filled in
       the middle of a candle counts in that candle, its target from the next one on.
    3. At the end: a trailing stop takes the candle's best price as its peak, and is reached when
       the close is beyond it then.

    Whatever was filled at market, stops and targets with it, pays the taker's fee and slips;
    what rested with a limit pays the maker's and does not.

    Args:
        terms: the strategy's.
        instrument: of the symbol.
        purse: the account's; several simulators may share it.
        funding: rates of the symbol, oldest first; of no meaning on spot.
        owner: the strategy's id: simulators of one owner and symbol must not share a purse.

    Attributes:
        terms: may be replaced at any moment; counts from the next wish on.
        fills: in their order, as are `trades`, `payments` and `refusals`.
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
        self.terms = terms
        self.fills: list[Fill] = []
        self.trades: list[Trade] = []
        self.payments: list[Payment] = []
        self.refusals: list[Refusal] = []
        self.quiet: tuple[float, float] = (float("-inf"), float("inf"))
        self.due_at: datetime | None = None
        raise NotImplementedError

    def at_next_open(self, wish: Wish) -> None:
        """Carry a wish out at the open of the next candle that is met.

        An entry against the open position is a flip: that is closed, then the entry is judged by
        itself (TRADING 9).
        """
        raise NotImplementedError

    def enter(self, wish: EntryWish, *, at: datetime, price: Decimal) -> Fill | None:
        """Size, judge and send an entry now.

        Args:
            wish: what is wanted.
            at: aware; the moment of the order.
            price: at which the market stands, quote per base, slippage apart.

        Returns:
            The fill; None when it rests with its limit, or was refused: then `refusals` says why.
        """
        raise NotImplementedError

    def exit(self, wish: ExitWish, *, at: datetime, price: Decimal) -> Fill | None:
        """Close all or part of the position now, or let the exit rest at its limit.

        Args:
            wish: what is wanted.
            at: aware; the moment of the order.
            price: at which the market stands, quote per base, slippage apart.

        Returns:
            The fill; None when it rests, when what is held is dust, or when it was refused.
        """
        raise NotImplementedError

    def cancel(self) -> None:
        """Take back entries that rest or wait for the next open."""
        raise NotImplementedError

    def meet(self, bar: Bar) -> None:
        """Let a candle do what it does; each once, oldest first, after its close.

        Args:
            bar: of any timeframe, as long as they do not overlap.
        """
        raise NotImplementedError

    @property
    def holding(self) -> Holding | None:
        """What is held, as an algorithm sees it; None while it is flat."""
        raise NotImplementedError

    @property
    def account(self) -> Account:
        """What an algorithm may know; its capital is as of the last fill or payment."""
        raise NotImplementedError

    def unrealised(self, price: Decimal) -> Decimal:
        """What the position would gain at a price, before fees, settle currency; 0 while flat."""
        raise NotImplementedError
