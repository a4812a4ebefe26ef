"""`backtest`: an algorithm on candles of the past, without a server; only the candles are kept."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import click
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from app.algorithms.algorithm import Definition
from app.backtests.processes.crew import Crew
from app.backtests.processes.messages import Case, Ran, Refused
from app.backtests.processes.packing import Strand, opened
from app.backtests.runs.plan import Plan, closed_range
from app.backtests.runs.preparing import Prepared, Preparer
from app.backtests.runs.schemas import RunTradeOut
from app.backtests.runs.terms import Circumstances, RunTerms
from app.commands.installation import Installation, installation
from app.commands.markets import instruments_of, market_type_named, moment, of_a_market, venues_of
from app.commands.telling import as_invalid, telling
from app.core.errors import Denied, Invalid
from app.exchanges.room import ExchangeRoom
from app.http.tables import csv_text
from app.market.fetching.fetcher import CandleFetcher
from app.market.fetching.fetcher import Progress as Fetching
from app.market.finding import listed, market_of
from app.own_algorithms.faults import AlgorithmFault
from app.own_algorithms.guard import LASTING
from app.own_algorithms.shelf import Shelf
from app.pipeline.risk.exposure import Limits
from app.strategies.words import SizingMode
from app.trading.timeframe import Timeframe

UTC: Final = ZoneInfo("UTC")
TERMS: Final = ("capital", "leverage", "slippage_percent", "taker_fee_percent", "funding_percent")
# Of a bar, whose first half is the candles and second half the run.
HALF: Final = 0.5
# What stands in the table at the end, and after which figure which unit.
SHOWN: Final = {
    "net_profit": "",
    "net_return_percent": " %",
    "max_drawdown_percent": " %",
    "sharpe": "",
    "profit_factor": "",
    "win_rate_percent": " %",
    "trades": "",
    "fees": "",
    "funding": "",
    "exposure_percent": " %",
    "equity": "",
}


@click.command("backtest")
@click.argument("symbol")
@click.option("--algorithm", "name", required=True, help="As GET /algorithms lists it.")
@click.option("--timeframe", required=True, help="Of the candles that it decides on.")
@click.option("--from", "since", required=True, help="2026-01-31, or a moment with its zone.")
@click.option("--to", "until", help="Likewise, exclusive; now when left out.")
@click.option("--set", "parameters", multiple=True, help="A parameter, as fast=12; repeatable.")
@click.option("--capital", help="In settle currency. Default: 10000.")
@click.option(
    "--size-mode",
    type=click.Choice([one.value for one in SizingMode]),
    help="How an entry is sized. Default: equity_percent of 95.",
)
@click.option("--size", help="Base units, quote or percent, by the mode.")
@click.option("--stop-percent", help="Stop of entries that bring none: 2 = 2 % from the entry.")
@click.option("--target-percent", help="Target of entries that bring none.")
@click.option("--leverage", type=int, help="Default: 1.")
@click.option("--slippage-percent", help="How much worse off whatever fills at market is.")
@click.option("--taker-fee-percent", help="Instead of the exchange's.")
@click.option("--funding-percent", help="What longs pay shorts every eight hours, on contracts.")
@click.option(
    "--trades",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="Write the closed trades to this CSV file.",
)
@of_a_market
@telling
def backtest(*, symbol: str, parameters: Sequence[str], trades: Path | None, **asked: Any) -> None:
    """Run an algorithm on candles of SYMBOL and say how it went; missing candles are fetched first.

    Nothing is traded, and nothing but the candles is kept.
    """
    answer, prepared = asyncio.run(_run(symbol, _settings(parameters), asked))
    if trades is not None:
        trades.write_text(_table(answer), encoding="utf-8", newline="")
    for line in _sentences(answer, prepared):
        click.echo(line)


def _settings(parameters: Sequence[str]) -> dict[str, str]:
    found = [one.partition("=") for one in parameters]
    for name, sign, _ in found:
        if not sign:
            raise Invalid(f"--set {name}: write it as {name}=12.")
    return {name.strip(): value.strip() for name, _, value in found}


def _terms(asked: Mapping[str, Any]) -> RunTerms:
    given: dict[str, Any] = {name: asked[name] for name in TERMS if asked[name] is not None}
    if asked["size"] is not None or asked["size_mode"] is not None:
        mode = asked["size_mode"] or SizingMode.EQUITY_PERCENT.value
        given["sizing"] = {"mode": mode, "value": asked["size"]}
    for option, name in (("stop_percent", "stop_loss"), ("target_percent", "take_profit")):
        if asked[option] is not None:
            given[name] = {"kind": "percent", "value": asked[option]}
    try:
        return RunTerms.model_validate(given)
    except ValidationError as error:
        raise as_invalid(error) from None


async def _run(
    symbol: str, settings: dict[str, str], asked: Mapping[str, Any]
) -> tuple[Ran, Prepared]:
    async with (
        installation() as place,
        venues_of(place) as venues,
        _opened(place, asked["name"]) as chosen,
    ):
        plan = await _plan(place, venues, symbol, chosen, asked)
        plan.check(settings, now=place.clock.now())
        preparer = Preparer(
            place.database, CandleFetcher(place.database, venues.market, place.clock)
        )
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("candles", total=1.0)

            async def fetched(progress: Fetching) -> None:
                bar.update(task, completed=HALF * progress.done / max(1, progress.total))

            async def ran(fraction: float) -> None:
                bar.update(task, completed=HALF + HALF * fraction, description="run")

            prepared = await preparer.prepare(plan, [settings], fetched)
            case = Case(0, settings, is_recorded=True)
            answer = await Crew(1).run(prepared.ground, case, ran)
    if isinstance(answer, Refused):
        detail = " ".join(filter(None, (answer.detail, answer.cause)))
        raise Denied(detail, code=answer.code)
    return answer, prepared


@asynccontextmanager
async def _opened(place: Installation, name: str) -> AsyncIterator[Definition[Any]]:
    """The algorithm; whoever can call this is told which line of their own is wrong."""
    try:
        async with Shelf(place.settings.resolved_algorithms_dir).opened(name, LASTING) as chosen:
            yield chosen
    except AlgorithmFault as fault:
        raise fault.in_full() from None


async def _plan(
    place: Installation,
    venues: ExchangeRoom,
    symbol: str,
    chosen: Definition[Any],
    asked: Mapping[str, Any],
) -> Plan:
    now, timeframe = place.clock.now(), Timeframe.of(asked["timeframe"])
    instruments = await instruments_of(place, venues)
    market = await market_of(
        instruments,
        symbol,
        exchange=asked["exchange"],
        market_type=market_type_named(asked["market_type"]),
    )
    instrument = listed(instruments, market)
    since, until = closed_range(
        timeframe,
        moment("--from", asked["since"]),
        now if asked["until"] is None else moment("--to", asked["until"]),
        now=now,
    )
    return Plan(
        definition=chosen,
        market=market,
        timeframe=timeframe,
        since=since,
        until=until,
        terms=_terms(asked),
        # Nobody is logged in: there are no limits of a trader, and their day is that of UTC.
        circumstances=Circumstances(instrument, Limits(), UTC),
    )


def _table(answer: Ran) -> str:
    parts = [one for one in answer.parts if one.strand is Strand.TRADES]
    lines = [line for part in parts for line in opened(part.body)]
    return csv_text([RunTradeOut.of(*one) for one in enumerate(lines)], RunTradeOut)


def _sentences(answer: Ran, prepared: Prepared) -> Sequence[str]:
    width = max(map(len, SHOWN))
    figures = answer.figures
    return [
        f"{figures['candles']} candles from {figures['began_at']} to {figures['ended_at']}",
        *(
            f"{name:{width}}  {'-' if figures[name] is None else figures[name]}{unit}"
            for name, unit in SHOWN.items()
        ),
        *(f"refused: {count} times {code}" for code, count in answer.refusals.items()),
        *(
            f"missing: {count} candles of {timeframe} that the exchange does not have"
            for timeframe, count in prepared.missing.items()
        ),
    ]
