from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from app.exchanges.errors import UnreadableReply
from app.exchanges.mapping import (
    balances_of,
    fill_of,
    instrument_of,
    market_type_of,
    moment,
    number,
    order_of,
    positions_of,
    to_amount,
    to_quantity,
)
from app.exchanges.venue import VenueStatus
from app.trading.words import MarketType, PositionSide, Side

SPOT = {"symbol": "BTC/USDT", "spot": True, "contract": False, "contractSize": None}
SWAP = {
    "symbol": "BTC/USDT:USDT",
    "spot": False,
    "swap": True,
    "contract": True,
    "linear": True,
    "inverse": False,
    "contractSize": "0.01",
}
COIN = {**SWAP, "symbol": "BTC/USD:BTC", "linear": False, "inverse": True, "contractSize": "100"}


def an_order(**changes: Any) -> dict[str, Any]:
    order: dict[str, Any] = {
        "id": "7",
        "clientOrderId": "sb1",
        "status": "open",
        "side": "buy",
        "amount": "2",
        "filled": "0",
        "average": None,
        "trades": [],
    }
    return {**order, **changes}


def a_trade(**changes: Any) -> dict[str, Any]:
    trade = {
        "id": "t1",
        "order": "7",
        "side": "buy",
        "price": "100.5",
        "amount": "2",
        "timestamp": 1_700_000_000_123,
        "fee": {"cost": "0.002", "currency": "BTC"},
    }
    return {**trade, **changes}


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1,5", "abc"])
def test_number_when_it_is_none_then_refuses(text: str) -> None:
    with pytest.raises(UnreadableReply):
        number(text)


def test_number_keeps_every_digit() -> None:
    assert number("0.123456789012345678") == Decimal("0.123456789012345678")
    assert number("") is None


@pytest.mark.parametrize(
    ("market", "quantity", "amount"),
    [
        (SPOT, "0.5", "0.5"),
        # OKX: a contract is 0.01 BTC, so 0.5 BTC are 50 contracts.
        (SWAP, "0.5", "50"),
        # Inverse: our quantity is whole contracts already.
        (COIN, "3", "3"),
    ],
)
def test_quantities_and_contracts_convert_both_ways(
    market: dict[str, Any], quantity: str, amount: str
) -> None:
    assert to_amount(Decimal(quantity), market) == amount
    assert to_quantity(Decimal(amount), market) == Decimal(quantity)


@pytest.mark.parametrize(
    ("word", "filled", "status"),
    [
        ("open", "0", VenueStatus.OPEN),
        ("open", "1", VenueStatus.PARTIALLY_FILLED),
        ("canceling", "0", VenueStatus.OPEN),
        ("closed", "2", VenueStatus.FILLED),
        ("closed", "1", VenueStatus.CANCELED),
        ("canceled", "1", VenueStatus.CANCELED),
        ("expired", "0", VenueStatus.EXPIRED),
        ("rejected", "0", VenueStatus.REJECTED),
    ],
)
def test_order_of_reads_every_status_word(word: str, filled: str, status: VenueStatus) -> None:
    raw = an_order(status=word, filled=filled, average="100")

    assert order_of(raw, SPOT, client_order_id="sb1", sent=None).status is status


@pytest.mark.parametrize(
    "change",
    [
        {"status": "suspended"},
        {"status": None},
        {"id": None},
        {"amount": None},
        {"clientOrderId": "another"},
        {"amount": "NaN"},
    ],
)
def test_order_of_when_the_answer_is_not_that_order_then_refuses(change: dict[str, Any]) -> None:
    with pytest.raises(UnreadableReply):
        order_of(an_order(**change), SPOT, client_order_id="sb1", sent=None)


def test_order_of_when_the_venue_sent_a_bare_receipt_then_it_is_open() -> None:
    receipt = {"id": "7", "clientOrderId": None, "status": None, "amount": None}

    report = order_of(receipt, SWAP, client_order_id="sb1", sent=Decimal("0.5"))

    assert report.status is VenueStatus.OPEN
    assert report.quantity == Decimal("0.5")
    assert report.client_order_id == "sb1"


def test_order_of_when_the_answer_carries_every_fill_then_they_are_kept() -> None:
    trade = a_trade(order=None, side=None, timestamp=None)
    raw = an_order(status="closed", filled="2", average="100.5", trades=[trade])
    raw["lastTradeTimestamp"] = 1_700_000_000_000

    (fill,) = order_of(raw, SPOT, client_order_id="sb1", sent=None).fills

    assert (fill.exchange_order_id, fill.side, fill.fee) == ("7", Side.BUY, Decimal("0.002"))
    assert fill.executed_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize("trade", [a_trade(id=None), a_trade(amount="1")])
def test_order_of_when_a_fill_is_missing_then_none_are_kept(trade: dict[str, Any]) -> None:
    raw = an_order(status="closed", filled="2", trades=[trade], lastTradeTimestamp=1)

    assert order_of(raw, SPOT, client_order_id="sb1", sent=None).fills == ()


@pytest.mark.parametrize(
    "change", [{"id": None}, {"fee": None}, {"price": None}, {"side": "up"}, {"timestamp": None}]
)
def test_fill_of_when_something_is_missing_then_refuses(change: dict[str, Any]) -> None:
    with pytest.raises(UnreadableReply):
        fill_of(a_trade(**change), SPOT)


def test_fill_of_counts_base_units() -> None:
    assert fill_of(a_trade(amount="3"), SWAP).quantity == Decimal("0.03")


def test_balances_of_tells_an_empty_account_from_no_account() -> None:
    empty: dict[str, Any] = {"info": {"balances": []}, "free": {}, "total": {}}

    assert balances_of(empty) == []
    with pytest.raises(UnreadableReply):
        balances_of({"info": None, "free": {}, "total": {}})
    with pytest.raises(UnreadableReply):
        balances_of({})


def test_balances_of_locks_what_is_not_free_and_leaves_out_nothing_held() -> None:
    raw = {
        "info": {"any": "thing"},
        "free": {"USDT": "7", "BTC": "0"},
        "total": {"USDT": "10", "BTC": "0"},
    }

    (row,) = balances_of(raw)

    assert (row.asset, row.free, row.locked) == ("USDT", Decimal(7), Decimal(3))


def test_positions_of_leaves_out_flat_ones_and_counts_base_units() -> None:
    held = {
        "symbol": "BTC/USDT:USDT",
        "side": "short",
        "contracts": "50",
        "entryPrice": "100",
        "markPrice": "99",
        "unrealizedPnl": "0.5",
        "leverage": None,
        "liquidationPrice": None,
    }
    flat = {**held, "contracts": "0", "side": None}

    (position,) = positions_of([held, flat], {"BTC/USDT:USDT": SWAP})

    assert position.position_side is PositionSide.SHORT
    assert position.quantity == Decimal("0.5")
    assert position.unrealized_pnl == Decimal("0.5")


def test_positions_of_when_the_quantity_is_missing_then_it_is_not_flat() -> None:
    with pytest.raises(UnreadableReply):
        positions_of([{"symbol": "BTC/USDT:USDT", "contracts": None}], {"BTC/USDT:USDT": SWAP})


@pytest.mark.parametrize(
    ("market", "market_type"),
    [
        (SPOT, MarketType.SPOT),
        (SWAP, MarketType.LINEAR),
        (COIN, MarketType.INVERSE),
        ({**SWAP, "swap": False, "future": True}, None),
    ],
)
def test_market_type_of(market: dict[str, Any], market_type: MarketType | None) -> None:
    assert market_type_of(market) is market_type


def _listed(market: dict[str, Any], **precision: Any) -> dict[str, Any]:
    return {
        **market,
        "base": "BTC",
        "quote": "USDT",
        "settle": None,
        "active": True,
        "taker": 0.001,
        "maker": 0.0002,
        "precision": {"amount": "1", "price": "0.1", **precision},
        "limits": {"amount": {"min": "1", "max": "1000"}, "cost": {"min": None}},
    }


def test_instrument_of_counts_base_units() -> None:
    instrument = instrument_of(_listed(SWAP), MarketType.LINEAR)

    assert instrument is not None
    assert instrument.quantity_step == Decimal("0.01")
    assert instrument.min_quantity == Decimal("0.01")
    assert instrument.max_quantity == Decimal(10)
    assert instrument.min_notional == 0
    assert instrument.maker_fee_rate == Decimal("0.0002")


def test_instrument_of_when_inverse_says_no_step_then_contracts_are_whole() -> None:
    instrument = instrument_of(_listed(COIN, amount=None), MarketType.INVERSE)

    assert instrument is not None
    assert instrument.quantity_step == 1
    assert instrument.contract_size == 100


def test_instrument_of_when_there_is_no_tick_then_it_cannot_be_traded() -> None:
    assert instrument_of(_listed(SPOT, price=None), MarketType.SPOT) is None


def test_moment_keeps_milliseconds() -> None:
    assert moment("1700000000123") == datetime(2023, 11, 14, 22, 13, 20, 123000, tzinfo=UTC)
