"""A bot at work on a market that is driven, and the backtest over the same candles."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from app.trading.candle import Candle
from app.trading.timeframe import Timeframe
from tests.e2e.driven_market import Market
from tests.e2e.site import until

# The reply to the first entry is read and not recorded; the first exit is intended and not sent.
FAILPOINTS: Final = ("C21:1:kill", "C31:1:kill")
STRATEGY: Final = {
    "name": "averages",
    "approval": "auto",
    "algorithm": "sma_hma",
    "sizing": {"mode": "equity_percent", "value": "50"},
    "reinvest": True,
    "default_stop_loss": {"kind": "percent", "value": "1"},
    "default_take_profit": {"kind": "percent", "value": "2"},
}
FIGURES: Final = (
    *("position_side", "quantity", "entry_price", "exit_price", "gross_pnl", "fees", "funding"),
    *("realized_pnl", "close_reason"),
)

# The candles in which it began and ended, and its figures.
Trade = tuple[datetime, datetime, *tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Traded:
    """What came of a run.

    Attributes:
        trades: of the bot, by closing time, newest first.
        expected: those of the backtest.
        wallet: what the trader has by the exchange's ledger, USDT.
        figures: of the backtest.
    """

    trades: list[Trade]
    expected: list[Trade]
    wallet: Decimal
    figures: dict[str, Any]


async def traded(
    market: Market, parameters: dict[str, Any], before: Sequence[Candle], candles: Sequence[Candle]
) -> Traded:
    """Let a bot trade along candles, dead while the first stop after its failpoints is reached.

    Args:
        market: that stands before the first candle.
        parameters: of the algorithm.
        before: candles that nobody trades in.
        candles: those that follow.
    """
    for candle in before:
        await market.pass_by(candle)
    first, *others = candles
    await market.open(first)
    bot = await _a_started_bot(market, first.timeframe, parameters)
    await market.go_on(first)
    for candle in others:
        await market.open(candle)
        if market.server.starts == len(FAILPOINTS) + 1 and await market.is_stopped_in(candle):
            await market.kill()
        await market.go_on(candle)
    end = candle.timeframe.close_of(candle.open_time)
    await market.rest()
    market.turn_to(end)
    await market.server.ask("POST", f"/bots/{bot['id']}/stop")
    # A venue may still change its newest candle for a moment.
    market.turn_to(end + timedelta(seconds=10))
    run = await _backtest(market, bot, first.open_time, end)
    timeframe = first.timeframe
    return Traded(
        trades=_shaped(await market.server.items("/reports/trades"), timeframe),
        expected=_shaped(await market.server.items(f"/backtests/{run['id']}/trades"), timeframe),
        wallet=await market.wallet(),
        figures=run["result"]["figures"],
    )


async def _a_started_bot(market: Market, timeframe: Timeframe, parameters: dict[str, Any]) -> Any:
    """With its strategy, on the linear paper account."""
    server = market.server
    accounts = await server.items("/accounts")
    [account] = [one["id"] for one in accounts if one["market_type"] == "linear"]
    strategy = await server.ask("POST", "/strategies", {**STRATEGY, "account_id": account})
    wanted = {
        "strategy_id": strategy["id"],
        "symbols": [f"{market.symbol}.P"],
        "timeframe": timeframe.value,
        "parameters": parameters,
    }
    bot = await server.ask("POST", "/bots", wanted)
    return await server.ask("POST", f"/bots/{bot['id']}/start")


async def _backtest(market: Market, bot: Any, since: datetime, end: datetime) -> Any:
    """That of the bot's strategy over the candles that it traded along, once it is done."""
    wanted = {
        "strategy_id": bot["strategy_id"],
        "parameters": bot["parameters"],
        "symbol": f"{market.symbol}.P",
        "timeframe": bot["timeframe"],
        "from": since.isoformat(),
        "to": end.isoformat(),
        "terms": {"capital": "10000"},
    }
    asked = await market.server.ask("POST", "/backtests", wanted)

    async def done() -> Any:
        run = await market.server.ask("GET", f"/backtests/{asked['id']}")
        assert run["status"] in {"queued", "running", "done"}, run
        return run if run["result"] else None

    return await until(done, seconds=120)


def _shaped(trades: list[dict[str, Any]], timeframe: Timeframe) -> list[Trade]:
    return [
        (
            timeframe.open_of(datetime.fromisoformat(one["opened_at"])),
            timeframe.open_of(datetime.fromisoformat(one["closed_at"])),
            *(one[name] for name in FIGURES),
        )
        for one in trades
    ]
