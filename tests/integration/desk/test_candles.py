"""`/candles` and `/trades`: what markets did, to read and to add to."""

from collections.abc import Mapping
from typing import Any

import pytest

from app.audit.models import AuditEntry
from app.http.caller import Role
from app.market.candles.schemas import MAX_CANDLES
from tests.builders import a_user
from tests.integration.desk.front import Front

CANDLE = {
    "symbol": "BTCUSDT.P",
    "timeframe": "5m",
    "open_time": "2026-03-02T11:00:00Z",
    "open": "60000",
    "high": "60100.5",
    "low": "59990",
    "close": "60050",
    "volume": "12.345",
}
TRADE = {
    "symbol": "BTCUSDT.P",
    "exchange_trade_id": "7",
    "side": "buy",
    "price": "60000.1",
    "quantity": "0.01",
    "executed_at": "2026-03-02T11:00:00.123Z",
}


def at(minute: int, **changes: Any) -> dict[str, Any]:
    return {**CANDLE, "open_time": f"2026-03-02T11:{minute:02}:00Z", **changes}


def body(*candles: dict[str, Any]) -> dict[str, Any]:
    return {"candles": list(candles)}


async def asked(front: Front, query: Mapping[str, Any], *, expect: int = 200) -> Any:
    """A page of candles; the names of some parameters are no names in Python."""
    whole: dict[str, Any] = {"symbol": "BTCUSDT.P", "timeframe": "5m", **query}
    return await front.get("/candles", expect=expect, **whole)


async def test_candles_are_kept_once_and_read_newest_first(front: Front) -> None:
    full = at(
        5,
        symbol="BTC/USDT:USDT",
        close_time="2026-03-02T11:09:59.999Z",
        quote_volume="741000.25",
        trades=321,
        taker_buy_volume=6.1,
        taker_buy_quote_volume="366300",
    )

    assert await front.post("/candles", body(CANDLE, full)) == {
        "inserted": 2,
        "duplicates_skipped": 0,
    }
    assert await front.post("/candles", body(full, at(10), CANDLE)) == {
        "inserted": 1,
        "duplicates_skipped": 2,
    }

    first = await front.get("/candles", symbol="BTCUSDT.P", timeframe="5m", limit=2)
    assert first["items"][1] == {
        "symbol": "BTC/USDT:USDT",
        "timeframe": "5m",
        "open_time": "2026-03-02T11:05:00.000000Z",
        "close_time": "2026-03-02T11:10:00.000000Z",
        "open": "60000",
        "high": "60100.5",
        "low": "59990",
        "close": "60050",
        "volume": "12.345",
        "quote_volume": "741000.25",
        "trades": 321,
        "taker_buy_volume": "6.1",
        "taker_buy_quote_volume": "366300",
    }
    rest = await front.get(
        "/candles", symbol="BTC/USDT:USDT", timeframe="5m", cursor=first["next_cursor"]
    )
    assert [one["open_time"][11:16] for one in first["items"] + rest["items"]] == [
        "11:10",
        "11:05",
        "11:00",
    ]
    assert (rest["next_cursor"], rest["items"][0]["trades"]) == (None, None)


async def test_a_range_has_its_beginning_and_not_its_end(front: Front) -> None:
    await front.post("/candles", body(at(0), at(5), at(10)))

    span = {"from": "2026-03-02T12:05:00+01:00", "to": "2026-03-02T11:10:00Z"}
    page = await asked(front, span)

    assert [one["open_time"][11:16] for one in page["items"]] == ["11:05"]


async def test_candles_of_other_markets_timeframes_and_prices_are_others(front: Front) -> None:
    flat = dict.fromkeys(("open", "high", "low", "close"), "61000")
    await front.post("/candles", body(CANDLE, {**CANDLE, "symbol": "BTCUSDT", "volume": "1"}))
    await front.post("/candles?price=MARK", body({**CANDLE, **flat, "volume": "0"}))

    for query, volumes in (
        ({}, ["12.345"]),
        ({"price": "mark"}, ["0"]),
        ({"symbol": "BTCUSDT"}, ["1"]),
        ({"symbol": "BTCUSDT", "market_type": "linear"}, ["12.345"]),
        ({"timeframe": "15m"}, []),
        ({"symbol": "ETHUSDT.P"}, []),
        ({"exchange": "binance"}, []),
    ):
        page = await asked(front, query)
        assert [one["volume"] for one in page["items"]] == volumes, query


async def test_a_candle_that_is_stored_otherwise_is_refused_and_shown(front: Front) -> None:
    await front.post("/candles", body(CANDLE))

    answer = await front.post("/candles", body(at(5), {**CANDLE, "close": "60051"}), expect=409)

    assert answer["code"] == "candle_conflict"
    assert "2026-03-02T11:00:00.000000Z: close 60050, sent 60051" in answer["detail"]
    page = await front.get("/candles", symbol="BTCUSDT.P", timeframe="5m")
    assert len(page["items"]) == 1


@pytest.mark.parametrize(
    ("candle", "status", "code"),
    [
        ({"symbol": "NOPEUSDT"}, 404, "unknown_symbol"),
        ({"timeframe": "7m"}, 400, "invalid"),
        ({"open_time": "2026-03-02T11:01:00Z"}, 400, "bad_candle"),
        ({"open_time": "2026-03-02T11:00:00"}, 400, "invalid"),
        ({"open_time": "0001-01-01T00:00:00+05:00"}, 400, "invalid"),
        ({"open_time": "2026-03-02T12:00:00Z"}, 400, "candle_not_closed"),
        ({"open_time": "2026-03-01T00:00:00Z", "timeframe": "1M"}, 400, "candle_not_closed"),
        ({"close_time": "2026-03-02T11:06:00Z"}, 400, "bad_candle"),
        ({"high": "59995"}, 400, "bad_candle"),
        ({"volume": "-1"}, 400, "bad_candle"),
        ({"volume": "1e30"}, 400, "bad_candle"),
        ({"price": "1"}, 400, "invalid"),
    ],
)
async def test_a_candle_that_cannot_be_is_refused_with_all_that_came_with_it(
    front: Front, candle: dict[str, Any], status: int, code: str
) -> None:
    answer = await front.post("/candles", body(at(5), {**CANDLE, **candle}), expect=status)

    assert answer["code"] == code
    assert (await front.get("/candles", symbol="BTCUSDT.P", timeframe="5m"))["items"] == []


async def test_none_and_too_many_candles_are_refused(front: Front) -> None:
    for candles in ([], [CANDLE] * (MAX_CANDLES + 1)):
        assert (await front.post("/candles", body(*candles), expect=400))["code"] == "invalid"


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"symbol": "NOPEUSDT"}, 404, "unknown_symbol"),
        ({"timeframe": "7m"}, 400, "unknown_timeframe"),
        ({"timeframe": "5M"}, 400, "unknown_timeframe"),
        ({"price": "index"}, 400, "unknown_filter"),
        ({"from": "2026-03-02T11:00:00Z", "to": "2026-03-02T11:00:00Z"}, 400, "reversed_range"),
        ({"from": "2026-03-02T12:00:01Z"}, 400, "future_range"),
        ({"from": "2026-03-02T11:00:00"}, 400, "invalid"),
        ({"to": "0001-01-01T00:00:00+05:00"}, 400, "invalid"),
        ({"cursor": "yesterday"}, 400, "invalid"),
        ({"cursor": "2026-03-02T11:00:00"}, 400, "invalid"),
        ({"limit": "501"}, 400, "invalid"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(
    front: Front, query: dict[str, str], status: int, code: str
) -> None:
    answer = await asked(front, query, expect=status)

    assert answer["code"] == code


async def test_who_only_looks_reads_and_does_not_write(front: Front) -> None:
    viewer = a_user(front.desk.clock.now(), role=Role.VIEWER)
    await front.desk.keep(viewer)
    await front.post("/candles", body(CANDLE))
    await front.post("/trades", {"trades": [TRADE]})

    for path, sent in (("/candles", body(CANDLE)), ("/trades", {"trades": [TRADE]})):
        await front.post(path, sent, expect=403, user=viewer)
        page = await front.get(path, user=viewer, symbol="BTCUSDT.P", timeframe="5m")
        assert len(page["items"]) == 1


async def test_an_import_stands_in_the_audit_trail_and_one_that_adds_nothing_does_not(
    front: Front,
) -> None:
    await front.post("/candles", body(CANDLE, at(5), {**CANDLE, "timeframe": "1m"}))
    await front.post("/candles", body(CANDLE))
    await front.post("/trades", {"trades": [TRADE]})
    await front.post("/trades", {"trades": [TRADE]})

    entries = [one for one in await front.desk.rows(AuditEntry) if one.action.endswith(".imported")]
    assert [(one.action, one.actor, one.subject_id) for one in entries] == [
        (action, front.desk.user.username, "BTC/USDT:USDT")
        for action in ("candles.imported", "candles.imported", "market_trades.imported")
    ]
    assert {one.detail.get("timeframe"): one.detail for one in entries}["5m"] == {
        "exchange": "paper",
        "market_type": "linear",
        "price": "last",
        "timeframe": "5m",
        "first_open": "2026-03-02T11:00:00.000000Z",
        "last_open": "2026-03-02T11:05:00.000000Z",
        "inserted": "2",
        "duplicates_skipped": "0",
    }


async def test_trades_are_kept_once_and_read_newest_first(front: Front) -> None:
    others = [
        {**TRADE, "exchange_trade_id": "10", "side": "SELL"},
        {**TRADE, "exchange_trade_id": "6", "executed_at": "2026-03-02T11:00:01Z"},
    ]
    trades = {"trades": [TRADE, *others]}

    assert await front.post("/trades", trades) == {"inserted": 3, "duplicates_skipped": 0}
    assert await front.post("/trades", trades) == {"inserted": 0, "duplicates_skipped": 3}

    page = await front.get("/trades", symbol="BTCUSDT.P", limit=2)
    rest = await front.get("/trades", symbol="BTCUSDT.P", cursor=page["next_cursor"])
    assert [one["exchange_trade_id"] for one in page["items"] + rest["items"]] == ["6", "10", "7"]
    assert rest == {
        "items": [
            {
                "symbol": "BTC/USDT:USDT",
                "exchange_trade_id": "7",
                "side": "buy",
                "price": "60000.1",
                "quantity": "0.01",
                "executed_at": "2026-03-02T11:00:00.123000Z",
            }
        ],
        "next_cursor": None,
    }
    sold = await front.get("/trades", symbol="BTCUSDT.P", side="sell")
    assert [one["exchange_trade_id"] for one in sold["items"]] == ["10"]


@pytest.mark.parametrize(
    ("trade", "status", "code"),
    [
        ({"symbol": "NOPEUSDT"}, 404, "unknown_symbol"),
        ({"side": "long"}, 400, "invalid"),
        ({"exchange_trade_id": "a\u0000"}, 400, "invalid"),
        ({"exchange_trade_id": "a\n"}, 400, "invalid"),
        ({"price": "0"}, 400, "bad_trade"),
        ({"executed_at": "2026-03-02T12:00:00.000001Z"}, 400, "trade_in_future"),
    ],
)
async def test_a_trade_that_cannot_be_is_refused(
    front: Front, trade: dict[str, Any], status: int, code: str
) -> None:
    answer = await front.post("/trades", {"trades": [{**TRADE, **trade}]}, expect=status)

    assert answer["code"] == code


async def test_a_trade_that_is_stored_otherwise_is_refused_and_shown(front: Front) -> None:
    await front.post("/trades", {"trades": [TRADE]})

    answer = await front.post("/trades", {"trades": [{**TRADE, "price": "60001"}]}, expect=409)

    assert answer["code"] == "trade_conflict"
    assert "7: price 60000.1, sent 60001" in answer["detail"]


@pytest.mark.parametrize("cursor", ["2026-03-02T11:00:00Z/a\u0000", "7", "/7"])
async def test_a_cursor_that_no_page_of_trades_gave_is_refused(front: Front, cursor: str) -> None:
    await front.get("/trades", expect=400, symbol="BTCUSDT.P", cursor=cursor)
