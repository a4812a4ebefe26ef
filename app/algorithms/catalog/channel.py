"""Price channel: buys off the base, sells below the top, and never for less than it cost."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Final, Self

from pydantic import Field, model_validator

from app.algorithms.algorithm import Definition, Parameters
from app.algorithms.bars import Bar, exact
from app.algorithms.intents import Account, Holding, Intent, Move
from app.core.decimals import EXACT, plain
from app.core.errors import Invalid
from app.trading.break_even import profit_price
from app.trading.instrument import Instrument
from app.trading.money import Money
from app.trading.words import MarketType, PositionSide

LONG: Final = PositionSide.LONG
# How far an allocation may be from what was asked for, as a fraction of the capital: 0.1 %.
ALLOCATION_TOLERANCE: Final = Decimal("0.001")


class ChannelParameters(Parameters):
    """Where the channel is, and what is bought and earned in it.

    Base and top are prices that the trader draws, or both are left out: then they are the lowest
    low and the highest high of the last `period` closed candles.
    """

    base: Money | None = Field(default=None, gt=0, description="lower edge, quote per base")
    top: Money | None = Field(default=None, gt=0, description="upper edge, quote per base")
    period: int = Field(default=200, ge=2, le=2000, description="candles that a channel is seen in")
    buy_above_percent: Money = Field(
        default=Decimal(2), ge=0, le=50, description="how far above the base a close has to be"
    )
    sell_below_percent: Money = Field(
        default=Decimal(2), ge=0, lt=50, description="how far below the top the sell is scheduled"
    )
    capital_percent: Money = Field(
        default=Decimal(20), gt=0, le=100, description="what one position may cost"
    )
    min_profit_percent: Money = Field(
        default=Decimal("0.5"), ge=0, le=100, description="what a sale earns after both fees"
    )

    @model_validator(mode="after")
    def _edges_fit(self) -> Self:
        if (self.base is None) is not (self.top is None):
            raise ValueError("give base and top, or neither")
        if self.base is not None and self.top is not None and self.base >= self.top:
            raise ValueError("base has to be below top")
        return self


@dataclass(frozen=True, slots=True)
class Edges:
    """A channel with its two prices to act on, quote per base, on no tick."""

    base: Decimal
    top: Decimal
    buy_at: Decimal
    sell_at: Decimal


class Channel:
    """Buys when a close crosses the threshold above the base, and schedules the sell at once.

    The sell is a limit below the top, and never below the floor: cost, both fees and the minimum
    profit. Only longs, on spot and linear markets.
    """

    def __init__(self, parameters: ChannelParameters) -> None:
        self._parameters = parameters
        self._lows: deque[float] = deque(maxlen=parameters.period)
        self._highs: deque[float] = deque(maxlen=parameters.period)
        self._edges: Edges | None = None
        self._close: Decimal | None = None
        self._scheduled: tuple[Decimal, Holding] | None = None
        self._outlook: PositionSide | None = None

    def on_close(self, bar: Bar, account: Account) -> Sequence[Intent]:
        """Buy past the threshold while flat; while holding, keep the sell where it belongs.

        Raises:
            Invalid: `inverse_market`.
        """
        if account.instrument.market_type is MarketType.INVERSE:
            raise Invalid("the channel trades spot and linear markets", code="inverse_market")
        # The channel is of the candles before: no candle moves the edge that it is measured by.
        self._edges = self._measured()
        self._lows.append(bar.low)
        self._highs.append(bar.high)
        before, self._close = self._close, exact(bar.close)
        self._outlook = None
        if self._edges is None:
            return ()
        entry = self._entry(self._edges, self._close, bar, account)
        if entry is not None:
            self._outlook = LONG
        if account.holding is not None:
            return self._schedule(self._edges, account.holding, bar, account.instrument)
        self._scheduled = None
        has_crossed = before is not None and before < self._edges.buy_at
        return (entry,) if entry is not None and has_crossed else ()

    @property
    def lines(self) -> dict[str, float | None]:
        """The edges and the two prices to act on, for the pane of the price."""
        names = ("base", "top", "buy_at", "sell_at")
        if self._edges is None:
            return dict.fromkeys(names)
        return {name: float(getattr(self._edges, name)) for name in names}

    @property
    def outlook(self) -> PositionSide | None:
        """Long where the last close is past the threshold and the sell leaves its profit."""
        return self._outlook

    def _measured(self) -> Edges | None:
        asked = self._parameters
        if asked.base is not None and asked.top is not None:
            base, top = asked.base, asked.top
        elif len(self._lows) == asked.period:
            base, top = exact(min(self._lows)), exact(max(self._highs))
        else:
            return None
        with localcontext(EXACT):
            return Edges(
                base=base,
                top=top,
                buy_at=base * (1 + asked.buy_above_percent / 100),
                sell_at=top * (1 - asked.sell_below_percent / 100),
            )

    def _entry(self, edges: Edges, close: Decimal, bar: Bar, account: Account) -> Intent | None:
        """A buy at the close; None below the threshold, or where it could not earn its profit."""
        asked, instrument = self._parameters, account.instrument
        price = instrument.floor_price(close)
        if price < edges.buy_at:
            return None
        quantity = allocated(
            account.capital, asked.capital_percent / 100, price=price, instrument=instrument
        )
        if quantity is None:
            return None
        with localcontext(EXACT):
            cost = quantity * price
            bought = Holding(LONG, quantity, cost, cost * instrument.taker_fee_rate)
        if sale_floor(bought, asked.min_profit_percent / 100, instrument) > edges.sell_at:
            return None
        return Intent(
            Move.ENTER,
            LONG,
            f"closed at {plain(close)}, {plain(asked.buy_above_percent)} % or more above the base "
            f"{plain(edges.base)}",
            bar.closed_at,
            quantity=quantity,
            limit_price=price,
        )

    def _schedule(
        self, edges: Edges, holding: Holding, bar: Bar, instrument: Instrument
    ) -> tuple[Intent, ...]:
        """The sell below the top; nothing while it stands there for this very holding."""
        if holding.position_side is not LONG:
            return ()
        floor = sale_floor(holding, self._parameters.min_profit_percent / 100, instrument)
        below_top = instrument.ceil_price(edges.sell_at)
        price = max(floor, below_top)
        if (price, holding) == self._scheduled:
            return ()
        self._scheduled = price, holding
        where = (
            f"{plain(self._parameters.sell_below_percent)} % below the top {plain(edges.top)}"
            if price == below_top
            else "its floor: cost, fees and minimum profit"
        )
        reason = f"scheduled sell at {plain(price)}, {where}"
        return (Intent(Move.EXIT, LONG, reason, bar.closed_at, limit_price=price),)


def allocated(
    capital: Decimal, fraction: Decimal, *, price: Decimal, instrument: Instrument
) -> Decimal | None:
    """The quantity that costs that part of the capital, within ± 0.1 % of the capital.

    Args:
        capital: in quote.
        fraction: 0 < f ≤ 1.
        price: quote per base, fees apart.
        instrument: spot or linear; its lot and its limits.

    Returns:
        Base units on the lot, rounded down where that is near enough, else up. None when the lot
        is too coarse, or the venue takes no order of that size.
    """
    if capital <= 0:
        return None
    with localcontext(EXACT):
        wanted = capital * fraction / price
        for quantity in (instrument.floor_quantity(wanted), instrument.ceil_quantity(wanted)):
            is_near = abs(quantity * price / capital - fraction) <= ALLOCATION_TOLERANCE
            if is_near and _is_taken(quantity, price, instrument):
                return quantity
    return None


def sale_floor(holding: Holding, min_profit: Decimal, instrument: Instrument) -> Decimal:
    """The lowest price that pays cost, both fees and the profit, up to the tick (TRADING 32, 33).

    Args:
        holding: a long on spot or linear.
        min_profit: fraction of the break-even price.
        instrument: its tick, and the dearer of its fees: a limit may be taken at once.
    """
    with localcontext(EXACT):
        price = profit_price(
            LONG,
            quantity=holding.quantity,
            cost=holding.cost,
            open_fees=holding.open_fees,
            exit_fee_rate=max(instrument.taker_fee_rate, instrument.maker_fee_rate),
            min_profit=min_profit,
        )
        return instrument.ceil_price(price)


def _is_taken(quantity: Decimal, price: Decimal, instrument: Instrument) -> bool:
    is_large_enough = quantity > 0 and quantity >= instrument.min_quantity
    is_small_enough = instrument.max_quantity is None or quantity <= instrument.max_quantity
    return is_large_enough and is_small_enough and quantity * price >= instrument.min_notional


CHANNEL: Final = Definition(
    name="channel",
    version=1,
    summary="Buys above the base of a channel, sells below its top, never at a loss.",
    parameters=ChannelParameters,
    build=Channel,
    # One more than the channel is seen in: an entry crosses the threshold from a close below.
    warm_up=lambda parameters: 1 + (parameters.period if parameters.base is None else 1),
)
