"""What a simulator holds: a book with its levels, and the entries that rest."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Final

from app.backtests.engine.book.judging import Judged
from app.core.decimals import EXACT
from app.pipeline.positions.amounts import SHARE
from app.pipeline.positions.book import Book
from app.pipeline.positions.exits import ExitLevels, Trailing, trail
from app.pipeline.positions.protection import slices, without_first
from app.pipeline.risk.levels import liquidation_estimate, tighter_stop
from app.trading.quote import Quote
from app.trading.targets import Target
from app.trading.words import CloseReason, MarginMode, PositionSide

ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Resting:
    """An entry that waits for its limit, as it was judged when it was sent.

    Attributes:
        limit_price: on the tick, quote per base.
        expires_at: it is gone for candles that open then or later; None: it stays.
    """

    judged: Judged
    limit_price: Decimal
    expires_at: datetime | None

    @property
    def quantity(self) -> Decimal:
        """What it buys or sells, on the lot."""
        return self.judged.sized.quantity


@dataclass(slots=True)
class Position:
    """An open book with what guards it.

    Attributes:
        targets: nearest first, their shares of what is held now.
        leverage: of its first entry.
        entries: how many made it.
        tag: of its first entry; `newest_tag` of its last.
        liquidation: of an isolated one, on the tick, quote per base; None where no price does it.
        day_start: what it would have gained when the trader's day began, or at its entry.
    """

    book: Book
    leverage: int
    margin_mode: MarginMode
    maintenance_rate: Decimal
    tag: str | None
    newest_tag: str | None = None
    stop_loss: Decimal | None = None
    trailing: Trailing | None = None
    targets: tuple[Target, ...] = ()
    entries: int = 0
    liquidation: Decimal | None = None
    day_start: Decimal = ZERO

    @property
    def side(self) -> PositionSide:
        """Long or short."""
        return self.book.position_side

    @property
    def entry_price(self) -> Decimal:
        """Average cost per unit, quote per base."""
        return self.book.entry_price or ZERO

    @property
    def sellable(self) -> Decimal:
        """What an order can close: on the lot."""
        return self.book.instrument.floor_quantity(self.book.quantity)

    @property
    def levels(self) -> ExitLevels:
        """Its stops, as the monitor would read them; of one price, for a candle has no mark."""
        return ExitLevels(self.side, stop_loss=self.stop_loss, trailing=self.trailing)

    def take_levels(self, judged: Judged) -> None:
        """Take over the levels of an entry; an added stop is never further away (TRADING 7)."""
        self.stop_loss = tighter_stop(self.stop_loss, judged.stop_loss, position_side=self.side)
        self.targets = judged.targets or self.targets
        if judged.trailing is not None:
            peak = self.entry_price if self.trailing is None else self.trailing.peak
            self.trailing = Trailing(judged.trailing, peak)
        self.newest_tag = judged.wish.tag
        self.entries += 1
        if self.margin_mode is MarginMode.ISOLATED:
            self.liquidation = self._liquidation(ZERO)

    def follow(self, price: Decimal, at: datetime) -> None:
        """Let the trailing stop follow a better price."""
        quote = Quote(self.book.instrument.symbol, price, price, price, None, at)
        self.trailing = trail(self.levels, quote).trailing

    def stop(self, balance: Decimal) -> tuple[Decimal, CloseReason] | None:
        """The price at which it is closed for the worse, nearest first, and what that is called.

        Args:
            balance: of the account, settle currency: what backs a crossed position.

        Returns:
            On the tick, quote per base; None where nothing stops and no price liquidates it.
        """
        stop, liquidation = self._own_stop(), self.liquidation
        if self.margin_mode is MarginMode.CROSS:
            liquidation = self._liquidation(balance)
        if liquidation is None:
            return stop
        if stop is None or (liquidation - stop[0]) * self.side.sign > 0:
            return liquidation, CloseReason.LIQUIDATED
        return stop

    @property
    def target(self) -> tuple[Decimal, Decimal] | None:
        """Price and quantity of the nearest target; None without one.

        A slice too small for an order joins its neighbour (TRADING 17).
        """
        if not self.targets:
            return None
        parts = slices(self.sellable, self.targets, self.book.instrument)
        return parts[0] if parts else (self.targets[0].price, self.sellable)

    def reach_target(self, price: Decimal) -> None:
        """The target at that price was sold, and those that had joined it."""
        done = None
        while self.targets and done != price:
            done = self.targets[0].price
            self.targets = without_first(self.targets, done)

    def _own_stop(self) -> tuple[Decimal, CloseReason] | None:
        if self.trailing is None:
            return None if self.stop_loss is None else (self.stop_loss, CloseReason.STOP_LOSS)
        tightest = self.levels.effective_stop
        if tightest is None or tightest == self.stop_loss:
            return None if tightest is None else (tightest, CloseReason.STOP_LOSS)
        price = self.book.instrument.stop_price(tightest, self.side)
        return price, CloseReason.TRAILING_STOP

    def _liquidation(self, balance: Decimal) -> Decimal | None:
        """Where the venue closes it, on the tick; None where no price does.

        What nothing backs any more is closed at its entry price.
        """
        instrument = self.book.instrument
        leverage = Decimal(self.leverage)
        with localcontext(EXACT):
            if self.margin_mode is MarginMode.CROSS:
                backed = max(self.maintenance_rate, balance / self.book.cost)
                leverage = 1 / backed
            found = liquidation_estimate(
                self.entry_price,
                leverage,
                position_side=self.side,
                market_type=instrument.market_type,
                maintenance_rate=self.maintenance_rate,
            )
            if found is None or found <= 0:
                return None
            # Rounded before it goes to the tick: the leverage may be a reciprocal of no end.
            return instrument.stop_price(found.quantize(SHARE), self.side)
