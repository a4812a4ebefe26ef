"""What each strategy may use, what it uses, and what it has earned."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Final, Self
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import ExchangeAccount
from app.core.decimals import EXACT
from app.http.schemas import Out
from app.pipeline.flow.tools import Tools
from app.pipeline.pnl import repository as pnl
from app.pipeline.positions import repository as positions
from app.pipeline.positions.models import Position
from app.pipeline.risk.sizing import allocated
from app.strategies.models import Strategy
from app.trading.money import Money

ZERO: Final = Decimal(0)
USUAL_COIN: Final = "USDT"


class StrategyCapital(Out):
    """One strategy in one coin; an allocation counts in each coin that the strategy settles in.

    `used` is what its open positions cost, fees apart. `principal` is what it may size by, as far
    as the account has it: the allocation less net losses, and with `reinvest` also net profits.
    `free` is what is left of it. `segregated_profit` is what it earned and does not use again.
    Without an allocation it sizes by the whole account, and these three are null.
    """

    strategy_id: UUID
    name: str
    account_id: UUID
    is_paper: bool
    currency: str
    allocation: Money | None
    reinvest: bool
    used: Money
    net_result: Money
    principal: Money | None
    free: Money | None
    segregated_profit: Money | None

    @classmethod
    def of(
        cls,
        strategy: Strategy,
        account: ExchangeAccount,
        *,
        currency: str,
        used: Decimal,
        net_result: Decimal,
    ) -> Self:
        """Work out one row.

        Args:
            strategy: with its allocation.
            account: that it trades on.
            currency: the coin of the amounts.
            used: cost of its open positions.
            net_result: booked, net of fees and with funding.
        """
        principal = free = segregated = None
        if strategy.allocation is not None:
            principal = allocated(
                strategy.allocation, net_result=net_result, reinvest=strategy.reinvest
            )
            with localcontext(EXACT):
                free = max(ZERO, principal - used)
            segregated = ZERO if strategy.reinvest else max(ZERO, net_result)
        return cls(
            strategy_id=strategy.id,
            name=strategy.name,
            account_id=account.id,
            is_paper=account.is_paper,
            currency=currency,
            allocation=strategy.allocation,
            reinvest=strategy.reinvest,
            used=used,
            net_result=net_result,
            principal=principal,
            free=free,
            segregated_profit=segregated,
        )


@dataclass(frozen=True, slots=True)
class _Purse:
    """A strategy with what its rows say, by coin."""

    strategy: Strategy
    account: ExchangeAccount
    used: Mapping[str, Decimal]
    nets: Mapping[str, Decimal]

    @property
    def coins(self) -> list[str]:
        return sorted({*self.used, *self.nets} or {USUAL_COIN})


async def capital_of_strategies(tools: Tools, user_id: UUID) -> list[StrategyCapital]:
    """A row for each strategy and coin, oldest strategy first; no venue is asked."""
    async with tools.database.read() as session:
        purses = await _purses(session, tools, user_id)
    return [
        StrategyCapital.of(
            purse.strategy,
            purse.account,
            currency=coin,
            used=purse.used.get(coin, ZERO),
            net_result=purse.nets.get(coin, ZERO),
        )
        for purse in purses
        for coin in purse.coins
    ]


async def _purses(session: AsyncSession, tools: Tools, user_id: UUID) -> list[_Purse]:
    query = (
        select(Strategy, ExchangeAccount)
        .join(ExchangeAccount, ExchangeAccount.id == Strategy.account_id)
        .where(Strategy.user_id == user_id)
        .order_by(Strategy.id)
    )
    held = await positions.held(session, user_id=user_id)
    nets = await pnl.nets_by_strategy(session, user_id)
    return [
        _Purse(
            strategy,
            account,
            _costs(tools, account, [one for one in held if one.strategy_id == strategy.id]),
            {coin: net for (owner, coin), net in nets.items() if owner == strategy.id},
        )
        for strategy, account in (await session.execute(query)).all()
    ]


def _costs(
    tools: Tools, account: ExchangeAccount, books: Iterable[Position]
) -> Mapping[str, Decimal]:
    costs: dict[str, Decimal] = {}
    for book in books:
        instrument = tools.instruments.get(account.exchange, account.market_type, book.symbol)
        if instrument is not None:
            with localcontext(EXACT):
                costs[instrument.settle] = costs.get(instrument.settle, ZERO) + book.cost
    return costs
