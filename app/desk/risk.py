"""`/risk/state` and `/risk/prove`: where the trader stands, and that the limits hold."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from litestar import Router, get, post
from litestar.di import NamedDependency
from pydantic import ConfigDict
from sqlalchemy.ext.asyncio import AsyncSession

from app.http.caller import Caller
from app.http.schemas import Moment, Out
from app.pipeline.flow.exposure import Holdings, holdings, notionals, unrealised_change
from app.pipeline.flow.judging import limits_in_force
from app.pipeline.flow.tools import Tools
from app.pipeline.pnl import repository as pnl
from app.pipeline.risk import repository as risk
from app.pipeline.risk.exposure import Limits, daily_loss_state
from app.pipeline.risk.in_force import limits_at
from app.pipeline.risk.proving import prove
from app.pipeline.risk.schemas import LIMITS_SHOWN, KillSwitchOut, LimitsOut
from app.trading.days import next_midnight, trading_day
from app.trading.money import Money

ZERO = Decimal(0)
# What a scope without any trade yet is shown in: the coin that new accounts hold.
USUAL_COIN = "USDT"


class DayOut(Out):
    """Today in one scope and coin; the limits count all coins of a scope together.

    `loss` is what `max_daily_loss` is held against: realised net, and the unrealised change when
    it loses. `left` is null without that limit.
    """

    is_paper: bool
    currency: str
    realized_today: Money
    unrealized_change: Money
    loss: Money
    left: Money | None
    frozen_until: Moment | None
    open_positions: int
    notional_total: Money


class RiskStateOut(Out):
    """Limits, the switches that are on, and today by scope and coin."""

    at: Moment
    limits: LimitsOut
    switches: list[KillSwitchOut]
    days: list[DayOut]


@get("/state", operation_id="getRiskState", summary="Where you stand against your limits")
async def get_risk_state(
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    tools: NamedDependency[Tools],
    now: NamedDependency[datetime],
) -> RiskStateOut:
    """Live and paper apart; open positions and notional count live entries too.

    `limits` is what is in force at this moment, with what waits for the end of your day.
    """
    limits = limits_at(await risk.profile(session, caller.user_id), now=now)
    days: list[DayOut] = []
    for is_paper in (False, True):
        held = await holdings(session, caller.user_id, is_paper=is_paper)
        if held.accounts:
            today = await _today(session, tools, caller, held, limits.in_force, now=now)
            days += _days(tools, today)
    switches = await risk.switches_on(session, caller.user_id)
    return RiskStateOut(
        at=now,
        limits=LimitsOut.of(limits, await risk.approver_of(session, limits)),
        switches=[KillSwitchOut.of(one) for one in switches],
        days=days,
    )


class ProofOut(Out):
    """What one rule did to an entry that it has to refuse; without a limit it refuses nothing."""

    rule: str
    is_set: bool
    bites: bool
    tried: str
    said: str


class ProvenOut(Out):
    """Every rule with its proof; `all_bite` leaves out what you have not set."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "at": "2026-01-31T12:00:00.000000Z",
                    "limits": LIMITS_SHOWN,
                    "all_bite": True,
                    "rules": [
                        {
                            "rule": "max_notional_total",
                            "is_set": True,
                            "bites": True,
                            "tried": "An entry on top of 5000 in all.",
                            "said": "5010 USDT in all, at most 5000",
                        }
                    ],
                }
            ]
        }
    )

    at: Moment
    limits: LimitsOut
    all_bite: bool
    rules: list[ProofOut]


@post(
    "/prove",
    operation_id="proveLimits",
    summary="Run a made-up entry into each rule, and see it bite",
    status_code=200,
)
async def prove_limits(
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    tools: NamedDependency[Tools],
    now: NamedDependency[datetime],
) -> ProvenOut:
    """Your limits in force, the rules that every entry meets; nothing is ordered or written."""
    profile = await risk.profile(session, caller.user_id)
    limits = limits_at(profile, now=now)
    proofs = prove(limits_in_force(tools, profile, now=now), now=now)
    return ProvenOut(
        at=now,
        limits=LimitsOut.of(limits, await risk.approver_of(session, limits)),
        all_bite=all(one.bites for one in proofs if one.is_set),
        rules=[ProofOut.model_validate(one) for one in proofs],
    )


@dataclass(frozen=True, slots=True)
class _Today:
    """One scope's day, before it is told apart by coin."""

    held: Holdings
    coins: Mapping[str, str]
    realised: Mapping[str, Decimal]
    frozen: Collection[str]
    midnight: datetime
    limit: Decimal | None
    is_paper: bool


async def _today(
    session: AsyncSession,
    tools: Tools,
    caller: Caller,
    held: Holdings,
    limits: Limits,
    *,
    now: datetime,
) -> _Today:
    zone = ZoneInfo(caller.zone)
    day = trading_day(now, zone=zone)
    is_paper = any(account.is_paper for account in held.accounts.values())
    booked = await pnl.days(session, caller.user_id, since=day, until=day + timedelta(days=1))
    latches = await risk.freezes_on(session, caller.user_id, day)
    return _Today(
        held=held,
        coins=_coins(tools, held),
        realised={row.currency: row.realized_pnl for row in booked if row.is_paper is is_paper},
        frozen={one.currency for one in latches if one.is_paper is is_paper},
        midnight=next_midnight(now, zone=zone),
        limit=limits.max_daily_loss,
        is_paper=is_paper,
    )


def _days(tools: Tools, today: _Today) -> list[DayOut]:
    coins = {*today.realised, *today.coins.values(), *today.frozen} or {USUAL_COIN}
    return [_day(tools, today, coin) for coin in sorted(coins)]


def _day(tools: Tools, today: _Today, coin: str) -> DayOut:
    realised = today.realised.get(coin, ZERO)
    change = unrealised_change(tools, today.held, currency=coin)
    state = daily_loss_state(realised, (change,), limit=today.limit)
    symbols = {symbol for symbol, settle in today.coins.items() if settle == coin}
    return DayOut(
        is_paper=today.is_paper,
        currency=coin,
        realized_today=realised,
        unrealized_change=change,
        loss=state.loss,
        left=state.left,
        frozen_until=today.midnight if coin in today.frozen else None,
        open_positions=_books(today.held, symbols),
        notional_total=_notional(tools, today.held, symbols),
    )


def _coins(tools: Tools, held: Holdings) -> dict[str, str]:
    """The settle coin of every symbol that is held or being opened."""
    coins = {}
    for stake in held.stakes():
        account = held.accounts[stake.account_id]
        found = tools.instruments.get(account.exchange, account.market_type, stake.symbol)
        if found is not None:
            coins[stake.symbol] = found.settle
    return coins


def _books(held: Holdings, symbols: Iterable[str]) -> int:
    wanted = set(symbols)
    return len({(one.strategy_id, one.symbol) for one in held.stakes() if one.symbol in wanted})


def _notional(tools: Tools, held: Holdings, symbols: Iterable[str]) -> Decimal:
    worths = notionals(tools, held)
    return sum((worths.get(symbol, ZERO) for symbol in symbols), ZERO)


router = Router(path="/risk", tags=["risk"], route_handlers=[get_risk_state, prove_limits])
