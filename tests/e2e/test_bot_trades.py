"""A bot whose server is killed: its trades on the paper exchange are those of the backtest."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.e2e.bot_run import FAILPOINTS, FIGURES, traded
from tests.e2e.driven_market import a_market, driven

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
# Seven candles of four hours: one more than has to be seen.
BEFORE = 7 * 16
CANDLES = 40
SEED = 13
PARAMETERS = {"sma_period": 4, "hma_period": 2}
SIDE, REASON = FIGURES.index("position_side") + 2, FIGURES.index("close_reason") + 2


@pytest.mark.slow
async def test_a_bot_whose_server_is_killed_trades_as_the_backtest_does(tmp_path: Path) -> None:
    candles = a_market(SEED, BEFORE + CANDLES, BEGIN)
    async with driven(tmp_path, "BTCUSDT", candles[0], *FAILPOINTS) as market:
        run = await traded(market, PARAMETERS, candles[:BEFORE], candles[BEFORE:])

    assert market.server.starts == 4
    assert run.trades == run.expected
    assert run.wallet == Decimal(run.figures["equity"])
    assert {one[SIDE] for one in run.trades} == {"long", "short"}
    assert {one[REASON] for one in run.trades} == {"signal", "stop_loss", "take_profit"}
