"""Other settings: what a replay changes, and which decisions it takes up again because of it."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

from app.backtests.what_if.past import Fate, Past, PastStrategy
from app.core.errors import Invalid
from app.pipeline.risk.exposure import Limits
from app.pipeline.risk.levels import PriceLevel
from app.pipeline.risk.sizing import SizeAsked
from app.strategies.words import Sides
from app.trading.tickers import to_ticker

# Nobody decided them, or the trader said no: an approval would have let them through.
APPROVABLE: Final = frozenset({Fate.REJECTED, Fate.EXPIRED, Fate.SUPERSEDED, Fate.WAITING})
AGE: Final = "too_old"
DRIFT: Final = "price_drift"
# A changed setting takes up again what was refused because of how it was set.
BY_SIZING: Final = frozenset(
    {
        "no_size",
        "no_stop",
        "below_min_notional",
        "below_min_quantity",
        "above_max_quantity",
        "min_notional",
        "max_notional_per_symbol",
        "max_notional_total",
        "daily_loss_would_exceed",
        "insufficient_funds",
    }
)
BY_STOP: Final = frozenset(
    {
        "no_stop",
        "stop_on_wrong_side",
        "past_stop",
        "liquidation_before_stop",
        "daily_loss_would_exceed",
    }
)
BY_TARGET: Final = frozenset({"target_on_wrong_side", "past_target", "targets_exceed_position"})
BY_LIMIT: Final[Mapping[str, frozenset[str]]] = {
    "max_daily_loss": frozenset({"daily_loss_frozen", "daily_loss_would_exceed"}),
    "max_open_positions": frozenset({"max_open_positions"}),
    "max_notional_per_symbol": frozenset({"max_notional_per_symbol"}),
    "max_notional_total": frozenset({"max_notional_total"}),
    "max_leverage": frozenset({"max_leverage"}),
    "max_orders_per_minute": frozenset({"max_orders_per_minute"}),
    "min_notional": frozenset({"min_notional", "below_min_notional"}),
    "max_price_drift": frozenset({DRIFT}),
}
# Every limit but the least notional, which has to be something, set so that it stops nothing.
NO_LIMITS: Final[Mapping[str, Any]] = {name: None for name in BY_LIMIT if name != "min_notional"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What would have been different; a field that is left out leaves things as they were.

    Attributes:
        approves_all: every entry that was rejected, or ended undecided, is approved at receipt.
        approve: alarms whose entries are approved at receipt all the same.
        reject: alarms whose entries are rejected; exits never are.
        without: alarms that never came.
        lift: denial codes that count for nothing; what they stopped goes on as if approved.
        sizing: of every entry, whatever its alert says.
        stop_loss: of every entry, in place of the alert's and the strategy's.
        has_no_stop: no entry has one.
        take_profit: of every entry, likewise.
        has_no_target: no entry has one.
        limits: of the trader's, by their names in `Limits`; None is no limit.
        symbols: the only ones that are entered, in ccxt form.
        ignores_drift: no entry is too far from its alert's price.
        ignores_age: no alert is too old.
    """

    name: str
    approves_all: bool = False
    approve: frozenset[UUID] = frozenset()
    reject: frozenset[UUID] = frozenset()
    without: frozenset[UUID] = frozenset()
    lift: frozenset[str] = frozenset()
    sizing: SizeAsked | None = None
    stop_loss: PriceLevel | None = None
    has_no_stop: bool = False
    take_profit: PriceLevel | None = None
    has_no_target: bool = False
    sides: Sides | None = None
    max_entries: int | None = None
    limits: Mapping[str, Any] = field(default_factory=dict)
    symbols: frozenset[str] | None = None
    ignores_drift: bool = False
    ignores_age: bool = False

    @property
    def changes_stop(self) -> bool:
        """Whether entries have another stop than they had."""
        return self.has_no_stop or self.stop_loss is not None

    @property
    def changes_target(self) -> bool:
        """Whether entries have another target than they had."""
        return self.has_no_target or self.take_profit is not None

    @property
    def changes_nothing(self) -> bool:
        """Whether it says nothing but its name."""
        return self == Scenario(name=self.name)

    def codes(self) -> frozenset[str]:
        """Denials and refusals that are judged anew, by the rules as they are set here."""
        changes: tuple[tuple[bool, AbstractSet[str]], ...] = (
            (self.sizing is not None, BY_SIZING),
            (self.changes_stop, BY_STOP),
            (self.changes_target, BY_TARGET),
            (self.sides is not None, {"side_not_allowed"}),
            (self.max_entries is not None, {"already_in_position"}),
            (self.symbols is not None, {"symbol_not_allowed"}),
            (self.ignores_drift, {DRIFT}),
            (self.ignores_age, {AGE}),
            *((True, BY_LIMIT[name]) for name in self.limits),
        )
        return self.lift.union(*(codes for is_changed, codes in changes if is_changed))

    def strategy(self, one: PastStrategy) -> PastStrategy:
        """A strategy as it would have been set."""
        lifts_side = "side_not_allowed" in self.lift
        lifts_entries = "already_in_position" in self.lift
        allowed = None if "symbol_not_allowed" in self.lift else one.allowed_symbols
        return replace(
            one,
            sizing=self.sizing or one.sizing,
            follows_alert=one.follows_alert and self.sizing is None,
            stop_loss=self.stop_loss if self.changes_stop else one.stop_loss,
            take_profit=self.take_profit if self.changes_target else one.take_profit,
            sides=self.sides or (Sides.BOTH if lifts_side else one.sides),
            max_entries=_or(self.max_entries, 0 if lifts_entries else one.max_entries),
            allowed_symbols=allowed if self.symbols is None else self.symbols,
            max_drift=None if self.ignores_drift or DRIFT in self.lift else one.max_drift,
        )

    def limits_of(self, limits: Limits) -> Limits:
        """The trader's limits as they would have been set."""
        lifted = {name: value for name, value in NO_LIMITS.items() if BY_LIMIT[name] & self.lift}
        if self.ignores_drift:
            lifted["max_price_drift"] = None
        if self.symbols is not None or "symbol_not_allowed" in self.lift:
            lifted["allowed_symbols"] = None
        return replace(limits, **{**lifted, **self.limits})


def _or(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value


def lifting(code: str) -> Scenario:
    """One kind of decision undone, and everything else as it was."""
    return Scenario(name=code, lift=frozenset({code}))


def checked(scenario: Scenario, past: Past) -> Scenario:
    """A scenario that can be answered, its symbols in ccxt form.

    Raises:
        Invalid: `bad_scenario`; the sentence names the scenario and what is wrong with it.
    """
    if scenario.changes_nothing:
        raise _bad(scenario, "it changes nothing")
    known = {alarm.id for alarm in past.alarms}
    for words in ("approve", "reject", "without"):
        strange = getattr(scenario, words) - known
        if strange:
            raise _bad(scenario, f"{words}: alarm {min(strange)} is not among those of the range")
    twice = (scenario.approve & scenario.reject) | (
        scenario.without & (scenario.approve | scenario.reject)
    )
    if twice:
        raise _bad(scenario, f"alarm {min(twice)} is in more than one of approve, reject, without")
    unknown = set(scenario.limits) - BY_LIMIT.keys()
    if unknown:
        raise _bad(scenario, f"limits: {min(unknown)} is none")
    return replace(scenario, symbols=_symbols(scenario, past))


def _symbols(scenario: Scenario, past: Past) -> frozenset[str] | None:
    if scenario.symbols is None:
        return None
    there = set(past.symbols.values())
    spellings = {name: symbol for symbol in there for name in (symbol, to_ticker(symbol))}
    for one in scenario.symbols:
        if one.upper() not in spellings:
            raise _bad(scenario, f"symbols: no alarm of the range is about {one}")
    return frozenset(spellings[one.upper()] for one in scenario.symbols)


def _bad(scenario: Scenario, wrong: str) -> Invalid:
    return Invalid(f"scenario {scenario.name!r}: {wrong}.", code="bad_scenario")
