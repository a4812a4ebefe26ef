"""`GET /capital/balance`: what accounts and strategies have, profit kept apart from principal."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

from litestar import Router, get
from litestar.di import NamedDependency

from app.accounts import repository as accounts
from app.accounts.models import ExchangeAccount
from app.core.errors import AppError
from app.desk.strategy_capital import StrategyCapital, capital_of_strategies
from app.exchanges.venue import BalanceReport
from app.http.caller import Caller
from app.http.schemas import Out
from app.pipeline.flow.tools import Tools, free_of, market_key, whole_of
from app.pipeline.pnl import repository as pnl
from app.pipeline.positions import repository as positions
from app.pipeline.positions.models import Position
from app.trading.money import Money
from app.trading.words import MarketType

ZERO: Final = Decimal(0)
USUAL_COIN: Final = "USDT"


class CapitalOut(Out):
    """One account in one coin.

    `segregated_profit` is what its closed trades earned, net; it is not put to work again by
    itself. `principal` is the rest of the equity: losses and open results are in it. Without an
    answer of the venue the figures are null and `error` says why.
    """

    account_id: UUID
    name: str
    exchange: str
    market_type: MarketType
    is_paper: bool
    currency: str
    equity: Money | None
    free: Money | None
    locked: Money | None
    principal: Money | None
    segregated_profit: Money
    error: str | None = None


class TotalOut(Out):
    """All accounts of one coin, live or paper; `is_complete` is false when one did not answer."""

    is_paper: bool
    currency: str
    equity: Money
    free: Money
    locked: Money
    principal: Money
    segregated_profit: Money
    is_complete: bool


class CapitalPage(Out):
    """Accounts, their sums, and strategies; live and paper are never added up, nor are coins."""

    items: list[CapitalOut]
    totals: list[TotalOut]
    strategies: list[StrategyCapital]


@dataclass(frozen=True, slots=True)
class Purse:
    """An account with what our own rows say about it.

    Attributes:
        books: open positions.
        nets: booked net result by coin.
    """

    account: ExchangeAccount
    books: Sequence[Position]
    nets: dict[str, Decimal]


@get(
    "/balance",
    operation_id="getCapital",
    summary="What your accounts are worth, and what each strategy may use",
)
async def get_capital(
    caller: NamedDependency[Caller], tools: NamedDependency[Tools]
) -> CapitalPage:
    """Asks every venue at the same moment."""
    purses = await _purses(tools, caller)
    found = await asyncio.gather(*(_rows(tools, purse) for purse in purses))
    rows = [row for rows in found for row in rows]
    return CapitalPage(
        items=rows,
        totals=totals_of(rows),
        strategies=await capital_of_strategies(tools, caller.user_id),
    )


def totals_of(rows: Iterable[CapitalOut]) -> list[TotalOut]:
    """Sums by coin, live and paper apart, over the accounts that answered."""
    groups: dict[tuple[bool, str], list[CapitalOut]] = {}
    for row in rows:
        groups.setdefault((row.is_paper, row.currency), []).append(row)
    return [
        _total(group, is_paper=is_paper, currency=currency)
        for (is_paper, currency), group in sorted(groups.items())
    ]


def _total(rows: Sequence[CapitalOut], *, is_paper: bool, currency: str) -> TotalOut:
    heard = [row for row in rows if row.error is None]
    return TotalOut(
        is_paper=is_paper,
        currency=currency,
        equity=_sum(row.equity for row in heard),
        free=_sum(row.free for row in heard),
        locked=_sum(row.locked for row in heard),
        principal=_sum(row.principal for row in heard),
        segregated_profit=_sum(row.segregated_profit for row in heard),
        is_complete=len(heard) == len(rows),
    )


def _sum(values: Iterable[Decimal | None]) -> Decimal:
    return sum((value for value in values if value is not None), ZERO)


async def _purses(tools: Tools, caller: Caller) -> list[Purse]:
    async with tools.database.read() as session:
        rows = (await session.scalars(accounts.exchange_accounts_of(caller.user_id))).all()
        held = await positions.held(session, user_id=caller.user_id)
        nets: dict[UUID, dict[str, Decimal]] = {}
        for account_id, booking in await pnl.bookings_by_account(session, caller.user_id):
            coins = nets.setdefault(account_id, {})
            coins[booking.currency] = coins.get(booking.currency, ZERO) + booking.net_pnl
        for account_id, currency, amount in await pnl.funding_by_account(session, caller.user_id):
            coins = nets.setdefault(account_id, {})
            coins[currency] = coins.get(currency, ZERO) + amount
    return [
        Purse(row, [one for one in held if one.account_id == row.id], nets.get(row.id, {}))
        for row in sorted(rows, key=lambda row: row.id)
    ]


async def _rows(tools: Tools, purse: Purse) -> list[CapitalOut]:
    coins = _coins(tools, purse)
    try:
        balances = await tools.venues.balances(purse.account.id)
    except AppError as silence:
        error = f"{silence.code}: {silence.detail}"
        return [_unheard(purse, coin, error) for coin in coins]
    return [_heard(tools, purse, coin, balances) for coin in coins]


def _coins(tools: Tools, purse: Purse) -> list[str]:
    """The coins that this account has booked or holds results in; the usual one to begin with."""
    account = purse.account
    listed = tools.instruments.all(account.exchange, account.market_type)
    held = {listed[book.symbol].settle for book in purse.books if book.symbol in listed}
    return sorted({*purse.nets, *held} or {USUAL_COIN})


def _heard(tools: Tools, purse: Purse, coin: str, balances: Sequence[BalanceReport]) -> CapitalOut:
    whole, free = whole_of(balances, coin), free_of(balances, coin)
    equity = whole + _coins_at_bid(tools, purse, coin)
    profit = max(ZERO, purse.nets.get(coin, ZERO))
    return CapitalOut(
        **_names(purse.account),
        currency=coin,
        equity=equity,
        free=free,
        locked=whole - free,
        principal=equity - profit,
        segregated_profit=profit,
    )


def _unheard(purse: Purse, coin: str, error: str) -> CapitalOut:
    return CapitalOut(
        **_names(purse.account),
        currency=coin,
        equity=None,
        free=None,
        locked=None,
        principal=None,
        segregated_profit=max(ZERO, purse.nets.get(coin, ZERO)),
        error=error,
    )


def _names(account: ExchangeAccount) -> dict[str, object]:
    return {
        "account_id": account.id,
        "name": account.name,
        "exchange": account.exchange,
        "market_type": account.market_type,
        "is_paper": account.is_paper,
    }


def _coins_at_bid(tools: Tools, purse: Purse, coin: str) -> Decimal:
    """Our own books of a spot account; a contract account's balance has its open result in it."""
    account = purse.account
    if account.market_type is not MarketType.SPOT:
        return ZERO
    worth = ZERO
    for book in purse.books:
        instrument = tools.instruments.get(account.exchange, account.market_type, book.symbol)
        if instrument is None or instrument.settle != coin:
            continue
        quote = tools.prices.latest(market_key(account, book.symbol))
        price = quote.bid if quote is not None else book.entry_price
        worth += book.quantity * (price or ZERO)
    return worth


router = Router(path="/capital", tags=["accounts"], route_handlers=[get_capital])
