"""Whether an entry may be made: every rule with its verdict, in words a trader reads.

Exits never come here: nothing may keep a position from shrinking (TRADING 4).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Final, NamedTuple, TypeAlias

from app.core.decimals import EXACT, plain
from app.core.errors import Denied
from app.pipeline.risk.exposure import DailyLoss, Entry, Exposure, HeldBook, Limits
from app.pipeline.risk.levels import average_price, liquidation_estimate
from app.pipeline.risk.sizing import ZERO
from app.trading.words import PositionSide

SECOND_APPROVAL: Final = "second_approval_missing"


# A sentence, or how to make it: of some twenty-five a decision reads the one that was broken, and
# a backtest decides thousands of times.
Sentence: TypeAlias = str | Callable[[], str]


class Verdict(NamedTuple):
    """What one rule says; `rule` is also the code of the denial."""

    rule: str
    ok: bool
    sentence: Sentence

    @property
    def detail(self) -> str:
        """The sentence, with the figures."""
        if isinstance(self.sentence, str):
            return self.sentence
        with localcontext(EXACT):
            return self.sentence()


def check_entry(
    entry: Entry, exposure: Exposure, limits: Limits, *, now: datetime
) -> tuple[Verdict, ...]:
    """Every rule's verdict on an entry, gravest first (TRADING 1, 6, 7, 12-14, 21-23, 25, 33).

    The same call serves the preview, the approval and the last look before the order is sent.

    Args:
        entry: what would be sent.
        exposure: where the trader stands without it.
        limits: what the trader allows.
        now: aware, UTC.
    """
    case = _Case(entry, exposure, limits, now)
    with localcontext(EXACT):
        return tuple(Verdict(rule, *judge(case)) for rule, judge in RULES.items())


def why_stopped(*, owner_barred: str | None, kill_switch: str | None = None) -> Denied | None:
    """What stops every entry of a trader, whatever it is; asked once more as one is sent.

    Args:
        owner_barred: as in `Exposure`.
        kill_switch: as there.
    """
    return first_denial(
        (
            Verdict("owner_may_not_trade", *_owner_says(owner_barred)),
            Verdict("kill_switch", *_switch_says(kill_switch)),
        )
    )


def first_denial(verdicts: tuple[Verdict, ...]) -> Denied | None:
    """The gravest broken rule as an error to raise; None when the entry may go."""
    broken = next((verdict for verdict in verdicts if not verdict.ok), None)
    return None if broken is None else Denied(broken.detail, code=broken.rule)


@dataclass(frozen=True, slots=True)
class _Case:
    entry: Entry
    exposure: Exposure
    limits: Limits
    now: datetime

    @property
    def own_books(self) -> list[HeldBook]:
        """Books and live entries that this entry would add to."""
        mine = (self.entry.strategy_id, self.entry.position_side)
        return [
            book for book in self.exposure.books if (book.strategy_id, book.position_side) == mine
        ]

    @property
    def day(self) -> DailyLoss:
        """The loss so far and what is left of the limit."""
        return self.exposure.daily_loss(self.limits)


_Says: TypeAlias = tuple[bool, Sentence]


def _owner_may_not_trade(case: _Case) -> _Says:
    return _owner_says(case.exposure.owner_barred)


def _owner_says(barred: str | None) -> _Says:
    return barred is None, "this user may trade" if barred is None else barred


def _kill_switch(case: _Case) -> _Says:
    return _switch_says(case.exposure.kill_switch)


def _switch_says(scope: str | None) -> _Says:
    return scope is None, "off" if scope is None else f"the {scope}'s kill switch is on"


def _entries_on_hold(case: _Case) -> _Says:
    hold = case.exposure.hold
    return hold is None, "entries are taken" if hold is None else hold


def _market_halted(case: _Case) -> _Says:
    instrument = case.entry.instrument
    state = "open for trading" if instrument.is_active else "halted by the venue"
    return instrument.is_active, lambda: f"{instrument.symbol} is {state}"


def _stale_price(case: _Case) -> _Says:
    age, oldest = case.now - case.entry.price_at, case.limits.max_price_age

    def detail() -> str:
        is_old, may_be = age.total_seconds(), oldest.total_seconds()
        return f"the price is {is_old:.1f} s old, at most {may_be:.1f} s"

    return age <= oldest, detail


def _symbol_not_allowed(case: _Case) -> _Says:
    symbol = case.entry.instrument.symbol
    for owner, allowed in (
        ("your limits", case.limits.allowed_symbols),
        ("the strategy", case.entry.strategy.allowed_symbols),
    ):
        if allowed is not None and symbol not in allowed:
            return False, f"{symbol} is not among the symbols that {owner} allow"
    return True, lambda: f"{symbol} is allowed"


def _spot_cannot_short(case: _Case) -> _Says:
    if case.entry.is_spot and case.entry.position_side is PositionSide.SHORT:
        return False, "spot cannot be sold short; use a contract account"
    return True, "this market can hold it"


def _side_not_allowed(case: _Case) -> _Says:
    side, allowed = case.entry.position_side, case.entry.strategy.sides

    def detail() -> str:
        said = " and ".join(sorted(one.value for one in allowed)) or "nothing"
        return f"a {side} entry; the strategy opens {said}"

    return side in allowed, detail


def _opposite_exposure(case: _Case) -> _Says:
    side, external = case.entry.position_side, case.exposure.external_quantity
    if case.exposure.is_hedged:
        return True, "the account keeps long and short apart"
    for book in case.exposure.books:
        if book.position_side is not side and book.quantity > 0:
            held = f"a {book.position_side} of {plain(book.quantity)}"
            return False, f"{held} is held or being opened"
    if external * side.sign < 0:
        return False, f"{plain(external)} on the account is not ours and points the other way"
    return True, lambda: f"nothing on the account opposes a {side}"


def _already_in_position(case: _Case) -> _Says:
    entry, books = case.entry, case.own_books
    if not books:
        return True, "opens a new position"
    entries, most = sum(book.entries for book in books), entry.strategy.max_entries
    held = plain(sum((book.quantity for book in books), ZERO))
    if entry.is_add or not entry.is_auto or most == 0 or entries < most:
        return True, f"adds to a {entry.position_side} of {held}"
    return False, f"a {entry.position_side} of {held} is held, entry {entries} of {most}"


def _daily_loss_frozen(case: _Case) -> _Says:
    until, day = case.exposure.frozen_until, case.day
    if until is not None and until > case.now:
        return False, f"the daily loss limit was reached; frozen until {until:%Y-%m-%d %H:%M} UTC"

    def detail() -> str:
        limit = _or_none(case.limits.max_daily_loss)
        return f"lost today: {plain(max(ZERO, day.loss))}, limit {limit}"

    return not day.is_reached, detail


def _daily_loss_would_exceed(case: _Case) -> _Says:
    loss, left = case.entry.sized.loss_at_stop, case.day.left
    if left is None or loss is None:
        return True, "no daily loss limit" if left is None else "no stop, so no loss to compare"
    return (
        loss <= left,
        lambda: f"would lose {plain(loss)} at its stop, {plain(left)} is left today",
    )


def _max_open_positions(case: _Case) -> _Says:
    after = case.exposure.open_positions + (0 if case.own_books else 1)
    return _within(Decimal(after), case.limits.max_open_positions, "open positions")


def _max_notional_per_symbol(case: _Case) -> _Says:
    after = case.exposure.symbol_notional + case.entry.sized.notional
    instrument = case.entry.instrument
    what = f"{instrument.quote} on {instrument.symbol}"
    return _within(after, case.limits.max_notional_per_symbol, what)


def _max_notional_total(case: _Case) -> _Says:
    after = case.exposure.total_notional + case.entry.sized.notional
    return _within(after, case.limits.max_notional_total, f"{case.entry.instrument.quote} in all")


def _max_leverage(case: _Case) -> _Says:
    return _within(case.entry.leverage, case.limits.max_leverage, "times leverage")


def _max_orders_per_minute(case: _Case) -> _Says:
    after = Decimal(case.exposure.orders_last_minute + 1)
    return _within(after, case.limits.max_orders_per_minute, "orders in a minute")


def _min_notional(case: _Case) -> _Says:
    instrument, notional = case.entry.instrument, case.entry.sized.notional
    least = max(instrument.min_notional, case.limits.min_notional)
    return (
        notional >= least,
        lambda: f"{plain(notional)} {instrument.quote}, at least {plain(least)}",
    )


def _price_drift(case: _Case) -> _Says:
    entry, reference = case.entry, case.entry.reference_price
    limits = (case.limits.max_price_drift, entry.strategy.max_price_drift)
    most = min((limit for limit in limits if limit is not None), default=None)
    if reference is None or reference <= 0 or most is None:
        return True, "no reference price" if most is not None else "no limit on price drift"
    price = entry.executable_price if entry.limit_price is None else entry.limit_price
    drift = abs(price - reference) / reference

    def detail() -> str:
        shown = plain((drift * 100).quantize(Decimal("0.0001")))
        return f"{plain(price)} is {shown} % from {plain(reference)}, at most {plain(most * 100)} %"

    return drift <= most, detail


def _past_stop(case: _Case) -> _Says:
    stop, price = case.entry.sized.stop_price, case.entry.fill_price
    if stop is None:
        return True, "no stop"
    ok = (price - stop) * case.entry.position_side.sign > 0
    return ok, lambda: f"price {plain(price)}, stop {plain(stop)}"


def _past_target(case: _Case) -> _Says:
    target, price = case.entry.target_price, case.entry.fill_price
    if target is None:
        return True, "no target"
    ok = (target - price) * case.entry.position_side.sign > 0
    return ok, lambda: f"price {plain(price)}, target {plain(target)}"


def _liquidation_before_stop(case: _Case) -> _Says:
    entry, stop = case.entry, case.entry.sized.stop_price
    lots = [(book.quantity, book.entry_price) for book in case.own_books]
    lots.append((entry.sized.quantity, entry.sized.entry_price))
    average = average_price(lots, market_type=entry.instrument.market_type)
    liquidation = liquidation_estimate(
        average,
        entry.leverage,
        position_side=entry.position_side,
        market_type=entry.instrument.market_type,
        maintenance_rate=entry.maintenance_rate,
    )
    if stop is None or liquidation is None:
        return True, "no stop" if stop is None else "no price liquidates it"
    sign = entry.position_side.sign
    needed = (average - stop) * sign * (1 + case.limits.liquidation_room)

    def detail() -> str:
        near = plain(liquidation.quantize(Decimal("1e-8")))
        room = plain(case.limits.liquidation_room * 100)
        return (
            f"liquidation near {near}, stop {plain(stop)}, "
            f"room wanted {room} % of the stop's distance"
        )

    return (average - liquidation) * sign >= needed, detail


def _leverage_in_use(case: _Case) -> _Says:
    entry, used, mode = case.entry, case.exposure.leverage, case.exposure.margin_mode
    if entry.is_spot:
        return True, "spot has no leverage"
    other_leverage = used is not None and used != entry.leverage
    other_mode = mode is not None and mode is not entry.margin_mode

    def wanted() -> str:
        return f"{entry.margin_mode} {plain(entry.leverage)}x"

    if other_leverage or other_mode:
        in_use = f"{mode or entry.margin_mode} {_or_none(used)}x"
        return False, f"wants {wanted()}, but {in_use} is in use on {entry.instrument.symbol}"
    return True, wanted


def _second_approval_missing(case: _Case) -> _Says:
    most, notional = case.limits.second_approval_above, case.entry.sized.notional
    if most is None:
        return True, "one approval is enough, whatever it is worth"
    worth = f"{plain(notional)} {case.entry.instrument.quote}"
    if notional <= most:
        return True, f"{worth}, one approval is enough up to {plain(most)}"
    if case.entry.has_second_approval:
        return True, f"{worth}, above {plain(most)}, and a second person has consented"
    return False, f"{worth}, and above {plain(most)} a second person has to consent first"


def _insufficient_funds(case: _Case) -> _Says:
    needed, free = case.entry.funds_needed, case.exposure.free
    coin = case.entry.instrument.settle
    return (
        needed <= free,
        lambda: f"needs {plain(needed)} {coin} with fee, {plain(free)} {coin} is free",
    )


def _within(after: Decimal, most: Decimal | int | None, what: str) -> _Says:
    if most is None:
        return True, lambda: f"{plain(after)} {what}, no limit"
    return after <= most, lambda: f"{plain(after)} {what}, at most {plain(Decimal(most))}"


def _or_none(value: Decimal | None) -> str:
    return "none" if value is None else plain(value)


RULES: Final[dict[str, Callable[[_Case], _Says]]] = {
    "owner_may_not_trade": _owner_may_not_trade,
    "kill_switch": _kill_switch,
    "entries_on_hold": _entries_on_hold,
    "daily_loss_frozen": _daily_loss_frozen,
    "market_halted": _market_halted,
    "symbol_not_allowed": _symbol_not_allowed,
    "spot_cannot_short": _spot_cannot_short,
    "side_not_allowed": _side_not_allowed,
    "opposite_exposure": _opposite_exposure,
    "already_in_position": _already_in_position,
    "stale_price": _stale_price,
    "price_drift": _price_drift,
    "past_stop": _past_stop,
    "past_target": _past_target,
    "liquidation_before_stop": _liquidation_before_stop,
    "leverage_in_use": _leverage_in_use,
    "max_leverage": _max_leverage,
    "min_notional": _min_notional,
    "max_open_positions": _max_open_positions,
    "max_notional_per_symbol": _max_notional_per_symbol,
    "max_notional_total": _max_notional_total,
    "daily_loss_would_exceed": _daily_loss_would_exceed,
    "max_orders_per_minute": _max_orders_per_minute,
    "insufficient_funds": _insufficient_funds,
    SECOND_APPROVAL: _second_approval_missing,
}
