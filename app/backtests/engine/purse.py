"""One account's money and everything open on it, seen by every strategy that trades there."""

from collections import deque
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Final, Protocol
from uuid import UUID

from app.backtests.engine.terms import Means, Terms
from app.core.decimals import EXACT
from app.pipeline.positions.book import Realised
from app.pipeline.risk.exposure import Exposure, HeldBook, daily_loss_state
from app.pipeline.risk.sizing import equity
from app.trading.days import next_midnight, trading_day
from app.trading.instrument import Instrument
from app.trading.words import MarginMode

ZERO: Final = Decimal(0)
A_MINUTE: Final = timedelta(minutes=1)


class Stake(Protocol):
    """What a purse asks of those who trade from it; amounts in settle currency."""

    owner: UUID
    instrument: Instrument

    def books(self) -> Iterable[HeldBook]:
        """What is held, and each entry that rests."""
        ...

    def gain(self) -> Decimal:
        """What is unrealised at the last price."""
        ...

    def gain_today(self) -> Decimal:
        """That, less what it was when the day began or at entry."""
        ...

    def notional(self) -> Decimal:
        """Worth of books and resting entries at the last price, in quote, unsigned."""
        ...

    def tied_up(self) -> Decimal:
        """Margin, or the whole cost on spot, of what is held and of what rests."""
        ...

    def margin(self) -> tuple[Decimal, MarginMode] | None:
        """Leverage and mode of what is held; None while flat."""
        ...

    def begin_day(self) -> None:
        """Remember what is unrealised now."""
        ...

    def cancel_resting(self) -> None:
        """Take back the entries that rest."""
        ...


class Purse:
    """The wallet of an account, and the day of its trader.

    Several simulators may share one: then they share the money, the limits and the daily loss, and
    books of one symbol oppose each other as on a netted account (TRADING 1).

    Args:
        means: what it begins with, and what is allowed.

    Attributes:
        balance: capital, plus what closing fills and funding have booked, less entry fees that
            were paid and not booked yet; settle currency.
        next_midnight: of the trader, when a day has begun and its loss is limited; else None.
    """

    def __init__(self, means: Means) -> None:
        self.means = means
        self.balance = means.capital
        self.next_midnight: datetime | None = None
        self._stakes: list[Stake] = []
        self._nets: dict[UUID, Decimal] = {}
        self._dust = ZERO
        self._day: date | None = None
        self._net_today = ZERO
        self._frozen_until: datetime | None = None
        self._sent: deque[datetime] = deque()

    def join(self, stake: Stake) -> None:
        """Let somebody trade from it."""
        self._stakes.append(stake)

    def turn_day(self, at: datetime) -> None:
        """Begin the trader's day that a moment belongs to, if it has not begun."""
        if self.means.limits.max_daily_loss is None:
            return
        day = trading_day(at, zone=self.means.zone)
        if self._day is not None and day <= self._day:
            return
        self._day, self._net_today = day, ZERO
        self.next_midnight = next_midnight(at, zone=self.means.zone)
        for stake in self._stakes:
            stake.begin_day()

    def pay_entry_fee(self, fee: Decimal) -> None:
        """Take the fee of an entry, settle currency; it is booked with the exit (TRADING 30)."""
        with localcontext(EXACT):
            self.balance -= fee

    def book(self, owner: UUID, realised: Realised) -> None:
        """Take over what a closing fill booked."""
        with localcontext(EXACT):
            # Its share of the entry fees was taken when they were paid.
            self.balance += realised.net + realised.entry_fees
        self._count(owner, realised.net)

    def receive(self, owner: UUID, amount: Decimal) -> None:
        """Take over a funding payment, settle currency, negative when paid."""
        with localcontext(EXACT):
            self.balance += amount
        self._count(owner, amount)

    def put_aside(self, cost: Decimal) -> None:
        """Coins that no order can carry: they cost that, and are no quote any more."""
        with localcontext(EXACT):
            self._dust += cost

    def look_at_day(self, at: datetime) -> None:
        """Freeze entries until the trader's midnight once the day's loss is used up."""
        limits = self.means.limits
        if limits.max_daily_loss is None or self._is_frozen(at):
            return
        changes = (self._gain_today(),)
        day = daily_loss_state(self._net_today, changes, limit=limits.max_daily_loss)
        if day.is_reached:
            self._frozen_until = next_midnight(at, zone=self.means.zone)
            for stake in self._stakes:
                stake.cancel_resting()

    def note_sent(self, at: datetime) -> None:
        """Count an entry that was sent."""
        if self.means.limits.max_orders_per_minute is not None:
            self._sent.append(at)

    def equity(self) -> Decimal:
        """Balance and all that is unrealised at the last prices, settle currency."""
        with localcontext(EXACT):
            return self.balance + sum((stake.gain() for stake in self._stakes), ZERO)

    def capital_of(self, owner: UUID, terms: Terms) -> Decimal:
        """What a strategy may size by at the last prices, settle currency (TRADING 12)."""
        return equity(
            self.equity(),
            allocation=terms.allocation,
            net_result=self._nets.get(owner, ZERO),
            reinvest=terms.reinvest,
        )

    def exposure(self, symbol: str, at: datetime) -> Exposure:
        """Where the trader stands before an entry on that symbol."""
        books = {id(stake): tuple(stake.books()) for stake in self._stakes}
        here = [stake for stake in self._stakes if stake.instrument.symbol == symbol]
        used = next(filter(None, (stake.margin() for stake in here)), None)
        return Exposure(
            free=self._free(),
            open_positions=sum(1 for held in books.values() if held),
            symbol_notional=sum((stake.notional() for stake in here), ZERO),
            total_notional=sum((stake.notional() for stake in self._stakes), ZERO),
            orders_last_minute=self._sent_lately(at),
            realised_net_today=self._net_today,
            unrealised_change=self._gain_today(),
            frozen_until=self._frozen_until,
            books=tuple(book for stake in here for book in books[id(stake)]),
            leverage=None if used is None else used[0],
            margin_mode=None if used is None else used[1],
        )

    def _count(self, owner: UUID, net: Decimal) -> None:
        with localcontext(EXACT):
            self._nets[owner] = self._nets.get(owner, ZERO) + net
            self._net_today += net

    def _gain_today(self) -> Decimal:
        if self.means.limits.max_daily_loss is None:
            return ZERO
        return sum((stake.gain_today() for stake in self._stakes), ZERO)

    def _free(self) -> Decimal:
        """Quote that is free on spot, margin that is free on contracts; settle currency."""
        with localcontext(EXACT):
            free = self.balance - self._dust
            for stake in self._stakes:
                free -= stake.tied_up()
                used = stake.margin()
                if used is not None and used[1] is MarginMode.CROSS:
                    free += stake.gain()
            return free

    def _sent_lately(self, at: datetime) -> int:
        while self._sent and self._sent[0] < at - A_MINUTE:
            self._sent.popleft()
        return len(self._sent)

    def _is_frozen(self, at: datetime) -> bool:
        return self._frozen_until is not None and at < self._frozen_until
