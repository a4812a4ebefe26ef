"""Each invariant holds for a scene in order, and is broken by one minimal change of it."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.crash import facts
from tests.crash.checker import INVARIANTS, Evidence, check
from tests.crash.checker.protection import naked_times
from tests.crash.checker.restarts import Still, unchanged
from tests.crash.history import Delivery
from tests.crash.scene_ledger import (
    a_request,
    an_accept,
    an_algo,
    an_execution,
    at,
    ns,
    venue_event,
)
from tests.crash.scenes import (
    BODY,
    a_booking,
    a_fill,
    an_entry,
    an_order,
    changed,
    rows,
    scene,
    with_ledger,
    with_rows,
)

D = Decimal
Breaking = Callable[[], Evidence]


def _without(relation: str, row_id: str) -> Evidence:
    kept = [one for one in getattr(rows(), relation) if one.id != row_id]
    return with_rows(scene(), **{relation: kept})


def _with(relation: str, *more: object) -> Evidence:
    return with_rows(scene(), **{relation: [*getattr(rows(), relation), *more]})


def _is_about(client_id: str, kind: str) -> Callable[[dict[str, object]], bool]:
    def is_it(item: dict[str, object]) -> bool:
        names = (item.get("client_order_id"), item.get("client_algo_id"))
        return item["kind"] == kind and client_id in names

    return is_it


def _delivered_and_lost() -> Evidence:
    evidence = scene()
    evidence.history.deliveries.append(Delivery("s1", "{}", ns(2), ns(3), 200, {}))
    return evidence


def _told_another_alarm() -> Evidence:
    evidence = scene()
    answer = {"alarm_id": "other"}
    evidence.history.deliveries.append(Delivery("s1", BODY, ns(2), ns(3), 200, answer))
    return changed(evidence, "alarms", "al1", deliveries=3)


def _final_order_lives_again() -> Evidence:
    evidence = changed(scene(), "orders", "e1", status="open")
    return Evidence(
        rows=evidence.rows,
        ledger=evidence.ledger,
        history=evidence.history,
        previous=rows(),
        until=evidence.until,
    )


def _fired_while_nobody_acts() -> Evidence:
    """The ETH stop at 2,900 is passed and the book stays open for forty seconds."""
    price = venue_event(20, "price_held", market="linear", symbol="ETHUSDT", price="2890")
    return with_ledger(scene(), price)


def _lost_stop() -> Evidence:
    gone = an_algo("sbx2", 10, 2, "ETHUSDT", "0.1", "2900", status="CANCELED")
    return with_ledger(scene(), gone)


def _ninth_book() -> Evidence:
    template = rows().positions[1]
    others = [replace(template, id=f"o{i}", strategy_id=f"st{i + 2}") for i in range(8)]
    late = an_order("e9", "si2", "p2", "0.1", symbol="LTC/USDT:USDT", created_at=at(40))
    evidence = _with("positions", *others)
    return with_rows(evidence, orders=[*rows().orders, late])


def _flipping_exit() -> Evidence:
    sale = an_execution("sbx2", 12, 6, 4, "linear", "ETHUSDT", "sell", "2900", "0.15", "0.2")
    return with_ledger(scene(), sale)


def _unknown_entry_beside_another() -> Evidence:
    other = an_order("e9", "si1", "p1", "0.01", created_at=at(1), status="rejected", reason="x: y")
    audit = [
        *rows().audit,
        an_entry("e1", "order", "unknown", 0.8),
        an_entry("e1", "order", "filled", 2.5),
    ]
    evidence = with_rows(scene(), audit=sorted(audit, key=lambda one: one.at))
    return with_rows(evidence, orders=[*rows().orders, other])


def _sent_after_expiry() -> Evidence:
    return changed(scene(), "signals", "si1", expires_at=at(0.55))


def _long_on_its_way() -> Evidence:
    expired = changed(scene(), "signals", "si1", expires_at=at(-1))
    return changed(expired, "orders", "e1", submitted_at=at(-1.5))


def _just_on_its_way() -> Evidence:
    return changed(scene(), "signals", "si1", expires_at=at(0.65))


BREAKING: dict[str, list[Breaking]] = {
    "I1": [_delivered_and_lost, lambda: _without("alarms", "al1")],
    "I3": [
        _told_another_alarm,
        lambda: _with("alarms", replace(rows().alarms[0], id="al2")),
        lambda: _with("signals", replace(rows().signals[0], id="si9")),
        lambda: changed(scene(), "alarms", "al1", deliveries=1),
    ],
    "I4": [
        _final_order_lives_again,
        lambda: _with("audit", an_entry("e1", "order", "open", 4)),
        lambda: _with("audit", an_entry("si1", "signal", "expired", 5)),
    ],
    "I5": [
        lambda: changed(scene(), "alarms", "al1", status="received"),
        lambda: changed(scene(), "alarms", "al1", status="ignored", signal_id=None),
    ],
    "I6": [
        lambda: _with("audit", an_entry("si1", "signal", "rejected", 4)),
        lambda: changed(scene(), "orders", "e1", signal_id=None),
        lambda: changed(scene(), "orders", "x1", close_reason=None),
    ],
    "I7": [
        _sent_after_expiry,
        _long_on_its_way,
        lambda: changed(scene(), "signals", "si1", status="rejected", reason="rejected: no"),
        lambda: changed(scene(), "signals", "si1", reference_price=D(50000)),
        lambda: changed(scene(), "orders", "e1", status="open", expires_at=at(10)),
    ],
    "I9": [
        lambda: _without("orders", "x3"),
        lambda: changed(scene(), "orders", "e1", created_at=at(0.95)),
    ],
    "I10": [
        lambda: with_ledger(scene(), an_accept("sbe1", 4, 9, "linear", "BTCUSDT", "buy", "0.01")),
        lambda: with_ledger(scene(), a_request("sbe1", 4, "BTCUSDT", "BUY", "0.02")),
    ],
    "I11": [
        lambda: with_ledger(scene(), an_accept("sbe1", 4, 9, "linear", "BTCUSDT", "buy", "0.01")),
        lambda: changed(scene(), "signals", "si1", quantity=D("0.009")),
    ],
    "I12": [
        lambda: changed(scene(), "orders", "x2", status="canceled", reason="a: b"),
        lambda: changed(scene(), "orders", "e1", status="rejected", filled_quantity=D(0)),
        lambda: changed(scene(), "orders", "e1", status="rejected", reason="a: b"),
        lambda: changed(scene(), "signals", "si1", status="failed", reason="a: b"),
    ],
    "I13": [
        _unknown_entry_beside_another,
        lambda: with_rows(
            changed(scene(), "orders", "x2", status="unknown"),
            audit=[*rows().audit, an_entry("x2", "order", "unknown", 10)],
        ),
    ],
    "I14": [
        lambda: _with("fills", a_fill("f9", "e1", "p1", "buy", "60000", "0.01", "0.3", 1)),
        lambda: _with("fills", replace(rows().fills[0], id="twice")),
        lambda: _without("fills", "f1"),
        lambda: changed(scene(), "fills", "f1", fee=D(0)),
        lambda: _sold_by_hand(_part("5", "0.00999", "0.60939"), _part("5/2", "0.011", "0.67")),
        lambda: _sold_by_hand(_part("5", "0.00999", "1.22")),
        lambda: _sold_by_hand(_part("6/2", "0.00999", "0.60939")),
    ],
    "I15": [
        lambda: changed(scene(), "positions", "p2", quantity=D("0.2")),
        lambda: _with("external", facts.External("linear", "ETH/USDT:USDT", D("0.1"))),
    ],
    "I16": [_lost_stop],
    "I17": [
        _flipping_exit,
        lambda: changed(scene(), "positions", "p2", quantity=D("0.05")),
        lambda: _with("fills", replace(rows().fills[1], id="again")),
    ],
    "I18": [
        lambda: changed(scene(), "positions", "p2", status="closed", quantity=D(0)),
        lambda: with_ledger(scene(), an_algo("sbz", 5, 9, "ETHUSDT", "0.1", "2900")),
    ],
    "I19": [
        lambda: _with(
            "orders",
            an_order("x8", None, "p2", "0.1", side="sell", purpose="exit", finished_at=at(9)),
            an_order("x9", None, "p2", "0.1", side="sell", purpose="exit", finished_at=at(9)),
        ),
    ],
    "I20": [_fired_while_nobody_acts],
    "I22": [
        _ninth_book,
        lambda: changed(scene(), "orders", "e1", leverage=5),
    ],
    "I23": [lambda: changed(scene(), "signals", "si1", status="executing")],
    "I24": [
        lambda: changed(scene(), "positions", "p1", realized_pnl=D("-20.3")),
        lambda: _without("trades", "tp1"),
        lambda: changed(scene(), "trades", "tp3", fees=D("1.2")),
    ],
    "I25": [
        lambda: _without("bookings", "b1"),
        lambda: _with("bookings", a_booking("b9", "p1", "f2", "0", "0", "0")),
        lambda: with_rows(scene(), days=[replace(rows().days[0], trades=1)]),
        lambda: with_rows(scene(), days=[replace(rows().days[0], realized_pnl=D(-11))]),
    ],
    "I26": [
        lambda: with_ledger(scene(), *_spot_gift()),
        lambda: changed(scene(), "positions", "p1", realized_pnl=D("-20.3")),
        lambda: _sold_by_hand(_part("5", "0.00999", "0.60939"), proceeds="609"),
    ],
    "T32": [
        lambda: changed(
            scene(), "orders", "x4", close_reason="scheduled", limit_price=D("61000.1")
        ),
    ],
}


def _part(number: str, quantity: str, fee: str) -> facts.Fill:
    """A share of the sale by hand, as a book bore it."""
    return replace(
        rows().fills[-1],
        id=f"f{number}",
        exchange_trade_id=number,
        quantity=D(quantity),
        fee=D(fee),
    )


def _sold_by_hand(*parts: facts.Fill, proceeds: str = "609.39") -> Evidence:
    """0.01999 BTC sold by the trader: 0.00999 were the book's, 0.01 were the trader's own.

    0.01 · 61,000 - 0.61 = 609.39 is what the latter brought.
    """
    sale = an_execution("web1", 30, 5, 12, "spot", "BTCUSDT", "sell", "61000", "0.01999", "1.21939")
    own = {**_spot_gift()[0], "change": proceeds}
    evidence = with_ledger(scene(), sale, own, without=_is_about("sbx4", "fill"))
    return with_rows(evidence, fills=[*rows().fills[:-1], *parts])


def _spot_gift() -> list[dict[str, object]]:
    return [
        {
            "kind": "balance",
            "monotonic_ns": ns(40),
            "account_id": 1,
            "market": "spot",
            "asset": "USDT",
            "change": "1",
            "reason": "trade",
        }
    ]


CASES = [
    pytest.param(name, breaking, id=f"{name}-{number}")
    for name, found in BREAKING.items()
    for number, breaking in enumerate(found)
]


def test_check_when_everything_is_in_order_then_finds_nothing() -> None:
    assert check(scene()) == []


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([("5", "0.00999", "0.60939")], id="one book bears a part"),
        pytest.param([("5", "0.005", "0.305"), ("5/2", "0.00499", "0.30439")], id="two books do"),
    ],
)
def test_check_when_a_sale_by_hand_took_more_than_the_books_held_then_the_rest_is_the_traders(
    parts: list[tuple[str, str, str]],
) -> None:
    evidence = _sold_by_hand(*(_part(*one) for one in parts))

    found = [*INVARIANTS["I14"](evidence), *INVARIANTS["I26"](evidence)]

    assert found == []


def test_check_when_an_entry_was_on_its_way_as_its_signal_expired_then_it_was_in_time() -> None:
    """The last look at the clock is ours, and committed; the wire takes what it takes."""
    assert list(INVARIANTS["I7"](_just_on_its_way())) == []


@pytest.mark.parametrize(("name", "breaking"), CASES)
def test_invariant_when_one_thing_is_wrong_then_is_broken(name: str, breaking: Breaking) -> None:
    found = list(INVARIANTS[name](breaking()))

    assert {one.invariant for one in found} == {name}


def test_every_invariant_has_a_case_that_breaks_it() -> None:
    assert set(BREAKING) == set(INVARIANTS)


def test_check_when_rows_are_beyond_understanding_then_that_is_a_finding() -> None:
    evidence = with_rows(scene(), traders=[])

    assert "could not be checked" in str(check(evidence)[0])


def test_naked_when_the_server_was_down_then_counts_to_the_crash() -> None:
    """The BTC stop is placed at 1.3 s, 0.3 s after the fill; the ETH one likewise."""
    calm = [round(one.seconds, 3) for one in naked_times(scene())]
    late = with_ledger(
        scene(),
        an_algo("sbx2", 8, 2, "ETHUSDT", "0.1", "2900"),
        without=_is_about("sbx2", "algo"),
    )
    crashed = [one for one in naked_times(late) if one.kind == "crash"]

    assert calm == [0.3, 0.3]
    # From the fill at 2 s to the stop at 8 s; allowed until the port was open (7 s) and 5 s more.
    assert [(one.seconds, (one.allowed - one.end) / 1e9) for one in crashed] == [(6.0, 4.0)]


def test_unchanged_when_nothing_moved_then_finds_nothing() -> None:
    still = Still({"orders": [("a", 1)]}, tuple(scene().ledger.requests))

    assert list(unchanged(still, still)) == []


def test_unchanged_when_a_restart_sent_or_wrote_something_then_says_so() -> None:
    requests = tuple(scene().ledger.requests)
    before = Still({"orders": [("a", 1)]}, requests[:-1])

    sent = list(unchanged(before, Still({"orders": [("a", 1)]}, requests)))
    wrote = list(unchanged(before, Still({"orders": [("a", 2)]}, requests[:-1])))

    assert [one.subject for one in sent + wrote] == ["venue", "orders"]
