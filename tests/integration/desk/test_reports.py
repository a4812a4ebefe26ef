"""`/reports` and `/pnl/equity` over real trades."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.accounts.models import User
from app.pipeline.pnl.models import FundingPayment
from app.strategies.words import Approval
from tests.builders import LINEAR, a_user, d
from tests.integration.desk.front import Front


async def round_trip(front: Front, exit_price: str, **fields: Any) -> None:
    """0.1 BTC long from 60000 to there, closed by the sender."""
    await front.desk.change_strategy(approval=Approval.AUTO)
    await front.desk.price("60000")
    await front.desk.alert(quantity="0.1", **fields)
    await front.desk.price(exit_price)
    await front.desk.alert(action="close")
    front.desk.clock.advance(60)


async def test_trades_page_and_filter(front: Front) -> None:
    await round_trip(front, "61000")
    await round_trip(front, "59000")

    page = await front.get("/reports/trades", limit=1)
    rest = await front.get("/reports/trades", limit=1, cursor=page["next_cursor"])
    [newest], [oldest] = page["items"], rest["items"]

    # 0.1 · ±1000; 0.1 % of 6000 and of 6100 or 5900
    assert (oldest["gross_pnl"], oldest["fees"]) == ("100", "12.1")
    assert (newest["gross_pnl"], newest["fees"]) == ("-100", "11.9")
    assert newest["realized_pnl"] == "-111.9"
    assert rest["next_cursor"] is None
    for query, count in (
        ({"symbol": "BTCUSDT.P"}, 2),
        ({"symbol": "BTC/USDT:USDT"}, 2),
        ({"symbol": "BTCUSDT"}, 0),
        ({"strategy_id": str(front.desk.strategy.id)}, 2),
        ({"from": newest["closed_at"]}, 1),
        ({"to": newest["closed_at"]}, 1),
    ):
        assert len((await front.get("/reports/trades", **query))["items"]) == count, query


async def test_profit_by_strategy_and_by_symbol(front: Front) -> None:
    await round_trip(front, "61000")
    await round_trip(front, "59000")

    by_strategy, by_symbol = (await front.get("/reports/profit"))["items"]

    assert (by_strategy["by"], by_strategy["strategy"]) == ("strategy", front.desk.strategy.name)
    assert (by_symbol["by"], by_symbol["symbol"]) == ("symbol", "BTC/USDT:USDT")
    for row in (by_strategy, by_symbol):
        assert (row["trades"], row["wins"], row["losses"]) == (2, 1, 1)
        assert (row["gross_pnl"], row["fees"], row["realized_pnl"]) == ("0", "24", "-24")
        assert (row["currency"], row["is_paper"]) == ("USDT", True)
    assert len((await front.get("/reports/profit", by="SYMBOL"))["items"]) == 1


async def test_kpis(front: Front) -> None:
    await round_trip(front, "61000")
    await round_trip(front, "59000")

    [row] = (await front.get("/reports/kpis"))["items"]

    # + 87.9, then - 111.9
    assert (row["win_rate_percent"], row["expectancy"]) == ("50", "-12")
    assert (row["average_win"], row["average_loss"]) == ("87.9", "111.9")
    assert row["max_drawdown"] == "111.9"
    assert row["profit_factor"] == "0.785522788204"
    assert (row["largest_win"], row["largest_loss"]) == ("87.9", "111.9")
    # 0 gross: no share
    assert (row["average_holding_seconds"], row["fees_share_percent"]) == (0, None)
    assert row["drawdown_began_at"] == "2026-03-02T12:00:00.000000Z"
    assert row["drawdown_deepest_at"] == "2026-03-02T12:01:00.000000Z"
    assert row["drawdown_recovered_at"] is None


async def test_kpis_by_symbol_and_strategy(front: Front) -> None:
    await round_trip(front, "61000")

    [symbol] = (await front.get("/reports/kpis", by="symbol"))["items"]
    [strategy] = (await front.get("/reports/kpis", by="strategy"))["items"]
    [day] = (await front.get("/reports/kpis", by="day"))["items"]

    assert (symbol["symbol"], strategy["strategy"]) == (LINEAR, front.desk.strategy.name)
    assert day["date"] == "2026-03-02"
    heads = {"by", "strategy_id", "strategy", "symbol", "date"}
    figures = [{k: v for k, v in row.items() if k not in heads} for row in (symbol, strategy, day)]
    assert figures[0] == figures[1] == figures[2]


async def live_in(front: Front, zone: str) -> None:
    """Let the trader's days begin elsewhere."""
    async with front.desk.database.transaction() as session:
        (await session.get_one(User, front.desk.user.id)).timezone = zone
    front.desk.user.timezone = zone


async def test_days_are_the_traders_on_both_sides_of_a_change_of_clocks(front: Front) -> None:
    await live_in(front, "Europe/Berlin")
    # The clocks go forward on the 29th: half past midnight on the 29th, then on the 30th.
    front.desk.clock.set(datetime(2026, 3, 28, 23, 30, tzinfo=UTC))
    await round_trip(front, "61000")
    front.desk.clock.set(datetime(2026, 3, 29, 22, 30, tzinfo=UTC))
    await round_trip(front, "59000")

    after, before = (await front.get("/reports/profit", by="day"))["items"]

    assert (before["date"], before["realized_pnl"]) == ("2026-03-29", "87.9")
    assert (after["date"], after["realized_pnl"]) == ("2026-03-30", "-111.9")
    assert (after["strategy_id"], after["symbol"]) == (None, None)
    days = (await front.get("/pnl/daily"))["items"]
    assert [(one["date"], one["realized_pnl"]) for one in days] == [
        ("2026-03-30", "-111.9"),
        ("2026-03-29", "87.9"),
    ]


async def test_positions_by_day(front: Front) -> None:
    await round_trip(front, "61000")
    front.desk.clock.advance(timedelta(days=1).total_seconds())
    await round_trip(front, "59000")

    items = (await front.get("/reports/positions"))["items"]
    of_other = (await front.get("/reports/positions", symbol="ETHUSDT.P"))["items"]

    assert items == [
        {"date": "2026-03-03", "is_paper": True, "opened": 1, "closed": 1},
        {"date": "2026-03-02", "is_paper": True, "opened": 1, "closed": 1},
    ]
    assert of_other == []


async def test_the_equity_curve_equals_the_days_and_is_not_cut_at_its_start(front: Front) -> None:
    await round_trip(front, "61000")
    front.desk.clock.advance(timedelta(days=1).total_seconds())
    await round_trip(front, "59000")

    second, first = (await front.get("/pnl/equity"))["items"]
    [only] = (await front.get("/pnl/equity?from=2026-03-03"))["items"]

    assert (first["realized_pnl"], first["cumulative_pnl"]) == ("87.9", "87.9")
    assert (second["realized_pnl"], second["cumulative_pnl"]) == ("-111.9", "-24")
    assert only == second


async def test_the_curve_of_a_strategy_has_its_fills_and_its_funding(front: Front) -> None:
    other = await front.desk.another_strategy()
    await round_trip(front, "61000")
    await front.desk.alert(strategy=other, quantity="0.1")
    await front.desk.alert(strategy=other, action="close")
    held = (await front.desk.positions())[0]
    now = front.desk.clock.now()
    await front.desk.keep(
        FundingPayment(
            account_id=held.account_id,
            venue_id="f1",
            position_id=held.id,
            symbol=held.symbol,
            amount=d("-1.5"),
            currency="USDT",
            paid_at=now + timedelta(days=1),
            recorded_at=now,
        )
    )

    paid, closed = (await front.get("/pnl/equity", strategy_id=str(held.strategy_id)))["items"]
    [of_other] = (await front.get("/pnl/equity", strategy_id=str(other.id)))["items"]
    of_symbol = (await front.get("/pnl/equity", symbol="BTCUSDT.P"))["items"]

    assert (closed["date"], closed["cumulative_pnl"]) == ("2026-03-02", "87.9")
    assert (paid["date"], paid["realized_pnl"]) == ("2026-03-03", "-1.5")
    assert paid["cumulative_pnl"] == "86.4"
    # 0.1 BTC at 61000 there and back: two fees of 6.1
    assert of_other["cumulative_pnl"] == "-12.2"
    assert [one["cumulative_pnl"] for one in of_symbol] == ["74.2", "75.7"]
    assert (await front.get("/pnl/equity", symbol="ETHUSDT.P"))["items"] == []


REPORTS = {
    **{name: f"/reports/{name}" for name in ("trades", "profit", "positions", "kpis")},
    "equity": "/pnl/equity",
}


@pytest.mark.parametrize("report", REPORTS)
async def test_every_report_is_csv_too(front: Front, report: str) -> None:
    await round_trip(front, "59000")
    rows = (await front.get(REPORTS[report]))["items"]

    answer = await front.call("GET", REPORTS[report], params={"format": "CSV"})

    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="{report}.csv"'
    assert len(lines) == len(rows)
    assert list(lines[0]) == list(rows[0])
    if report == "trades":
        assert lines[0]["realized_pnl"] == "-111.9"


async def test_security_18_a_strategy_cannot_name_itself_a_formula(front: Front) -> None:
    await front.desk.change_strategy(name="=cmd|' /C calc'!A0")
    await round_trip(front, "59000")

    answer = await front.call("GET", "/reports/profit", params={"format": "csv"})

    assert "'=cmd|" in answer.text


async def test_reports_are_ones_own(front: Front) -> None:
    await round_trip(front, "59000")
    stranger = a_user(front.desk.clock.now())

    for path in ("reports/trades", "reports/profit", "reports/positions", "reports/kpis"):
        assert (await front.get(f"/{path}", user=stranger))["items"] == []
    assert (await front.get("/pnl/equity", user=stranger))["items"] == []


async def test_an_unknown_format_is_refused(front: Front) -> None:
    answer = await front.get("/reports/kpis", expect=400, format="xlsx")

    assert answer["detail"] == "format: one of json, csv"
