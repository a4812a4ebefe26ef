"""How much to trade: from what was asked, the equity and the stop to a quantity on the lot."""

from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Final, assert_never

from app.core.decimals import EXACT, plain
from app.core.errors import Denied, Invalid
from app.strategies.words import SizingMode
from app.trading.instrument import Instrument
from app.trading.words import MarketType

ONE: Final = Decimal(1)
ZERO: Final = Decimal(0)
# Estimates are shown and stored; twelve places are finer than any coin.
ESTIMATE: Final = Decimal("1e-12")


@dataclass(frozen=True, slots=True)
class SizeAsked:
    """A size as the strategy or the alert says it.

    Attributes:
        value: base units for `QUANTITY` (whole contracts on inverse); quote for `NOTIONAL`;
            percent of equity for the percent modes, 1 = 1 %; for `FROM_ALERT` what TradingView
            calls contracts: base units, quote on inverse (TRADING 8). None when nobody said.
    """

    mode: SizingMode
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class SizingBasis:
    """The market and the money a size is worked out from.

    Attributes:
        entry_price: limit, or executable bid or ask, quote per base; above 0.
        stop_price: already rounded to the tick (TRADING 33); None without a stop.
        equity: of the strategy, in settle currency (TRADING 12).
        fee_rate: fraction of the notional, paid on entry and on exit.
        slippage: fraction of the stop price that a stop is expected to miss by.
        min_notional: the risk profile's; the venue's own applies as well. In quote.
    """

    instrument: Instrument
    entry_price: Decimal
    equity: Decimal
    fee_rate: Decimal
    stop_price: Decimal | None = None
    slippage: Decimal = ZERO
    min_notional: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Sized:
    """An entry with its figures, as the preview shows them.

    Attributes:
        quantity: base units, contracts on inverse; a multiple of the lot.
        notional: in quote.
        margin_at_1x: what the entry costs unleveraged, in settle currency.
        fee_estimate: of the entry alone, in settle currency.
        loss_at_stop: price move, both fees and slippage, in settle currency; None without a stop.
        loss_at_stop_percent: of the equity, 1 = 1 %; None without a stop or without equity.
        is_raised: whether the venue's or the profile's minimum raised it.
    """

    quantity: Decimal
    notional: Decimal
    entry_price: Decimal
    stop_price: Decimal | None
    margin_at_1x: Decimal
    fee_estimate: Decimal
    loss_at_stop: Decimal | None
    loss_at_stop_percent: Decimal | None
    is_raised: bool = False


def size_entry(
    asked: SizeAsked,
    basis: SizingBasis,
    *,
    fraction: Decimal = ONE,
    approved_quantity: Decimal | None = None,
    raise_to_min_notional: bool = False,
) -> Sized:
    """The entry that was asked for, rounded down to the lot (TRADING 8, 11, 12, 33).

    Args:
        asked: mode and value.
        basis: market and money.
        fraction: the part that the trader approved, 0 < f ≤ 1; multiplies the size.
        approved_quantity: upper bound at submit, in the instrument's units; None before approval.
        raise_to_min_notional: go up to the first lot that reaches the minimum, never above
            `approved_quantity`. The caller runs every rule again on the result.

    Raises:
        Denied: `no_size`, `no_stop`, `below_min_notional`, `below_min_quantity`,
            `above_max_quantity`.
        Invalid: `bad_fraction`.
    """
    if not ZERO < fraction <= ONE:
        raise Invalid(
            f"approve a fraction above 0 and up to 1, not {plain(fraction)}", code="bad_fraction"
        )
    with localcontext(EXACT):
        wanted = _wanted(asked, basis) * fraction
        if approved_quantity is not None:
            wanted = min(wanted, approved_quantity)
        quantity = basis.instrument.floor_quantity(wanted)
        raised = quantity
        if raise_to_min_notional:
            raised = max(quantity, _smallest_allowed(basis))
            raised = raised if approved_quantity is None else min(raised, approved_quantity)
        _refuse_outside(raised, basis)
        return _figures(raised, basis, is_raised=raised > quantity)


def equity(
    account_equity: Decimal,
    *,
    allocation: Decimal | None,
    net_result: Decimal,
    reinvest: bool,
) -> Decimal:
    """What a strategy may size by: its allocation after losses, within the account (TRADING 12).

    Args:
        account_equity: of the account in its settle currency, from `contract_equity` or
            `spot_equity`.
        allocation: what the trader set aside, settle currency; None = the whole account.
        net_result: the strategy's booked profit less its losses, net of fees, settle currency.
        reinvest: whether profits raise it; losses always lower it.

    Returns:
        Settle currency, never below 0.
    """
    if allocation is None:
        return max(ZERO, account_equity)
    principal = allocated(allocation, net_result=net_result, reinvest=reinvest)
    return max(ZERO, min(principal, account_equity))


def allocated(allocation: Decimal, *, net_result: Decimal, reinvest: bool) -> Decimal:
    """What is left of an allocation, or has become of it (TRADING 12).

    Args:
        allocation: what the trader set aside, settle currency.
        net_result: as of `equity`.
        reinvest: whether profits raise it; net losses always lower it.

    Returns:
        Settle currency, never below 0.
    """
    with localcontext(EXACT):
        return max(ZERO, allocation + (net_result if reinvest else min(ZERO, net_result)))


def contract_equity(*, wallet: Decimal, unrealised: Decimal) -> Decimal:
    """Equity of a contract account: wallet plus unrealised PnL at mark, settle currency."""
    with localcontext(EXACT):
        return wallet + unrealised


def spot_equity(*, free: Decimal, locked: Decimal, books_at_bid: Decimal) -> Decimal:
    """Equity of a spot account: quote coins plus our own books at bid; other coins never count."""
    with localcontext(EXACT):
        return free + locked + books_at_bid


def closed_fraction(*, previous: Decimal, now: Decimal) -> Decimal:
    """The part of a position that TradingView closed: (prev - new) / prev (TRADING 8).

    Args:
        previous: `prev_market_position_size`, unsigned.
        now: `market_position_size`, unsigned and not larger.

    Raises:
        Denied: `not_in_position` when there was nothing; `not_a_reduction` when it grew.
    """
    if previous <= 0:
        raise Denied("TradingView held nothing that could be reduced", code="not_in_position")
    if not ZERO <= now <= previous:
        raise Denied(
            f"not a reduction: from {plain(previous)} to {plain(now)}", code="not_a_reduction"
        )
    with localcontext(EXACT):
        return (previous - now) / previous


def reduce_quantity(held: Decimal, fraction: Decimal, *, instrument: Instrument) -> Decimal:
    """How much of a book to close: the fraction of it, rounded down to the lot (TRADING 2, 8).

    Args:
        held: quantity of the book, in the instrument's units.
        fraction: 0 < f ≤ 1; 1 closes all that a lot can carry.
        instrument: its lot.
    """
    with localcontext(EXACT):
        return instrument.floor_quantity(held * min(fraction, ONE))


def target_delta(target: Decimal, *, held: Decimal, in_flight: Decimal) -> Decimal:
    """Signed quantity that takes a book to its target (TRADING 10).

    Args:
        target: signed size wanted of this book, never of the account; negative is short.
        held: signed quantity of the book, from fills.
        in_flight: signed quantity its live orders would still add; exits are negative for a long.

    Returns:
        Positive to buy, negative to sell, 0 when nothing is to be done. When `target` and `held`
        have opposite signs it is a flip: close, prove flat, then a fresh entry (TRADING 9).
    """
    with localcontext(EXACT):
        return target - held - in_flight


def _wanted(asked: SizeAsked, basis: SizingBasis) -> Decimal:
    if asked.value is None or asked.value <= 0:
        said = "names no size" if asked.value is None else f"asks for {plain(asked.value)}"
        raise Denied(f"the alert or its strategy {said}; give one above 0", code="no_size")
    is_inverse = basis.instrument.market_type is MarketType.INVERSE
    match asked.mode:
        case SizingMode.QUANTITY:
            return asked.value
        case SizingMode.NOTIONAL:
            return asked.value / _unit_notional(basis)
        case SizingMode.FROM_ALERT:
            return asked.value / basis.instrument.contract_size if is_inverse else asked.value
        case SizingMode.EQUITY_PERCENT:
            return basis.equity * asked.value / 100 / _unit_value(basis, basis.entry_price)
        case SizingMode.RISK_PERCENT:
            return basis.equity * asked.value / 100 / _unit_loss_or_denied(basis)
        case _:
            assert_never(asked.mode)


def _unit_notional(basis: SizingBasis) -> Decimal:
    return basis.instrument.notional(ONE, basis.entry_price)


def _unit_value(basis: SizingBasis, price: Decimal) -> Decimal:
    """Worth of one unit in settle currency: the price, or contract size / price on inverse."""
    if basis.instrument.market_type is MarketType.INVERSE:
        return basis.instrument.contract_size / price
    return price


def _unit_loss(basis: SizingBasis, stop_price: Decimal) -> Decimal:
    """Loss of one unit at the stop: |entry - stop| + fee · (entry + stop) + slippage · stop."""
    at_entry = _unit_value(basis, basis.entry_price)
    at_stop = _unit_value(basis, stop_price)
    return (
        abs(at_entry - at_stop) + basis.fee_rate * (at_entry + at_stop) + basis.slippage * at_stop
    )


def _unit_loss_or_denied(basis: SizingBasis) -> Decimal:
    if basis.stop_price is None or basis.stop_price == basis.entry_price:
        raise Denied("sizing by risk needs a stop away from the entry price", code="no_stop")
    return _unit_loss(basis, basis.stop_price)


def _min_notional(basis: SizingBasis) -> Decimal:
    return max(basis.instrument.min_notional, basis.min_notional)


def _smallest_allowed(basis: SizingBasis) -> Decimal:
    return basis.instrument.ceil_quantity(_min_notional(basis) / _unit_notional(basis))


def _refuse_outside(quantity: Decimal, basis: SizingBasis) -> None:
    instrument = basis.instrument
    notional = instrument.notional(quantity, basis.entry_price)
    if notional < _min_notional(basis):
        raise Denied(
            f"{instrument.symbol}: {plain(quantity)} at {plain(basis.entry_price)} is "
            f"{plain(notional)} {instrument.quote}, the minimum is {plain(_min_notional(basis))}",
            code="below_min_notional",
        )
    if quantity <= 0 or quantity < instrument.min_quantity:
        raise Denied(
            f"{instrument.symbol}: {plain(quantity)} is below the smallest order, "
            f"{plain(max(instrument.min_quantity, instrument.quantity_step))}",
            code="below_min_quantity",
        )
    if instrument.max_quantity is not None and quantity > instrument.max_quantity:
        raise Denied(
            f"{instrument.symbol}: {plain(quantity)} is above the largest order, "
            f"{plain(instrument.max_quantity)}",
            code="above_max_quantity",
        )


def _figures(quantity: Decimal, basis: SizingBasis, *, is_raised: bool) -> Sized:
    cost = quantity * _unit_value(basis, basis.entry_price)
    loss = None if basis.stop_price is None else quantity * _unit_loss(basis, basis.stop_price)
    return Sized(
        quantity=quantity,
        notional=basis.instrument.notional(quantity, basis.entry_price),
        entry_price=basis.entry_price,
        stop_price=basis.stop_price,
        margin_at_1x=cost.quantize(ESTIMATE),
        fee_estimate=(cost * basis.fee_rate).quantize(ESTIMATE),
        loss_at_stop=None if loss is None else loss.quantize(ESTIMATE),
        loss_at_stop_percent=_percent(loss, basis.equity),
        is_raised=is_raised,
    )


def _percent(loss: Decimal | None, whole: Decimal) -> Decimal | None:
    return None if loss is None or whole <= 0 else (loss / whole * 100).quantize(ESTIMATE)
