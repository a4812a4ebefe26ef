"""Each check of an account against its venue: silent when they agree, plain when they do not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.accounts.models import ExternalHolding
from app.commands.doctor.checks import fills, holdings, orders
from app.commands.doctor.checks.wallet import is_ours_alone, wallet_is_what_was_earned
from app.commands.doctor.examination import VENUE_CHECKS, VenueCheck, check_venue
from app.commands.doctor.finding import CancelAtVenue, Verdict, overall
from app.commands.doctor.venues import Silence
from app.core.ids import new_client_order_id
from app.exchanges.venue import BalanceReport, VenueStatus
from app.pipeline.orders.status import OrderStatus
from app.trading.words import MarketType, OrderOrigin, PositionSide, Side
from tests.builders import LINEAR, d
from tests.unit.doctor.ward import (
    Spoil,
    Ward,
    a_fill,
    a_holding,
    a_report,
    a_ward,
    an_order,
    shown,
    words,
)
from tests.unit.positions.builders import NOON


def external(ward: Ward, quantity: str) -> None:
    ward.external.append(
        ExternalHolding(
            account_id=ward.account.id, symbol=LINEAR, quantity=d(quantity), seen_at=NOON
        )
    )


def other_leverage(ward: Ward) -> None:
    ward.held.leverage = 2
    ward.at_venue(positions=[a_holding(leverage=20)])


def stranger(ward: Ward) -> None:
    unknown = a_report(ward.stop, client_order_id=new_client_order_id())
    ward.at_venue(open_orders=[*ward.venue.open_orders, unknown])


def execution(ward: Ward, **changes: object) -> None:
    first, *rest = ward.venue.executions
    ward.at_venue(executions=[replace(first, **changes), *rest])  # type: ignore[arg-type]  # any field


BROKEN: list[tuple[VenueCheck, Spoil, str]] = [
    (
        orders.live_orders_are_at_the_venue,
        lambda ward: ward.at_venue(open_orders=[], looked_up={ward.stop.id: None}),
        "open here and not at the venue: expected open there too, found no such order",
    ),
    (
        orders.live_orders_are_at_the_venue,
        lambda ward: ward.at_venue(
            open_orders=[],
            looked_up={
                ward.stop.id: a_report(
                    ward.stop, status=VenueStatus.FILLED, filled_quantity=d("0.2")
                )
            },
        ),
        "found filled, 0.2 filled",
    ),
    (
        orders.live_orders_are_at_the_venue,
        lambda ward: ward.at_venue(open_orders=[a_report(ward.stop, quantity=d("0.1"))]),
        "the venue has another quantity: expected 0.2, found 0.1",
    ),
    (
        orders.live_orders_are_at_the_venue,
        lambda ward: ward.at_venue(open_orders=[a_report(ward.stop, trigger_price=d("56000"))]),
        "the venue has another trigger price: expected 57000, found 56000",
    ),
    (orders.venue_orders_are_known, stranger, "an order with an id of our form that is unknown"),
    (
        orders.venue_orders_are_known,
        lambda ward: setattr(ward.stop, "status", OrderStatus.CANCELED),
        "it has ended here and is still open at the venue: expected canceled, found open",
    ),
    (
        fills.fills_are_the_venues,
        lambda ward: ward.fills.pop(),
        "it belongs to an order of ours and is not booked",
    ),
    (
        fills.fills_are_the_venues,
        lambda ward: ward.at_venue(executions=ward.venue.executions[1:]),
        "it is booked and the venue knows no such execution",
    ),
    (
        fills.fills_are_the_venues,
        lambda ward: execution(ward, fee=d("2.4")),
        "its fee is not the venue's: expected 2.4, found 3",
    ),
    (
        fills.fills_are_the_venues,
        lambda ward: execution(ward, price=d("60001")),
        "its price is not the venue's: expected 60001, found 60000",
    ),
    (
        holdings.holdings_are_the_venues,
        lambda ward: ward.at_venue(positions=[a_holding("0.3")]),
        "expected 0.3 as at the venue, found books 0.2, yours 0",
    ),
    (
        holdings.holdings_are_the_venues,
        lambda ward: ward.at_venue(positions=[a_holding(position_side=PositionSide.SHORT)]),
        "expected -0.2 as at the venue, found books 0.2, yours 0",
    ),
    (
        holdings.holdings_are_the_venues,
        lambda ward: ward.at_venue(positions=[]),
        "expected 0 as at the venue, found books 0.2, yours 0",
    ),
    (
        holdings.holdings_are_the_venues,
        lambda ward: external(ward, "0.1"),
        "expected 0.2 as at the venue, found books 0.2, yours 0.1",
    ),
    (
        holdings.leverage_is_as_set,
        other_leverage,
        "another leverage: expected 2x, found 20x",
    ),
    (
        wallet_is_what_was_earned,
        lambda ward: ward.at_venue(balances=[BalanceReport("USDT", d("10288"), d("0"))]),
        "the wallet is not what was earned: expected 10087.95, found 10088",
    ),
]
ALL = [*VENUE_CHECKS, wallet_is_what_was_earned]


@pytest.mark.parametrize("check", ALL, ids=lambda one: one.__name__)
def test_what_agrees_is_fine(check: VenueCheck) -> None:
    ward = a_ward()

    found = check(ward.rows, ward.venue)

    assert (found.verdict, found.problems) == (Verdict.OK, ())


@pytest.mark.parametrize(("check", "spoil", "sentence"), BROKEN, ids=shown)
def test_what_differs_is_named(check: VenueCheck, spoil: Spoil, sentence: str) -> None:
    ward = a_ward()

    spoil(ward)

    assert sentence in words(check(ward.rows, ward.venue))


def test_every_check_of_a_venue_is_spoilt_at_least_once() -> None:
    assert {check for check, _, _ in BROKEN} == set(ALL)


def test_what_the_trader_did_by_hand_is_no_difference() -> None:
    ward = a_ward()
    by_hand = a_report(ward.stop, client_order_id="web_1234", exchange_order_id="h1")
    theirs = replace(ward.venue.executions[0], exchange_trade_id="h1", exchange_order_id="h1")
    ward.at_venue(
        open_orders=[*ward.venue.open_orders, by_hand],
        executions=[*ward.venue.executions, theirs],
        positions=[a_holding("0.3")],
    )
    external(ward, "0.1")

    found = check_venue(ward.rows, ward.venue)

    assert [one.problems for one in found if one.differences] == []
    # Whose result is in the wallet cannot be told any more.
    assert [one.left_out for one in found if one.left_out] == ["somebody traded there by hand"]
    assert overall(found) is Verdict.OK


def test_an_order_that_was_triggered_is_found_by_its_new_number() -> None:
    ward = a_ward()
    ward.stop.triggered_order_id = "n9"
    became = a_report(ward.stop, client_order_id="", exchange_order_id="n9")
    ward.at_venue(open_orders=[became])

    assert orders.live_orders_are_at_the_venue(ward.rows, ward.venue).problems == ()


def test_a_conditional_order_with_the_number_of_another_is_another() -> None:
    ward = a_ward()
    ward.stop.exchange_order_id = ward.orders[0].exchange_order_id
    namesake = a_report(ward.stop, client_order_id="", trigger_price=None)
    ward.at_venue(open_orders=[namesake], looked_up={ward.stop.id: None})

    assert orders.ids_are_taken_once(ward.rows).problems == ()
    assert "found no such order" in words(
        orders.live_orders_are_at_the_venue(ward.rows, ward.venue)
    )


def test_an_execution_of_other_hands_that_books_share_is_the_venues() -> None:
    ward = a_ward()
    order = an_order(ward, ward.held, Side.SELL, "0.1", origin=OrderOrigin.TRADER)
    order.exchange_order_id = "h1"
    a_fill(ward, order, "61000", fee="1").exchange_trade_id = "h7/2"
    theirs = replace(
        ward.venue.executions[0],
        exchange_trade_id="h7",
        exchange_order_id="h1",
        quantity=d("0.3"),
    )
    ward.at_venue(executions=[*ward.venue.executions, theirs])

    assert fills.fills_are_the_venues(ward.rows, ward.venue).problems == ()


@pytest.mark.parametrize("code", ["external_found", "external_flipped"])
def test_a_wallet_that_other_hands_have_used_is_left_out(code: str) -> None:
    ward = a_ward()
    ward.told.add((str(ward.account.id), code))

    assert wallet_is_what_was_earned(ward.rows, ward.venue).verdict is Verdict.LEFT_OUT


def test_an_execution_older_than_the_window_is_not_missed() -> None:
    ward = a_ward()
    ward.at_venue(executions=[], since=NOON - timedelta(seconds=30))

    assert fills.fills_are_the_venues(ward.rows, ward.venue).problems == ()


def test_on_spot_the_venue_may_have_more_coins_than_the_books_and_not_fewer() -> None:
    ward = a_ward()
    ward.account.market_type = MarketType.SPOT
    plenty = [BalanceReport("BTC", d("0.15"), d("0.05"))]
    ward.at_venue(positions=[], balances=plenty)
    enough = holdings.holdings_are_the_venues(ward.rows, ward.venue)
    ward.at_venue(balances=[BalanceReport("BTC", d("0.1"), d("0.05"))])
    short = holdings.holdings_are_the_venues(ward.rows, ward.venue)

    assert enough.problems == ()
    assert "expected at least 0.2, found 0.15" in words(short)


def test_an_order_unknown_here_can_be_cancelled() -> None:
    ward = a_ward()
    stranger(ward)

    [one] = orders.venue_orders_are_known(ward.rows, ward.venue).differences

    assert isinstance(one.repair, CancelAtVenue)
    assert one.repair.is_conditional


def test_a_venue_that_could_not_be_asked_is_not_fine() -> None:
    ward = a_ward()

    [found] = check_venue(ward.rows, Silence(ward.account, "exchange_unavailable: no answer"))

    assert found.verdict is Verdict.NOT_CHECKED
    assert overall([found]) is Verdict.NOT_CHECKED
    assert "no answer" in found.not_checked


def test_only_accounts_that_began_with_our_gift_have_a_known_start() -> None:
    ward = a_ward()
    given = is_ours_alone(ward.rows, ward.account.id)
    ward.history = [step._replace(actor="ada") for step in ward.history]

    assert given
    assert not is_ours_alone(ward.rows, ward.account.id)


def test_a_wallet_at_a_price_that_does_not_stand_still_is_not_checked() -> None:
    ward = a_ward()
    ward.at_venue(is_steady=False)

    found = wallet_is_what_was_earned(ward.rows, ward.venue)

    assert found.verdict is Verdict.NOT_CHECKED
