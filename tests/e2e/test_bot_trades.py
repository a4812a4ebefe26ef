"""A bot whose server is killed: its trades on the paper exchange are those of the backtest."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.trading.timeframe import Timeframe
from tests.e2e.driven_market import Market, a_market, driven
from tests.e2e.site import until

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
LENGTH = timedelta(minutes=15)
# Seven candles of four hours: one more than has to be seen.
BEFORE = 7 * 16
CANDLES = 40
SEED = 13
# The reply to the first entry is read and not recorded; the first exit is intended and not sent.
FAILPOINTS = ("C21:1:kill", "C31:1:kill")
PARAMETERS = {"sma_period": 4, "hma_period": 2}
STRATEGY = {
    "name": "averages",
    "approval": "auto",
    "algorithm": "sma_hma",
    "sizing": {"mode": "equity_percent", "value": "50"},
    "reinvest": True,
    "default_stop_loss": {"kind": "percent", "value": "1"},
    "default_take_profit": {"kind": "percent", "value": "2"},
}
COMPARED = (
    *("position_side", "quantity", "entry_price", "exit_price", "gross_pnl", "fees", "funding"),
    *("realized_pnl", "close_reason"),
)

Trade = tuple[Any, ...]


@pytest.mark.slow
async def test_a_bot_whose_server_is_killed_trades_as_the_backtest_does(tmp_path: Path) -> None:
    candles = a_market(SEED, BEFORE + CANDLES, BEGIN)
    first, *others = candles[BEFORE:]
    async with driven(tmp_path, BEGIN, *FAILPOINTS) as market:
        for candle in candles[:BEFORE]:
            await market.pass_by(candle)
        await market.open(first)
        bot = await a_started_bot(market)
        await market.go_on(first)
        for candle in others:
            await market.open(candle)
            if market.server.starts == 3 and await market.is_stopped_in(candle):
                await market.kill()
            await market.go_on(candle)
        end = candle.open_time + LENGTH
        market.turn_to(end)
        await market.server.ask("POST", f"/bots/{bot['id']}/stop")
        # A venue may still change its newest candle for a moment.
        market.turn_to(end + timedelta(seconds=10))

        trades = await market.server.items("/reports/trades")
        run = await backtest(market, bot["strategy_id"], first.open_time, end)
        expected = await market.server.items(f"/backtests/{run['id']}/trades")
        wallet = await market.wallet()

    assert market.server.starts == 4
    assert [shape(one) for one in trades] == [shape(one) for one in expected]
    assert wallet == Decimal(run["result"]["figures"]["equity"])
    assert {one["position_side"] for one in trades} == {"long", "short"}
    assert {one["close_reason"] for one in trades} == {"signal", "stop_loss", "take_profit"}


async def a_started_bot(market: Market) -> Any:
    """With its strategy, on the linear paper account."""
    server = market.server
    accounts = await server.items("/accounts")
    [account] = [one["id"] for one in accounts if one["market_type"] == "linear"]
    strategy = await server.ask("POST", "/strategies", {**STRATEGY, "account_id": account})
    wanted = {
        "strategy_id": strategy["id"],
        "symbols": ["BTCUSDT.P"],
        "timeframe": "15m",
        "parameters": PARAMETERS,
    }
    bot = await server.ask("POST", "/bots", wanted)
    return await server.ask("POST", f"/bots/{bot['id']}/start")


async def backtest(market: Market, strategy_id: UUID, since: datetime, end: datetime) -> Any:
    """That of the strategy over the candles that it traded along, once it is done."""
    wanted = {
        "strategy_id": strategy_id,
        "parameters": PARAMETERS,
        "symbol": "BTCUSDT.P",
        "timeframe": "15m",
        "from": since.isoformat(),
        "to": end.isoformat(),
        "terms": {"capital": "10000"},
    }
    asked = await market.server.ask("POST", "/backtests", wanted)

    async def done() -> Any:
        run = await market.server.ask("GET", f"/backtests/{asked['id']}")
        assert run["status"] in {"queued", "running", "done"}, run
        return run if run["result"] else None

    return await until(done, seconds=60)


def shape(trade: Any) -> Trade:
    """The candles in which it began and ended, and all its figures."""
    moments = [datetime.fromisoformat(trade[name]) for name in ("opened_at", "closed_at")]
    return (*map(Timeframe.M15.open_of, moments), *(trade[name] for name in COMPARED))
