"""Show every rule bite: a made-up entry that it has to refuse, and the same one that it lets pass.

The entries are made up; the limits are the trader's, and the rules are those that every entry
meets. Nothing is ordered and nothing is written.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import Final
from uuid import UUID

from app.core.decimals import EXACT, plain
from app.pipeline.risk.exposure import Entry, Exposure, HeldBook, Limits, StrategyLimits
from app.pipeline.risk.rules import RULES, SECOND_APPROVAL, Verdict, check_entry
from app.pipeline.risk.sizing import ONE, ZERO, Sized
from app.trading.instrument import Instrument
from app.trading.words import MarketType, PositionSide

PRICE: Final = Decimal(100)
PLENTY: Final = Decimal(10) ** 15
MADE_UP: Final = UUID(int=0)
USUAL: Final = "BTC/USDT:USDT"
NOBODYS: Final = "NOBODYS/COIN:COIN"


@dataclass(frozen=True, slots=True)
class Proof:
    """What one rule did to an entry that it has to refuse.

    Attributes:
        is_set: False where the trader has no such limit, so that nothing is refused.
        bites: whether it refused that entry, and let the harmless one pass.
        tried: the entry, in words.
        said: the rule's own words to it; empty where there is no limit.
    """

    rule: str
    is_set: bool
    bites: bool
    tried: str
    said: str = ""


@dataclass(frozen=True, slots=True)
class _Case:
    entry: Entry
    exposure: Exposure
    tried: str


def prove(limits: Limits, *, now: datetime) -> tuple[Proof, ...]:
    """Every rule against an entry of its own, in the order in which they are asked.

    Args:
        limits: the trader's.
        now: aware, UTC.
    """
    with localcontext(EXACT):
        harmless = _Case(_entry(limits, now), Exposure(free=PLENTY), "a small entry")
        passed = _verdicts(harmless, limits, now)
        return tuple(
            _proof(rule, PROVOCATIONS[rule](harmless, limits), limits, now, passed[rule])
            for rule in RULES
        )


def _proof(
    rule: str, case: _Case | None, limits: Limits, now: datetime, harmless: Verdict
) -> Proof:
    if case is None:
        return Proof(rule, is_set=False, bites=False, tried="You have set no such limit.")
    verdict = _verdicts(case, limits, now)[rule]
    return Proof(
        rule,
        is_set=True,
        bites=harmless.ok and not verdict.ok,
        tried=f"{case.tried[0].upper()}{case.tried[1:]}.",
        said=verdict.detail,
    )


def _verdicts(case: _Case, limits: Limits, now: datetime) -> dict[str, Verdict]:
    return {one.rule: one for one in check_entry(case.entry, case.exposure, limits, now=now)}


def _entry(limits: Limits, now: datetime) -> Entry:
    """A long of the least worth that the trader takes, on a symbol they allow, with a stop."""
    symbol = min(limits.allowed_symbols) if limits.allowed_symbols else USUAL
    instrument = Instrument(
        symbol=symbol,
        market_type=MarketType.LINEAR,
        base="BTC",
        quote="USDT",
        settle="USDT",
        quantity_step=Decimal("0.001"),
        price_tick=Decimal("0.01"),
        min_quantity=Decimal("0.001"),
        max_quantity=None,
        min_notional=Decimal(5),
        contract_size=ONE,
        taker_fee_rate=Decimal("0.0005"),
        maker_fee_rate=Decimal("0.0002"),
    )
    return Entry(
        strategy_id=MADE_UP,
        instrument=instrument,
        position_side=PositionSide.LONG,
        sized=_sized(max(instrument.min_notional, limits.min_notional)),
        executable_price=PRICE,
        price_at=now,
        reference_price=PRICE,
        target_price=PRICE * 2,
        is_auto=True,
        has_second_approval=True,
    )


def _sized(notional: Decimal) -> Sized:
    return Sized(
        quantity=notional / PRICE,
        notional=notional,
        entry_price=PRICE,
        stop_price=PRICE * Decimal("0.99"),
        margin_at_1x=notional,
        fee_estimate=ZERO,
        loss_at_stop=ZERO,
        loss_at_stop_percent=None,
    )


def _standing(case: _Case, tried: str, **exposure: object) -> _Case:
    """The same entry, where the trader stands otherwise."""
    return replace(case, exposure=replace(case.exposure, **exposure), tried=tried)  # type: ignore[arg-type]  # named by the callers below


def _asking(case: _Case, tried: str, **entry: object) -> _Case:
    """Another entry, where the trader stands as before."""
    return replace(case, entry=replace(case.entry, **entry), tried=tried)  # type: ignore[arg-type]  # named by the callers below


def _sizing(case: _Case, tried: str, **sized: object) -> _Case:
    return _asking(case, tried, sized=replace(case.entry.sized, **sized))  # type: ignore[arg-type]  # named by the callers below


def _book(case: _Case, side: PositionSide) -> tuple[HeldBook, ...]:
    return (HeldBook(case.entry.strategy_id, side, case.entry.sized.quantity, PRICE),)


def _daily_loss_frozen(case: _Case, limits: Limits) -> _Case | None:
    most = limits.max_daily_loss
    if most is None:
        return None
    tried = f"an entry after {plain(most)} were lost today"
    return _standing(case, tried, realised_net_today=-most)


def _daily_loss_would_exceed(case: _Case, limits: Limits) -> _Case | None:
    most = limits.max_daily_loss
    if most is None:
        return None
    tried = f"an entry that loses {plain(most + 1)} at its stop"
    return _sizing(case, tried, loss_at_stop=most + 1)


def _symbol_not_allowed(case: _Case, limits: Limits) -> _Case | None:
    if limits.allowed_symbols is None:
        return None
    other = replace(case.entry.instrument, symbol=NOBODYS)
    return _asking(case, f"an entry on {NOBODYS}", instrument=other)


def _price_drift(case: _Case, limits: Limits) -> _Case | None:
    most = limits.max_price_drift
    if most is None:
        return None
    price = PRICE * (1 + 2 * most)
    tried = f"an entry at {plain(price)} for an alert at {plain(PRICE)}"
    return _asking(case, tried, executable_price=price)


def _liquidation_before_stop(case: _Case, _: Limits) -> _Case:
    stop = PRICE / 2
    tried = f"an entry at 50 times leverage with its stop at {plain(stop)}, half the price"
    far = _sizing(case, tried, stop_price=stop)
    return _asking(far, tried, leverage=Decimal(50))


def _max_leverage(case: _Case, limits: Limits) -> _Case | None:
    most = limits.max_leverage
    if most is None:
        return None
    return _asking(case, f"an entry at {plain(most + 1)} times leverage", leverage=most + 1)


def _min_notional(case: _Case, _: Limits) -> _Case:
    half = case.entry.sized.notional / 2
    return _sizing(case, f"an entry of {plain(half)} {case.entry.instrument.quote}", notional=half)


def _max_open_positions(case: _Case, limits: Limits) -> _Case | None:
    most = limits.max_open_positions
    if most is None:
        return None
    return _standing(case, f"one more entry with {most} positions open", open_positions=most)


def _max_notional_per_symbol(case: _Case, limits: Limits) -> _Case | None:
    most = limits.max_notional_per_symbol
    if most is None:
        return None
    tried = f"an entry on top of {plain(most)} on the same symbol"
    return _standing(case, tried, symbol_notional=most)


def _max_notional_total(case: _Case, limits: Limits) -> _Case | None:
    most = limits.max_notional_total
    if most is None:
        return None
    return _standing(case, f"an entry on top of {plain(most)} in all", total_notional=most)


def _max_orders_per_minute(case: _Case, limits: Limits) -> _Case | None:
    most = limits.max_orders_per_minute
    if most is None:
        return None
    return _standing(case, f"one more entry after {most} in a minute", orders_last_minute=most)


def _second_approval_missing(case: _Case, limits: Limits) -> _Case | None:
    most = limits.second_approval_above
    if most is None:
        return None
    tried = f"an entry of {plain(most + 1)} to which nobody else has consented"
    large = _sizing(case, tried, notional=most + 1)
    return _asking(large, tried, has_second_approval=False)


def _stale_price(case: _Case, limits: Limits) -> _Case:
    age = limits.max_price_age + timedelta(seconds=1)
    tried = f"an entry at a price that is {age.total_seconds():.1f} s old"
    return _asking(case, tried, price_at=case.entry.price_at - age)


def _spot_short(case: _Case, _: Limits) -> _Case:
    spot = replace(case.entry.instrument, market_type=MarketType.SPOT)
    short = PositionSide.SHORT
    return _asking(case, "a short on a spot account", instrument=spot, position_side=short)


PROVOCATIONS: Final[dict[str, Callable[[_Case, Limits], _Case | None]]] = {
    "owner_may_not_trade": lambda case, _: _standing(
        case,
        "an entry of a user who was switched off",
        owner_barred="this user is switched off",
    ),
    "kill_switch": lambda case, _: _standing(
        case, "an entry while your kill switch is on", kill_switch="user"
    ),
    "entries_on_hold": lambda case, _: _standing(
        case,
        "an entry while an order of unknown fate is at the exchange",
        hold="an order of unknown fate is at the exchange",
    ),
    "daily_loss_frozen": _daily_loss_frozen,
    "market_halted": lambda case, _: _asking(
        case,
        "an entry on a symbol that the venue has halted",
        instrument=replace(case.entry.instrument, is_active=False),
    ),
    "symbol_not_allowed": _symbol_not_allowed,
    "spot_cannot_short": _spot_short,
    "side_not_allowed": lambda case, _: _asking(
        case,
        "a long for a strategy that opens shorts only",
        strategy=StrategyLimits(sides=frozenset({PositionSide.SHORT})),
    ),
    "opposite_exposure": lambda case, _: _standing(
        case, "a long where a short is held", books=_book(case, PositionSide.SHORT)
    ),
    "already_in_position": lambda case, _: _standing(
        case, "a second automatic entry of a strategy", books=_book(case, PositionSide.LONG)
    ),
    "stale_price": _stale_price,
    "price_drift": _price_drift,
    "past_stop": lambda case, _: _sizing(
        case, "a long whose stop lies above the price", stop_price=PRICE + 1
    ),
    "past_target": lambda case, _: _asking(
        case, "a long whose target lies below the price", target_price=PRICE - 1
    ),
    "liquidation_before_stop": _liquidation_before_stop,
    "leverage_in_use": lambda case, _: _standing(
        case,
        "an entry at another leverage than is in use on its symbol",
        leverage=case.entry.leverage + 1,
    ),
    "max_leverage": _max_leverage,
    "min_notional": _min_notional,
    "max_open_positions": _max_open_positions,
    "max_notional_per_symbol": _max_notional_per_symbol,
    "max_notional_total": _max_notional_total,
    "daily_loss_would_exceed": _daily_loss_would_exceed,
    "max_orders_per_minute": _max_orders_per_minute,
    "insufficient_funds": lambda case, _: _standing(
        case, "an entry with nothing left to pay for it", free=ZERO
    ),
    SECOND_APPROVAL: _second_approval_missing,
}
