# ruff: noqa: PLR0917  rows of a table, read by their columns
"""A hand-made moment in which every invariant holds: two linear books, a spot trade, one crash.

BTC linear: 0.01 bought at 60,000, its resting stop fired at 58,000. ETH linear: 0.1 held at 3,000
with a live stop and target. BTC spot: 0.01 bought at 60,000 and sold at 61,000.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from tests.crash import facts
from tests.crash.checker.evidence import Evidence
from tests.crash.facts import Rows
from tests.crash.history import Delivery, History, Kill, Start
from tests.crash.ledger import Ledger
from tests.crash.scene_ledger import NOON, OFFSET, at, ledger_items, ns

D = Decimal
BODY = '{"symbol":"BTCUSDT.P","action":"buy","id":"1"}'


def scene(**changes: Any) -> Evidence:
    """The moment; `changes` are fields of Evidence."""
    values: dict[str, Any] = {
        "rows": rows(),
        "ledger": Ledger().take(ledger_items()),
        "history": history(),
        "until": ns(60),
    }
    return Evidence(**{**values, **changes})


def with_rows(evidence: Evidence, **relations: Iterable[Any]) -> Evidence:
    """The same moment with other rows."""
    changed = {name: tuple(found) for name, found in relations.items()}
    return _anew(evidence, rows=replace(evidence.rows, **changed))


def changed(evidence: Evidence, relation: str, row_id: str, **values: Any) -> Evidence:
    """The same moment with other values in one row."""
    found = [
        replace(one, **values) if one.id == row_id else one
        for one in getattr(evidence.rows, relation)
    ]
    return with_rows(evidence, **{relation: found})


def with_ledger(
    evidence: Evidence, *more: dict[str, Any], without: Callable[[Any], bool] | None = None
) -> Evidence:
    """The same moment with more at the venue, or less."""
    items = [one for one in ledger_items() if without is None or not without(one)]
    items += [{**one, "seq": 1_000 + number} for number, one in enumerate(more)]
    return _anew(evidence, ledger=Ledger().take(items))


def _anew(evidence: Evidence, **changes: Any) -> Evidence:
    values = {
        name: getattr(evidence, name)
        for name in ("rows", "ledger", "history", "previous", "is_quiet", "until")
    }
    return Evidence(**{**values, **changes})


def history() -> History:
    """One alert delivered twice; one kill at 5 s, the port open again at 7 s."""
    taken = {"alarm_id": "al1", "status": "accepted"}
    return History(
        seed=1,
        epoch_offset=OFFSET,
        deliveries=[
            Delivery("s1", BODY, ns(0), ns(0.1), 200, taken),
            Delivery("", BODY, ns(1), ns(1.1), 200, {**taken, "status": "duplicate"}),
        ],
        starts=[
            Start(ns(-5), opened=ns(-3), ready=ns(-2)),
            Start(ns(5.1), opened=ns(7), ready=ns(7.1)),
        ],
        kills=[Kill(ns(5), "point", "C21", is_hit=True)],
    )


def rows() -> Rows:
    """What the database says."""
    return Rows(
        accounts=(facts.Account("linear", "linear"), facts.Account("spot", "spot")),
        instruments=(
            facts.Instrument("BTC/USDT:USDT", "linear", D("0.001"), D("0.001"), D(5)),
            facts.Instrument("ETH/USDT:USDT", "linear", D("0.001"), D("0.001"), D(5)),
            facts.Instrument("BTC/USDT", "spot", D("0.00001"), D("0.00001"), D(5)),
        ),
        strategies=(facts.Strategy("st1", "linear", 3, "isolated", D(1)),),
        alarms=(
            facts.Alarm("al1", "st1", "accepted", None, BODY.encode(), 2, "si1", at(0)),
        ),
        signals=(a_signal("si1", "0.01"), a_signal("si2", "0.1"), a_signal("si3", "0.01")),
        orders=(
            an_order("e1", "si1", "p1", "0.01"),
            an_order(
                "x1", None, "p1", "0.01",
                side="sell", purpose="stop_loss", trigger_price=D(58000),
            ),
            an_order("e2", "si2", "p2", "0.1", symbol="ETH/USDT:USDT"),
            a_rest("x2", "stop_loss", "2900"),
            a_rest("x3", "take_profit", "3300"),
            an_order("e3", "si3", "p3", "0.01", symbol="BTC/USDT", leverage=None, margin_mode=None),
            an_order("x4", None, "p3", "0.00999", symbol="BTC/USDT", side="sell", purpose="exit"),
        ),
        fills=(
            a_fill("f1", "e1", "p1", "buy", "60000", "0.01", "0.3", 1),
            a_fill("f2", "x1", "p1", "sell", "58000", "0.01", "0.29", 20),
            a_fill("f3", "e2", "p2", "buy", "3000", "0.1", "0.15", 2),
            a_fill("f4", "e3", "p3", "buy", "60000", "0.01", "0.00001", 3, coin="BTC"),
            a_fill("f5", "x4", "p3", "sell", "61000", "0.00999", "0.60939", 30),
        ),
        positions=(
            # 0.01 · (58,000 - 60,000) = -20; fees 0.3 + 0.29
            a_position("p1", "BTC/USDT:USDT", "closed", "0", "-20.59", "0.59", stop="58000"),
            a_position(
                "p2", "ETH/USDT:USDT", "open", "0.1", "0", "0", stop="2900", target="3300",
                cost="300", open_fees="0.15", protection="venue",
            ),
            # 0.00999 · (61,000 - 60,000) = 9.99; fees 0.00001 · 60,000 + 0.60939
            a_position("p3", "BTC/USDT", "closed", "0", "8.78061", "1.20939"),
        ),
        trades=(
            a_trade("p1", "-20", "0.59", "-20.59"),
            a_trade("p3", "9.99", "1.20939", "8.78061"),
        ),
        bookings=(
            a_booking("b1", "p1", "f2", "-20", "0.59", "-20.59"),
            a_booking("b2", "p3", "f5", "9.99", "1.20939", "8.78061"),
        ),
        days=(facts.Day(NOON.date(), "USDT", True, D("-11.80939"), D("1.79939"), D(0), 2),),
        audit=tuple(_audit()),
        traders=(facts.Trader("u1", "UTC"),),
    )  # fmt: skip


def a_signal(name: str, quantity: str, **changes: Any) -> facts.Signal:
    """An entry that was executed."""
    values: dict[str, Any] = {
        "id": name,
        "alarm_id": "al1" if name == "si1" else None,
        "part": 0,
        "strategy_id": "st1",
        "account_id": "linear",
        "symbol": "BTC/USDT:USDT",
        "action": "open",
        "status": "executed",
        "reason": None,
        "quantity": D(quantity),
        "reference_price": D(60000),
        "decided_by": "rule:auto",
        "decided_at": at(0),
        "received_at": at(0),
        "expires_at": at(900),
        "updated_at": at(1),
    }
    return facts.Signal(**{**values, **changes})


def an_order(
    name: str, signal: str | None, position: str, quantity: str, **changes: Any
) -> facts.Order:
    """An order that was filled at once; its client id is `sb` and its name."""
    is_spot = changes.get("symbol") == "BTC/USDT"
    values: dict[str, Any] = {
        "id": name,
        "account_id": "spot" if is_spot else "linear",
        "strategy_id": "st1",
        "signal_id": signal,
        "position_id": position,
        "client_order_id": f"sb{name}",
        "pair_id": None,
        "exchange_order_id": name[1:],
        "triggered_order_id": None,
        "origin": "ours",
        "symbol": "BTC/USDT:USDT",
        "side": "buy",
        "order_type": "market",
        "quantity": D(quantity),
        "limit_price": None,
        "trigger_price": None,
        "reduce_only": signal is None,
        "leverage": 3,
        "margin_mode": "isolated",
        "purpose": "entry",
        "close_reason": None if signal else "stop_loss",
        "reference_price": D(60000),
        "status": "filled",
        "reason": None,
        "evidence": None,
        "filled_quantity": D(quantity),
        "fee": D(0),
        "cancel_requested_at": None,
        "expires_at": at(900) if signal else None,
        "created_at": at(0.5),
        "submitted_at": at(0.6),
        "finished_at": at(3),
        "updated_at": at(3),
    }
    return facts.Order(**{**values, **changes})


def a_rest(name: str, purpose: str, trigger: str) -> facts.Order:
    """A stop or target of the ETH book that rests at the venue."""
    return an_order(
        name,
        None,
        "p2",
        "0.1",
        symbol="ETH/USDT:USDT",
        side="sell",
        purpose=purpose,
        trigger_price=D(trigger),
        status="open",
        filled_quantity=D(0),
        finished_at=None,
        close_reason=purpose,
    )


def a_fill(
    name: str,
    order: str,
    position: str,
    side: str,
    price: str,
    quantity: str,
    fee: str,
    seconds: float,
    coin: str = "USDT",
) -> facts.Fill:
    """An execution; its number at the venue is that of its name."""
    symbol = {"p1": "BTC/USDT:USDT", "p2": "ETH/USDT:USDT", "p3": "BTC/USDT"}[position]
    return facts.Fill(
        name, "spot" if position == "p3" else "linear", order, position, name[1:], symbol, side,
        D(price), D(quantity), D(fee), coin, at(seconds),
    )  # fmt: skip


def a_position(
    name: str,
    symbol: str,
    status: str,
    quantity: str,
    pnl: str,
    fees: str,
    *,
    stop: str | None = None,
    target: str | None = None,
    cost: str = "0",
    open_fees: str = "0",
    protection: str = "none",
) -> facts.Position:
    """A long book."""
    return facts.Position(
        id=name,
        account_id="spot" if symbol == "BTC/USDT" else "linear",
        strategy_id="st1",
        symbol=symbol,
        position_side="long",
        status=status,
        quantity=D(quantity),
        cost=D(cost),
        open_fees=D(open_fees),
        fees=D(fees),
        funding=D(0),
        dust_quantity=D(0),
        is_provisional=False,
        realized_pnl=D(pnl),
        stop_loss=D(stop) if stop else None,
        take_profit=D(target) if target else None,
        trailing_percent=None,
        trailing_peak=None,
        trigger_by="mark",
        protection=protection,
        protection_note=None,
        naked_seconds=D(0),
        close_reason="stop_loss" if status == "closed" else None,
        opened_at=at(1),
        closed_at=at(30) if status == "closed" else None,
        created_at=at(1),
        updated_at=at(30),
    )


def a_trade(position: str, gross: str, fees: str, net: str) -> facts.Trade:
    """The round trip of a closed book."""
    return facts.Trade(
        f"t{position}", position, "linear", "USDT", True, D(gross), D(fees), D(0), D(net), False,
        "stop_loss",
    )  # fmt: skip


def a_booking(
    name: str, position: str, fill: str | None, gross: str, fees: str, net: str
) -> facts.Booking:
    """What a closing fill earned, on the day of the scene."""
    day: date = NOON.date()
    return facts.Booking(name, position, fill, True, "USDT", day, D(gross), D(fees), D(net))


def an_entry(subject: str, kind: str, word: str, seconds: float) -> facts.Audit:
    """A line of the audit trail."""
    name = f"{seconds:08.3f} {subject} {word}"
    return facts.Audit(name, at(seconds), "rule:auto", f"{kind}.{word}", kind, subject, "{}")


def _audit() -> Iterable[facts.Audit]:
    for name in ("si1", "si2", "si3"):
        for number, word in enumerate(("created", "approved", "executing", "executed")):
            yield an_entry(name, "signal", word, number / 10)
    for name in ("e1", "x1", "e2", "e3", "x4"):
        yield an_entry(name, "order", "created", 0.5)
        yield an_entry(name, "order", "filled", 3)
    for name in ("x2", "x3"):
        yield an_entry(name, "order", "created", 2.2)
        yield an_entry(name, "order", "open", 2.3)
    for name in ("p1", "p3"):
        yield an_entry(name, "position", "opened", 1)
        yield an_entry(name, "position", "closing", 29)
        yield an_entry(name, "position", "closed", 30)
