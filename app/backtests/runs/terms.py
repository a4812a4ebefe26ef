"""What a backtest trades by, as it is asked for, stored and shown."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

from pydantic import Field, TypeAdapter, model_validator

from app.backtests.engine.terms import FundingRate, Means, Terms
from app.http.schemas import In
from app.pipeline.risk.exposure import Limits
from app.pipeline.risk.levels import PriceLevel
from app.pipeline.risk.sizing import SizeAsked
from app.strategies.models import Strategy
from app.strategies.schemas import MAX_LEVERAGE, Level, Sizing
from app.strategies.words import LevelKind, Sides, SizingMode
from app.trading.instrument import Instrument
from app.trading.money import Money
from app.trading.timeframe import Timeframe
from app.trading.words import MarginMode, MarketType

# Nearly everything, with room for fees and slippage: more is denied for want of money.
DEFAULT_SIZING: Final = Sizing(mode=SizingMode.EQUITY_PERCENT, value=Decimal(95))
# When venues settle it: every eight hours from midnight UTC.
FUNDING_TIMEFRAME: Final = Timeframe.H8


class RunTerms(In):
    """Money, costs and rules of a backtest; what is left out is the strategy's, or the default.

    `capital` and `allocation` are in settle currency. `slippage_percent` is how much worse off
    whatever fills at market is. Fees are those of the exchange unless given here.
    `funding_percent` is what longs pay shorts every eight hours on contracts, 0.01 = 0.01 %.
    `under_my_limits`: whether your own risk limits deny entries here as they do elsewhere.
    """

    capital: Money = Field(default=Decimal(10_000), gt=0)
    sizing: Sizing = Field(default_factory=lambda: DEFAULT_SIZING)
    allocation: Money | None = Field(default=None, gt=0)
    reinvest: bool = True
    leverage: int = Field(default=1, ge=1, le=MAX_LEVERAGE)
    margin_mode: MarginMode = MarginMode.ISOLATED
    stop_loss: Level | None = None
    take_profit: Level | None = None
    sides: Sides = Sides.BOTH
    max_entries: int = Field(default=1, ge=0)
    max_price_drift_percent: Money | None = Field(default=None, gt=0)
    raise_to_min_notional: bool = False
    max_holding_seconds: int | None = Field(default=None, ge=1)
    entry_ttl_seconds: int | None = Field(default=None, ge=1)
    slippage_percent: Money = Field(default=Decimal(0), ge=0, lt=100)
    taker_fee_percent: Money | None = Field(default=None, ge=0, lt=100)
    maker_fee_percent: Money | None = Field(default=None, gt=-100, lt=100)
    funding_percent: Money = Field(default=Decimal(0), gt=-100, lt=100)
    under_my_limits: bool = True

    @model_validator(mode="after")
    def _target_cannot_trail(self) -> Self:
        if self.take_profit is not None and self.take_profit.kind is LevelKind.TRAILING_PERCENT:
            raise ValueError("take_profit cannot trail: set a trailing stop_loss")
        return self

    @classmethod
    def of_strategy(cls, row: Strategy) -> Self:
        """What a strategy says about its trades."""
        return cls(
            sizing=Sizing(mode=row.sizing_mode, value=row.sizing_value),
            allocation=row.allocation,
            reinvest=row.reinvest,
            leverage=row.leverage,
            margin_mode=row.margin_mode,
            stop_loss=_level(row.default_stop_loss_kind, row.default_stop_loss_value),
            take_profit=_level(row.default_take_profit_kind, row.default_take_profit_value),
            sides=row.sides,
            max_entries=row.max_entries,
            max_price_drift_percent=row.max_price_drift_percent,
            raise_to_min_notional=row.raise_to_min_notional,
            max_holding_seconds=row.max_holding_seconds,
            entry_ttl_seconds=row.signal_ttl_seconds,
        )

    def with_changes(self, changes: Self) -> Self:
        """These, but for whatever the other ones were sent with."""
        sent = changes.model_dump(exclude_unset=True)
        return type(self).model_validate({**self.model_dump(), **sent})

    def stored(self) -> dict[str, Any]:
        """As JSON takes them, money as text."""
        return self.model_dump(mode="json")

    def terms(self) -> Terms:
        """For the engine."""
        return Terms(
            sizing=self._size(),
            allocation=self.allocation,
            reinvest=self.reinvest,
            leverage=self.leverage,
            margin_mode=self.margin_mode,
            stop_loss=_price_level(self.stop_loss),
            take_profit=_price_level(self.take_profit),
            sides=self.sides,
            max_entries=self.max_entries,
            max_price_drift=_fraction(self.max_price_drift_percent),
            raise_to_min_notional=self.raise_to_min_notional,
            max_holding=_seconds(self.max_holding_seconds),
            entry_ttl=_seconds(self.entry_ttl_seconds),
            slippage=self.slippage_percent.scaleb(-2),
        )

    def _size(self) -> SizeAsked:
        # An intent of an algorithm is like an alert without a size: the notional to fall to counts.
        if self.sizing.mode is SizingMode.FROM_ALERT and self.sizing.value is not None:
            return SizeAsked(SizingMode.NOTIONAL, self.sizing.value)
        return SizeAsked(self.sizing.mode, self.sizing.value)

    def instrument(self, listed: Instrument) -> Instrument:
        """The market with the fees that count here."""
        taker, maker = _fraction(self.taker_fee_percent), _fraction(self.maker_fee_percent)
        return replace(
            listed,
            taker_fee_rate=listed.taker_fee_rate if taker is None else taker,
            maker_fee_rate=listed.maker_fee_rate if maker is None else maker,
        )

    def funding(
        self, market_type: MarketType, since: datetime, until: datetime
    ) -> Iterator[FundingRate]:
        """What was assumed of a range."""
        if market_type is not MarketType.SPOT and self.funding_percent != 0:
            rate = self.funding_percent.scaleb(-2)
            for at in FUNDING_TIMEFRAME.opens(since, until):
                yield FundingRate(at, rate)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What else a backtest depends on, as it was when it was asked for.

    Attributes:
        instrument: as its venue listed it.
        limits: of the trader.
        zone: where the trader's day begins.
        algorithm_digest: SHA-256 of the file of an own algorithm; None of one of the program.
    """

    instrument: Instrument
    limits: Limits
    zone: ZoneInfo
    algorithm_digest: str | None = None

    def means(self, terms: RunTerms) -> Means:
        """For the engine."""
        return Means(
            capital=terms.capital,
            limits=self.limits if terms.under_my_limits else Limits(),
            zone=self.zone,
        )

    def stored(self) -> dict[str, Any]:
        """As JSON takes them."""
        found: dict[str, Any] = _CIRCUMSTANCES.dump_python(self, mode="json")
        return found

    @classmethod
    def read(cls, stored: dict[str, Any]) -> "Circumstances":
        """As they were stored."""
        return _CIRCUMSTANCES.validate_python(stored)


_CIRCUMSTANCES: Final = TypeAdapter(Circumstances)


def _level(kind: LevelKind | None, value: Decimal | None) -> Level | None:
    return None if kind is None or value is None else Level(kind=kind, value=value)


def _price_level(level: Level | None) -> PriceLevel | None:
    return None if level is None else PriceLevel(level.kind, level.value)


def _fraction(percent: Decimal | None) -> Decimal | None:
    return None if percent is None else percent.scaleb(-2)


def _seconds(count: int | None) -> timedelta | None:
    return None if count is None else timedelta(seconds=count)
