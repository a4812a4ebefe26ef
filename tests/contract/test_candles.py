"""Candles, as the paper exchange gives them through ccxt."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.core.errors import Invalid, OrderRefused
from app.trading.timeframe import Timeframe
from app.trading.words import MarketType
from tests.contract.stages import Stage, paper_stage

MARKETS = (MarketType.SPOT, MarketType.LINEAR)


def this_minute() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0)  # noqa: TID251 the venue's clock is real


@pytest.mark.parametrize("market_type", MARKETS)
async def test_candles_come_from_a_moment_on_without_a_gap_and_with_every_column(
    market_type: MarketType, tmp_path: Path
) -> None:
    since = this_minute() - timedelta(minutes=30)
    async with paper_stage(market_type, tmp_path) as stage:
        found = await stage.market.candles(stage.symbol, Timeframe.M1, since)

    minutes = [since + timedelta(minutes=number) for number in range(len(found))]
    assert [one.open_time for one in found] == minutes
    assert len(found) > 30
    assert found[0].quote_volume == found[0].volume * found[0].close
    assert found[0].taker_buy_volume == found[0].volume / 2
    assert found[0].trades == 1


async def test_an_answer_holds_no_more_than_it_says(tmp_path: Path) -> None:
    async with paper_stage(MarketType.LINEAR, tmp_path) as stage:
        most = await stage.market.candles_at_once(stage.symbol)
        since = this_minute() - timedelta(minutes=3 * most)

        found = await stage.market.candles(stage.symbol, Timeframe.M1, since)

    assert len(found) == most
    assert found[0].open_time == since


async def test_of_the_future_there_is_nothing(tmp_path: Path) -> None:
    async with paper_stage(MarketType.LINEAR, tmp_path) as stage:
        since = this_minute() + timedelta(hours=1)

        assert await stage.market.candles(stage.symbol, Timeframe.M1, since) == []


async def test_what_the_venue_does_not_have_is_refused(tmp_path: Path) -> None:
    async with paper_stage(MarketType.LINEAR, tmp_path) as stage:
        with pytest.raises(OrderRefused):
            await asked(stage, "FOO/USDT:USDT", Timeframe.M1)
        with pytest.raises(OrderRefused, match="nterval"):
            await asked(stage, stage.symbol, Timeframe.MONTH)


async def test_a_timeframe_that_ccxt_does_not_know_there_is_refused_unasked(
    tmp_path: Path,
) -> None:
    async with paper_stage(MarketType.LINEAR, tmp_path) as stage:
        stage.market._client.timeframes = {"1h": "1h"}  # type: ignore[attr-defined]  # ccxt's list

        with pytest.raises(Invalid, match="no 1m candles; it has: 1h") as refusal:
            await asked(stage, stage.symbol, Timeframe.M1)

    assert refusal.value.code == "unknown_timeframe"


async def asked(stage: Stage, symbol: str, timeframe: Timeframe) -> None:
    await stage.market.candles(symbol, timeframe, this_minute())
