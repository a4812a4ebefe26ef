"""`/reports` and `/pnl/equity` over real trades."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from app.strategies.words import Approval
from tests.builders import a_user
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


async def test_positions_by_day(front: Front) -> None:
    await round_trip(front, "61000")
    front.desk.clock.advance(timedelta(days=1).total_seconds())
    await round_trip(front, "59000")

    items = (await front.get("/reports/positions"))["items"]

    assert items == [
        {"date": "2026-03-03", "is_paper": True, "opened": 1, "closed": 1},
        {"date": "2026-03-02", "is_paper": True, "opened": 1, "closed": 1},
    ]


async def test_the_equity_curve_equals_the_days_and_is_not_cut_at_its_start(front: Front) -> None:
    await round_trip(front, "61000")
    front.desk.clock.advance(timedelta(days=1).total_seconds())
    await round_trip(front, "59000")

    second, first = (await front.get("/pnl/equity"))["items"]
    [only] = (await front.get("/pnl/equity?from=2026-03-03"))["items"]

    assert (first["realized_pnl"], first["cumulative_pnl"]) == ("87.9", "87.9")
    assert (second["realized_pnl"], second["cumulative_pnl"]) == ("-111.9", "-24")
    assert only == second


@pytest.mark.parametrize("report", ["trades", "profit", "positions", "kpis"])
async def test_every_report_is_csv_too(front: Front, report: str) -> None:
    await round_trip(front, "59000")
    rows = (await front.get(f"/reports/{report}"))["items"]

    answer = await front.call("GET", f"/reports/{report}", params={"format": "CSV"})

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
