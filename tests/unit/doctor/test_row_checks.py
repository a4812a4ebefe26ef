"""Each check of the rows: silent when they hold, and plain about what is spoilt."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from app.accounts.models import AccountState
from app.commands.doctor.checks import (
    alarms,
    days,
    decisions,
    fills,
    moves,
    orders,
    results,
    scheduled,
)
from app.commands.doctor.checks import protection as guards
from app.commands.doctor.examination import ROW_CHECKS, WHOLE_CHECKS, RowCheck
from app.commands.doctor.finding import CancelAtVenue, RecomputeDay
from app.commands.doctor.rows import Waiting
from app.core.ids import new_id
from app.pipeline.orders.status import OrderStatus
from app.pipeline.pnl.models import FundingPayment
from app.pipeline.positions.status import PositionStatus
from app.pipeline.signals.status import SignalStatus
from app.trading.words import CloseReason, Protection, Purpose, Side
from tests.builders import a_scheduled_exit, d
from tests.unit.doctor.ward import LATER, Spoil, Ward, a_fill, a_ward, an_order, shown, words
from tests.unit.positions.builders import NOON

AGO = timedelta(minutes=5)


def put(find: Callable[[Ward], object], **values: Any) -> Spoil:
    """Set columns of one row."""

    def spoil(ward: Ward) -> None:
        row = find(ward)
        for name, value in values.items():
            setattr(row, name, value)

    return spoil


def second_close(ward: Ward) -> None:
    an_order(ward, ward.held, Side.SELL, "0.3", purpose=Purpose.EXIT, reduce_only=True,
             status=OrderStatus.SUBMITTED)  # fmt: skip


def another_stop(ward: Ward) -> None:
    stop = ward.stop
    an_order(ward, ward.held, Side.SELL, "0.2", purpose=Purpose.STOP_LOSS, reduce_only=True,
             status=OrderStatus.OPEN, trigger_price=stop.trigger_price,
             trigger_kind=stop.trigger_kind)  # fmt: skip


def exit_died(ward: Ward) -> None:
    ward.held.status = PositionStatus.CLOSING
    ward.stop.status = OrderStatus.CANCELED


def paid(ward: Ward) -> None:
    ward.funding.append(
        FundingPayment(
            account_id=ward.account.id,
            position_id=ward.held.id,
            symbol=ward.held.symbol,
            amount=d("-1.5"),
            currency="USDT",
            paid_at=NOON,
        )
    )


def asleep(ward: Ward) -> None:
    ward.held.protection, ward.held.protection_note = Protection.MONITOR, "none taken"
    ward.states.append(AccountState(account_id=ward.account.id, reconciled_at=LATER - AGO))


def orphan(ward: Ward) -> None:
    another_stop(ward)
    ward.stop.position_id = ward.closed.id
    ward.closed.closed_at = LATER - timedelta(seconds=6)


def given_up(ward: Ward) -> None:
    order = an_order(ward, ward.held, Side.BUY, "0.1", status=OrderStatus.REJECTED,
                     exchange_order_id=None)  # fmt: skip
    ward.said(order.id, "order.unknown")


def too_much(ward: Ward) -> None:
    an_order(ward, ward.held, Side.BUY, "0.1", signal_id=ward.signals[0].id,
             status=OrderStatus.OPEN)  # fmt: skip


def over_closed(ward: Ward) -> None:
    leave = an_order(ward, ward.closed, Side.SELL, "0.1", purpose=Purpose.EXIT)
    a_fill(ward, leave, "61000", fee="3")


BROKEN: list[tuple[RowCheck, Spoil, str]] = [
    (
        orders.nobody_is_in_doubt,
        put(lambda ward: ward.orders[0], status=OrderStatus.UNKNOWN, submitted_at=NOON),
        "expected proof within 30 s, found unknown since 600",
    ),
    (orders.endings_have_evidence, given_up, "given up without evidence"),
    (
        orders.ids_are_taken_once,
        put(lambda ward: ward.orders[1], exchange_order_id="x0"),
        "the same order of the venue's",
    ),
    (
        fills.orders_are_their_fills,
        put(lambda ward: ward.orders[0], filled_quantity=d("0.05")),
        "expected 0.1, found 0.05",
    ),
    (
        fills.orders_are_their_fills,
        put(lambda ward: ward.orders[0], quantity=d("0.05")),
        "more was filled than was asked: expected 0.05, found 0.1",
    ),
    (
        fills.positions_are_their_fills,
        put(lambda ward: ward.held, quantity=d("0.25")),
        "expected 0.2 (dust 0), found 0.25",
    ),
    (
        results.results_follow_from_fills,
        put(lambda ward: ward.closed, realized_pnl=d("97")),
        "realised result is not what its fills give: expected 93.95, found 97",
    ),
    (
        results.results_follow_from_fills,
        put(lambda ward: ward.held, open_fees=d("0")),
        "entry fees not booked yet is not what its fills give: expected 6, found 0",
    ),
    (results.results_follow_from_fills, over_closed, "its fills make no position"),
    (
        results.closed_positions_are_trades,
        lambda ward: ward.trades.clear(),
        "it is closed and no trade",
    ),
    (
        results.closed_positions_are_trades,
        put(lambda ward: ward.trades[0], fees=d("3.05")),
        "its trade has another fees: expected 6.05, found 3.05",
    ),
    (
        results.closed_positions_are_trades,
        put(lambda ward: ward.closed, status=PositionStatus.OPEN),
        "it is a trade too soon",
    ),
    (
        days.positions_have_their_bookings,
        lambda ward: ward.bookings.clear(),
        "what it realised is not what was booked: expected 0, found 93.95",
    ),
    (
        days.funding_is_what_was_paid,
        paid,
        "its funding is not what was paid: expected -1.5, found 0",
    ),
    (days.days_are_their_bookings, paid, "funding is not what its rows give: expected -1.5"),
    (
        days.closing_fills_are_on_their_day,
        put(lambda ward: ward.bookings[0], day=date(2026, 1, 25)),
        "expected 2026-01-24, found 2026-01-25",
    ),
    (
        days.closing_fills_are_on_their_day,
        lambda ward: ward.bookings.clear(),
        "expected 2026-01-24, found no booking",
    ),
    (
        days.days_are_their_bookings,
        put(lambda ward: ward.days[0], fees=d("6")),
        "fees is not what its rows give: expected 6.05, found 6",
    ),
    (
        days.days_are_their_bookings,
        put(lambda ward: ward.days[0], wins=0),
        "wins is not what its rows give: expected 1, found 0",
    ),
    (
        days.days_are_their_bookings,
        lambda ward: ward.days.clear(),
        "expected 93.95, found no such day",
    ),
    (
        days.days_are_trades,
        put(lambda ward: ward.trades[0], realized_pnl=d("100")),
        "all paper days are not all trades: expected 100, found 93.95",
    ),
    (
        guards.positions_are_protected,
        put(lambda ward: ward.held, protection=Protection.NONE, naked_since=LATER - AGO),
        "nobody guards it: expected its stop resting at the venue, found nothing since",
    ),
    (
        guards.positions_are_protected,
        put(lambda ward: ward.held, protection=Protection.MONITOR),
        "only this program guards it",
    ),
    (guards.positions_are_protected, asleep, "and it does not run"),
    (
        guards.positions_are_protected,
        put(lambda ward: ward.stop, quantity=d("0.1")),
        "do not cover exactly what can be sold: expected 0.2, found 0.1 in 1 stops",
    ),
    (guards.positions_are_protected, another_stop, "expected 0.2, found 0.4 in 2 stops"),
    (
        guards.positions_are_protected,
        put(lambda ward: ward.stop, trigger_price=d("56000")),
        "at another price: expected 57000, found 56000",
    ),
    (guards.exits_only_reduce, second_close, "its closes would sell more than it holds"),
    (guards.exits_only_reduce, another_stop, "its stops would sell more than it holds"),
    (
        guards.exits_only_reduce,
        put(lambda ward: ward.stop, reduce_only=False),
        "may do more than reduce",
    ),
    (
        guards.closing_positions_have_exits,
        exit_died,
        "no exit of it is on its way",
    ),
    (guards.flat_positions_have_no_exits, orphan, "an exit of a position that is closed"),
    (
        scheduled.scheduled_exits_keep_their_floor,
        put(
            lambda ward: ward.orders[1],
            close_reason=CloseReason.SCHEDULED,
            limit_price=d("61500"),
        ),
        "filled beyond its limit: expected 61500 or better, found 61000",
    ),
    (
        scheduled.scheduled_exits_keep_their_floor,
        # (12,000 + 6) / 0.2 / 0.999 = 60,090.0900…, up to the tick
        put(lambda ward: ward.held, scheduled=a_scheduled_exit(NOON, price=d("60000"))),
        "waits for too little: expected 60090.1 or better, found 60000",
    ),
    (
        moves.moves_are_allowed,
        put(lambda ward: ward.orders[0], status=OrderStatus.OPEN),
        "it went from filled to open",
    ),
    (
        moves.moves_are_allowed,
        lambda ward: ward.said(ward.signals[0].id, "signal.rejected"),
        "it went from executed to rejected",
    ),
    (
        moves.moves_are_allowed,
        put(lambda ward: ward.closed, status=PositionStatus.OPEN),
        "it went from closed to open",
    ),
    (
        decisions.openings_were_decided,
        lambda ward: ward.forget("signal.approved"),
        "not approved once: expected one approval before it was sent, in time, found 0",
    ),
    (
        decisions.openings_were_decided,
        lambda ward: ward.said(ward.signals[0].id, "signal.approved"),
        "found 2 approvals",
    ),
    (
        decisions.openings_were_decided,
        put(lambda ward: ward.signals[0], status=SignalStatus.REJECTED),
        "for a signal that is not approved",
    ),
    (
        decisions.openings_were_decided,
        put(lambda ward: ward.signals[0], expires_at=NOON - timedelta(seconds=3)),
        "after its signal had expired",
    ),
    (
        decisions.openings_were_decided,
        put(lambda ward: ward.orders[2], submitted_at=NOON - timedelta(seconds=1)),
        "before it was approved",
    ),
    (
        decisions.signals_stay_within_approval,
        too_much,
        "more than was approved: expected at most 0.2, found 0.3",
    ),
    (
        decisions.resting_entries_expire,
        put(lambda ward: ward.orders[0], status=OrderStatus.OPEN, expires_at=LATER - AGO),
        "it rests after its time",
    ),
    (
        alarms.alarms_are_decided,
        lambda ward: ward.waiting.append(Waiting(new_id(), LATER - AGO)),
        "nobody has decided it: expected a decision within seconds, found it waits since 300 s",
    ),
    (
        alarms.accounts_are_reconciled,
        lambda ward: ward.states.append(
            AccountState(
                account_id=ward.account.id, failing_since=NOON, reason="exchange_unavailable: No."
            )
        ),
        "opens nothing on it",
    ),
]


@pytest.mark.parametrize("check", [*ROW_CHECKS, *WHOLE_CHECKS], ids=lambda one: one.__name__)
def test_what_holds_is_fine(check: RowCheck) -> None:
    ward = a_ward()
    ward.states.append(AccountState(account_id=ward.account.id, reconciled_at=NOON))

    assert check(ward.rows).problems == ()


@pytest.mark.parametrize(("check", "spoil", "sentence"), BROKEN, ids=shown)
def test_what_is_spoilt_is_named(check: RowCheck, spoil: Spoil, sentence: str) -> None:
    ward = a_ward()

    spoil(ward)

    assert sentence in words(check(ward.rows))


def test_every_check_of_the_rows_is_spoilt_at_least_once() -> None:
    assert {check for check, _, _ in BROKEN} == {*ROW_CHECKS, *WHOLE_CHECKS}


def test_what_the_monitor_guards_for_a_reason_is_fine() -> None:
    ward = a_ward()
    ward.held.protection = Protection.MONITOR
    ward.held.protection_note = "conditional_not_taken: the venue takes none"
    ward.stop.status = OrderStatus.REJECTED
    ward.states.append(AccountState(account_id=ward.account.id, reconciled_at=LATER))

    assert guards.positions_are_protected(ward.rows).problems == ()


def test_a_trailing_stop_may_rest_a_little_behind() -> None:
    ward = a_ward()
    ward.held.trailing_percent = d("2")
    ward.stop.trigger_price = d("57100")

    assert guards.positions_are_protected(ward.rows).problems == ()


def test_a_step_that_the_trail_does_not_name_is_no_jump() -> None:
    ward = a_ward()
    order = an_order(ward, ward.held, Side.BUY, "0.1", status=OrderStatus.CREATED)
    order.status = OrderStatus.SUBMITTED

    assert moves.moves_are_allowed(ward.rows).problems == ()


def test_dust_and_funding_are_part_of_a_result() -> None:
    ward = a_ward()
    closed = ward.closed
    ward.fills[1].quantity = d("0.0995")
    closed.dust_quantity, closed.funding = d("0.0005"), d("-1.5")
    closed.sold_quantity, closed.sold_cost = d("0.0995"), d("5970")
    # 99.5 gross, all of 3 + 3.05 fees booked at the end, 1.5 of funding paid
    closed.realized_pnl = d("91.95")

    assert results.results_follow_from_fills(ward.rows).problems == ()


def test_a_fee_in_a_third_coin_is_left_to_its_booking() -> None:
    ward = a_ward()
    ward.fills[0].fee_asset = "BNB"

    assert results.results_follow_from_fills(ward.rows).looked_at == 1


def test_coins_that_were_moved_away_are_in_no_execution() -> None:
    ward = a_ward()
    ward.closed.open_fees = d("1")
    ward.told.add((str(ward.closed.id), "moved_away"))

    assert results.results_follow_from_fills(ward.rows).problems == ()


def test_the_repair_of_a_day_is_proposed_once_for_all_its_figures() -> None:
    ward = a_ward()
    ward.days.clear()

    found = days.days_are_their_bookings(ward.rows)

    assert {one.repair for one in found.differences} == {
        RecomputeDay(ward.user.id, date(2026, 1, 24), "USDT", is_paper=True)
    }


def test_the_repair_of_an_orphan_is_to_cancel_it() -> None:
    ward = a_ward()
    orphan(ward)

    [one] = guards.flat_positions_have_no_exits(ward.rows).differences

    assert isinstance(one.repair, CancelAtVenue)
    assert one.repair.is_conditional
    assert one.repair.client_order_id == ward.stop.client_order_id
