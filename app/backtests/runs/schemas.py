"""Backtests as they cross HTTP."""

from decimal import Decimal
from typing import Any, Final, Self
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from app.accounts.schemas import NO_CONTROLS
from app.backtests.processes.packing import Line
from app.backtests.processes.recording import moment_of
from app.backtests.runs.models import Backtest
from app.backtests.runs.terms import RunTerms
from app.http.schemas import In, Moment, MomentIn, Out
from app.jobs.models import Job
from app.jobs.status import JobStatus
from app.market.asking import MAX_TICKER
from app.trading.money import Money
from app.trading.timeframe import Timeframe
from app.trading.words import CloseReason, MarketType, PositionSide, Purpose, Side

MAX_NAME: Final = 120
EXAMPLE: Final[dict[str, JsonValue]] = {
    "algorithm": "ema_rsi",
    "parameters": {"fast": 12, "slow": 26},
    "symbol": "BTCUSDT.P",
    "timeframe": "1h",
    "from": "2026-01-01T00:00:00Z",
    "to": "2026-02-01T00:00:00Z",
    "terms": {"capital": "10000", "slippage_percent": "0.02"},
}


class BacktestIn(In):
    """An algorithm on candles of the past.

    With `strategy_id` its algorithm, its account's market and its settings count where nothing else
    is said. `to` is exclusive, and now when left out; candles that are missing are fetched.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    name: str | None = Field(default=None, min_length=1, max_length=MAX_NAME, pattern=NO_CONTROLS)
    strategy_id: UUID | None = None
    algorithm: str | None = Field(default=None, min_length=1, max_length=120)
    parameters: dict[str, Any] = Field(default_factory=dict)
    symbol: str = Field(min_length=1, max_length=MAX_TICKER)
    exchange: str | None = Field(default=None, min_length=1, max_length=32)
    market_type: MarketType | None = None
    timeframe: Timeframe
    since: MomentIn = Field(alias="from")
    until: MomentIn | None = Field(default=None, alias="to")
    # A factory: a value would be documented as a default of all terms, or not, as it happens.
    terms: RunTerms = Field(default_factory=RunTerms)


class FiguresOut(Out):
    """How a run went; amounts in settle currency, null where there is nothing to divide by.

    `equity` counts the open position at the last close, as does `net_profit`. Drawdowns are
    measured at closes. `sharpe` is that of daily returns, times the root of 365. `exposure_percent`
    is the share of candles at whose close something was held. `warm_up` candles before `began_at`
    were fed to the algorithm and not listened to.
    """

    capital: Money
    equity: Money
    net_profit: Money
    net_return_percent: Money
    fees: Money
    funding: Money
    trades: int
    wins: int
    losses: int
    win_rate_percent: Money | None
    gross_profit: Money
    gross_loss: Money
    profit_factor: Money | None
    expectancy: Money | None
    max_drawdown: Money
    max_drawdown_percent: Money
    longest_drawdown_seconds: int
    sharpe: Money | None
    exposure_percent: Money
    candles: int
    warm_up: int
    began_at: Moment
    ended_at: Moment
    is_open: bool


class ResultOut(Out):
    """What came of a run.

    `refusals` counts wishes that came to nothing, by code. `missing` counts candles that the
    exchange does not have either, by timeframe, and `fetched` those that were asked for first.
    """

    figures: FiguresOut
    refusals: dict[str, int]
    missing: dict[str, int]
    fetched: int


class AskedOut(Out):
    """What was asked for, and how far it is: `job_id` says so in more detail, and cancels it.

    `algorithm_digest` is the SHA-256 of the file of an own algorithm, and null of one that comes
    with the program.
    """

    id: UUID
    job_id: UUID
    name: str
    strategy_id: UUID | None
    algorithm: str
    version: int
    algorithm_digest: str | None
    parameters: dict[str, Any]
    exchange: str
    market_type: MarketType
    symbol: str
    timeframe: Timeframe
    since: Moment = Field(alias="from")
    until: Moment = Field(alias="to")
    terms: RunTerms
    status: JobStatus
    reason: str | None
    done: int
    total: int | None
    created_at: Moment
    ended_at: Moment | None


class BacktestOut(AskedOut):
    """A backtest; `result` is null until it is done."""

    result: ResultOut | None

    @classmethod
    def of(cls, row: Backtest, job: Job) -> Self:
        """Shape a row and its job."""
        return cls.model_validate({**asked_fields(row, job), "result": row.result})


class RunTradeOut(Out):
    """A closed round trip of a run; amounts in settle currency, the result net.

    `number` counts them from 0, by closing time.
    """

    number: int
    position_side: PositionSide
    quantity: Money
    entry_price: Money | None
    exit_price: Money | None
    gross_pnl: Money
    fees: Money
    funding: Money
    realized_pnl: Money
    close_reason: CloseReason
    entries: int
    opened_at: Moment
    closed_at: Moment

    @classmethod
    def of(cls, number: int, line: Line) -> Self:
        """Shape what `recording.trade_line` wrote."""
        closed, opened, side, quantity, entry, leaving, *amounts, reason, entries = line
        gross, fees, funding, realized = amounts
        return cls(
            number=number,
            position_side=side,
            quantity=quantity,
            entry_price=entry,
            exit_price=leaving,
            gross_pnl=gross,
            fees=fees,
            funding=funding,
            realized_pnl=realized,
            close_reason=reason,
            entries=entries,
            opened_at=moment_of(opened),
            closed_at=moment_of(closed),
        )


class RunFillOut(Out):
    """One execution of a run; `reason` is the algorithm's own sentence, or that of the rule."""

    at: Moment
    side: Side
    position_side: PositionSide
    purpose: Purpose
    close_reason: CloseReason | None
    quantity: Money
    price: Money
    fee: Money
    fee_asset: str
    is_maker: bool
    reason: str

    @classmethod
    def of(cls, line: Line) -> Self:
        """Shape what `recording.fill_line` wrote."""
        at, *values = line
        names = list(cls.model_fields)[1:]
        return cls.model_validate({"at": moment_of(at), **dict(zip(names, values, strict=True))})


class RefusalOut(Out):
    """A wish of the algorithm that came to nothing: `code` is the rule's, `detail` its sentence."""

    number: int
    at: Moment
    position_side: PositionSide
    code: str
    detail: str

    @classmethod
    def of(cls, number: int, line: Line) -> Self:
        """Shape what `recording.refusal_line` wrote."""
        at, side, code, detail = line
        return cls(number=number, at=moment_of(at), position_side=side, code=code, detail=detail)


class EquityPointOut(Out):
    """Equity at the close of a candle, in settle currency, and whether something was held."""

    at: Moment
    equity: Money
    is_held: bool

    @classmethod
    def of(cls, line: Line) -> Self:
        """Shape what `recording.equity_lines` wrote."""
        at, equity, is_held = line
        return cls(at=moment_of(at), equity=Decimal(equity), is_held=is_held)


class EquityOut(Out):
    """The curve, oldest first: of a long range the points that it is drawn by.

    In each stretch the first, lowest, highest and last are kept, so that no peak and no fall is
    lost. A narrower range shows more.
    """

    items: list[EquityPointOut]


def asked_fields(row: Backtest, job: Job) -> dict[str, Any]:
    """What `AskedOut` shows, by its names and aliases."""
    return {
        **{name: getattr(row, name) for name in _OF_ROW},
        "algorithm_digest": row.circumstances.get("algorithm_digest"),
        "from": row.since,
        "to": row.until,
        "status": job.status,
        "reason": job.reason,
        "done": job.done,
        "total": job.total,
        "ended_at": job.ended_at,
    }


_OF_ROW: Final = (
    *("id", "job_id", "name", "strategy_id", "algorithm", "version", "parameters", "exchange"),
    *("market_type", "symbol", "timeframe", "terms", "created_at"),
)
